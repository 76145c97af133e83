// Training: the loop. An async generator, so that the loop body is the user's and `break` stops it.

import { type Batch, batches } from "../data/batches.ts";
import type { LabelledText } from "../data/labelled_text.ts";
import type { Pair } from "../data/pair.ts";
import { DeviceLostError } from "../gpu/device.ts";
import { turn } from "../gpu/turn.ts";
import type { Model } from "../models/model.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import type { SequenceClassifier } from "../models/sequence_classifier.ts";
import { CheckpointFolder } from "./checkpoint_folder.ts";
import type { TrainingConfig } from "./config.ts";
import { identityOf } from "./identity.ts";
import { Judge } from "./judge.ts";
import { NonFiniteGuard } from "./non_finite.ts";
import { inGroups, type Optimization } from "./optimization.ts";
import { completeTraining, type TrainingReport, type TrainOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { Place } from "./place.ts";
import { type Preparation, prepare } from "./preparation.ts";
import type { ClassificationSample, TrainingProgress, Validation } from "./progress.ts";
import { scheduledRate } from "./schedule.ts";
import { checkResumable, type TrainingPosition, type TrainingState } from "./state.ts";
import { type Measured, Validator } from "./validator.ts";

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
  #place: Place;
  #judge: Judge;
  #folder: CheckpointFolder;
  #guard: NonFiniteGuard;
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
    this.#place = new Place(report.stepsPerEpoch);
    this.#judge = new Judge(config);
    this.#folder = new CheckpointFolder(options, model, config, optimization);
    this.#guard = new NonFiniteGuard(optimization);
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
      await turn();
      await allocate();
      const { valid, samples = 3 } = options;
      if (valid?.length) {
        run.#validator = await Validator.create(model, valid, config, samples, optimization.pool);
      }
      if (options.resume) await run.#resume(options.resume);
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

  async *epochs(): AsyncGenerator<TrainingProgress<Sample>, void, void> {
    const pace = new Pace(this.model.device);
    this.#started = this.#place.step;
    this.#startedAt = performance.now();
    while (this.#place.epoch < this.config.epochs && this.#place.step < this.#steps && !this.#judge.stops) {
      if (this.options.signal?.aborted) return;
      yield* this.#pass(pace);
      if (this.#place.over) this.#place.next();
    }
  }

  /** One epoch, or what is left of it, and a validation. */
  async *#pass(pace: Pace): AsyncGenerator<TrainingProgress<Sample>, void, void> {
    const { seed, accumulation } = this.config;
    const { epoch, stepInEpoch } = this.#place;
    let skip = stepInEpoch;
    if (stepInEpoch === 0) this.optimization.startEpoch();
    const { data, contents } = this.examples;
    const ordered = batches(data, this.optimization.buckets, { seed, epoch, contents: contents?.(epoch) });
    for (const group of inGroups(ordered, accumulation)) {
      if (skip-- > 0) continue;
      const tokens = group.reduce((sum, { tokens }) => sum + tokens, 0);
      await this.#take(group, tokens);
      pace.count(tokens);
      const over = this.#place.step >= this.#steps || this.#place.over;
      const { signal } = this.options;
      if (!pace.full && !over) continue;
      await pace.rest(() => this.optimization.standing());
      if (!pace.due && !over && !signal?.aborted) continue;
      const { progress, epochLoss } = await this.#progress(pace);
      yield over ? { ...progress, ...await this.#endOfEpoch(epochLoss) } : progress;
      // After the report, so that whoever writes those down has all that come before the checkpoint.
      await this.#folder.saveIfDue(this.#place.step, this.#position);
      pace.report();
      if (over || signal?.aborted) return;
    }
  }

  /** Starts a step. */
  async #take(group: readonly Batch[], tokens: number): Promise<void> {
    const { schedule, learningRate } = this.config;
    const { reductions } = this.#judge.standing;
    const { step, epoch } = this.#place;
    this.#rate = scheduledRate(schedule, learningRate, { step, epoch, steps: this.#scheduled, reductions });
    await this.#guard.step(group, step, this.#rate);
    this.#place.count(tokens);
  }

  async #progress(pace: Pace): Promise<{ progress: TrainingProgress<Sample>; epochLoss: number }> {
    const sums = await this.optimization.sums();
    const { seconds } = pace;
    await this.#guard.look(sums);
    const { step, epoch } = this.#place;
    const secondsPerStep = (performance.now() - this.#startedAt) / 1000 / (step - this.#started);
    const progress = {
      epoch: epoch + 1,
      step,
      steps: this.#steps,
      loss: sums.loss / pace.tokens,
      learningRate: this.#rate,
      gradientNorm: sums.gradientNorm,
      tokensPerSecond: pace.tokens / seconds,
      secondsLeft: secondsPerStep * (this.#steps - step),
      skipped: sums.skipped,
    };
    return { progress, epochLoss: sums.epochLoss };
  }

  /** Measures the model, given the sum of the epoch's losses, and saves the weights that are to be kept. */
  async #endOfEpoch(epochLoss: number): Promise<{ validation?: Validation<Sample> }> {
    const judged = await this.#withAverages(() => this.#validate());
    this.#place.conclude(epochLoss, judged?.loss);
    if (!judged) return {};
    const trainingLoss = this.#place.mean(epochLoss);
    const { sinceBest } = this.#judge.standing;
    return { validation: { ...judged, trainingLoss, sinceBest, stops: this.#judge.stops } };
  }

  /** Measures the model on the validation examples, and saves its weights if they are the best or to be kept. */
  async #validate(): Promise<Measured<Sample> & { best: boolean } | undefined> {
    if (this.config.keep > 0 && this.#place.over) {
      await this.#folder.saveEpoch(this.#place.epoch + 1, this.#position);
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

  /**
   * Saves what has not been saved, leaves the averages of the weights in the model, and frees the GPU's memory.
   *
   * @param failure What ended the training, if it was an error.
   */
  async finish(failure?: unknown): Promise<void> {
    const { step } = this.#place;
    try {
      if (failure instanceof DeviceLostError) return; // it holds nothing any more
      if (failure === undefined) await this.#folder.saveLast(step, this.#position);
      else await this.#folder.saveAfterFailure(step, this.#position);
      if (step > 0) this.optimization.averages?.swap();
    } finally {
      this.#validator?.close();
      this.optimization.close();
      await this.#folder.close();
    }
  }

  async #resume(state: TrainingState): Promise<void> {
    checkResumable(state, this.config, this.report.stepsPerEpoch, await identityOf(this.model));
    const { position, control, firstMoments, secondMoments, averages } = state;
    this.#folder.goOn(position.step);
    this.#place.restore(position);
    const { bestLoss, bestBleu, sinceBest, sinceLower, reductions, epochLoss } = position;
    this.#judge.standing = { bestLoss, bestBleu, sinceBest, sinceLower, reductions };
    this.optimization.restore(control, epochLoss ?? NaN);
    this.model.parameters.loadMoments("firstMoments", firstMoments);
    this.model.parameters.loadMoments("secondMoments", secondMoments);
    if (averages) this.optimization.averages?.restore(averages);
  }

  #position = (epochLoss: number): TrainingPosition => ({
    ...this.#place.position(epochLoss),
    ...this.#judge.standing,
  });
}
