// The account of what has been written, against a set of integers.

import fc from "npm:fast-check@4.10.2";
import { Ranges } from "../../lib/gpu/ranges.ts";
import { assertEquals } from "../assert.ts";

const stretch = fc.tuple(fc.nat(30), fc.nat(30)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

/** The integers of some stretches, in order. */
function integers(stretches: Iterable<readonly [number, number]>): number[] {
  return [...stretches].flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i));
}

Deno.test("Ranges.gaps() are the integers of a stretch that are not in the set", () => {
  fc.assert(fc.property(fc.array(stretch), stretch, (added, asked) => {
    const ranges = new Ranges();
    const set = new Set<number>();
    for (const [start, end] of added) {
      ranges.add(start, end);
      for (const integer of integers([[start, end]])) set.add(integer);
    }
    assertEquals(integers(ranges.gaps(...asked)), integers([asked]).filter((integer) => !set.has(integer)));
  }));
});

Deno.test("Ranges.gaps() are as few stretches as possible", () => {
  fc.assert(fc.property(fc.array(stretch), (added) => {
    const ranges = new Ranges();
    for (const [start, end] of added) ranges.add(start, end);
    const gaps = ranges.gaps(0, 31);
    gaps.forEach(([start, end], i) => {
      assertEquals(start < end, true);
      if (i > 0) assertEquals(gaps[i - 1]![1] < start, true);
    });
  }));
});
