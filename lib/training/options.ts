// Training: the knobs, their defaults, and which values they take.

import type { Pair } from "../data/pair.ts";
import type { Model } from "../models/model.ts";
import { type Precision, PRECISIONS } from "../ops/matmul_variants.ts";
import {
  assertReadable,
  type TrainingConfig,
  VALIDATION_MEASURES,
  type ValidationMeasure,
} from "./config.ts";
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
  readonly precision?: Precision;
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
  readonly bestBy?: ValidationMeasure;
  /** Of the validation examples, how many to show each time; 3 by default. */
  readonly samples?: number;
  /**
   * Ends training after so many steps, in the middle of an epoch if need be, with a validation all the same. Whoever goes on
   * from there with more of them, or none, ends with the bits of a training that did not stop.
   */
  readonly maxSteps?: number;
  /**
   * Ends training early: after the steps that the GPU is at, a report and a checkpoint; nothing is thrown. No validation begins
   * any more, and one at work is given up, unless it is at its translations; whoever goes on from the checkpoint begins
   * with it. Preparing a training ends between encoding, compiling for steps, and compiling for validation.
   */
  readonly signal?: AbortSignal;
  /** A folder for checkpoints: the last ones, and the best one by validation. */
  readonly folder?: string;
  /**
   * Seconds between two checkpoints to go on from; by default 30, or 50 times what the last one took, whichever is more,
   * so that they take less than 2 % of the time. The first is saved after the first report, the last at the end. A checkpoint
   * that cannot be written ends training if it is the first or the last; else training goes on, and tries again.
   */
  readonly saveEvery?: number;
  /** How many of those checkpoints stay; 2 by default. Older ones go when a new one lies safely on disk. */
  readonly checkpoints?: number;
  /** Asked after each report: whether to save a checkpoint now, due or not. */
  readonly saveNow?: () => boolean;
  /**
   * Called when this training is about to save something in the folder for the first time, for what else is to stand there;
   * the weights that an earlier training left there are gone by then.
   */
  readonly beforeFirstSave?: () => Promise<void>;
  /**
   * Told when a checkpoint could not be written, or older ones not removed, and whether training goes on all the same or is
   * at its end.
   */
  readonly onSaveFailed?: (error: Error, goesOn: boolean) => void;
  /** Keeps the weights of the last epochs too, so many, for {@linkcode averageCheckpoints}; none by default. */
  readonly keep?: number;
  /**
   * Anomaly mode, to find out where numbers that are not finite come from: what each kernel writes is looked at, and the first
   * that is not finite ends training with an error that names the operation. It waits for the GPU in every step and takes
   * 1.6 times as long on llvmpipe, more where steps are short; the weights it ends with are the same. False by default.
   */
  readonly anomaly?: boolean;
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
    anomaly: options.anomaly ?? false,
    split: options.split ?? null,
  };
  const { maxSteps = 1, samples = 0, checkpoints = 1, saveEvery = 0 } = options;
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
      ["checkpoints", checkpoints, 1],
      ["samples", samples, 0],
      ["keep", keep, 0],
      ["maxLength", maxLength, 2],
    ] as const
  ) {
    demand(name, value, Number.isInteger(value) && value >= least, `an integer of at least ${least}`);
  }
  demand("saveEvery", saveEvery, saveEvery >= 0, "a number of at least 0");
  demand("mergeDropout", mergeDropout, mergeDropout >= 0 && mergeDropout < 1, "in [0, 1)");
  demand("labelSmoothing", labelSmoothing, labelSmoothing >= 0 && labelSmoothing < 1, "in [0, 1)");
  demand(
    "averageDecay",
    averageDecay,
    averageDecay === null || (averageDecay > 0 && averageDecay < 1),
    "in (0, 1)",
  );
  demand("precision", precision, PRECISIONS.includes(precision), `one of ${PRECISIONS.join(", ")}`);
  demand("bestBy", bestBy, VALIDATION_MEASURES.includes(bestBy), `one of ${VALIDATION_MEASURES.join(", ")}`);
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
  assertReadable(model.config, kindOfModel(model).config, config);
  return config;
}

/** Options that do nothing without a folder. */
const OF_THE_FOLDER = [
  ...["keep", "saveEvery", "checkpoints"] as const,
  ...["saveNow", "beforeFirstSave", "onSave", "onSaveFailed"] as const,
];

/** Refuses options that ask for what the others, or the model, do not give. */
function refuseUnfit(config: TrainingConfig, options: TrainOptions<unknown>, model: Model<never>): void {
  const { bestBy, schedule, teacherForcing, mergeDropout } = config;
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
  for (const name of options.folder === undefined ? OF_THE_FOLDER : []) {
    const given = options[name];
    if (given === undefined || (name === "keep" && given === 0)) continue;
    const shown = typeof given === "function" ? "set" : given;
    refuse(name, shown, `there is no folder to save in; give one as folder, or leave ${name} out`);
  }
  if (options.batch !== undefined && options.batchTokens !== undefined) {
    const why = `batches are made by their batchTokens, ${options.batchTokens}; leave one of them out`;
    refuse("batch", options.batch, why);
  }
  if (options.valid?.length) return;
  const why = "there are no examples to validate on; give some as valid";
  if (schedule.name === "plateau") refuse("schedule", schedule.name, why);
  for (const name of ["patience", "bestBy", "samples"] as const) {
    const value = options[name];
    if (value !== undefined) refuse(name, value, `${why}, or leave ${name} out`);
  }
}
