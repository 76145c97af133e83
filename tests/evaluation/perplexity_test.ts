import { perplexity } from "../../lib/evaluation/perplexity.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

Deno.test("perplexity() of a uniform choice among n words is n", () => {
  assertEquals(perplexity(0), 1);
  assert(Math.abs(perplexity(Math.log(7_853)) - 7_853) < 1e-8);
});

Deno.test("perplexity() hands NaN and infinity on, and refuses a negative loss", () => {
  assertEquals(perplexity(Infinity), Infinity);
  assertEquals(perplexity(NaN), NaN);
  assertThrows(() => perplexity(-0.1), RangeError, "-0.1");
});
