// Training: measures a model on the validation examples, and shows what it makes of some of them.

import { HeldOut } from "../evaluation/held_out.ts";
import { perplexity } from "../evaluation/perplexity.ts";
import type { BufferPool } from "../gpu/memory.ts";
import type { Model } from "../models/model.ts";
import type { TrainingConfig } from "./config.ts";
import { kindOfModel } from "./kinds.ts";
import type { Validation } from "./progress.ts";

/** What is measured; how it compares with earlier ones is for others to say. */
export type Measured<Sample> = Omit<Validation<Sample>, "trainingLoss" | "best" | "sinceBest" | "stops">;

/** The validation of a training, epoch after epoch. */
export class Validator<Example, Sample> {
  private constructor(
    readonly model: Model<Example>,
    readonly examples: readonly Example[],
    readonly config: TrainingConfig,
    readonly samples: number,
    readonly heldOut: HeldOut,
  ) {}

  /**
   * Prepares to measure.
   *
   * @param samples How many examples to show.
   * @param pool Buffers to share with other plans.
   */
  static async create<Example, Sample>(
    model: Model<Example>,
    examples: readonly Example[],
    config: TrainingConfig,
    samples: number,
    pool: BufferPool,
  ): Promise<Validator<Example, Sample>> {
    const limits = { batch: config.batch ?? 64, maxLength: 2 * config.maxLength };
    const heldOut = await HeldOut.create(model, examples, limits, pool);
    return new Validator(model, examples, config, samples, heldOut);
  }

  /**
   * Measures the model as it is now.
   *
   * @param signal Gives that up, as long as there is nothing left to do but to translate.
   * @returns Nothing if it was given up.
   */
  async measure(signal?: AbortSignal): Promise<Measured<Sample> | undefined> {
    const { model, examples, config } = this;
    const measured = await this.heldOut.measure(signal);
    if (!measured || signal?.aborted) return undefined;
    const { loss, accuracy } = measured;
    const { samples, bleu } = kindOfModel(model);
    return {
      loss,
      perplexity: perplexity(loss),
      ...(accuracy === undefined ? {} : { accuracy }),
      ...(config.bestBy === "bleu" ? { bleu: await bleu!(model, examples) } : {}),
      samples: await samples(model, examples.slice(0, this.samples)),
    };
  }

  /** Frees what belongs to the measurement alone. */
  close(): void {
    this.heldOut.close();
  }
}
