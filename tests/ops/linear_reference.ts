// The fully connected layer in plain loops.

import type { Activation } from "../../lib/ops/activation.ts";
import { type Numbers } from "./check.ts";

/** The activations. */
export const functions: Record<Activation, (x: number) => number> = {
  none: (x) => x,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(x, 0),
};

/** A layer. */
export interface Layer {
  readonly rows: number;
  readonly widths: readonly number[];
  readonly outputs: number;
  readonly activation: Activation;
}

/** f(concatenation of the inputs W^T + bias) */
export function reference(
  inputs: readonly Numbers[],
  weight: Numbers,
  bias: Numbers | undefined,
  layer: Layer,
): Numbers {
  const { rows, widths, outputs, activation } = layer;
  const total = widths.reduce((sum, width) => sum + width, 0);
  const y = new Float64Array(rows * outputs);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < outputs; j++) {
      let sum = bias?.[j] ?? 0;
      let column = 0;
      inputs.forEach((x, part) => {
        const width = widths[part]!;
        for (let k = 0; k < width; k++) sum += x[i * width + k]! * weight[j * total + column++]!;
      });
      y[i * outputs + j] = functions[activation](sum);
    }
  }
  return y;
}
