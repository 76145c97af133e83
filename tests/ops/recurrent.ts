// What the tests of recurrent layers share: one step's products, and the walk over padded sequences.

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
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** `W x + b` for all gates. */
export function project(weight: Numbers, bias: Numbers, x: readonly number[]): number[] {
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
export function overSequence(
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
