// Training: where a run stands, as checkpoints carry it from one process to the next.

import * as v from "npm:valibot@1.5.0";
import type { NamedArray } from "../gpu/parameters.ts";
import { check, type TrainingConfig } from "./config.ts";
import type { Standing } from "./judge.ts";

/** Where in a training a checkpoint was taken, and how its validations have gone. */
export interface TrainingPosition extends Standing {
  /** Epochs completed. */
  readonly epoch: number;
  /** Steps taken in the next one. */
  readonly stepInEpoch: number;
  /** Steps taken since the start. */
  readonly step: number;
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number;
}

/** What it takes to go on training, besides the model and the data. */
export interface TrainingState {
  /** The options of the run. */
  readonly config: TrainingConfig;
  /** Where it stood. */
  readonly position: TrainingPosition;
  /** The optimizer's step counter, corrections and loss scale. */
  readonly control: Uint32Array<ArrayBuffer>;
  /** What the optimizer keeps of earlier gradients; of Adam, their running means. */
  readonly firstMoments: ReadonlyMap<string, NamedArray>;
  /** What it keeps of their squares; of Adam, their running means. */
  readonly secondMoments: ReadonlyMap<string, NamedArray>;
  /** The running averages of the weights, if there are any. */
  readonly averages?: ReadonlyMap<string, NamedArray>;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const positionSchema = v.strictObject({
  epoch: count,
  stepInEpoch: count,
  step: count,
  stepsPerEpoch: count,
  bestLoss: v.nullable(v.number()),
  bestBleu: v.optional(v.nullable(v.number()), null), // earlier checkpoints end with bestLoss
  sinceBest: v.optional(count, 0),
  sinceLower: v.optional(count, 0),
  reductions: v.optional(count, 0),
});

/**
 * Checks the position that a checkpoint says it was taken at.
 *
 * @throws {TypeError} If something is missing, unknown or of the wrong kind; the message names it.
 */
export function parsePosition(json: unknown): TrainingPosition {
  return check(positionSchema, json);
}

/**
 * Refuses a checkpoint that a training cannot go on from as if it had never stopped.
 *
 * @param config The options of the training that is to go on.
 * @param stepsPerEpoch The steps of its epochs.
 * @throws {RangeError} If epochs have another length, or the optimizer or the split is another one.
 */
export function checkResumable(state: TrainingState, config: TrainingConfig, stepsPerEpoch: number): void {
  const { position, config: { optimizer } } = state;
  if (position.stepsPerEpoch !== stepsPerEpoch) {
    throw new RangeError(
      `Cannot resume: an epoch had ${position.stepsPerEpoch} steps, and now has ${stepsPerEpoch}. ` +
        "Use the same corpus, sample, split, batch size and accumulation.",
    );
  }
  const { split } = config;
  if (split !== null && state.config.split !== null && split !== state.config.split) {
    throw new RangeError(
      `Cannot resume: the split was ${state.config.split}, and now is ${split}. ` +
        "Use the same corpus, sample, sizes and seed.",
    );
  }
  if (state.averages !== undefined && config.averageDecay === null) {
    throw new RangeError(
      `Cannot resume without averageDecay: the checkpoint has running averages, of decay ${state.config.averageDecay}. ` +
        "Give it again.",
    );
  }
  const { method } = config.optimizer;
  if (optimizer.method !== method) {
    throw new RangeError(
      `Cannot resume with the optimizer ${method}: the checkpoint is one of ${optimizer.method}. Use the same.`,
    );
  }
}
