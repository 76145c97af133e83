// The fully connected layer, for one input and several.

import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { linear } from "../../lib/ops/linear.ts";
import { assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { checkOperation } from "./check.ts";
import { type Layer, reference } from "./linear_reference.ts";

const layers: readonly Layer[] = [
  { rows: 1, widths: [1], outputs: 1, activation: "none" },
  { rows: 5, widths: [3], outputs: 7, activation: "tanh" },
  { rows: 5, widths: [3], outputs: 7, activation: "sigmoid" },
  { rows: 5, widths: [3], outputs: 7, activation: "relu" },
  { rows: 33, widths: [9], outputs: 65, activation: "none" },
];

for (const layer of layers) {
  const { rows, widths: [width], outputs, activation } = layer;
  const weight = [outputs, width!];
  checkOperation({
    name: `linear() of [${rows}, ${width}] to ${outputs}, ${activation}, with a bias`,
    inputs: { x: [rows, width!], weight, bias: [outputs] },
    record: (tape, { x, weight, bias }) => ({ y: linear(tape, x, { weight, bias, activation }) }),
    reference: ({ x, weight, bias }) => ({ y: reference([x], weight, bias, layer) }),
  });
  checkOperation({
    name: `linear() of [${rows}, ${width}] to ${outputs}, ${activation}, without a bias`,
    inputs: { x: [rows, width!], weight },
    record: (tape, { x, weight }) => ({ y: linear(tape, x, { weight, activation }) }),
    reference: ({ x, weight }) => ({ y: reference([x], weight, undefined, layer) }),
  });
}

for (const activation of ["none", "tanh", "sigmoid"] as const) {
  const layer: Layer = { rows: 6, widths: [3, 1, 5], outputs: 7, activation };
  checkOperation({
    name: `linear() of three inputs [2, 3, *], ${activation}`,
    inputs: { a: [2, 3, 3], b: [2, 3, 1], c: [2, 3, 5], weight: [7, 9], bias: [7] },
    record: (tape, { a, b, c, weight, bias }) => ({
      y: linear(tape, [a, b, c], { weight, bias, activation }),
    }),
    reference: ({ a, b, c, weight, bias }) => ({ y: reference([a, b, c], weight, bias, layer) }),
  });
}

checkOperation({
  name: "linear() of one step of a sequence, with one block of a weight's columns",
  inputs: { x: [3, 2, 3], weight: [5, 7] },
  record: (tape, { x, weight }) => ({ y: linear(tape, x.at(1), { weight: weight.columnSlice(2, 5) }) }),
  reference: ({ x, weight }) => {
    const block = Array.from({ length: 15 }, (_, i) => weight[Math.floor(i / 3) * 7 + 2 + i % 3]!);
    const layer: Layer = { rows: 2, widths: [3], outputs: 5, activation: "none" };
    return { y: reference([Array.from(x).slice(6, 12)], block, undefined, layer) };
  },
});

Deno.test("linear() refuses inputs that do not add up to the weight's columns", () => {
  const tape = new Tape(device, { training: true });
  const x: Tensor = tape.input("x", [2, 3], "f32");
  const weight = tape.input("weight", [4, 5], "f32");
  assertThrows(
    () => linear(tape, [x, x], { weight }),
    RangeError,
    'inputs of 3 + 3 columns by "weight": it takes 5',
  );
});
