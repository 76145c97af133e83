// Training: what happens when an epoch is over, or training is: the model is measured, and weights are kept.

import type { CheckpointFolder, PositionOf } from "./checkpoint_folder.ts";
import type { Judge } from "./judge.ts";
import type { Optimization } from "./optimization.ts";
import type { Place } from "./place.ts";
import type { Validation } from "./progress.ts";
import type { Validator } from "./validator.ts";

/** Concludes the epochs of one training. */
export class EpochEnd<Example, Sample> {
  /** What measures the model, if there is anything to measure it on. */
  validator: Validator<Example, Sample> | undefined;

  /** Nothing is measured yet. */
  constructor(
    readonly optimization: Optimization,
    readonly place: Place,
    readonly judge: Judge,
    readonly folder: CheckpointFolder,
    readonly position: PositionOf,
  ) {}

  /**
   * Measures the model, and saves its weights if they are the best or to be kept. In the middle of an epoch the judge does
   * not hear of it: a training that goes on from here is to be the one that never stopped.
   *
   * @param epochLoss The sum of the epoch's losses.
   * @param signal If it is aborted before the model has been measured, the epoch stays unconcluded, for whoever goes on.
   */
  async conclude(
    epochLoss: number,
    signal?: AbortSignal,
  ): Promise<{ readonly validation?: Validation<Sample> }> {
    if (this.validator && signal?.aborted) return {};
    const { averages } = this.optimization;
    averages?.swap();
    try {
      return await this.#conclude(epochLoss, signal);
    } finally {
      averages?.swap();
    }
  }

  async #conclude(
    epochLoss: number,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly validation?: Validation<Sample> }> {
    const { optimization: { averages, config }, place, judge, folder, position, validator } = this;
    if (config.keep > 0 && place.over) await folder.saveEpoch(place.epoch + 1, position);
    const measured = await validator?.measure(signal);
    if (validator && !measured) return {};
    const best = measured && (place.over ? judge.see(measured) : judge.standing.bestLoss === null);
    place.conclude(epochLoss, measured?.loss);
    // Without validation nobody would load the averages: the last checkpoint has them beside the weights.
    if (best || (!measured && averages)) await folder.saveBest(position);
    if (!measured) return {};
    const trainingLoss = place.mean(epochLoss);
    const { standing: { sinceBest }, stops } = judge;
    return { validation: { ...measured, best: best!, trainingLoss, sinceBest, stops } };
  }
}
