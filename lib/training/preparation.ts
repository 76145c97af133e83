// Training: from examples to compiled steps, up to the point where memory is taken.

import { type EncodedPair, paddingWaste, planBuckets, withoutLongPairs } from "../data/batches.ts";
import type { MergeDropout } from "../data/tokenizer_kind.ts";
import type { Model } from "../models/model.ts";
import { Random } from "../random.ts";
import type { TrainingConfig } from "./config.ts";
import { Optimization } from "./optimization.ts";
import type { TrainingReport } from "./options.ts";

/** A training that is ready to take its memory. */
export interface Preparation {
  /** What to learn from. */
  readonly data: readonly EncodedPair[];
  /** With BPE-dropout, the same encoded anew for an epoch. */
  readonly contents: ((epoch: number) => readonly EncodedPair[]) | undefined;
  /** The steps, recorded; close it in the end. */
  readonly optimization: Optimization;
  /** What it will take. */
  readonly report: TrainingReport;
  /** Takes the memory and compiles the kernels. */
  readonly allocate: () => Promise<void>;
}

/**
 * Encodes examples, chooses the shapes of batches, and records a training step for each.
 *
 * @throws {RangeError} If no pair is short enough, or all parameters are frozen.
 */
export function prepare<Example>(
  model: Model<Example>,
  examples: readonly Example[],
  config: TrainingConfig,
): Preparation {
  const draw = config.mergeDropout > 0 ? mergesOf(config) : undefined;
  const { kept, indices, dropped } = withoutLongPairs(model.encode(examples, draw?.(0)), config.maxLength);
  if (kept.length === 0) {
    throw new RangeError(
      `Cannot train: none of ${examples.length} pairs has at most ${config.maxLength} words on both sides, ` +
        "<sos> and <eos> included. Raise maxLength, or check the corpus.",
    );
  }
  if (model.parameters.trainableCount === 0) {
    throw new RangeError("Cannot train: all parameters of the model are frozen.");
  }
  const size = config.batch === null
    ? { batchTokens: config.batchTokens! }
    : { batchSentences: Math.min(config.batch, kept.length) };
  const buckets = planBuckets(kept, size);
  const waste = paddingWaste(kept, buckets);
  const optimization = new Optimization(model, buckets, config);
  const { bytes, allocate } = optimization.layout();
  const report = {
    pairs: kept.length,
    dropped,
    stepsPerEpoch: Math.ceil(waste.batches / config.accumulation),
    buckets: buckets.length,
    dispatches: optimization.dispatches,
    padding: waste.fraction,
    parameters: model.parameters.trainableCount,
    parameterBytes: model.parameters.bytes + optimization.bytes,
    activationBytes: bytes,
    memoryBudget: model.device.memoryBudget,
  };
  const chosen = draw && Array.from(indices, (index) => examples[index]!);
  const contents = chosen && ((epoch: number) => model.encode(chosen, draw(1 + epoch)));
  return { data: kept, contents, optimization, report, allocate };
}

/** Which merges are left out: for each number others, and others than what shuffles an epoch draws. */
function mergesOf({ mergeDropout: dropout, seed }: TrainingConfig): (number: number) => MergeDropout {
  return (number) => ({ dropout, random: new Random(seed, 2 ** 31 + number) });
}
