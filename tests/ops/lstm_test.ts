// The LSTM: PyTorch's equations in plain loops, over padded sequences of both directions.

import { Tape } from "../../lib/gpu/tape.ts";
import { lstm } from "../../lib/ops/lstm.ts";
import { assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { checkOperation } from "./check.ts";
import { caseName, lstmReference as reference, shapes } from "./recurrent.ts";

for (const sizes of shapes) {
  const { steps, batch, width, hidden, lengths, reverse } = sizes;
  const inputs = {
    x: [steps, batch, width],
    weightIh: [4 * hidden, width],
    weightHh: [4 * hidden, hidden],
    biasIh: [4 * hidden],
    biasHh: [4 * hidden],
  };
  const integers = { lengths: { shape: [batch], values: lengths } };
  const name = caseName("lstm", sizes);
  checkOperation({
    name,
    inputs,
    integers,
    record: (tape, { x, lengths, ...weights }) => {
      const { outputs, final } = lstm(tape, x, { ...weights, lengths, reverse });
      return { outputs, final };
    },
    reference: (inputs) => {
      const { outputs, final } = reference(inputs, sizes);
      return { outputs, final };
    },
  });
  checkOperation({
    name: `${name}, from given states and cells, step by step`,
    inputs: { ...inputs, initial: [batch, hidden], initialCells: [batch, hidden] },
    integers,
    record: (tape, { x, lengths, ...weights }) => ({
      ...lstm(tape, x, { ...weights, lengths, reverse, wholeSequence: false }),
    }),
    reference: (inputs) => reference(inputs, sizes),
  });
}

checkOperation({
  name: "lstm() from given states and cells, in the way of its profile",
  inputs: {
    x: [3, 5, 2],
    weightIh: [12, 2],
    weightHh: [12, 3],
    biasIh: [12],
    biasHh: [12],
    initial: [5, 3],
    initialCells: [5, 3],
  },
  integers: { lengths: { shape: [5], values: [3, 1, 0, 2, 3] } },
  record: (tape, { x, lengths, ...weights }) => ({ ...lstm(tape, x, { ...weights, lengths }) }),
  reference: (inputs) =>
    reference(inputs, { steps: 3, batch: 5, width: 2, hidden: 3, lengths: [3, 1, 0, 2, 3], reverse: false }),
});

checkOperation({
  name: "lstm() of which only the final cells are used",
  inputs: { x: [3, 2, 2], weightIh: [12, 2], weightHh: [12, 3], biasIh: [12], biasHh: [12] },
  integers: { lengths: { shape: [2], values: [3, 1] } },
  record: (tape, { x, lengths, ...weights }) => ({
    finalCells: lstm(tape, x, { ...weights, lengths }).finalCells,
  }),
  reference: (inputs) => {
    const sizes = { steps: 3, batch: 2, width: 2, hidden: 3, lengths: [3, 1], reverse: false };
    return { finalCells: reference(inputs, sizes).finalCells };
  },
});

Deno.test("lstm() refuses shapes that do not fit, naming what it expects", () => {
  const tape = new Tape(device, { training: true });
  const x = tape.input("x", [2, 3, 5], "f32");
  const tensor = (...shape: number[]) => tape.tensor(shape, "tensor");
  const weights = {
    weightIh: tensor(16, 5),
    weightHh: tensor(16, 4),
    biasIh: tensor(16),
    biasHh: tensor(16),
  };
  const lengths = tape.input("lengths", [3], "u32");
  const record = (changes: object) => () => lstm(tape, x, { ...weights, lengths, ...changes });
  assertThrows(record({ weightHh: tensor(16, 3) }), RangeError, "recurrent weight [16,3]");
  assertThrows(record({ biasHh: tensor(4) }), RangeError, "[4 hidden, hidden]");
  assertThrows(record({ lengths: tape.input("other", [2], "u32") }), RangeError, "lengths [2]");
});
