// Training: from examples to compiled steps, up to the point where memory is taken.

import {
  type Batch,
  batches,
  type EncodedPair,
  paddingWaste,
  planBuckets,
  withoutLongPairs,
} from "../data/batches.ts";
import type { MergeDropout } from "../data/tokenizer_kind.ts";
import { turn } from "../gpu/turn.ts";
import type { Model } from "../models/model.ts";
import { Random } from "../random.ts";
import type { TrainingConfig } from "./config.ts";
import { inGroups, Optimization } from "./optimization.ts";
import type { TrainingReport } from "./options.ts";

/** A training that is ready to take its memory. */
export interface Preparation {
  /** What to learn from. */
  readonly data: readonly EncodedPair[];
  /** The batches of each step of an epoch, after those steps that have been taken already. */
  readonly groups: (epoch: number, taken: number) => Promise<Iterable<Batch[]>>;
  /** The steps, recorded; close it in the end. */
  readonly optimization: Optimization;
  /** What it will take. */
  readonly report: TrainingReport;
  /** Takes the memory and compiles the kernels. */
  readonly allocate: () => Promise<void>;
}

/** Examples that are encoded in one go; a few milliseconds of work. */
const PIECE = 2000;

/**
 * Encodes examples, chooses the shapes of batches, and records a training step for each.
 *
 * @throws {RangeError} If no pair is short enough, or all parameters are frozen.
 */
export async function prepare<Example>(
  model: Model<Example>,
  examples: readonly Example[],
  config: TrainingConfig,
): Promise<Preparation> {
  const draw = config.mergeDropout > 0 ? mergesOf(config) : undefined;
  const encoded = await encode(model, examples, draw?.(0));
  const { kept, indices, dropped } = withoutLongPairs(encoded, config.maxLength);
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
  await turn();
  const waste = paddingWaste(kept, buckets);
  await turn();
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
  const { seed, accumulation } = config;
  const groups = async (epoch: number, taken: number) => {
    // With BPE-dropout every epoch has encodings of its own.
    const contents = chosen && await encode(model, chosen, draw(1 + epoch));
    return inGroups(
      batches(kept, buckets, { seed, epoch, contents, skip: taken * accumulation }),
      accumulation,
    );
  };
  return { data: kept, groups, optimization, report, allocate };
}

/** Encodes a corpus; with turns in between, as it may be large. */
async function encode<Example>(
  model: Model<Example>,
  examples: readonly Example[],
  draw?: MergeDropout,
): Promise<EncodedPair[]> {
  const encoded: EncodedPair[] = [];
  for (let at = 0; at < examples.length; at += PIECE) {
    for (const pair of model.encode(examples.slice(at, at + PIECE), draw)) encoded.push(pair);
    await turn();
  }
  return encoded;
}

/** Which merges are left out: for each number others, and others than what shuffles an epoch draws. */
function mergesOf({ mergeDropout: dropout, seed }: TrainingConfig): (number: number) => MergeDropout {
  return (number) => ({ dropout, random: new Random(seed, 2 ** 31 + number) });
}
