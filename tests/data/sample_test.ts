import { sample } from "../../lib/data/sample.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const numbers = Array.from({ length: 50 }, (_, index) => index);

Deno.test("sample() draws the same elements for the same seed, others for another", () => {
  assertEquals(sample(numbers, 10, { seed: 1 }), sample(numbers, 10, { seed: 1 }));
  assert(sample(numbers, 10, { seed: 1 }).join() !== sample(numbers, 10, { seed: 2 }).join());
  assertEquals(numbers[0], 0);
});

Deno.test("sample() without replacement draws each element at most once", () => {
  assertEquals(new Set(sample(numbers, 30, { seed: 3 })).size, 30);
  assertEquals(sample(numbers, 50, { seed: 3 }).sort((a, b) => a - b), numbers);
  assertEquals(sample(numbers, 0, { seed: 3 }), []);
});

Deno.test("sample() draws every element equally often", () => {
  const counts = new Array(5).fill(0);
  for (let seed = 0; seed < 10_000; seed++) {
    for (const drawn of sample([0, 1, 2, 3, 4], 2, { seed })) counts[drawn]++;
  }
  assert(counts.every((count) => Math.abs(count - 4000) < 250), `${counts}`);
});

Deno.test("sample() with replacement may draw more than there are", () => {
  const drawn = sample(numbers, 5000, { seed: 4, replacement: true });
  assertEquals(drawn.length, 5000);
  assertEquals(new Set(drawn).size, 50);
});

Deno.test("sample() refuses a count that cannot be drawn", () => {
  assertThrows(() => sample(numbers, 51, { seed: 1 }), RangeError, "there are only 50; ask for at most 50");
  assertThrows(() => sample([], 1, { seed: 1, replacement: true }), RangeError, "only 0");
  for (const count of [-1, 1.5, NaN]) {
    assertThrows(() => sample(numbers, count, { seed: 1 }), RangeError, "whole");
  }
});
