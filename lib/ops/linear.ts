// Layer 2: the fully connected layer, with the bias and the activation inside the product's kernel.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { type Activation, activationBackward } from "./activation.ts";
import { columnSum } from "./column_sum.ts";
import { matmul } from "./matmul.ts";

/** A layer's parameters and shape. */
export interface LinearOptions {
  /** [outputs, inputs], as in PyTorch. */
  readonly weight: Tensor;
  /** [outputs] */
  readonly bias?: Tensor | undefined;
  /** Applied to the sum; none if left out. */
  readonly activation?: Activation;
  /** The output's name in errors and profiles. */
  readonly label?: string;
}

/**
 * Records `y = f(x W^T + bias)`.
 *
 * Several inputs stand for their concatenation: each is multiplied by its own columns of the weight, and nothing
 * is copied.
 *
 * @param x One input [..., inputs], or several whose last axes add up to the weight's.
 * @returns [..., outputs]
 * @throws {RangeError} If the shapes do not fit.
 */
export function linear(tape: Tape, x: Tensor | readonly Tensor[], options: LinearOptions): Tensor {
  const inputs = x instanceof Array ? x : [x as Tensor];
  const { weight, bias, activation = "none" } = options;
  const parts = columnBlocks(inputs, weight);
  const [outputs] = weight.shape;
  const y = tape.tensor(
    [...inputs[0]!.shape.slice(0, -1), outputs!],
    options.label ?? `linear(${weight.label})`,
  );
  inputs.forEach((input, index) => {
    const last = index === inputs.length - 1;
    const finish = last ? { bias, activation } : {};
    matmul(tape, { a: input, b: parts[index]!, transposeB: true, c: y, ...finish });
  });
  tape.onBackward(() => {
    let sum = y.grad;
    if (activation !== "none") {
      sum = tape.tensor(y.shape, `d sum of ${y.label}`);
      activationBackward(tape, y, sum, activation);
    }
    inputs.forEach((input, index) => linearBackward(tape, input, parts[index]!, sum));
    if (bias) columnSum(tape, sum, bias.grad);
  });
  return y;
}

/** Records the gradients of `x W^T`: those of the weight and, unless it is an input from the host, of `x`. */
function linearBackward(tape: Tape, x: Tensor, weight: Tensor, dy: Tensor): void {
  matmul(tape, { a: dy, transposeA: true, b: x, c: weight.grad });
  if (x.storage.kind !== "input") matmul(tape, { a: dy, b: weight, c: x.grad });
}

/** The columns of a weight that belong to each of several inputs. */
export function columnBlocks(inputs: readonly Tensor[], weight: Tensor): Tensor[] {
  const total = inputs.reduce((sum, { columns }) => sum + columns, 0);
  if (total !== weight.columns) {
    throw new RangeError(
      `Cannot multiply inputs of ${inputs.map(({ columns }) => columns).join(" + ")} columns by ` +
        `"${weight.label}": it takes ${weight.columns}.`,
    );
  }
  let start = 0;
  return inputs.map(({ columns }) => weight.columnSlice(start, start += columns));
}
