// Layer 2: the optimizer's step: gradient-norm clipping and Adam, three dispatches over the flat buffers.

import source from "../../kernels/adam.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { FlatParameters } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Partial sums of squares. */
const PARTS = 64;

/** The numbers in the control record that one step hands to the next. */
export const CONTROL_SIZE = 10;

/** Where in the control record the loss scale stands. */
const LOSS_SCALE = 8;

/** The loss scale at the start. */
const INITIAL_LOSS_SCALE = 4096;

/** Steps with finite gradients in a row after which the loss scale is doubled. */
const SCALE_GROWTH_STEPS = 2000;

/** The control record before the first step. */
export function initialControl(): Float32Array<ArrayBuffer> {
  const control = new Float32Array(CONTROL_SIZE);
  control[LOSS_SCALE] = INITIAL_LOSS_SCALE;
  return control;
}

/** The part of a control record that a tape in half precision is to be given as its loss scale, [1]. */
export function lossScaleOf(control: Tensor): Tensor {
  return control.slice(LOSS_SCALE, LOSS_SCALE + 1);
}

const common = {
  name: "adam",
  source,
  params: {
    size: "u32",
    max_norm: "f32",
    beta1: "f32",
    one_minus_beta1: "f32",
    beta2: "f32",
    one_minus_beta2: "f32",
    epsilon: "f32",
    scale_growth_steps: "u32",
  },
} as const;

const squareSums = defineKernel({
  ...common,
  entryPoint: "square_sums",
  bindings: { gradients: "read", parts: "write" },
  overrides: { WORKGROUP, PARTS },
  workgroups: () => [PARTS],
});
const prepare = defineKernel({
  ...common,
  entryPoint: "prepare",
  bindings: { parts_saved: "read", control: "read_write" },
  overrides: { PARTS },
  workgroups: () => [1],
});
const update = defineKernel({
  ...common,
  entryPoint: "update",
  bindings: {
    gradients: "read",
    control_saved: "read",
    learning_rate: "read",
    values: "read_write",
    m: "read_write",
    v: "read_write",
  },
  overrides: { WORKGROUP },
  workgroups: ({ size }) => elementwise(size),
});

/** The optimizer's constants. */
export interface AdamOptions {
  /** Gradients with a larger norm are scaled down to it; `Infinity` for no clipping. */
  readonly maxNorm: number;
  /** Decay of the running mean; 0.9 by default. */
  readonly beta1?: number;
  /** Decay of the running mean of squares; 0.999 by default. */
  readonly beta2?: number;
  /** Added to the denominator; 1e-8 by default. */
  readonly epsilon?: number;
  /** In half precision: good steps in a row after which the loss scale is doubled; 2,000 by default. */
  readonly scaleGrowthSteps?: number;
}

/**
 * Records one step of Adam (Kingma & Ba 2015) with bias correction as in PyTorch, after scaling the gradients by
 * `min(1, maxNorm / (norm + 1e-6))` as PyTorch's `clip_grad_norm_` does. A step whose gradients are not all finite
 * changes nothing but the count of such steps.
 *
 * The plan gets an input `learning_rate` [1].
 *
 * @param parameters Their flat buffers, gradients complete.
 * On a tape in half precision the gradients come multiplied by the loss scale. It is halved after a step with gradients
 * that are not finite, down to 1, and doubled after 2,000 others in a row, as by PyTorch's `GradScaler`.
 *
 * @param control [10]: 1 - beta1^t, 1 - beta2^t, last norm, last clipping factor, steps taken, steps skipped, whether the
 *   last was skipped, sum of the norms, loss scale, good steps since it changed. Starts as {@linkcode initialControl}, or
 *   without half precision as zeros; numbers 4 to 6 and 9 are integers.
 */
export function adam(tape: Tape, parameters: FlatParameters, control: Tensor, options: AdamOptions): void {
  const { maxNorm, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const { scaleGrowthSteps = SCALE_GROWTH_STEPS } = options;
  const { values, gradients, firstMoments, secondMoments } = parameters;
  const params = {
    size: values.size / 4,
    max_norm: Math.min(maxNorm, 3e38),
    beta1,
    one_minus_beta1: 1 - beta1,
    beta2,
    one_minus_beta2: 1 - beta2,
    epsilon,
    scale_growth_steps: tape.lossScale ? scaleGrowthSteps : 0,
  };
  const parts = tape.tensor([PARTS], "squares of gradients");
  const rate = tape.sharedInput("learning_rate", [1], "f32");
  tape.dispatch(squareSums, { gradients, parts }, params);
  tape.dispatch(prepare, { parts_saved: parts, control }, params);
  tape.dispatch(update, {
    gradients,
    control_saved: control,
    learning_rate: rate,
    values,
    m: firstMoments,
    v: secondMoments,
  }, params);
}
