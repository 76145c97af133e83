// Training: where a run stands, as checkpoints carry it from one process to the next.

import * as v from "npm:valibot@1.5.0";
import type { NamedArray } from "../gpu/parameters.ts";
import { check, type TrainingConfig } from "./config.ts";

/** Where in a training a checkpoint was taken. */
export interface TrainingPosition {
  /** Epochs completed. */
  readonly epoch: number;
  /** Steps taken in the next one. */
  readonly stepInEpoch: number;
  /** Steps taken since the start. */
  readonly step: number;
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number;
  /** The lowest validation loss; null if there was no validation. */
  readonly bestLoss: number | null;
}

/** What it takes to go on training, besides the model and the data. */
export interface TrainingState {
  /** The options of the run. */
  readonly config: TrainingConfig;
  /** Where it stood. */
  readonly position: TrainingPosition;
  /** Adam's step counter and corrections. */
  readonly control: Uint32Array<ArrayBuffer>;
  /** Adam's running means. */
  readonly firstMoments: ReadonlyMap<string, NamedArray>;
  /** Adam's running means of squares. */
  readonly secondMoments: ReadonlyMap<string, NamedArray>;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const positionSchema = v.strictObject({
  epoch: count,
  stepInEpoch: count,
  step: count,
  stepsPerEpoch: count,
  bestLoss: v.nullable(v.number()),
});

/**
 * Checks the position that a checkpoint says it was taken at.
 *
 * @throws {TypeError} If something is missing, unknown or of the wrong kind; the message names it.
 */
export function parsePosition(json: unknown): TrainingPosition {
  return check(positionSchema, json);
}
