// Layer 2: the output layer under a loss. The logits of a large vocabulary are the largest thing in the model: they exist
// for some rows at a time, and their gradient overwrites them.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "./column_sum.ts";
import { matmul } from "./matmul.ts";

/** The most bytes of logits to hold at a time. */
const LOGITS_BYTES = 32 * 2 ** 20;

/** The output layer's parameters. */
export interface OutputLayerOptions {
  /** [classes, width] */
  readonly weight: Tensor;
  /** [classes] */
  readonly bias: Tensor;
  /** Another limit than 32 MiB for the logits at a time; for tests. */
  readonly logitsBytes?: number;
}

/** Records `x W^T + bias`, each row beginning at a multiple of four, which makes products with it faster. */
export function outputLogits(tape: Tape, x: Tensor, { weight, bias }: OutputLayerOptions): Tensor {
  const [classes] = weight.shape as [number];
  const logits = tape.tensor([x.rows, 4 * Math.ceil(classes / 4)], "logits").columnSlice(0, classes);
  matmul(tape, { a: x, b: weight, transposeB: true, bias, c: logits });
  return logits;
}

/**
 * Records the output layer and, in training, its gradients, some rows at a time.
 *
 * @param x [rows, width]
 * @param loss Records what becomes of the logits of the rows from `first` on; in training, it must overwrite them with
 *   their gradient.
 */
export function outputLayer(
  tape: Tape,
  x: Tensor,
  options: OutputLayerOptions,
  loss: (logits: Tensor, first: number) => void,
): void {
  const { weight, bias, logitsBytes = LOGITS_BYTES } = options;
  const [classes] = weight.shape as [number];
  const chunk = Math.max(1, Math.min(x.rows, Math.floor(logitsBytes / (4 * classes))));
  for (let first = 0; first < x.rows; first += chunk) {
    const part = x.slice(first, Math.min(first + chunk, x.rows));
    const logits = outputLogits(tape, part, options);
    loss(logits, first);
    if (!tape.training) continue;
    matmul(tape, { a: logits, b: weight, c: part.grad });
    matmul(tape, { a: logits, transposeA: true, b: part, c: weight.grad });
    columnSum(tape, logits, bias.grad);
  }
}
