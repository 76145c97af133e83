// Training: where the time of a step goes, on the GPU, on the host, and in the preparation of its batch.

import type { Bucket, EncodedPair } from "../data/batches.ts";
import { planEpoch } from "../data/epoch.ts";
import { bestClock, type Clock, type KernelTime } from "../gpu/kernel_times.ts";
import type { Model } from "../models/model.ts";
import type { TrainingConfig } from "./config.ts";
import { completeTraining, type TrainOptions } from "./options.ts";
import type { OptimizerOptions } from "./optimizer_options.ts";
import { prepare } from "./preparation.ts";
import { Feed, Profiler, type StepTime } from "./profiler.ts";
import type { TeacherForcingOptions } from "./teacher_forcing.ts";

export type { StepTime } from "./profiler.ts";

/** How to profile: a training's options, as far as they concern a single step. */
export interface ProfileOptions extends
  OptimizerOptions,
  TeacherForcingOptions,
  Pick<
    TrainOptions,
    | "batch"
    | "batchTokens"
    | "averageDecay"
    | "labelSmoothing"
    | "mergeDropout"
    | "maxLength"
    | "seed"
    | "precision"
    | "onReport"
  > {
  /** Steps to measure, in a row and once more one by one; 20 by default. */
  readonly maxSteps?: number;
  /** Which clock times the kernels; the GPU's by default, where it has one. */
  readonly clock?: Clock;
}

/** What {@linkcode profileTraining} finds out. Times are in milliseconds, for one step. */
export interface TrainingProfile {
  /** The adapter, in its own words. */
  readonly adapter: string;
  /** The shape of the batches: the one that most steps of an epoch have. */
  readonly bucket: Bucket;
  /** The share of an epoch's steps that have this shape, from 0 to 1. */
  readonly bucketShare: number;
  /** How many shapes there are. */
  readonly buckets: number;
  /** Steps measured. */
  readonly steps: number;
  /** The kernels, slowest first. */
  readonly kernels: readonly KernelTime[];
  /** Whose clock timed them. */
  readonly clock: Clock;
  /** Kernel runs. */
  readonly dispatches: number;
  /** The kernels' times together; more than a step takes of the GPU, as each run was measured by itself. */
  readonly gpu: number;
  /** From step to step, without a wait for the GPU in between. */
  readonly wall: number;
  /** The host's part: writing the inputs, encoding, and submitting to a GPU that is idle. */
  readonly host: StepTime;
  /** Putting a batch together, the epoch's order included. */
  readonly data: StepTime;
}

/**
 * Trains a model for some steps of its most frequent shape of batch, and measures where the time goes.
 *
 * The model's weights are put back afterwards.
 *
 * @param model What to train.
 * @param examples What to learn from: sentence pairs, or texts with their class.
 * @param options How to train; see {@linkcode ProfileOptions}.
 * @throws {RangeError} If an option is wrong, no pair is short enough, or the memory budget does not suffice.
 * @throws {TypeError} If the GPU's clock is asked for and it has none.
 *
 * @example
 * ```ts
 * import { openDevice, profileTraining, Seq2Seq, Tokenizer } from "../../mod.ts";
 *
 * const pairs = [{ source: "good morning", target: "guten Morgen" }, { source: "good night", target: "gute Nacht" }];
 * const device = await openDevice();
 * const model = new Seq2Seq(device, {
 *   source: Tokenizer.words(pairs.map(({ source }) => source)),
 *   target: Tokenizer.words(pairs.map(({ target }) => target)),
 *   embedding: 8,
 *   hidden: 8,
 * });
 * const { kernels, host, wall } = await profileTraining(model, pairs, { maxSteps: 2 });
 * console.log(kernels[0]!.kernel, host.mean, wall);
 * device.close();
 * ```
 */
export async function profileTraining<Example>(
  model: Model<Example>,
  examples: readonly Example[],
  options: ProfileOptions = {},
): Promise<TrainingProfile> {
  const { maxSteps: steps = 20, clock = bestClock(model.device) } = options;
  const config = completeTraining(options, model);
  const weights = await model.parameters.read();
  const { data, optimization, report, allocate } = await prepare(model, examples, config);
  try {
    options.onReport?.(report);
    await allocate();
    const { bucket, share } = mostFrequent(data, optimization.buckets, config);
    const profiler = new Profiler(optimization, new Feed(data, bucket, optimization, report.stepsPerEpoch));
    const { wall, host, preparation } = await profiler.steps(steps);
    const kernels = await profiler.kernels(clock);
    const sum = (value: (kernel: KernelTime) => number) =>
      kernels.reduce((sum, kernel) => sum + value(kernel), 0);
    return {
      adapter: model.device.description,
      bucket,
      bucketShare: share,
      buckets: optimization.buckets.length,
      steps,
      kernels,
      clock,
      dispatches: sum(({ dispatches }) => dispatches),
      gpu: sum(({ milliseconds }) => milliseconds),
      wall,
      host,
      data: preparation,
    };
  } finally {
    optimization.close();
    model.parameters.load(weights);
  }
}

/** The bucket that most steps of an epoch are of. */
function mostFrequent(
  data: readonly EncodedPair[],
  buckets: readonly Bucket[],
  { seed }: TrainingConfig,
): { bucket: Bucket; share: number } {
  const counts = new Map(buckets.map((bucket) => [bucket, 0]));
  const planned = planEpoch(data, buckets, { seed, epoch: 0 });
  for (const { bucket } of planned) counts.set(bucket, counts.get(bucket)! + 1);
  const [[bucket, count]] = [...counts].sort(([, a], [, b]) => b - a) as [[Bucket, number]];
  return { bucket, share: count / planned.length };
}
