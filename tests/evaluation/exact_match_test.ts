import { exactMatch } from "../../lib/evaluation/exact_match.ts";
import { assertEquals, assertThrows } from "../assert.ts";

Deno.test("exactMatch() counts only strings that are equal in every character", () => {
  assertEquals(exactMatch(["a b", "A b", "a b ", "a b."], ["a b", "a b", "a b", "a b"]), 0.25);
  assertEquals(exactMatch(["", "x"], ["", "x"]), 1);
  assertEquals(exactMatch(["caf\u00e9"], ["cafe\u0301"]), 0);
});

Deno.test("exactMatch() refuses lists that are empty or of different length", () => {
  assertThrows(() => exactMatch(["a"], []), RangeError, "1 hypotheses but 0 references");
  assertThrows(() => exactMatch([], []), RangeError, "0 sentences");
});
