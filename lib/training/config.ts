// Training: the contract of a model folder's config.json.

import * as v from "npm:valibot@1.5.0";
import type { Seq2SeqConfig } from "../models/seq2seq.ts";

/** All options but the data, defaults filled in: what a checkpoint's `config.json` stores. */
export interface TrainingConfig {
  /** Passes over the pairs. */
  readonly epochs: number;
  /** Sentence pairs a step; null if batches are made by tokens. */
  readonly batch: number | null;
  /** Tokens a step; null if batches are made by sentences. */
  readonly batchTokens: number | null;
  /** Adam's learning rate. */
  readonly learningRate: number;
  /** The norm that gradients are clipped to. */
  readonly clipNorm: number;
  /** Label smoothing. */
  readonly labelSmoothing: number;
  /** The most tokens of a side. */
  readonly maxLength: number;
  /** The order of the batches. */
  readonly seed: number;
}

/** What config.json says. */
export interface RunConfig {
  /** The version of the format. */
  readonly format: "attend 1";
  /** The model's options. */
  readonly model: Seq2SeqConfig;
  /** The training's options. */
  readonly training: TrainingConfig;
}

const size = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 20));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

const schema = v.strictObject({
  format: v.literal("attend 1"),
  model: v.strictObject({
    cell: v.literal("gru"),
    attention: v.literal("bahdanau"),
    embedding: size,
    hidden: size,
    attentionWidth: size,
    readout: size,
    dropout: share,
    seed: v.number(),
  }),
  training: v.strictObject({
    epochs: size,
    batch: v.nullable(size),
    batchTokens: v.nullable(size),
    learningRate: v.number(),
    clipNorm: v.pipe(v.nullable(v.number()), v.transform((norm) => norm ?? Infinity)), // JSON has no Infinity
    labelSmoothing: share,
    maxLength: size,
    seed: v.number(),
  }),
});

/**
 * Checks the contents of a config.json.
 *
 * @throws {TypeError} If a key is missing, unknown or of the wrong kind; the message names it.
 */
export function parseConfig(json: unknown): RunConfig {
  return check(schema, json);
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
  throw new TypeError(`at "${v.getDotPath(issue) ?? "the top"}": ${issue.message}.`);
}
