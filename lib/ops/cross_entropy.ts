// Layer 2: the output layer and its loss in one; see output_layer.ts.

import source from "../../kernels/cross_entropy.wgsl" with { type: "text" };
import softmaxRows from "../../kernels/softmax_rows.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { gradientScale } from "./gradient_scale.ts";
import { oneARow, perProfile } from "./lanes.ts";
import { outputLayer, type OutputLayerOptions } from "./output_layer.ts";

const common = {
  name: "cross_entropy",
  source: softmaxRows + source,
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

/** The output layer and what it should say. */
export interface CrossEntropyOptions extends OutputLayerOptions {
  /** [rows] integers: the right classes. */
  readonly targets: Tensor;
  /** The class whose rows do not count: padding. */
  readonly ignored: number;
  /** The share of probability that the target gives to all classes alike; 0 by default. */
  readonly smoothing?: number;
  /** [2], added to: the sum of the losses, and that of -log p[target], which is the same without smoothing. */
  readonly totals: Tensor;
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
  const { weight, targets, ignored, totals, smoothing = 0 } = options;
  const rows = x.rows;
  const [classes] = weight.shape as [number];
  if (targets.size !== rows) {
    throw new RangeError(`Cannot compare ${rows} predictions with ${targets.size} targets.`);
  }
  const scale = gradientScale(tape);
  const losses = tape.tensor([2, rows], "losses");
  outputLayer(tape, x.reshape(rows, x.columns), options, (logits, first) => {
    const training = tape.training ? 1 : 0;
    const params = { rows: logits.rows, classes, first, ignored, smoothing, training };
    tape.dispatch(forward[tape.device.profile], { logits, targets, scale, losses }, params);
  });
  addTotals(tape, losses, totals);
}

/** Records `totals[kind] += sum of losses[kind]`, in a fixed order, for losses [2, rows] and totals [2]. */
export function addTotals(tape: Tape, losses: Tensor, totals: Tensor): void {
  const params = { rows: losses.columns, classes: 0, first: 0, ignored: 0, smoothing: 0, training: 0 };
  tape.dispatch(total[tape.device.profile], { losses_saved: losses, totals }, params);
}
