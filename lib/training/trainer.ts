// Training: the loop. An async generator, so that the loop body is the user's and `break` stops it.

import type { Batch } from "../data/batches.ts";
import type { LabelledText } from "../data/labelled_text.ts";
import type { Pair } from "../data/pair.ts";
import { DeviceLostError } from "../gpu/device.ts";
import { Pace } from "../gpu/pace.ts";
import { turn } from "../gpu/turn.ts";
import type { Model } from "../models/model.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import type { SequenceClassifier } from "../models/sequence_classifier.ts";
import { stepsOf } from "../ops/optimizer.ts";
import { CheckpointFolder } from "./checkpoint_folder.ts";
import type { TrainingConfig } from "./config.ts";
import { EpochEnd } from "./epoch_end.ts";
import { identityOf } from "./identity.ts";
import { Judge } from "./judge.ts";
import { NonFiniteGuard } from "./non_finite.ts";
import type { Optimization, Sums } from "./optimization.ts";
import { completeTraining, type TrainingReport, type TrainOptions } from "./options.ts";
import { Place } from "./place.ts";
import { type Preparation, prepare } from "./preparation.ts";
import type { ClassificationSample, TrainingProgress } from "./progress.ts";
import { checkResumable } from "./resumable.ts";
import { scheduledRate } from "./schedule.ts";
import type { TrainingPosition, TrainingState } from "./state.ts";
import { Validator } from "./validator.ts";

export type { ClassificationSample, TrainingProgress, TranslationSample, Validation } from "./progress.ts";

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
 * @throws {Error} If ten steps in a row have gradients that are not finite; the message names the first such gradient.
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
  let failure: unknown;
  try {
    yield* run.epochs();
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await run.finish(failure);
  }
}

/** One training under way. */
class Run<Example, Sample> {
  #rate = 0;
  /** The losses since the last report. */
  #loss = 0;
  #place: Place;
  #judge: Judge;
  #folder: CheckpointFolder;
  #guard: NonFiniteGuard;
  #end: EpochEnd<Example, Sample>;
  #started = 0;
  #startedAt = 0;

  private constructor(
    readonly model: Model<Example>,
    readonly groupsOf: Preparation["groups"],
    readonly config: TrainingConfig,
    readonly options: TrainOptions<Example>,
    readonly optimization: Optimization,
    readonly report: TrainingReport,
  ) {
    this.#place = new Place(report.stepsPerEpoch);
    this.#judge = new Judge(config);
    this.#folder = new CheckpointFolder(options, model, config, optimization);
    this.#guard = new NonFiniteGuard(optimization);
    this.#end = new EpochEnd(optimization, this.#place, this.#judge, this.#folder, this.#position);
  }

  static async start<Example, Sample>(
    model: Model<Example>,
    examples: readonly Example[],
    config: TrainingConfig,
    options: TrainOptions<Example>,
  ): Promise<Run<Example, Sample>> {
    const { groups, optimization, report, allocate } = await prepare(model, examples, config);
    const run = new Run<Example, Sample>(model, groups, config, options, optimization, report);
    try {
      options.onReport?.(report);
      if (options.resume) await run.#resume(options.resume);
      await turn();
      const { valid, samples = 3, signal } = options;
      if (!signal?.aborted) await allocate();
      if (!signal?.aborted && valid?.length) {
        run.#end.validator = await Validator.create(model, valid, config, samples, optimization.pool);
      }
      return run;
    } catch (error) {
      await run.finish(error);
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

  /** What is left of the training: first of all a validation, if the checkpoint to go on from is from before it. */
  async *epochs(): AsyncGenerator<TrainingProgress<Sample>, void, void> {
    const { signal } = this.options;
    const pace = new Pace(this.model.device, signal);
    this.#started = this.#place.step;
    this.#startedAt = performance.now();
    if (this.#place.over && !signal?.aborted) {
      const sums = await this.optimization.sums();
      const loss = this.#place.mean(sums.epochLoss);
      yield { ...this.#progress(pace, sums), loss, ...await this.#end.conclude(sums.epochLoss, signal) };
      await this.#reported(pace);
      this.#nextEpoch();
    }
    while (this.#place.epoch < this.config.epochs && this.#place.step < this.#steps && !this.#judge.stops) {
      if (signal?.aborted) return;
      yield* this.#pass(pace);
      this.#nextEpoch();
    }
  }

  #nextEpoch(): void {
    if (this.#place.concluded) this.#place.next();
  }

  /** One epoch, or what is left of it, and a validation, unless a signal puts that off. */
  async *#pass(pace: Pace): AsyncGenerator<TrainingProgress<Sample>, void, void> {
    const { epoch, stepInEpoch } = this.#place;
    if (stepInEpoch === 0) this.optimization.startEpoch();
    for (const group of await this.groupsOf(epoch, stepInEpoch)) {
      const tokens = group.reduce((sum, { tokens }) => sum + tokens, 0);
      await this.#take(group, tokens);
      pace.count(tokens);
      const over = this.#place.step >= this.#steps || this.#place.over;
      const { signal } = this.options;
      if (!pace.full && !over) continue;
      const sums = await this.#rest(pace);
      if (!pace.due && !over && !signal?.aborted) continue;
      const progress = this.#progress(pace, sums);
      yield over ? { ...progress, ...await this.#end.conclude(sums.epochLoss, signal) } : progress;
      await this.#reported(pace);
      if (over || signal?.aborted) return;
    }
  }

  /** Saves after a report, so that whoever writes those down has all that come before the checkpoint. */
  async #reported(pace: Pace): Promise<void> {
    await this.#folder.saveIfDue(this.#place.step, this.#position);
    pace.report();
    this.#loss = 0;
  }

  /** Waits for the steps so far, and looks at how they went. */
  async #rest(pace: Pace): Promise<Sums> {
    const sums = await pace.rest(() => this.optimization.sums());
    await this.#guard.look(sums);
    this.#loss += sums.loss;
    return sums;
  }

  /** Starts a step. */
  async #take(group: readonly Batch[], tokens: number): Promise<void> {
    const { step } = this.#place;
    this.#rate = this.#rateOf(step);
    await this.#guard.step(group, step, this.#rate);
    this.#place.count(tokens);
  }

