// The GRU: PyTorch's equations in plain loops, over padded sequences of both directions.

import { Tape } from "../../lib/gpu/tape.ts";
import { gru, GruRecurrence } from "../../lib/ops/gru.ts";
import { assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { checkOperation } from "./check.ts";
import { caseName, gruReference as reference, shapes } from "./recurrent.ts";

for (const sizes of shapes) {
  const { steps, batch, width, hidden, lengths, reverse } = sizes;
  const inputs = {
    x: [steps, batch, width],
    weightIh: [3 * hidden, width],
    weightHh: [3 * hidden, hidden],
    biasIh: [3 * hidden],
    biasHh: [3 * hidden],
  };
  const integers = { lengths: { shape: [batch], values: lengths } };
  const name = caseName("gru", sizes);
  checkOperation({
    name,
    inputs,
    integers,
    record: (tape, { x, lengths, ...weights }) => {
      const { outputs, final } = gru(tape, x, { ...weights, lengths, reverse });
      return { outputs, final };
    },
    reference: (inputs) => reference(inputs, sizes),
  });
  checkOperation({
    name: `${name}, from a given state, step by step`,
    inputs: { ...inputs, initial: [batch, hidden] },
    integers,
    record: (tape, { x, lengths, ...weights }) => {
      const { outputs, final } = gru(tape, x, { ...weights, lengths, reverse, wholeSequence: false });
      return { outputs, final };
    },
    reference: (inputs) => reference(inputs, sizes),
  });
}

checkOperation({
  name: "gru() from a given state, in the way of its profile",
  inputs: { x: [3, 5, 2], weightIh: [9, 2], weightHh: [9, 3], biasIh: [9], biasHh: [9], initial: [5, 3] },
  integers: { lengths: { shape: [5], values: [3, 1, 0, 2, 3] } },
  record: (tape, { x, lengths, ...weights }) => {
    const { outputs, final } = gru(tape, x, { ...weights, lengths });
    return { outputs, final };
  },
  reference: (inputs) =>
    reference(inputs, { steps: 3, batch: 5, width: 2, hidden: 3, lengths: [3, 1, 0, 2, 3], reverse: false }),
});

checkOperation({
  name: "gru() of which only the final state is used",
  inputs: { x: [3, 2, 2], weightIh: [9, 2], weightHh: [9, 3], biasIh: [9], biasHh: [9] },
  integers: { lengths: { shape: [2], values: [3, 1] } },
  record: (tape, { x, lengths, ...weights }) => ({ final: gru(tape, x, { ...weights, lengths }).final }),
  reference: (inputs) => {
    const sizes = { steps: 3, batch: 2, width: 2, hidden: 3, lengths: [3, 1], reverse: false };
    return { final: reference(inputs, sizes).final };
  },
});

Deno.test("GruRecurrence refuses shapes that do not fit, naming what it expects", () => {
  const tape = new Tape(device, { training: true });
  const projection = tape.tensor([2, 3, 12], "projection");
  const weight = tape.tensor([12, 4], "weight");
  const bias = tape.tensor([12], "bias");
  const lengths = tape.input("lengths", [3], "u32");
  const record = (changes: object) => () =>
    new GruRecurrence(tape, { projection, weight, bias, lengths, ...changes });
  record({})();
  assertThrows(record({ weight: tape.tensor([12, 3], "w") }), RangeError, "weight [12,3]");
  assertThrows(record({ bias: tape.tensor([4], "b") }), RangeError, "[steps, batch, 3 hidden]");
  assertThrows(record({ lengths: tape.tensor([2], "l", "u32") }), RangeError, "lengths [2]");
});
