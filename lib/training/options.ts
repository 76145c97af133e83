// Training: the knobs, their defaults, and which values they take.

import type { Pair } from "../data/pair.ts";
import type { Model } from "../models/model.ts";
import type { TrainingConfig } from "./config.ts";
import { kindOfModel } from "./kinds.ts";
import { completeOptimizer, type OptimizerOptions } from "./optimizer_options.ts";
import { completeSchedule, type ScheduleOptions } from "./schedule.ts";
import { refuse } from "./settings.ts";
import type { TrainingPosition, TrainingState } from "./state.ts";
import { completeTeacherForcing, type TeacherForcingOptions } from "./teacher_forcing.ts";

/** How to train; everything has a default. */
export interface TrainOptions<Example = Pair>
  extends OptimizerOptions, ScheduleOptions, TeacherForcingOptions {
  /** Passes over the examples; 10 by default. */
  readonly epochs?: number;
  /** Examples a batch; 64 by default. */
  readonly batch?: number;
  /** Tokens of the longer side a batch, padding included; instead of `batch`. */
  readonly batchTokens?: number;
  /**
   * Batches a step, 1 by default: their gradients are added up, each answer with the same weight, as if they were one
   * batch that memory has no room for.
   */
  readonly accumulation?: number;
  /**
   * The decay of running averages of the weights, such as 0.999; none are kept by default. Validation, the best
   * checkpoint (without validation, that of the last whole epoch), those that are kept, and the model when training is over
   * have the averages in place of the weights.
   */
  readonly averageDecay?: number;
  /** Label smoothing; 0 by default. */
  readonly labelSmoothing?: number;
  /**
   * The share of merges that tokenizers of byte pairs leave out, drawn anew for each epoch (BPE-dropout, Provilkov et al.
   * 2020); 0 by default. A draw that is too long for the batch that the first draw of its pair chose is replaced by that one.
   */
  readonly mergeDropout?: number;
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
  /** Stops after so many validations in a row without a better one; by default never. */
  readonly patience?: number;
  /** What makes a validation better: a lower loss, as by default, or a higher BLEU of the translations. */
  readonly bestBy?: "loss" | "bleu";
  /** Of the validation examples, how many to show each time; 3 by default. */
  readonly samples?: number;
  /** Ends training after so many steps, in the middle of an epoch if need be. */
  readonly maxSteps?: number;
  /** A folder for checkpoints: the last one, and the best one by validation. */
  readonly folder?: string;
  /** Keeps the weights of the last epochs too, so many, for {@linkcode averageCheckpoints}; none by default. */
  readonly keep?: number;
  /** What {@linkcode loadCheckpoint} returned, to go on from there. */
  readonly resume?: TrainingState;
  /** Told what training will take, before any of it is taken. */
  readonly onReport?: (report: TrainingReport) => void;
  /** Told of each checkpoint that training can go on from, once it is in the folder. */
  readonly onSave?: (position: TrainingPosition) => void;
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
  /** Bytes for parameters, gradients, both moments, sums of gradients and averages; allocated already. */
  readonly parameterBytes: number;
  /** Bytes for activations, shared by all plans, and for the inputs of each; about to be allocated. */
  readonly activationBytes: number;
  /** The most bytes that the device gives out, all buffers together; infinite if only the driver sets a limit. */
  readonly memoryBudget: number;
}

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} If a value is not one that training can work with, or two do not go together; the message names it.
 */
