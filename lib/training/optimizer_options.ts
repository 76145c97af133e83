// Training: which optimizer takes the steps, with which constants, and how gradients are clipped before.

import * as v from "npm:valibot@1.5.0";
import {
  OPTIMIZER_DEFAULTS,
  OPTIMIZER_METHODS,
  type OptimizerMethod,
  type OptimizerSettings,
} from "../ops/optimizer.ts";
import { refuse, type Rule, settingsOf } from "./settings.ts";

/** Which optimizer, its constants, and the clipping of gradients. */
export interface OptimizerOptions extends OptimizerSettings {
  /** `"adam"` by default; all are PyTorch's, and so are the defaults of their constants. */
  readonly optimizer?: OptimizerMethod;
  /** The learning rate, or the highest of a schedule; PyTorch's default for the optimizer, 0.001 for Adam. */
  readonly learningRate?: number;
  /** Gradients of a larger norm are scaled down to it; 1 by default, unless `clipValue` is given. */
  readonly clipNorm?: number;
  /** Elements of gradients are clamped to it, on both sides of zero; instead of `clipNorm`. */
  readonly clipValue?: number;
}

/** An optimizer with its constants, defaults filled in. */
export interface OptimizerConfig extends OptimizerSettings {
  /** Its name. */
  readonly method: OptimizerMethod;
}

/** An optimizer, and what else decides how far it steps. */
export interface StepConfig {
  /** The optimizer. */
  readonly optimizer: OptimizerConfig;
  /** Its learning rate, the highest one of a schedule. */
  readonly learningRate: number;
  /** The norm that gradients are clipped to. */
  readonly clipNorm: number;
  /** What the elements of gradients are clamped to; null if they are not. */
  readonly clipValue: number | null;
}

/** PyTorch's. */
const LEARNING_RATES: Readonly<Record<OptimizerMethod, number>> = {
  adam: 0.001,
  adamw: 0.001,
  sgd: 0.001,
  adadelta: 1,
  rmsprop: 0.01,
};

const share: Rule = [(value) => value >= 0 && value < 1, "in [0, 1)"];
const RULES: Readonly<Record<keyof OptimizerSettings, Rule>> = {
  beta1: share,
  beta2: share,
  rho: share,
  alpha: share,
  epsilon: [(value) => value > 0 && value < Infinity, "a positive number"],
  momentum: share,
  nesterov: [(value) => typeof value === "boolean", "true or false"],
  weightDecay: [(value) => value >= 0 && value < Infinity, "a number of at least 0"],
};

/** The contract of an optimizer in config.json; earlier folders have none, for there was nothing but Adam. */
export const optimizerSchema: v.GenericSchema<unknown, OptimizerConfig> = v.optional(
  v.strictObject({
    method: v.picklist(OPTIMIZER_METHODS),
    beta1: v.optional(v.number()),
    beta2: v.optional(v.number()),
    rho: v.optional(v.number()),
    alpha: v.optional(v.number()),
    epsilon: v.optional(v.number()),
    momentum: v.optional(v.number()),
    nesterov: v.optional(v.boolean()),
    weightDecay: v.optional(v.number()),
  }),
  { method: "adam", ...OPTIMIZER_DEFAULTS.adam },
);

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} If a value is not one that the optimizer can work with; the message names it.
 */
export function completeOptimizer(options: OptimizerOptions): StepConfig {
  const { optimizer: method = "adam", clipValue = null } = options;
  const settings = settingsOf<OptimizerSettings>("optimizer", method, OPTIMIZER_DEFAULTS, options, RULES);
  if (settings.nesterov && !settings.momentum) refuse("nesterov", true, "it needs a momentum above 0");
  const { learningRate = LEARNING_RATES[method], clipNorm = clipValue === null ? 1 : Infinity } = options;
  if (!(learningRate > 0 && learningRate < Infinity)) {
    refuse("learningRate", learningRate, "it must be a positive number");
  }
  if (!(clipNorm > 0)) refuse("clipNorm", clipNorm, "it must be positive");
  if (clipValue !== null && !(clipValue > 0)) refuse("clipValue", clipValue, "it must be positive");
  if (clipValue !== null && clipNorm < Infinity) {
    refuse(
      "clipValue",
      clipValue,
      `gradients are clipped to clipNorm ${clipNorm} already; leave one of them out`,
    );
  }
  return { optimizer: { method, ...settings }, learningRate, clipNorm, clipValue };
}
