// Training: the knobs, their defaults, and which values they take.

import type { Pair } from "../data/pair.ts";
import type { Model } from "../models/model.ts";
import type { TrainingConfig } from "./config.ts";
import type { TrainingState } from "./state.ts";

/** How to train; everything has a default. */
export interface TrainOptions<Example = Pair> {
  /** Passes over the examples; 10 by default. */
  readonly epochs?: number;
  /** Examples a step; 64 by default. */
  readonly batch?: number;
  /** Tokens of the longer side a step, padding included; instead of `batch`. */
  readonly batchTokens?: number;
  /** Adam's learning rate; 0.001 by default. */
  readonly learningRate?: number;
  /** Gradients of a larger norm are scaled down to it; 1 by default. */
  readonly clipNorm?: number;
  /** Label smoothing; 0 by default. */
  readonly labelSmoothing?: number;
  /**
   * `"f16"` for half precision: products take weights, activations and gradients in 16 bits and add in 32; products
   * inside the kernels of recurrent layers, and the weights themselves, stay in 32. A loss scale keeps gradients from
   * vanishing. `"f32"` by default.
   */
  readonly precision?: "f32" | "f16";
  /**
   * Examples with a longer side, `<sos>` and `<eos>` counted, are left out; 50 by default for a translator, none for a
   * classifier, which cuts its texts.
   */
  readonly maxLength?: number;
  /** The order of the batches; the model's seed by default. */
  readonly seed?: number;
  /** What {@linkcode splitHash} says of the split that the examples are from, to be recorded in `config.json`. */
  readonly split?: string;
  /** Examples to validate on after each epoch; none by default. */
  readonly valid?: readonly Example[];
  /** Of those, examples to show at each validation; 3 by default. */
  readonly samples?: number;
  /** Ends training after so many steps, in the middle of an epoch if need be. */
  readonly maxSteps?: number;
  /** A folder for checkpoints: the last one, and the best one by validation loss. */
  readonly folder?: string;
  /** What {@linkcode loadCheckpoint} returned, to go on from there. */
  readonly resume?: TrainingState;
  /** Told what training will take, before any of it is taken. */
  readonly onReport?: (report: TrainingReport) => void;
}

/** What training is about to do. */
export interface TrainingReport {
  /** Examples to train on. */
  readonly pairs: number;
  /** Examples left out because a side is too long. */
  readonly dropped: number;
  /** Steps an epoch. */
  readonly stepsPerEpoch: number;
  /** Shapes of batch, each with a plan of its own. */
  readonly buckets: number;
  /** Kernel runs of the largest bucket's step. */
  readonly dispatches: number;
  /** The share of all positions that is padding, from 0 to 1. */
  readonly padding: number;
  /** Numbers that are learned. */
  readonly parameters: number;
  /** Bytes for parameters, gradients and both moments; allocated already. */
  readonly parameterBytes: number;
  /** Bytes for activations, shared by all plans; about to be allocated. */
  readonly activationBytes: number;
}

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} If a value is not one that training can work with; the message names it.
 */
export function completeTraining(options: TrainOptions<unknown>, model: Model<never>): TrainingConfig {
  const config = {
    epochs: options.epochs ?? 10,
    batch: options.batchTokens === undefined ? options.batch ?? 64 : null,
    batchTokens: options.batchTokens ?? null,
    learningRate: options.learningRate ?? 0.001,
    clipNorm: options.clipNorm ?? 1,
    labelSmoothing: options.labelSmoothing ?? 0,
    maxLength: options.maxLength ?? model.maxLength,
    seed: options.seed ?? model.config.seed,
    precision: options.precision ?? "f32",
    split: options.split ?? null,
  };
  const demand = (name: keyof TrainingConfig, right: boolean, wanted: string): void => {
    if (!right) throw new RangeError(`Cannot train with ${name} ${config[name]}: it must be ${wanted}.`);
  };
  for (const name of ["epochs", "batch", "batchTokens"] as const) {
    const value = config[name];
    demand(name, value === null || (Number.isInteger(value) && value >= 1), "a positive integer");
  }
  for (const [name, least] of [["maxSteps", 1], ["samples", 0]] as const) {
    const value = options[name] ?? least;
    if (Number.isInteger(value) && value >= least) continue;
    throw new RangeError(`Cannot train with ${name} ${value}: it must be an integer of at least ${least}.`);
  }
  demand("learningRate", config.learningRate > 0 && config.learningRate < Infinity, "a positive number");
  demand("clipNorm", config.clipNorm > 0, "positive");
  demand("labelSmoothing", config.labelSmoothing >= 0 && config.labelSmoothing < 1, "in [0, 1)");
  demand(
    "maxLength",
    Number.isInteger(config.maxLength) && config.maxLength >= 2,
    "an integer of at least 2",
  );
  demand("precision", config.precision === "f32" || config.precision === "f16", '"f32" or "f16"');
  if (config.precision === "f16" && !model.device.features.has("shader-f16")) {
    throw new RangeError(
      `Cannot train in half precision: the adapter ${model.device.description} has no 16-bit floats. Leave precision out.`,
    );
  }
  demand("seed", Number.isSafeInteger(config.seed), "an integer");
  demand("split", config.split === null || /^[0-9a-f]{64}$/.test(config.split), "what splitHash() returns");
  return config;
}
