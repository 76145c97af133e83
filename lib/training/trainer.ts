// Training: the loop. An async generator, so that the loop body is the user's and `break` stops it.

import { batches, type EncodedPair } from "../data/batches.ts";
import type { LabelledText } from "../data/labelled_text.ts";
import type { Pair } from "../data/pair.ts";
import { HeldOut } from "../evaluation/held_out.ts";
import { perplexity } from "../evaluation/perplexity.ts";
import type { Model } from "../models/model.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import type { SequenceClassifier } from "../models/sequence_classifier.ts";
import { discardBest, saveCheckpoint } from "./checkpoint.ts";
import type { TrainingConfig } from "./config.ts";
import { kindOfModel } from "./kinds.ts";
import type { Optimization, Sums } from "./optimization.ts";
import { completeTraining, type TrainingReport, type TrainOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { prepare } from "./preparation.ts";
import type { ClassificationSample, TrainingProgress, Validation } from "./progress.ts";
import type { TrainingState } from "./state.ts";

export type { ClassificationSample, TrainingProgress, TranslationSample, Validation } from "./progress.ts";

/** Steps without a finite gradient after which training gives up. */
const MOST_SKIPPED = 10;

/**
 * Trains a model.
 *
 * Steps run one after the other on the GPU; the host does not wait for them, but asks for their summed loss about
 * once a second, and then yields. Two runs with the same seed, examples, options and adapter end with the same weights,
 * bit for bit.
 *
 * @param model Changed in place.
 * @param examples What to learn from: sentence pairs, or for a classifier texts with their class.
 * @param options How; see {@linkcode TrainOptions}.
 * @throws {RangeError} If an option is wrong, no pair is short enough, or the memory budget does not suffice.
 * @throws {Error} If ten steps in a row have gradients that are not finite.
 *
 * @example
 * ```ts
 * import { openDevice, Seq2Seq, Tokenizer, train } from "../../mod.ts";
 *
 * const pairs = [{ source: "good morning", target: "guten Morgen" }, { source: "good night", target: "gute Nacht" }];
 * const device = await openDevice();
 * const model = new Seq2Seq(device, {
 *   source: Tokenizer.words(pairs.map(({ source }) => source)),
 *   target: Tokenizer.words(pairs.map(({ target }) => target)),
 *   embedding: 8,
 *   hidden: 8,
 * });
 * for await (const { epoch, loss } of train(model, pairs, { epochs: 2, batch: 2 })) console.log(epoch, loss);
 * device.close();
 * ```
 */
export function train(
  model: Seq2Seq,
  examples: readonly Pair[],
  options?: TrainOptions,
): AsyncGenerator<TrainingProgress, void, void>;
/** Trains a classifier. */
export function train(
  model: SequenceClassifier,
  examples: readonly LabelledText[],
  options?: TrainOptions<LabelledText>,
): AsyncGenerator<TrainingProgress<ClassificationSample>, void, void>;
export async function* train<Example, Sample>(
  model: Model<Example>,
  examples: readonly Example[],
  options: TrainOptions<Example> = {},
): AsyncGenerator<TrainingProgress<Sample>, void, void> {
  const config = completeTraining(options, model);
  const run = await Run.start<Example, Sample>(model, examples, config, options);
  try {
    yield* run.epochs();
  } finally {
    await run.finish();
  }
}

/** One training under way. */
class Run<Example, Sample> {
  #epoch = 0;
  #step = 0;
  #stepInEpoch = 0;
  #bestLoss = Infinity;
  #saved = true;
  /** Whether the checkpoints in the folder are this run's. */
  #owned = false;
  #taken = 0;
  #skipped = 0;
  #validator: HeldOut | undefined;
  #started = 0;
  #startedAt = 0;

  private constructor(
    readonly model: Model<Example>,
    readonly data: readonly EncodedPair[],
    readonly config: TrainingConfig,
    readonly options: TrainOptions<Example>,
    readonly optimization: Optimization,
    readonly report: TrainingReport,
  ) {}

  static async start<Example, Sample>(
    model: Model<Example>,
    examples: readonly Example[],
    config: TrainingConfig,
    options: TrainOptions<Example>,
  ): Promise<Run<Example, Sample>> {
    const { data, optimization, report, allocate } = prepare(model, examples, config);
    const run = new Run<Example, Sample>(model, data, config, options, optimization, report);
    try {
      options.onReport?.(report);
      await allocate();
      if (options.valid?.length) {
        const limits = { batch: config.batch ?? 64, maxLength: 2 * config.maxLength };
        run.#validator = await HeldOut.create(model, options.valid, limits, optimization.pool);
      }
      if (options.resume) run.#resume(options.resume);
      return run;
    } catch (error) {
      await run.finish();
      throw error;
    }
  }

  get #steps(): number {
    return Math.min(this.config.epochs * this.report.stepsPerEpoch, this.options.maxSteps ?? Infinity);
  }

  async *epochs(): AsyncGenerator<TrainingProgress<Sample>, void, void> {
    this.#started = this.#step;
    this.#startedAt = performance.now();
    for (; this.#epoch < this.config.epochs && this.#step < this.#steps; this.#epoch++) {
      yield* this.#pass();
      this.#stepInEpoch = 0;
    }
  }

  /** One epoch, or what is left of it, and a validation. */
  async *#pass(): AsyncGenerator<TrainingProgress<Sample>, void, void> {
    const { seed } = this.config;
    let skip = this.#stepInEpoch;
    let pace = new Pace();
    const epoch = { loss: 0, tokens: 0 };
    for (const batch of batches(this.data, this.optimization.buckets, { seed, epoch: this.#epoch })) {
      if (skip-- > 0) continue;
      this.optimization.step(batch, this.#step);
      this.#step++;
      this.#stepInEpoch++;
      this.#saved = false;
      pace.count(batch.tokens);
      const over = this.#step >= this.#steps || this.#stepInEpoch === this.report.stepsPerEpoch;
      if (!pace.due && !over) continue;
      const progress = await this.#progress(pace);
      epoch.loss += progress.loss * pace.tokens;
      epoch.tokens += pace.tokens;
      if (over) {
        yield { ...progress, ...await this.#validate(epoch.loss / epoch.tokens) };
        if (this.#step >= this.#steps) return;
      } else yield progress;
      pace = pace.next();
    }
  }

  async #progress(pace: Pace): Promise<TrainingProgress<Sample>> {
    const sums = await this.optimization.sums();
    const { seconds } = pace;
    this.#refuseNonFinite(sums);
    const secondsPerStep = (performance.now() - this.#startedAt) / 1000 / (this.#step - this.#started);
    return {
      epoch: this.#epoch + 1,
      step: this.#step,
      steps: this.#steps,
      loss: sums.loss / pace.tokens,
      gradientNorm: sums.gradientNorm,
      tokensPerSecond: pace.tokens / seconds,
      secondsLeft: secondsPerStep * (this.#steps - this.#step),
      skipped: sums.skipped,
    };
  }

  /** Gives up when step after step is left out. */
  #refuseNonFinite({ steps, skipped }: Sums): void {
    if (steps > this.#taken) {
      this.#taken = steps;
      this.#skipped = skipped;
    } else if (skipped - this.#skipped >= MOST_SKIPPED) {
      throw new Error(
        `Cannot go on training: the gradients of ${
          skipped - this.#skipped
        } steps in a row were not finite. ` +
          "Lower the learning rate or the norm that gradients are clipped to.",
      );
    }
  }

  /** Measures the model on the validation examples and saves it, twice if it is the best so far. */
  async #validate(trainingLoss: number): Promise<{ validation?: Validation<Sample> }> {
    const { valid, samples: count = 3 } = this.options;
    if (!this.#validator || !valid) {
      await this.#save("last");
      return {};
    }
    const { loss, accuracy } = await this.#validator.measure();
    const best = loss < this.#bestLoss;
    if (best) this.#bestLoss = loss;
    if (best) await this.#save("best"); // first, so that a crash in between leaves an older `last` to redo it
    await this.#save("last");
    const samples = await kindOfModel(this.model).samples(this.model, valid.slice(0, count));
    const measured = { loss, perplexity: perplexity(loss), ...(accuracy === undefined ? {} : { accuracy }) };
    return { validation: { ...measured, trainingLoss, best, samples } };
  }

  /** Saves what has not been saved, and frees the GPU's memory. */
  async finish(): Promise<void> {
    try {
      if (!this.#saved) await this.#save("last");
    } finally {
      this.#validator?.close();
      this.optimization.close();
    }
  }

  #resume(state: TrainingState): void {
    const { config, position, control, firstMoments, secondMoments } = state;
    if (position.stepsPerEpoch !== this.report.stepsPerEpoch) {
      throw new RangeError(
        `Cannot resume: an epoch had ${position.stepsPerEpoch} steps, and now has ${this.report.stepsPerEpoch}. ` +
          "Use the same corpus, sample, split and batch size.",
      );
    }
    const { split } = this.config;
    if (split !== null && config.split !== null && split !== config.split) {
      throw new RangeError(
        `Cannot resume: the split was ${config.split}, and now is ${split}. Use the same corpus, sample, sizes and seed.`,
      );
    }
    this.#owned = true;
    this.#epoch = position.epoch;
    this.#stepInEpoch = position.stepInEpoch;
    this.#step = position.step;
    this.#bestLoss = position.bestLoss ?? Infinity;
    this.optimization.restore(control);
    this.model.parameters.loadMoments("firstMoments", firstMoments);
    this.model.parameters.loadMoments("secondMoments", secondMoments);
  }

  async #save(which: "last" | "best"): Promise<void> {
    const { folder } = this.options;
    this.#saved = true;
    if (folder === undefined) return;
    if (!this.#owned) await discardBest(folder);
    this.#owned = true;
    const over = this.#stepInEpoch === this.report.stepsPerEpoch;
    await saveCheckpoint(folder, which, this.model, {
      config: this.config,
      position: {
        epoch: over ? this.#epoch + 1 : this.#epoch,
        stepInEpoch: over ? 0 : this.#stepInEpoch,
        step: this.#step,
        stepsPerEpoch: this.report.stepsPerEpoch,
        bestLoss: this.#bestLoss === Infinity ? null : this.#bestLoss,
      },
      control: await this.optimization.control(),
    });
  }
}
