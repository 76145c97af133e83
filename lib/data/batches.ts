// Batches of static shape for the GPU: the end of the data layer, and all that the training loop sees of it.

import { type Bucket, type EncodedPair, positionsOf } from "./buckets.ts";
import { type EpochOptions, planEpoch, type PlannedBatch } from "./epoch.ts";
import { PAD } from "./vocabulary.ts";

export { type Bucket, type BucketOptions, type EncodedPair, planBuckets } from "./buckets.ts";
export type { EpochOptions } from "./epoch.ts";

/** What fills the batches of an epoch, and in which order. */
export interface BatchOptions extends EpochOptions {
  /**
   * For each pair another encoding of it, such as one drawn anew for each epoch; one that does not fit its pair's batch is
   * passed over. By default the pairs themselves.
   */
  readonly contents?: readonly EncodedPair[] | undefined;
  /** How many batches to leave out at the beginning; they are not even filled. None by default. */
  readonly skip?: number;
}

/** Some sentence pairs, padded to the shape of a bucket. Rows from `size` on are empty: length 0, all `PAD`. */
export interface Batch {
  /** The shape. */
  readonly bucket: Bucket;
  /** How many rows are in use. */
  readonly size: number;
  /** Source tokens, time-major: [sourceLength, rows]. */
  readonly source: Uint32Array;
  /** How many of each row's source tokens are real: [rows]. */
  readonly sourceLengths: Uint32Array;
  /** Target tokens, time-major: [targetLength, rows]. */
  readonly target: Uint32Array;
  /** How many of each row's target tokens are real: [rows]. */
  readonly targetLengths: Uint32Array;
  /** How many tokens are predicted: every target token but the first of each row. */
  readonly tokens: number;
  /** Where the pairs stand in the corpus: [size]. */
  readonly indices: Uint32Array;
  /** The source in the target's numbering, laid out like `source`, if the pairs have it. */
  readonly copies?: Uint32Array;
}

/** How much of the work on a corpus is spent on padding and empty rows. */
export interface PaddingWaste {
  /** How many batches an epoch has. */
  readonly batches: number;
  /** How many source and target positions all batches have. */
  readonly positions: number;
  /** How many of them hold a real token. */
  readonly used: number;
  /** The part that is wasted, from 0 to 1. */
  readonly fraction: number;
}

/**
 * Yields the batches of one epoch: every pair once, the same order for the same seed and epoch.
 *
 * @param pairs The encoded corpus.
 * @param buckets The shapes, from `planBuckets`.
 * @param options Seed, epoch, whether to shuffle, other contents, and where to begin.
 * @throws {RangeError} At once, if a pair fits no bucket.
 *
 * @example
 * ```ts
 * import { batches, planBuckets } from "./batches.ts";
 *
 * const pairs = [3, 5, 4].map((length) => ({
 *   source: new Uint32Array(length).fill(7),
 *   target: new Uint32Array(length).fill(9),
 * }));
 * const buckets = planBuckets(pairs, { batchSentences: 2 });
 * for (const batch of batches(pairs, buckets, { seed: 1, epoch: 0 })) {
 *   console.assert(batch.source.length === batch.bucket.sourceLength * batch.bucket.rows);
 * }
 * ```
 */
export function batches(
  pairs: readonly EncodedPair[],
  buckets: readonly Bucket[],
  options: BatchOptions,
): Generator<Batch> {
  const planned = planEpoch(pairs, buckets, options).slice(options.skip ?? 0);
  return fillAll(pairs, options.contents ?? pairs, planned);
}

/**
 * Leaves out the pairs of which a side is too long.
 *
 * @param pairs The encoded corpus.
 * @param maxLength The most tokens that a side may have, `<sos>` and `<eos>` included.
 * @returns The pairs that are kept, in order, where they stood, and how many are not.
 */
export function withoutLongPairs(
  pairs: readonly EncodedPair[],
  maxLength: number,
): { readonly kept: EncodedPair[]; readonly indices: number[]; readonly dropped: number } {
  const indices = [...pairs.keys()].filter((index) => {
    const { source, target } = pairs[index]!;
    return source.length <= maxLength && target.length <= maxLength;
  });
  return { kept: indices.map((index) => pairs[index]!), indices, dropped: pairs.length - indices.length };
}

/**
 * Measures how much of an epoch would be padding.
 *
 * @param pairs The encoded corpus.
 * @param buckets The shapes, from `planBuckets`.
 * @throws {RangeError} If a pair fits no bucket.
 */
export function paddingWaste(pairs: readonly EncodedPair[], buckets: readonly Bucket[]): PaddingWaste {
  const planned = planEpoch(pairs, buckets, { seed: 0, epoch: 0, shuffle: false });
  const positions = planned.reduce((sum, { bucket }) => sum + bucket.rows * positionsOf(bucket), 0);
  const used = pairs.reduce((sum, { source, target }) => sum + source.length + target.length, 0);
  return { batches: planned.length, positions, used, fraction: positions === 0 ? 0 : 1 - used / positions };
}

function* fillAll(
  pairs: readonly EncodedPair[],
  contents: readonly EncodedPair[],
  planned: readonly PlannedBatch[],
): Generator<Batch> {
  const fits = ({ source, target }: EncodedPair, bucket: Bucket) =>
    source.length <= bucket.sourceLength && target.length <= bucket.targetLength;
  for (const { bucket, indices } of planned) {
    const chosen = Array.from(
      indices,
      (index) => fits(contents[index]!, bucket) ? contents[index]! : pairs[index]!,
    );
    yield fill(chosen, bucket, indices);
  }
}

function fill(pairs: readonly EncodedPair[], bucket: Bucket, indices: Uint32Array): Batch {
  const { sourceLength, targetLength, rows } = bucket;
  const source = new Uint32Array(sourceLength * rows).fill(PAD);
  const copies = new Uint32Array(source);
  const target = new Uint32Array(targetLength * rows).fill(PAD);
  const sourceLengths = new Uint32Array(rows);
  const targetLengths = new Uint32Array(rows);
  let tokens = 0;
  for (const [row, pair] of pairs.entries()) {
    for (let time = 0; time < pair.source.length; time++) source[time * rows + row] = pair.source[time]!;
    pair.copies?.forEach((id, time) => copies[time * rows + row] = id);
    for (let time = 0; time < pair.target.length; time++) target[time * rows + row] = pair.target[time]!;
    sourceLengths[row] = pair.source.length;
    targetLengths[row] = pair.target.length;
    tokens += pair.target.length - 1;
  }
  const batch = {
    bucket,
    size: indices.length,
    source,
    sourceLengths,
    target,
    targetLengths,
    tokens,
    indices,
  };
  return pairs[0]?.copies ? { ...batch, copies } : batch;
}
