// What the tests of recurrent layers share: PyTorch's equations in plain loops, over padded sequences.

import type { Numbers } from "./check.ts";

/** The shape of a recurrence. */
export interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly width: number;
  readonly hidden: number;
  readonly lengths: readonly number[];
  readonly reverse: boolean;
}

/** Shapes with odd sizes and padding, both directions; the last ones cross the borders of tiles. */
export const shapes: readonly Sizes[] = [
  { steps: 1, batch: 1, width: 1, hidden: 1, lengths: [1] },
  { steps: 5, batch: 4, width: 3, hidden: 7, lengths: [5, 1, 0, 3] },
  { steps: 3, batch: 9, width: 5, hidden: 11, lengths: [0, 1, 2, 3, 3, 2, 1, 0, 9] },
  { steps: 2, batch: 65, width: 2, hidden: 3, lengths: Array.from({ length: 65 }, (_, row) => row % 3) },
  { steps: 2, batch: 8, width: 2, hidden: 8, lengths: [2, 2, 1, 0, 2, 2, 1, 2] },
  { steps: 2, batch: 3, width: 1, hidden: 32, lengths: [1, 2, 2] },
  { steps: 2, batch: 2, width: 1, hidden: 33, lengths: [2, 1] },
].flatMap((shape) => [false, true].map((reverse) => ({ ...shape, reverse })));

/** The name of a case. */
export function caseName(layer: string, { steps, batch, width, hidden, lengths, reverse }: Sizes): string {
  const shown = lengths.length > 9 ? "0, 1, 2, ..." : lengths;
  return `${layer}() of [${steps}, ${batch}, ${width}] to ${hidden}, lengths ${shown}${
    reverse ? ", reverse" : ""
  }`;
}

/** 1 / (1 + e^-x) */
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** `W x + b` for all gates. */
function project(weight: Numbers, bias: Numbers, x: readonly number[]): number[] {
  return Array.from(
    bias,
    (b, row) => x.reduce((sum, value, k) => sum + value * weight[row * x.length + k]!, b),
  );
}

/**
 * Takes each row through its own steps.
 *
 * @param starts What the recurrence carries, the state first; zeros where undefined.
 * @param cell One more step.
 */
function overSequence(
  x: Numbers,
  { steps, batch, width, hidden, lengths, reverse }: Sizes,
  starts: readonly (Numbers | undefined)[],
  cell: (x: readonly number[], carried: readonly (readonly number[])[]) => readonly (readonly number[])[],
): { outputs: Numbers; finals: readonly Numbers[] } {
  const outputs = new Float64Array(steps * batch * hidden);
  const finals = starts.map(() => new Float64Array(batch * hidden));
  for (let b = 0; b < batch; b++) {
    let carried: readonly (readonly number[])[] = starts.map((start) =>
      Array.from({ length: hidden }, (_, j) => start?.[b * hidden + j] ?? 0)
    );
    for (let i = 0; i < steps; i++) {
      const t = reverse ? steps - 1 - i : i;
      const start = (t * batch + b) * width;
      if (t < lengths[b]!) carried = cell(Array.from({ length: width }, (_, k) => x[start + k]!), carried);
      outputs.set(carried[0]!, (t * batch + b) * hidden);
    }
    carried.forEach((values, index) => finals[index]!.set(values, b * hidden));
  }
  return { outputs, finals };
}

/** What a layer is given. */
export interface LayerInputs {
  readonly x: Numbers;
  readonly weightIh: Numbers;
  readonly weightHh: Numbers;
  readonly biasIh: Numbers;
  readonly biasHh: Numbers;
  readonly initial?: Numbers;
  readonly initialCells?: Numbers;
}

/** One row's state after one more step of a GRU. */
function gruCell(inputs: LayerInputs, x: readonly number[], h: readonly number[]): number[] {
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

/** A GRU layer. */
export function gruReference(inputs: LayerInputs, sizes: Sizes): { outputs: Numbers; final: Numbers } {
  const { outputs, finals } = overSequence(
    inputs.x,
    sizes,
    [inputs.initial],
    (x, [h]) => [gruCell(inputs, x, h!)],
  );
  return { outputs, final: finals[0]! };
}

/** One row's state and cells after one more step of an LSTM. */
function lstmCell(
  inputs: LayerInputs,
  x: readonly number[],
  h: readonly number[],
  c: readonly number[],
): number[][] {
  const hidden = h.length;
  const input = project(inputs.weightIh, inputs.biasIh, x);
  const recurrent = project(inputs.weightHh, inputs.biasHh, h);
  const gate = (index: number, j: number) => input[index * hidden + j]! + recurrent[index * hidden + j]!;
  const cells = c.map((before, j) =>
    sigmoid(gate(1, j)) * before + sigmoid(gate(0, j)) * Math.tanh(gate(2, j))
  );
  return [cells.map((value, j) => sigmoid(gate(3, j)) * Math.tanh(value)), cells];
}

/** An LSTM layer. */
export function lstmReference(
  inputs: LayerInputs,
  sizes: Sizes,
): Record<"outputs" | "final" | "finalCells", Numbers> {
  const starts = [inputs.initial, inputs.initialCells];
  const { outputs, finals } = overSequence(
    inputs.x,
    sizes,
    starts,
    (x, [h, c]) => lstmCell(inputs, x, h!, c!),
  );
  return { outputs, final: finals[0]!, finalCells: finals[1]! };
}
