// Rows in another order: floats and integers, views, and widths that come in fours or do not.

import { gatherRows } from "../../lib/ops/gather_rows.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { floats, integers, runOnce } from "./run_once.ts";
import { normals } from "./check.ts";

testEachProfile(
  "gatherRows() takes rows again and again, or never, of floats and integers",
  async (device) => {
    for (const width of [1, 3, 4, 8, 33]) {
      const x = normals(new Random(width), 5 * width);
      const bits = new Uint32Array(x.buffer);
      const order = [4, 0, 0, 2, 4, 1, 4];
      const given = {
        x: floats([5, width], x),
        bits: integers([5, width], bits),
        order: integers([7], order),
      };
      const { floating, integer } = await runOnce(device, given, (tape, { x, bits, order }) => ({
        floating: gatherRows(tape, x, order),
        integer: gatherRows(tape, bits, order),
      }));
      const expected = <T>(all: ArrayLike<T>) =>
        order.flatMap((row) => [...Array.from(all).slice(row * width, (row + 1) * width)]);
      assertEquals(floating, expected(x), `${width} columns`);
      assertEquals(integer, expected(bits));
    }
  },
);

testEachProfile("gatherRows() follows views of rows, of columns, and of indices", async (device) => {
  const given = {
    x: floats([6, 12], Array.from({ length: 72 }, (_, i) => i)),
    order: integers([2, 3], [9, 9, 9, 2, 0, 1]),
  };
  const { y, odd } = await runOnce(device, given, (tape, { x, order }) => ({
    y: gatherRows(tape, x.slice(2, 5).columnSlice(4, 8), order.at(1)),
    odd: gatherRows(tape, x.slice(2, 5).columnSlice(5, 8), order.at(1)),
  }));
  assertEquals(y, [4, 2, 3].flatMap((row) => [4, 5, 6, 7].map((column) => 12 * row + column)));
  assertEquals(odd, [4, 2, 3].flatMap((row) => [5, 6, 7].map((column) => 12 * row + column)));
});

testEachProfile("gatherRows() reads the last row where an index is past the end", async (device) => {
  const given = { x: floats([3, 2], [0, 1, 2, 3, 4, 5]), order: integers([2], [3, 4_000_000_000]) };
  const { y } = await runOnce(device, given, (tape, { x, order }) => ({ y: gatherRows(tape, x, order) }));
  assertEquals(y, [4, 5, 4, 5]);
});
