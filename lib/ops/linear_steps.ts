// Layer 2: the fully connected layer taken step by step, where the input of a step depends on the output of the one before.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { activationBackward } from "./activation.ts";
import { columnSum } from "./column_sum.ts";
import { columnBlocks, type LinearOptions } from "./linear.ts";
import { matmul } from "./matmul.ts";

/** What {@linkcode LinearSteps} are taken over. */
export interface LinearStepsOptions extends Omit<LinearOptions, "label"> {
  /** [steps, batch, inputs], or several that stand for their concatenation: each must be written up to a step before that step is recorded. */
  readonly x: Tensor | readonly Tensor[];
  /** [steps, batch, outputs]: where the outputs go; without an activation they are added to what a kernel has written there. */
  readonly y: Tensor;
}

/**
 * A fully connected layer whose steps wait for each other, because its input depends on the outputs of earlier ones:
 * `y[t] = f(x[t] W^T + bias)`. The gradients of weight and bias are one product and one sum over all steps.
 */
export class LinearSteps {
  #inputs: readonly Tensor[];
  #parts: readonly Tensor[];
  /** The gradient of the sums, before the activation. */
  #dsums: Tensor;

  /**
   * Prepares to record steps.
   *
   * @throws {RangeError} If the shapes do not fit.
   */
  constructor(readonly tape: Tape, readonly options: LinearStepsOptions) {
    const { x, y, weight, bias, activation = "none" } = options;
    this.#inputs = x instanceof Array ? x : [x as Tensor];
    this.#parts = columnBlocks(this.#inputs, weight);
    this.#dsums = activation === "none" ? y.grad : tape.tensor(y.shape, `d sums of ${y.label}`);
    tape.onBackward(() => {
      const dsums = this.#dsums;
      this.#inputs.forEach((input, index) => {
        matmul(tape, { a: dsums, transposeA: true, b: input, c: this.#parts[index]!.grad });
      });
      if (bias) columnSum(tape, dsums, bias.grad);
    });
  }

  /** Records step `t`. */
  step(t: number): void {
    const { tape } = this;
    const { y, bias, activation = "none" } = this.options;
    this.#inputs.forEach((input, index) => {
      const finish = index === this.#inputs.length - 1 ? { bias, activation } : {};
      matmul(tape, { a: input.at(t), b: this.#parts[index]!, transposeB: true, c: y.at(t), ...finish });
    });
    tape.onBackward(() => {
      const dsums = this.#dsums.at(t);
      if (activation !== "none") activationBackward(tape, y.at(t), dsums, activation);
      this.#inputs.forEach((input, index) => {
        if (input.storage.kind !== "input") {
          matmul(tape, { a: dsums, b: this.#parts[index]!, c: input.at(t).grad });
        }
      });
    });
  }
}
