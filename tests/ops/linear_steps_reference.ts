// The fully connected layer taken step by step, by the operation and in plain loops.

import type { Activation } from "../../lib/ops/activation.ts";
import type { Numbers } from "./check.ts";
import { functions } from "./linear_reference.ts";

/** The sizes of a case. */
export interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly activation: Activation;
}

/** y[t] = f(W [x[t]; y[t - 1]] + b), from y[-1] = initial. */
export function reference(
  x: Numbers,
  initial: Numbers,
  weight: Numbers,
  bias: Numbers,
  sizes: Sizes,
): Numbers {
  const { steps, batch, inputs, outputs, activation } = sizes;
  const width = inputs + outputs;
  const y = new Float64Array(steps * batch * outputs);
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < batch; b++) {
      const before = (k: number) =>
        t === 0 ? initial[b * outputs + k]! : y[((t - 1) * batch + b) * outputs + k]!;
      for (let j = 0; j < outputs; j++) {
        let sum = bias[j]!;
        for (let k = 0; k < inputs; k++) sum += x[(t * batch + b) * inputs + k]! * weight[j * width + k]!;
        for (let k = 0; k < outputs; k++) sum += before(k) * weight[j * width + inputs + k]!;
        y[(t * batch + b) * outputs + j] = functions[activation](sum);
      }
    }
  }
  return y;
}
