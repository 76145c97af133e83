// Layer 2: the optimizer's step: clipping and one of five methods, three dispatches over the flat buffers.

import source from "../../kernels/optimizer.wgsl" with { type: "text" };
import type { Profile } from "../gpu/device.ts";
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { FlatParameters } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Partial sums of squares: as many workgroups as keep the memory of such an adapter busy. */
const PARTS: Readonly<Record<Profile, number>> = { cpu8: 64, gpu: 1024 };

/** The numbers in the control record that one step hands to the next. */
export const CONTROL_SIZE = 11;

/** How many those have that checkpoints hold: the records of earlier versions do without the last number. */
export const SAVED_CONTROL_SIZES: readonly number[] = [CONTROL_SIZE, CONTROL_SIZE - 1];

/** Where in the control record the loss scale stands. */
const LOSS_SCALE = 8;

/** Where the number of steps skipped in a row stands. */
const SKIPPED_IN_A_ROW = 10;

/** The loss scale at the start. */
const INITIAL_LOSS_SCALE = 4096;

/** Steps with finite gradients in a row after which the loss scale is doubled. */
const SCALE_GROWTH_STEPS = 2000;

/** Steps left out in a row after which no step is taken any more. */
export const MOST_SKIPPED = 10;

/** What stands for no limit where a kernel clips. */
const NO_LIMIT = 1e30;

/** The control record before the first step. */
export function initialControl(): Float32Array<ArrayBuffer> {
  const control = new Float32Array(CONTROL_SIZE);
  control[LOSS_SCALE] = INITIAL_LOSS_SCALE;
  return control;
}

/** What a control record says of the steps so far. */
export interface Steps {
  /** The norm of the last gradient that was finite, before clipping. */
  readonly gradientNorm: number;
  /** Steps taken. */
  readonly steps: number;
  /** Steps left out. */
  readonly skipped: number;
  /** Steps left out since the last one that was taken; see {@linkcode optimizerStep}. */
  readonly skippedInARow: number;
}

/** Reads a control record. */
export function stepsOf(control: ArrayBuffer): Steps {
  const integers = new Uint32Array(control);
  return {
    gradientNorm: new Float32Array(control)[2]!,
    steps: integers[4]!,
    skipped: integers[5]!,
    skippedInARow: integers[SKIPPED_IN_A_ROW]!,
  };
}

/** The control record to go on with from a saved one: an earlier version's is shorter, and a training that gave up may try again. */
export function resumedControl(saved: Uint32Array): Uint32Array<ArrayBuffer> {
  const control = new Uint32Array(CONTROL_SIZE);
  control.set(saved);
  if (control[SKIPPED_IN_A_ROW]! >= MOST_SKIPPED) control[SKIPPED_IN_A_ROW] = 0;
  return control;
}

/** The part of a control record that a tape in half precision is to be given as its loss scale, [1]. */
export function lossScaleOf(control: Tensor): Tensor {
  return control.slice(LOSS_SCALE, LOSS_SCALE + 1);
}

const common = {
  name: "optimizer",
  source,
  params: {
    size: "u32",
    max_norm: "f32",
    max_value: "f32",
    beta1: "f32",
    one_minus_beta1: "f32",
    beta2: "f32",
    one_minus_beta2: "f32",
    epsilon: "f32",
    weight_decay: "f32",
    nesterov: "u32",
    scale_growth_steps: "u32",
    most_skipped: "u32",
    parts: "u32",
  },
  overrides: { WORKGROUP },
} as const;

const squareSums = defineKernel({
  ...common,
  entryPoint: "square_sums",
  bindings: { gradients: "read", parts: "write" },
  workgroups: ({ parts }) => [parts],
});
const prepare = defineKernel({
  ...common,
  entryPoint: "prepare",
  bindings: { parts_saved: "read", control: "read_write" },
  workgroups: () => [1],
});

const withFirst = {
  gradients: "read",
  control_saved: "read",
  learning_rate: "read",
  values: "read_write",
  m: "read_write",
} as const;
const withBoth = { ...withFirst, v: "read_write" } as const;
const update = {
  ...common,
  workgroups: ({ size }: { size: number }) => elementwise(size),
} as const;
const sgd = defineKernel({ ...update, entryPoint: "sgd", bindings: withFirst });
const updates = {
  adam: defineKernel({ ...update, entryPoint: "adam", bindings: withBoth }),
  adamw: defineKernel({ ...update, entryPoint: "adamw", bindings: withBoth }),
  adadelta: defineKernel({ ...update, entryPoint: "adadelta", bindings: withBoth }),
  rmsprop: defineKernel({ ...update, entryPoint: "rmsprop", bindings: withBoth }),
};

/** The ways to go from gradients to new weights; the first one is the default. */
export const OPTIMIZER_METHODS = ["adam", "adamw", "sgd", "adadelta", "rmsprop"] as const;

/** One of {@linkcode OPTIMIZER_METHODS}. */
export type OptimizerMethod = typeof OPTIMIZER_METHODS[number];