  /** The learning rate of a step of this epoch. */
  #rateOf(step: number): number {
    const { schedule, learningRate } = this.config;
    const { reductions } = this.#judge.standing;
    const { epoch } = this.#place;
    return scheduledRate(schedule, learningRate, { step, epoch, steps: this.#scheduled, reductions });
  }

  #progress(pace: Pace, sums: Sums): TrainingProgress<Sample> {
    const { seconds } = pace;
    const { step, epoch } = this.#place;
    const secondsPerStep = (performance.now() - this.#startedAt) / 1000 / Math.max(1, step - this.#started);
    return {
      epoch: epoch + 1,
      step,
      steps: this.#steps,
      loss: this.#loss / pace.tokens,
      learningRate: this.#rate,
      gradientNorm: sums.gradientNorm,
      tokensPerSecond: pace.tokens / seconds,
      secondsLeft: secondsPerStep * (this.#steps - step),
      skipped: sums.skipped,
    };
  }

  /**
   * Saves what has not been saved, leaves the averages of the weights in the model, and frees the GPU's memory.
   *
   * @param failure What ended the training, if it was an error.
   */
  async finish(failure?: unknown): Promise<void> {
    const { step } = this.#place;
    try {
      if (failure === undefined) await this.#folder.saveLast(step, this.#position);
      else if (!(failure instanceof DeviceLostError || this.#guard.broken)) {
        await this.#folder.saveAfterFailure(step, this.#position);
      }
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      await this.#leave(failure);
    }
  }

  /** Leaves the model with the averages of its weights; an error before counts more than one of that. */
  async #leave(failure: unknown): Promise<void> {
    try {
      const lost = failure instanceof DeviceLostError; // it holds nothing any more
      if (this.#place.step > 0 && !lost) this.optimization.averages?.swap();
    } catch (error) {
      if (failure === undefined) throw error;
    } finally {
      this.#end.validator?.close();
      this.optimization.close();
      await this.#folder.close();
    }
  }

  async #resume(state: TrainingState): Promise<void> {
    checkResumable(state, this.config, this.report.stepsPerEpoch, await identityOf(this.model));
    const { position, control, firstMoments, secondMoments, averages } = state;
    this.#place.restore(position);
    // A checkpoint from before a validation is to be replaced by one of the same step from after it.
    this.#folder.goOn(position.step, this.#place.over);
    const { bestLoss, bestBleu, sinceBest, sinceLower, reductions, epochLoss } = position;
    this.#judge.standing = { bestLoss, bestBleu, sinceBest, sinceLower, reductions };
    this.#rate = this.#rateOf(position.step - 1);
    this.optimization.restore(control, epochLoss ?? NaN);
    this.#guard.goOn(stepsOf(control.slice().buffer).skipped);
    this.model.parameters.loadMoments("firstMoments", firstMoments);
    this.model.parameters.loadMoments("secondMoments", secondMoments);
    if (averages) this.optimization.averages?.restore(averages);
  }

  #position = (epochLoss: number): TrainingPosition => ({
    ...this.#place.position(epochLoss),
    ...this.#judge.standing,
  });
}
