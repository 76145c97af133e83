// Training: the contract of a model folder's config.json.

import * as v from "npm:valibot@1.5.0";
import { type Precision, PRECISIONS } from "../ops/matmul_variants.ts";
import { excerpt } from "../strict_json.ts";
import { optimizerSchema, type StepConfig } from "./optimizer_options.ts";
import { type ScheduleConfig, scheduleSchema } from "./schedule.ts";
import { count, seed, share, size } from "./schemas.ts";
import { refuse } from "./settings.ts";
import { type TeacherForcingConfig, teacherForcingSchema } from "./teacher_forcing.ts";

/** What can make a validation better; the first one is the default. */
export const VALIDATION_MEASURES = ["loss", "bleu"] as const;

/** One of the measures. */
export type ValidationMeasure = typeof VALIDATION_MEASURES[number];

/** All options but the data, defaults filled in: what a checkpoint's `config.json` stores. */
export interface TrainingConfig extends StepConfig {
  /** Passes over the examples. */
  readonly epochs: number;
  /** Examples a step; null if batches are made by tokens. */
  readonly batch: number | null;
  /** Tokens a step; null if batches are made by examples. */
  readonly batchTokens: number | null;
  /** How many bits products take their operands in. */
  readonly precision: Precision;
  /** How the learning rate changes. */
  readonly schedule: ScheduleConfig;
  /** Which words a decoder is given. */
  readonly teacherForcing: TeacherForcingConfig;
  /** Batches a step. */
  readonly accumulation: number;
  /** The decay of the weights' running averages; null if none are kept. */
  readonly averageDecay: number | null;
  /** Validations without a better one after which training stops; null if it does not. */
  readonly patience: number | null;
  /** What makes a validation the best. */
  readonly bestBy: ValidationMeasure;
  /** The weights of how many epochs are kept. */
  readonly keep: number;
  /** The share of byte pairs' merges that are left out. */
  readonly mergeDropout: number;
  /** Label smoothing. */
  readonly labelSmoothing: number;
  /** The most tokens of a side. */
  readonly maxLength: number;
  /** The order of the batches. */
  readonly seed: number;
  /** Whether every kernel is looked at. */
  readonly anomaly: boolean;
  /** The hash of the split that the examples are from; null if it was not given. */
  readonly split: string | null;
}

/** What config.json says. */
export interface RunConfig<ModelConfig> {
  /** The version of the format. */
  readonly format: typeof FORMAT;
  /** The model's class. */
  readonly kind: string;
  /** The model's options. */
  readonly model: ModelConfig;
  /** The training's options. */
  readonly training: TrainingConfig;
}

/** What folders are marked with. */
export const FORMAT = "attend 2";

/** Folders of the first format have translators whose options and parameters had other names. */
const format = v.literal(
  FORMAT,
  (issue) =>
    issue.input === "attend 1"
      ? "the model was saved by an earlier version, whose parts had other names; train it again"
      : `expected "${FORMAT}" but received ${issue.received}`,
);

/** The name of a class. */
const kind = v.pipe(v.string(), v.regex(/^\w+$/));
const positive = v.pipe(v.number(), v.gtValue(0));
const training = v.strictObject({
  epochs: size,
  batch: v.nullable(size),
  batchTokens: v.nullable(size),
  learningRate: positive,
  clipNorm: v.pipe(v.nullable(positive), v.transform((norm) => norm ?? Infinity)), // JSON has no Infinity
  labelSmoothing: share,
  maxLength: size,
  seed,
  // What follows, earlier folders do not have.
  precision: v.optional(v.picklist(PRECISIONS), "f32"),
  clipValue: v.optional(v.nullable(positive), null),
  optimizer: optimizerSchema,
  schedule: scheduleSchema,
  teacherForcing: teacherForcingSchema,
  mergeDropout: v.optional(share, 0),
  accumulation: v.optional(size, 1),
  averageDecay: v.optional(v.nullable(share), null),
  patience: v.optional(v.nullable(size), null),
  bestBy: v.optional(v.picklist(VALIDATION_MEASURES), "loss"),
  keep: v.optional(count, 0),
  anomaly: v.optional(v.boolean(), false),
  split: v.optional(v.nullable(v.pipe(v.string(), v.hexadecimal(), v.length(64))), null),
});

/**
 * Tells the class of the model that a config.json describes.
 *
 * @throws {TypeError} If it is none of ours.
 */
export function parseKind(json: unknown): string {
  return check(v.looseObject({ format, kind }), json).kind;
}

/**
 * Tells which model a config.json describes: its class, and its options without a look at them.
 *
 * @throws {TypeError} If it says neither.
 */
export function parseModel(json: unknown): { readonly kind: string; readonly model: unknown } {
  return check(v.looseObject({ kind, model: v.unknown() }), json);
}

/**
 * Checks the contents of a config.json.
 *
 * @param json The parsed file.
 * @param model The contract of the model's options.
 * @throws {TypeError} If a key is missing, unknown or of the wrong kind; the message names it.
 */
export function parseConfig<ModelConfig>(
  json: unknown,
  model: v.GenericSchema<unknown, ModelConfig>,
): RunConfig<ModelConfig> {
  return check(v.strictObject({ format, kind, model, training }), json);
}

/**
 * Checks the options of a training that a checkpoint carries.
 *
 * @throws {TypeError} If a key is missing, unknown or of the wrong kind; the message names it.
 */
export function parseTraining(json: unknown): TrainingConfig {
  return check(training, json);
}

/**
 * Refuses a model and a training whose config.json could be written and not be read again.
 *
 * @param contract That of the model's options.
 * @throws {RangeError} The message names option, value and limit.
 */
export function assertReadable(
  model: unknown,
  contract: v.GenericSchema<unknown, unknown>,
  options: TrainingConfig,
): void {
  const { issues } = v.safeParse(v.strictObject({ model: contract, training }), { model, training: options });
  if (!issues) return;
  const [issue] = issues;
  const name = v.getDotPath(issue)!.split(".").at(-1)!;
  const limit = "requirement" in issue ? issue.requirement : undefined;
  const wanted = issue.type === "max_value"
    ? `at most ${limit}`
    : `what config.json can say: ${issue.message}`;
  refuse(name, issue.input, `it must be ${wanted}`);
}

/**
 * Checks what a file says against its contract.
 *
 * @throws {TypeError} If something is missing, unknown or of the wrong kind; the message says where.
 */
export function check<T>(contract: v.GenericSchema<unknown, T>, json: unknown): T {
  const result = v.safeParse(contract, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = excerpt(v.getDotPath(issue) ?? "the top", 200);
  throw new TypeError(
    `at ${place}: ${issue.message.length > 300 ? `${issue.message.slice(0, 300)}…` : issue.message}.`,
  );
}
