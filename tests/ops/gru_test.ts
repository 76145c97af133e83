// The GRU: PyTorch's equations in plain loops, over padded sequences of both directions.

import { Tape } from "../../lib/gpu/tape.ts";
import { gru, GruRecurrence } from "../../lib/ops/gru.ts";
import { assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { checkOperation, type Numbers } from "./check.ts";

interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly width: number;
  readonly hidden: number;
  readonly lengths: readonly number[];
  readonly reverse: boolean;
}

interface Inputs {
  readonly x: Numbers;
  readonly weightIh: Numbers;
  readonly weightHh: Numbers;
  readonly biasIh: Numbers;
  readonly biasHh: Numbers;
  readonly initial?: Numbers;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** `W x + b` for each of the three gates. */
function project(weight: Numbers, bias: Numbers, x: readonly number[]): number[] {
  return Array.from(
    bias,
    (b, row) => x.reduce((sum, value, k) => sum + value * weight[row * x.length + k]!, b),
  );
}

/** One row's state after one more word. */
function cell(inputs: Inputs, x: readonly number[], h: readonly number[]): number[] {
  const hidden = h.length;
  const input = project(inputs.weightIh, inputs.biasIh, x);
  const recurrent = project(inputs.weightHh, inputs.biasHh, h);
  return h.map((before, j) => {
    const r = sigmoid(input[j]! + recurrent[j]!);
    const z = sigmoid(input[hidden + j]! + recurrent[hidden + j]!);
    const n = Math.tanh(input[2 * hidden + j]! + r * recurrent[2 * hidden + j]!);
    return (1 - z) * n + z * before;
  });
}

function reference(inputs: Inputs, sizes: Sizes): { outputs: Numbers; final: Numbers } {
  const { steps, batch, width, hidden, lengths, reverse } = sizes;
  const outputs = new Float64Array(steps * batch * hidden);
  const final = new Float64Array(batch * hidden);
  for (let b = 0; b < batch; b++) {
    let h = Array.from({ length: hidden }, (_, j) => inputs.initial?.[b * hidden + j] ?? 0);
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      const start = (t * batch + b) * width;
      if (t < lengths[b]!) h = cell(inputs, Array.from(inputs.x).slice(start, start + width), h);
      outputs.set(h, (t * batch + b) * hidden);
    }
    final.set(h, b * hidden);
  }
  return { outputs, final };
}

const shapes: readonly Omit<Sizes, "reverse">[] = [
  { steps: 1, batch: 1, width: 1, hidden: 1, lengths: [1] },
  { steps: 5, batch: 4, width: 3, hidden: 7, lengths: [5, 1, 0, 3] },
  { steps: 3, batch: 9, width: 5, hidden: 11, lengths: [0, 1, 2, 3, 3, 2, 1, 0, 9] },
];

for (const shape of shapes) {
  for (const reverse of [false, true]) {
    const { steps, batch, width, hidden, lengths } = shape;
    const sizes = { ...shape, reverse };
    const inputs = {
      x: [steps, batch, width],
      weightIh: [3 * hidden, width],
      weightHh: [3 * hidden, hidden],
      biasIh: [3 * hidden],
      biasHh: [3 * hidden],
    };
    const integers = { lengths: { shape: [batch], values: lengths } };
    const name = `gru() of [${steps}, ${batch}, ${width}] to ${hidden}, lengths ${lengths}${
      reverse ? ", reverse" : ""
    }`;
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
      name: `${name}, from a given state`,
      inputs: { ...inputs, initial: [batch, hidden] },
      integers,
      record: (tape, { x, lengths, ...weights }) => {
        const { outputs, final } = gru(tape, x, { ...weights, lengths, reverse });
        return { outputs, final };
      },
      reference: (inputs) => reference(inputs, sizes),
    });
  }
}

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
