// Training: where a run stands, as checkpoints carry it from one process to the next.

import * as v from "npm:valibot@1.5.0";
import type { NamedArray } from "../gpu/parameters.ts";
import { check, type TrainingConfig } from "./config.ts";
import type { ModelIdentity } from "./identity.ts";
import type { Standing } from "./judge.ts";
import { count } from "./schemas.ts";

/** What an epoch came to. */
export interface EpochLosses {
  /** Steps taken when it was over. */
  readonly step: number;
  /** Its mean training loss an answer, in nats; null if it was not finite. */
  readonly training: number | null;
  /** The validation loss after it; null if it was not finite, or there was no validation. */
  readonly validation: number | null;
}

/** Where in its course a training stands. */
export interface TrainingPlace {
  /** Epochs completed. */
  readonly epoch: number;
  /** Steps taken in the next one; all of them if the epoch is over but for its validation. */
  readonly stepInEpoch: number;
  /** Steps taken since the start. */
  readonly step: number;
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number;
  /** The sum of the training losses in the unfinished epoch; null if it is not finite. */
  readonly epochLoss: number | null;
  /** The answers that they are of. */
  readonly epochTokens: number;
  /** What earlier epochs came to. */
  readonly losses: readonly EpochLosses[];
}

/** Where in a training a checkpoint was taken, and how its validations have gone. */
export interface TrainingPosition extends TrainingPlace, Standing {}

/** What it takes to go on training, besides the model and the data. */
export interface TrainingState {
  /** The options of the run. */
  readonly config: TrainingConfig;
  /** Where it stood. */
  readonly position: TrainingPosition;
  /** The model that it trained; checkpoints of earlier versions do not say. */
  readonly identity?: ModelIdentity;
  /** The optimizer's step counter, corrections and loss scale. */
  readonly control: Uint32Array<ArrayBuffer>;
  /** What the optimizer keeps of earlier gradients; of Adam, their running means. */
  readonly firstMoments: ReadonlyMap<string, NamedArray>;
  /** What it keeps of their squares; of Adam, their running means. */
  readonly secondMoments: ReadonlyMap<string, NamedArray>;
  /** The running averages of the weights, if there are any. */
  readonly averages?: ReadonlyMap<string, NamedArray>;
}

const loss = v.nullable(v.number());

const positionSchema = v.strictObject({
  epoch: count,
  stepInEpoch: count,
  step: count,
  stepsPerEpoch: count,
  bestLoss: v.nullable(v.number()),
  // What follows, earlier checkpoints do not have.
  bestBleu: v.optional(v.nullable(v.number()), null),
  sinceBest: v.optional(count, 0),
  sinceLower: v.optional(count, 0),
  reductions: v.optional(count, 0),
  epochLoss: v.optional(loss, 0),
  epochTokens: v.optional(count, 0),
  losses: v.optional(v.array(v.strictObject({ step: count, training: loss, validation: loss })), []),
});

/**
 * Checks the position that a checkpoint says it was taken at.
 *
 * @throws {TypeError} If something is missing, unknown or of the wrong kind, or there is no such step; the message names it.
 */
export function parsePosition(json: unknown): TrainingPosition {
  const position = check(positionSchema, json);
  const { epoch, stepInEpoch, step, stepsPerEpoch } = position;
  if (stepInEpoch > stepsPerEpoch) {
    throw new TypeError(`at "stepInEpoch": it is ${stepInEpoch}, and an epoch has ${stepsPerEpoch} steps.`);
  }
  const steps = epoch * stepsPerEpoch + stepInEpoch;
  if (step !== steps) {
    throw new TypeError(
      `at "step": it is ${step}, and ${epoch} epochs of ${stepsPerEpoch} steps with ${stepInEpoch} more have ${steps}.`,
    );
  }
  return position;
}