export function completeTraining(options: TrainOptions<unknown>, model: Model<never>): TrainingConfig {
  const steps = completeOptimizer(options);
  const config = {
    epochs: options.epochs ?? 10,
    batch: options.batchTokens === undefined ? options.batch ?? 64 : null,
    batchTokens: options.batchTokens ?? null,
    learningRate: steps.learningRate,
    clipNorm: steps.clipNorm,
    labelSmoothing: options.labelSmoothing ?? 0,
    maxLength: options.maxLength ?? model.maxLength,
    seed: options.seed ?? model.config.seed,
    precision: options.precision ?? "f32",
    clipValue: steps.clipValue,
    optimizer: steps.optimizer,
    schedule: completeSchedule(options, steps.learningRate),
    teacherForcing: completeTeacherForcing(options),
    mergeDropout: options.mergeDropout ?? 0,
    accumulation: options.accumulation ?? 1,
    averageDecay: options.averageDecay ?? null,
    patience: options.patience ?? null,
    bestBy: options.bestBy ?? "loss",
    keep: options.keep ?? 0,
    split: options.split ?? null,
  };
  const { maxSteps = 1, samples = 0 } = options;
  const demand = (name: string, value: unknown, right: boolean, wanted: string): void => {
    if (!right) refuse(name, value, `it must be ${wanted}`);
  };
  for (const name of ["epochs", "batch", "batchTokens", "accumulation", "patience"] as const) {
    const value = config[name];
    demand(name, value, value === null || (Number.isInteger(value) && value >= 1), "a positive integer");
  }
  const { labelSmoothing, mergeDropout, maxLength, seed, precision, averageDecay, bestBy, keep } = config;
  for (
    const [name, value, least] of [
      ["maxSteps", maxSteps, 1],
      ["samples", samples, 0],
      ["keep", keep, 0],
      ["maxLength", maxLength, 2],
    ] as const
  ) {
    demand(name, value, Number.isInteger(value) && value >= least, `an integer of at least ${least}`);
  }
  demand("mergeDropout", mergeDropout, mergeDropout >= 0 && mergeDropout < 1, "in [0, 1)");
  demand("labelSmoothing", labelSmoothing, labelSmoothing >= 0 && labelSmoothing < 1, "in [0, 1)");
  demand(
    "averageDecay",
    averageDecay,
    averageDecay === null || (averageDecay > 0 && averageDecay < 1),
    "in (0, 1)",
  );
  demand("precision", precision, precision === "f32" || precision === "f16", '"f32" or "f16"');
  demand("bestBy", bestBy, bestBy === "loss" || bestBy === "bleu", '"loss" or "bleu"');
  demand("seed", seed, Number.isSafeInteger(seed), "an integer");
  if (precision === "f16" && !model.device.features.has("shader-f16")) {
    throw new RangeError(
      `Cannot train in half precision: the adapter ${model.device.description} has no 16-bit floats. Leave precision out.`,
    );
  }
  demand(
    "split",
    config.split,
    config.split === null || /^[0-9a-f]{64}$/.test(config.split),
    "what splitHash() returns",
  );
  refuseUnfit(config, options, model);
  return config;
}

/** Refuses options that ask for what the others, or the model, do not give. */
function refuseUnfit(config: TrainingConfig, options: TrainOptions<unknown>, model: Model<never>): void {
  const { patience, bestBy, keep, schedule, teacherForcing, mergeDropout } = config;
  const copies = "copy" in model.config && model.config.copy === true;
  if (copies && config.labelSmoothing > 0) {
    const why = "a copied word has no other words to share its probability with";
    refuse("labelSmoothing", config.labelSmoothing, why);
  }
  const tokenizers = Object.values(model.tokenizers);
  if (mergeDropout > 0 && !tokenizers.some(({ kind }) => kind === "bpe")) {
    refuse("mergeDropout", mergeDropout, "no tokenizer of the model has merges to leave out");
  }
  if (mergeDropout > 0 && copies) {
    refuse("mergeDropout", mergeDropout, "a model that copies needs the same parts of words on both sides");
  }
  if (teacherForcing.name !== "always" && !kindOfModel(model).bleu) {
    refuse("teacherForcing", teacherForcing.name, `a ${model.constructor.name} is given no words of its own`);
  }
  if (bestBy === "bleu" && !kindOfModel(model).bleu) {
    refuse("bestBy", bestBy, `a ${model.constructor.name} does not translate`);
  }
  if (keep > 0 && options.folder === undefined) refuse("keep", keep, "there is no folder to keep them in");
  if (options.valid?.length) return;
  const why = "there are no examples to validate on; give some as valid";
  if (patience !== null) refuse("patience", patience, why);
  if (bestBy === "bleu") refuse("bestBy", bestBy, why);
  if (schedule.name === "plateau") refuse("schedule", schedule.name, why);
}
