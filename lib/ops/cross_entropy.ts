// Layer 2: the output layer and its loss in one, because the logits of a large vocabulary are the largest thing
// in the model: they exist for some rows at a time, and their gradient overwrites them.

import source from "../../kernels/cross_entropy.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "./column_sum.ts";
import { gradientScale } from "./gradient_scale.ts";
import { oneARow, perProfile } from "./lanes.ts";
import { matmul } from "./matmul.ts";

const common = {
  name: "cross_entropy",
  source,
  params: {
    rows: "u32",
    classes: "u32",
    first: "u32",
    ignored: "u32",
    smoothing: "f32",
    training: "u32",
    targets_offset: "u32",
    logits_stride: "u32",
  },
} as const;

const forward = perProfile((LANES) =>
  defineKernel({
    ...common,
    entryPoint: "forward",
    bindings: { logits: "read_write", targets: "read", scale: "read", losses: "read_write" },
    overrides: { LANES },
    workgroups: ({ rows }) => oneARow(rows),
  })
);
const total = perProfile((LANES) =>
  defineKernel({
    ...common,
    entryPoint: "total",
    bindings: { losses_saved: "read", totals: "read_write" },
    overrides: { LANES },
    workgroups: () => [1],
  })
);

/** The most bytes of logits to hold at a time. */
const LOGITS_BYTES = 32 * 2 ** 20;

/** The output layer and what it should say. */
export interface CrossEntropyOptions {
  /** [classes, width] */
  readonly weight: Tensor;
  /** [classes] */
  readonly bias: Tensor;
  /** [rows] integers: the right classes. */
  readonly targets: Tensor;
  /** The class whose rows do not count: padding. */
  readonly ignored: number;
  /** The share of probability that the target gives to all classes alike; 0 by default. */
  readonly smoothing?: number;
  /** [2], added to: the sum of the losses, and that of -log p[target], which is the same without smoothing. */
  readonly totals: Tensor;
  /** Another limit than 32 MiB for the logits at a time; for tests. */
  readonly logitsBytes?: number;
}

/**
 * Records `softmaxCrossEntropy(x W^T + bias, targets)`, with PyTorch's label smoothing, and in training the
 * gradients of the mean over the rows that count.
 *
 * The plan gets an input `scale` [1]: one over the number of rows that count, 0 if none does.
 *
 * @param x [..., width]; leading axes are rows.
 * @throws {RangeError} If the shapes do not fit.
 */
export function crossEntropy(tape: Tape, x: Tensor, options: CrossEntropyOptions): void {
  const { weight, bias, targets, ignored, totals, smoothing = 0, logitsBytes = LOGITS_BYTES } = options;
  const rows = x.rows;
  const [classes] = weight.shape as [number];
  if (targets.size !== rows) {
    throw new RangeError(`Cannot compare ${rows} predictions with ${targets.size} targets.`);
  }
  const { profile } = tape.device;
  const flat = x.reshape(rows, x.columns);
  const scale = gradientScale(tape);
  const losses = tape.tensor([2, rows], "losses");
  const chunk = Math.max(1, Math.min(rows, Math.floor(logitsBytes / (4 * classes))));
  for (let first = 0; first < rows; first += chunk) {
    const part = flat.slice(first, Math.min(first + chunk, rows));
    // Rows that begin at multiples of four make the three products faster.
    const logits = tape.tensor([part.rows, 4 * Math.ceil(classes / 4)], "logits").columnSlice(0, classes);
    matmul(tape, { a: part, b: weight, transposeB: true, bias, c: logits });
    const params = { rows: part.rows, classes, first, ignored, smoothing, training: tape.training ? 1 : 0 };
    tape.dispatch(forward[profile], { logits, targets, scale, losses }, params);
    if (!tape.training) continue;
    matmul(tape, { a: logits, b: weight, c: part.grad });
    matmul(tape, { a: logits, transposeA: true, b: part, c: weight.grad });
    columnSum(tape, logits, bias.grad);
  }
  const params = { rows, classes, first: 0, ignored, smoothing, training: 0 };
  tape.dispatch(total[profile], { losses_saved: losses, totals }, params);
}
