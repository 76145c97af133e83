// Predicted positions in sources of several lengths.

import { Tape } from "../../lib/gpu/tape.ts";
import { sourcePosition } from "../../lib/ops/source_position.ts";
import { assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { checkOperation } from "./check.ts";

const lengths = [7, 1, 0, 3, 50];

checkOperation({
  name: "sourcePosition() of three steps",
  inputs: { x: [3, 5] },
  integers: { lengths: { shape: [5], values: lengths } },
  record: (tape, { x, lengths }) => {
    const y = tape.tensor(x.shape, "positions");
    sourcePosition(tape, x, lengths, y);
    return { y };
  },
  reference: ({ x }) => ({ y: Array.from(x, (x, i) => lengths[i % 5]! / (1 + Math.exp(-x))) }),
});

checkOperation({
  name: "sourcePosition() of one step of three",
  inputs: { x: [3, 5] },
  integers: { lengths: { shape: [5], values: lengths } },
  record: (tape, { x, lengths }) => {
    const y = tape.tensor([2, 5], "positions");
    sourcePosition(tape, x.at(2), lengths, y.at(0));
    sourcePosition(tape, x.at(0), lengths, y.at(1));
    return { y };
  },
  reference: ({ x }) => ({
    y: [10, 11, 12, 13, 14, 0, 1, 2, 3, 4].map((i) => lengths[i % 5]! / (1 + Math.exp(-x[i]!))),
  }),
});

Deno.test("sourcePosition() refuses lengths of another batch", () => {
  const tape = new Tape(device, { training: false });
  const x = tape.input("x", [3, 5], "f32");
  const rows = tape.input("lengths", [4], "u32");
  assertThrows(() => sourcePosition(tape, x, rows, tape.tensor([3, 5], "y")), RangeError, "lengths [4]");
});
