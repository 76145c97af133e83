// Decides which pairs stand together in which batch of an epoch, before any of them is copied.

import { Random } from "../random.ts";
import { type Bucket, type EncodedPair, positionsOf } from "./buckets.ts";

/** Which pairs make up a batch. */
export interface PlannedBatch {
  /** The shape of the batch. */
  readonly bucket: Bucket;
  /** The positions of its pairs in the corpus, at most `bucket.rows`. */
  readonly indices: Uint32Array;
}

/** Which epoch's order is wanted. */
export interface EpochOptions {
  /** The seed of the run. */
  readonly seed: number;
  /** The number of the epoch. */
  readonly epoch: number;
  /** Whether pairs and batches come in random order; true when omitted, else in the order of the corpus. */
  readonly shuffle?: boolean;
}

/**
 * Distributes a corpus over the batches of one epoch, each pair once.
 *
 * A pair goes to the cheapest bucket that it fits. What is left of a bucket after its full batches moves to a
 * larger bucket if that takes fewer positions than a batch with empty rows. All epochs have as many batches of each shape.
 *
 * @param pairs The encoded corpus.
 * @param buckets The shapes.
 * @param options Seed, epoch and whether to shuffle.
 * @throws {RangeError} If a pair fits no bucket or is empty.
 */
export function planEpoch(
  pairs: readonly EncodedPair[],
  buckets: readonly Bucket[],
  options: EpochOptions,
): PlannedBatch[] {
  const { seed, epoch, shuffle = true } = options;
  const random = new Random(seed, epoch);
  const order = Uint32Array.from(pairs, (_, index) => index);
  if (shuffle) random.shuffle(order);
  const sorted = buckets.toSorted((a, b) => positionsOf(a) - positionsOf(b));
  const lists = sorted.map((): number[] => []);
  for (const index of order) lists[bucketFor(pairs, index, sorted)]!.push(index);
  const batches: PlannedBatch[] = [];
  for (const [at, bucket] of sorted.entries()) {
    const list = lists[at]!;
    const left = list.length % bucket.rows;
    const to = left === 0 ? undefined : cheaperBucket(left, sorted, at);
    if (to !== undefined) lists[to]!.push(...list.splice(-left));
    for (let start = 0; start < list.length; start += bucket.rows) {
      batches.push({ bucket, indices: new Uint32Array(list.slice(start, start + bucket.rows)) });
    }
  }
  return shuffle ? random.shuffle(batches) : batches;
}

/**
 * Returns the bucket that the left-over pairs of another had better go to, or undefined if they had better stay. It depends
 * on how many there are and not on which, so that every epoch has as many batches.
 */
function cheaperBucket(left: number, sorted: readonly Bucket[], from: number): number | undefined {
  const { rows, sourceLength, targetLength } = sorted[from]!;
  const to = sorted.findIndex((bucket, at) =>
    at > from && bucket.sourceLength >= sourceLength && bucket.targetLength >= targetLength
  );
  const stays = rows * positionsOf(sorted[from]!);
  return to >= 0 && left * positionsOf(sorted[to]!) < stays ? to : undefined;
}

function bucketFor(pairs: readonly EncodedPair[], index: number, sorted: readonly Bucket[]): number {
  const pair = pairs[index]!;
  const { source, target } = pair;
  if (source.length === 0 || target.length < 2) {
    throw new RangeError(
      `Cannot batch pair ${index}: it has ${source.length} source and ${target.length} target tokens; ` +
        `the least are 1 and 2, <sos> and <eos>`,
    );
  }
  const at = sorted.findIndex((bucket) =>
    source.length <= bucket.sourceLength && target.length <= bucket.targetLength
  );
  if (at >= 0) return at;
  const limit = sorted.map((bucket) => `${bucket.sourceLength}x${bucket.targetLength}`).at(-1) ?? "none";
  throw new RangeError(
    `Cannot batch pair ${index}: it has ${source.length} source and ${target.length} target tokens, and the ` +
      `largest bucket is ${limit}. Plan the buckets with it, or drop it with withoutLongPairs()`,
  );
}
