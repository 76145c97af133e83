// Sums of tensors and views.

import { Tape } from "../../lib/gpu/tape.ts";
import { add } from "../../lib/ops/add.ts";
import { assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { checkOperation, type Numbers, type Shape } from "./check.ts";

function reference(a: Numbers, b: Numbers): number[] {
  return Array.from(a, (value, i) => value + b[i]!);
}

const shapes: readonly Shape[] = [[1], [3, 67], [2, 3, 8]];

for (const shape of shapes) {
  checkOperation({
    name: `add() of two [${shape}]`,
    inputs: { a: shape, b: shape },
    record: (tape, { a, b }) => ({ y: add(tape, a, b) }),
    reference: ({ a, b }) => ({ y: reference(a, b) }),
  });
}

checkOperation({
  name: "add() of a tensor and itself",
  inputs: { a: [3, 5] },
  record: (tape, { a }) => ({ y: add(tape, a, a) }),
  reference: ({ a }) => ({ y: reference(a, a) }),
});

checkOperation({
  name: "add() of a step, a block of columns and a sum",
  inputs: { a: [3, 2, 4], b: [2, 12], c: [2, 4] },
  record: (tape, { a, b, c }) => ({ y: add(tape, add(tape, a.at(1), b.columnSlice(4, 8)), c) }),
  reference: ({ a, b, c }) => {
    const block = [0, 12].flatMap((row) => Array.from(b).slice(row + 4, row + 8));
    return { y: reference(reference(Array.from(a).slice(8, 16), block), c) };
  },
});

Deno.test("add() refuses tensors of different shapes", () => {
  const tape = new Tape(device, { training: false });
  const [a, b] = [tape.input("a", [2, 3], "f32"), tape.input("b", [3, 2], "f32")];
  assertThrows(() => add(tape, a, b), RangeError, 'Cannot add "b" [3,2] to "a" [2,3]');
});