/** The constants of the methods; which has which, {@linkcode OPTIMIZER_DEFAULTS} says. */
export interface OptimizerSettings {
  /** Adam's decay of the running mean. */
  readonly beta1?: number;
  /** Adam's decay of the running mean of squares. */
  readonly beta2?: number;
  /** Adadelta's decay of both running means. */
  readonly rho?: number;
  /** RMSProp's decay of the running mean of squares. */
  readonly alpha?: number;
  /** Added to the denominator; by Adadelta under the root. */
  readonly epsilon?: number;
  /** The share of its last step that is taken once more. */
  readonly momentum?: number;
  /** Whether the momentum looks a step ahead (Nesterov). */
  readonly nesterov?: boolean;
  /** So many times the weight is added to its gradient; by AdamW it is taken from the weight, times the learning rate. */
  readonly weightDecay?: number;
}

/** The constants that each method has, with PyTorch's defaults. */
export const OPTIMIZER_DEFAULTS: Readonly<Record<OptimizerMethod, OptimizerSettings>> = {
  adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  adamw: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
  sgd: { momentum: 0, nesterov: false, weightDecay: 0 },
  adadelta: { rho: 0.9, epsilon: 1e-6, weightDecay: 0 },
  rmsprop: { alpha: 0.99, epsilon: 1e-8, momentum: 0, weightDecay: 0 },
};

/** How {@linkcode optimizerStep} clips and steps. */
export interface OptimizerStepOptions extends OptimizerSettings {
  /** The method; Adam by default. */
  readonly method?: OptimizerMethod;
  /** Gradients with a larger norm are scaled down to it; not clipped by default. */
  readonly maxNorm?: number;
  /** Elements of a gradient that are larger, or smaller than its negative, are set to it; not clipped by default. */
  readonly maxValue?: number;
  /** In half precision: good steps in a row after which the loss scale is doubled; 2,000 by default. */
  readonly scaleGrowthSteps?: number;
}

/**
 * Records one step of an optimizer, each as PyTorch has it: Adam with bias correction (Kingma & Ba 2015), AdamW with
 * decoupled weight decay (Loshchilov & Hutter 2019), gradient descent with momentum or Nesterov's (Sutskever et al.
 * 2013), Adadelta (Zeiler 2012), RMSProp (Tieleman & Hinton 2012).
 *
 * Before it the gradients are scaled by `min(1, maxNorm / (norm + 1e-6))` as by PyTorch's `clip_grad_norm_`, or clamped
 * to `maxValue` as by `clip_grad_value_`. A step whose gradients are not all finite, or so large that the sum of their
 * squares is not (norms above 1.8e19), changes nothing but the count of such steps. After {@linkcode MOST_SKIPPED} of them in
 * a row no step changes anything any more, until {@linkcode resumedControl} says otherwise: whoever looks later finds
 * everything as it was.
 *
 * On a tape in half precision the gradients come multiplied by the loss scale. It is halved after a step with gradients that
 * are not finite, down to 1, and doubled after 2,000 others in a row, as by PyTorch's `GradScaler`. Such a step is one of those
 * in a row only where the scale was 1 already, so that looking for the right scale ends no training.
 *
 * The plan gets an input `learning_rate` [1]. The first moments hold the running mean of the gradients (Adam), the
 * momentum (gradient descent, RMSProp), or the running mean of squared steps (Adadelta); the second ones the running
 * mean of squared gradients, and of gradient descent nothing.
 *
 * @param parameters Their flat buffers, gradients complete; as many values are changed as there are gradients.
 * @param control [11]: 1 - beta1^t, 1 - beta2^t, last norm, last clipping factor, steps taken, steps skipped, whether the
 *   last was skipped, sum of the norms, loss scale, good steps since it changed, steps skipped in a row. Starts as
 *   {@linkcode initialControl}, or without half precision as zeros; numbers 4 to 6, 9 and 10 are integers.
 */
export function optimizerStep(
  tape: Tape,
  parameters: FlatParameters,
  control: Tensor,
  options: OptimizerStepOptions = {},
): void {
  const { method = "adam", maxNorm = NO_LIMIT, maxValue = NO_LIMIT } = options;
  const { scaleGrowthSteps = SCALE_GROWTH_STEPS } = options;
  const settings = { ...OPTIMIZER_DEFAULTS[method], ...options };
  const { epsilon = 0, weightDecay = 0, nesterov = false } = settings;
  const beta1 = settings.beta1 ?? settings.momentum ?? 0;
  const beta2 = settings.beta2 ?? settings.rho ?? settings.alpha ?? 0;
  const { values, gradients, firstMoments: m, secondMoments: v } = parameters;
  const params = {
    size: gradients.size / 4,
    max_norm: Math.min(maxNorm, NO_LIMIT),
    max_value: Math.min(maxValue, NO_LIMIT),
    beta1,
    one_minus_beta1: 1 - beta1,
    beta2,
    one_minus_beta2: 1 - beta2,
    epsilon,
    weight_decay: weightDecay,
    nesterov: nesterov ? 1 : 0,
    scale_growth_steps: tape.lossScale ? scaleGrowthSteps : 0,
    most_skipped: MOST_SKIPPED,
    parts: Math.max(1, Math.min(PARTS[tape.device.profile], Math.ceil(gradients.size / 4 / WORKGROUP))),
  };
  const parts = tape.tensor([params.parts], "squares of gradients");
  const rate = tape.sharedInput("learning_rate", [1], "f32");
  tape.dispatch(squareSums, { gradients, parts }, params);
  tape.dispatch(prepare, { parts_saved: parts, control }, params);
  const bindings = { gradients, control_saved: control, learning_rate: rate, values, m };
  if (method === "sgd") tape.dispatch(sgd, bindings, params);
  else tape.dispatch(updates[method], { ...bindings, v }, params);
}
