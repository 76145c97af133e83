// The options of `attend train` that say how a model learns, and what the library makes of them.

import { OPTIMIZER_METHODS } from "../ops/optimizer.ts";
import { PRECISIONS } from "../ops/matmul_variants.ts";
import { VALIDATION_MEASURES } from "../training/config.ts";
import type { TrainOptions } from "../training/options.ts";
import { SCHEDULE_NAMES } from "../training/schedule.ts";
import { TEACHER_FORCING_NAMES } from "../training/teacher_forcing.ts";
import type { Values } from "./option.ts";

/** What a step is: batches, the optimizer, and what it does to gradients. */
const step = {
  batch: { type: "integer", minimum: 1, defaultText: "64", description: "Sentence pairs a batch" },
  batchTokens: { type: "integer", minimum: 1, description: "Tokens a batch, in place of --batch" },
  optimizer: {
    type: "choice",
    choices: OPTIMIZER_METHODS,
    default: "adam",
    description: "What takes the steps; constants are as PyTorch's unless given",
  },
  learningRate: {
    type: "number",
    above: 0,
    defaultText: "0.001; rmsprop 0.01, adadelta 1",
    description: "Learning rate, the highest one of a schedule",
  },
  beta1: { type: "number", minimum: 0, below: 1, description: "adam, adamw: decay of the mean" },
  beta2: { type: "number", minimum: 0, below: 1, description: "adam, adamw: decay of the mean square" },
  rho: { type: "number", minimum: 0, below: 1, description: "adadelta: decay of both means" },
  alpha: { type: "number", minimum: 0, below: 1, description: "rmsprop: decay of the mean square" },
  epsilon: { type: "number", above: 0, description: "Added to the denominator; not with sgd" },
  momentum: { type: "number", minimum: 0, below: 1, description: "sgd, rmsprop: momentum" },
  nesterov: { type: "boolean", description: "sgd: look a step ahead with the momentum" },
  weightDecay: {
    type: "number",
    minimum: 0,
    defaultText: "0; adamw 0.01",
    description: "Pull of the weights towards zero",
  },
  clipNorm: {
    type: "number",
    above: 0,
    defaultText: "1, or none with --clip-value",
    description: "Largest norm of a gradient",
  },
  clipValue: {
    type: "number",
    above: 0,
    description: "Largest element of a gradient, in place of --clip-norm",
  },
  averageDecay: {
    type: "number",
    above: 0,
    below: 1,
    description: "Use running averages of the weights, such as 0.999",
  },
  precision: { type: "choice", choices: PRECISIONS, default: "f32", description: "f16: half precision" },
  labelSmoothing: { type: "number", minimum: 0, below: 1, default: 0, description: "Label smoothing" },
  teacherForcing: {
    type: "choice",
    choices: TEACHER_FORCING_NAMES,
    default: "always",
    description: "How often the decoder is given the right word, not its own",
  },
  teacherShare: {
    type: "number",
    minimum: 0,
    maximum: 1,
    defaultText: "constant 0.5, linear 0",
    description: "Share of right words, with linear in the end",
  },
  teacherSteps: {
    type: "integer",
    minimum: 1,
    defaultText: "1000",
    description: "linear: steps to that share; inverse-sigmoid: its k",
  },
  mergeDropout: {
    type: "number",
    minimum: 0,
    below: 1,
    default: 0,
    description: "With --tokenizer bpe: share of merges to leave out",
  },
  maxLength: {
    type: "integer",
    minimum: 3,
    default: 50,
    description: "Leave out longer pairs (words, with both ends)",
  },
  maxSteps: { type: "integer", minimum: 1, description: "Stop after so many steps" },
} as const;

/** The course of a training: how long, at which rate, and what is kept of it. */
const course = {
  epochs: { type: "integer", minimum: 1, default: 10, description: "Passes over the training pairs" },
  accumulation: { type: "integer", minimum: 1, default: 1, description: "Batches a step" },
  schedule: {
    type: "choice",
    choices: SCHEDULE_NAMES,
    default: "constant",
    description: "How the learning rate changes",
  },
  warmup: {
    type: "integer",
    minimum: 0,
    defaultText: "0; inverse-sqrt 4000",
    description: "Steps over which the rate first rises",
  },
  decaySteps: {
    type: "integer",
    minimum: 1,
    defaultText: "all",
    description: "cosine: steps to the lowest rate",
  },
  decayPatience: {
    type: "integer",
    minimum: 1,
    defaultText: "2",
    description: "plateau: epochs without a lower loss after which the rate falls",
  },
  decayAfter: {
    type: "integer",
    minimum: 0,
    defaultText: "5",
    description: "halving: epochs after which the rate falls every epoch",
  },
  decayFactor: {
    type: "number",
    above: 0,
    below: 1,
    defaultText: "0.5",
    description: "plateau, halving: what the rate falls by",
  },
  minLearningRate: {
    type: "number",
    minimum: 0,
    defaultText: "0",
    description: "cosine, plateau: lowest rate",
  },
  patience: {
    type: "integer",
    minimum: 1,
    description: "Stop after so many validations without a better one",
  },
  bestBy: {
    type: "choice",
    choices: VALIDATION_MEASURES,
    defaultText: "loss",
    description: "What makes a validation better",
  },
  samples: {
    type: "integer",
    minimum: 0,
    defaultText: "3",
    description: "Validation pairs to show each time",
  },
  keep: {
    type: "integer",
    minimum: 0,
    default: 0,
    description: "Keep the weights of so many epochs, for attend average",
  },
  saveEvery: {
    type: "number",
    minimum: 0,
    defaultText: "30, or 50 times what it takes",
    description: "Seconds between checkpoints",
  },
  checkpoints: {
    type: "integer",
    minimum: 1,
    default: 2,
    description: "How many of the last checkpoints stay",
  },
  anomaly: {
    type: "boolean",
    description: "Look at what every kernel writes and name the first that is not finite; slow",
  },
} as const;

/** How a model learns. */
export const trainingOptions = { ...step, ...course } as const;

type TrainingValues = Values<typeof trainingOptions> & { readonly seed: number };

/** What a step is, for the library. */
export function stepOptions(values: TrainingValues) {
  return {
    ...pick(values, step),
    nesterov: values.nesterov || undefined,
    seed: values.seed,
  } satisfies TrainOptions;
}

/** The course of a training, for the library. */
export function courseOptions(values: TrainingValues) {
  return pick(values, course) satisfies TrainOptions;
}

/** The values of some options; the library's have the same names, and defaults of its own for what was not given. */
function pick<O extends object, V extends { readonly [Name in keyof O]: unknown }>(
  values: V,
  options: O,
): Pick<V, keyof O> {
  const entries = Object.keys(options).map((name) => [name, values[name as keyof O]]);
  return Object.fromEntries(entries) as Pick<V, keyof O>;
}
