// Training: the loop. An async generator, so that the loop body is the user's and `break` stops it.

import { type Batch, batches } from "../data/batches.ts";
import type { LabelledText } from "../data/labelled_text.ts";
import type { Pair } from "../data/pair.ts";
import type { Model } from "../models/model.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import type { SequenceClassifier } from "../models/sequence_classifier.ts";
import { CheckpointFolder } from "./checkpoint_folder.ts";
import type { TrainingConfig } from "./config.ts";
import { Judge } from "./judge.ts";
import { inGroups, type Optimization, type Sums } from "./optimization.ts";
import { completeTraining, type TrainingReport, type TrainOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { type Preparation, prepare } from "./preparation.ts";
import type { ClassificationSample, TrainingProgress, Validation } from "./progress.ts";
import { scheduledRate } from "./schedule.ts";
import { checkResumable, type TrainingPosition, type TrainingState } from "./state.ts";
import { type Measured, Validator } from "./validator.ts";

export type { ClassificationSample, TrainingProgress, TranslationSample, Validation } from "./progress.ts";

/** Steps without a finite gradient after which training gives up. */
const MOST_SKIPPED = 10;

/**
 * Trains a model.
 *
 * Steps run one after the other on the GPU; the host does not wait for them, but asks for their summed loss about
 * once a second, and then yields. Two runs with the same seed, examples, options and adapter end with the same weights,
 * bit for bit. With `averageDecay` the model has the averages of its weights when training is over.
 *
 * @param model Changed in place.
 * @param examples What to learn from: sentence pairs, or for a classifier texts with their class.
 * @param options How; see {@linkcode TrainOptions}.
 * @throws {RangeError} If an option is wrong, no pair is short enough, or the memory budget does not suffice.
 * @throws {DeviceLostError} If the device is lost; checkpoints stay as they are, see {@linkcode trainThroughDeviceLosses}.
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
  #rate = 0;
  #saved = true;
  #taken = 0;
  #skipped = 0;
  #judge: Judge;
  #folder: CheckpointFolder;
  #validator: Validator<Example, Sample> | undefined;
  #started = 0;
  #startedAt = 0;

  private constructor(
    readonly model: Model<Example>,
    readonly examples: Pick<Preparation, "data" | "contents">,
    readonly config: TrainingConfig,
    readonly options: TrainOptions<Example>,
    readonly optimization: Optimization,
    readonly report: TrainingReport,
  ) {
    this.#judge = new Judge(config);
    this.#folder = new CheckpointFolder(options.folder, model, config, optimization);
  }

  static async start<Example, Sample>(
    model: Model<Example>,
    examples: readonly Example[],
    config: TrainingConfig,
    options: TrainOptions<Example>,
  ): Promise<Run<Example, Sample>> {
    const { data, contents, optimization, report, allocate } = prepare(model, examples, config);
    const run = new Run<Example, Sample>(model, { data, contents }, config, options, optimization, report);
    try {
      options.onReport?.(report);
      await allocate();
      const { valid, samples = 3 } = options;
      if (valid?.length) {
        run.#validator = await Validator.create(model, valid, config, samples, optimization.pool);
      }
      if (options.resume) run.#resume(options.resume);
      return run;
    } catch (error) {
      await run.finish();
      throw error;
    }
  }

  /** Steps of the whole training, if nothing ends it before. */
  get #scheduled(): number {
    return this.config.epochs * this.report.stepsPerEpoch;
  }

  get #steps(): number {
    return Math.min(this.#scheduled, this.options.maxSteps ?? Infinity);
  }

  async *epochs(): AsyncGenerator<TrainingProgress<Sample>, void, void> {
    this.#started = this.#step;
    this.#startedAt = performance.now();
    for (; this.#epoch < this.config.epochs && this.#step < this.#steps; this.#epoch++) {
      if (this.#judge.stops) return;
      yield* this.#pass();
      this.#stepInEpoch = 0;
    }
  }

  /** One epoch, or what is left of it, and a validation. */
  async *#pass(): AsyncGenerator<TrainingProgress<Sample>, void, void> {
    const { seed, accumulation } = this.config;
    let skip = this.#stepInEpoch;
    let pace = new Pace();
    const epoch = { loss: 0, tokens: 0 };
    const { data, contents } = this.examples;
    const epochOptions = { seed, epoch: this.#epoch, contents: contents?.(this.#epoch) };
    const ordered = batches(data, this.optimization.buckets, epochOptions);
    for (const group of inGroups(ordered, accumulation)) {
      if (skip-- > 0) continue;
      this.#take(group);
      pace.count(group.reduce((sum, { tokens }) => sum + tokens, 0));
      const over = this.#step >= this.#steps || this.#stepInEpoch === this.report.stepsPerEpoch;
      if (!pace.due && !over) continue;
      const progress = await this.#progress(pace);
      epoch.loss += progress.loss * pace.tokens;
      epoch.tokens += pace.tokens;
      if (over) {
        yield { ...progress, ...await this.#endOfEpoch(epoch.loss / epoch.tokens) };
        if (this.#step >= this.#steps) return;
      } else yield progress;
      pace = pace.next();
    }
  }

  /** Starts a step. */
  #take(group: readonly Batch[]): void {
    const { schedule, learningRate } = this.config;
    const { reductions } = this.#judge.standing;
    const place = { step: this.#step, epoch: this.#epoch, steps: this.#scheduled, reductions };
    this.#rate = scheduledRate(schedule, learningRate, place);
    this.optimization.step(group, this.#step, this.#rate);
    this.#step++;
    this.#stepInEpoch++;
    this.#saved = false;
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
      learningRate: this.#rate,
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

  /** Measures the model, and saves what is to be saved. */
  async #endOfEpoch(trainingLoss: number): Promise<{ validation?: Validation<Sample> }> {
    const judged = await this.#withAverages(() => this.#validate());
    await this.#saveLast(); // after the best, so that a crash in between leaves an older `last` to redo it
    if (!judged) return {};
    const { sinceBest } = this.#judge.standing;
    return { validation: { ...judged, trainingLoss, sinceBest, stops: this.#judge.stops } };
  }

  /** Measures the model on the validation examples, and saves its weights if they are the best or to be kept. */
  async #validate(): Promise<Measured<Sample> & { best: boolean } | undefined> {
    const { keep } = this.config;
    if (keep > 0 && this.#stepInEpoch === this.report.stepsPerEpoch) {
      await this.#folder.saveEpoch(this.#epoch + 1, this.#position);
    }
    if (!this.#validator) {
      // Else nobody would load the averages: the last checkpoint has them beside the weights.
      if (this.optimization.averages) await this.#folder.saveBest(this.#position);
      return undefined;
    }
    const measured = await this.#validator.measure();
    const best = this.#judge.see(measured);
    if (best) await this.#folder.saveBest(this.#position);
    return { ...measured, best };
  }

  /** Does something while the model has the averages of its weights, if there are any. */
  async #withAverages<T>(use: () => Promise<T>): Promise<T> {
    const { averages } = this.optimization;
    averages?.swap();
    try {
      return await use();
    } finally {
      averages?.swap();
    }
  }

  async #saveLast(): Promise<void> {
    this.#saved = true;
    await this.#folder.saveLast(this.#position);
    if (this.#folder.path) this.options.onSave?.(this.#position);
  }

  /** Saves what has not been saved, leaves the averages of the weights in the model, and frees the GPU's memory. */
  async finish(): Promise<void> {
    try {
      if (!this.#saved) await this.#saveLast();
      if (this.#step > 0) this.optimization.averages?.swap();
    } finally {
      this.#validator?.close();
      this.optimization.close();
    }
  }

  #resume(state: TrainingState): void {
    checkResumable(state, this.config, this.report.stepsPerEpoch);
    const { position, control, firstMoments, secondMoments, averages } = state;
    this.#folder.owned = true;
    this.#epoch = position.epoch;
    this.#stepInEpoch = position.stepInEpoch;
    this.#step = position.step;
    const { bestLoss, bestBleu, sinceBest, sinceLower, reductions } = position;
    this.#judge.standing = { bestLoss, bestBleu, sinceBest, sinceLower, reductions };
    this.optimization.restore(control);
    this.model.parameters.loadMoments("firstMoments", firstMoments);
    this.model.parameters.loadMoments("secondMoments", secondMoments);
    if (averages) this.optimization.averages?.restore(averages);
  }

  get #position(): TrainingPosition {
    const over = this.#stepInEpoch === this.report.stepsPerEpoch;
    return {
      epoch: over ? this.#epoch + 1 : this.#epoch,
      stepInEpoch: over ? 0 : this.#stepInEpoch,
      step: this.#step,
      stepsPerEpoch: this.report.stepsPerEpoch,
      ...this.#judge.standing,
    };
  }
}
