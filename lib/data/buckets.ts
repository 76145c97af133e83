// Chooses the few shapes that all batches of a corpus are padded to: each costs a compiled plan on the GPU, and
// too few of them waste its time on padding.

/** A sentence pair as token numbers, both sides with `<sos>` and `<eos>`. */
export interface EncodedPair {
  /** The sentence to be translated. */
  readonly source: Uint32Array;
  /** Its translation. */
  readonly target: Uint32Array;
  /** For models that copy words: the source in the target's numbering. */
  readonly copies?: Uint32Array;
}

/** The shape of a batch; lengths count `<sos>` and `<eos>`, so a decoder runs `targetLength - 1` steps. */
export interface Bucket {
  /** The longest source that fits. */
  readonly sourceLength: number;
  /** The longest target that fits. */
  readonly targetLength: number;
  /** How many pairs a batch has room for. */
  readonly rows: number;
}

/** How large batches are and how many shapes they may have. */
export interface BucketOptions {
  /** How many pairs a batch has; 64 when neither this nor `batchTokens` is given. */
  readonly batchSentences?: number;
  /** How many tokens the longer side of a batch has at most, padding included; instead of `batchSentences`. */
  readonly batchTokens?: number;
  /** How many buckets there may be; 16 when omitted. */
  readonly maxBuckets?: number;
}

/** A bucket should serve a few batches an epoch, or its plan is not worth compiling. */
const FEWEST_BATCHES = 4;
/** The least part of all positions that one more bucket must save. */
const LEAST_SAVING = 0.005;

interface Point {
  readonly source: number;
  readonly target: number;
  readonly count: number;
}

interface Leaf {
  readonly points: readonly Point[];
  readonly count: number;
  readonly sourceLength: number;
  readonly targetLength: number;
}

/** How many positions a pair takes in a bucket: what padding is measured in. */
export function positionsOf(shape: { readonly sourceLength: number; readonly targetLength: number }): number {
  return shape.sourceLength + shape.targetLength;
}

/**
 * Chooses buckets for a corpus so that little is padded.
 *
 * Starting from one bucket, the one and the length at which cutting it in two saves most positions is cut, as
 * long as both halves have a few batches' worth of pairs and the saving is worth a plan. The last bucket fits
 * every pair that is no longer than the longest source and the longest target.
 *
 * @param pairs The encoded corpus; only the lengths matter.
 * @param options The size of the batches and the number of buckets.
 * @returns The buckets, the cheapest first.
 * @throws {RangeError} If there are no pairs, or an option is out of range.
 */
export function planBuckets(pairs: readonly EncodedPair[], options: BucketOptions = {}): Bucket[] {
  const rowsOf = rowsRule(pairs.length, options);
  const { maxBuckets = 16 } = options;
  checkPositive("maxBuckets", maxBuckets);
  const whole = leafOf(lengthCounts(pairs));
  const leaves = [whole];
  while (leaves.length < maxBuckets) {
    const total = leaves.reduce((sum, leaf) => sum + costOf(leaf), 0);
    let best = { saving: LEAST_SAVING * total, at: -1, halves: [] as Leaf[] };
    for (const [at, leaf] of leaves.entries()) {
      const halves = bestCut(leaf, rowsOf);
      const saving = halves.length === 0 ? 0 : costOf(leaf) - costOf(halves[0]!) - costOf(halves[1]!);
      if (saving > best.saving) best = { saving, at, halves };
    }
    if (best.at < 0) break;
    leaves.splice(best.at, 1, ...best.halves);
  }
  leaves.sort((a, b) => positionsOf(a) - positionsOf(b) || a.sourceLength - b.sourceLength);
  return leaves.map((leaf, index) => {
    const { sourceLength, targetLength } = index === leaves.length - 1 ? whole : leaf;
    return { sourceLength, targetLength, rows: rowsOf(Math.max(sourceLength, targetLength)) };
  });
}

function rowsRule(size: number, options: BucketOptions): (longest: number) => number {
  if (size === 0) throw new RangeError("Cannot plan buckets: there are no pairs");
  const { batchSentences, batchTokens } = options;
  if (batchSentences !== undefined && batchTokens !== undefined) {
    throw new RangeError("Cannot plan buckets: give batchSentences or batchTokens, not both");
  }
  if (batchTokens === undefined) {
    checkPositive("batchSentences", batchSentences ?? 64);
    return () => Math.min(size, batchSentences ?? 64);
  }
  checkPositive("batchTokens", batchTokens);
  return (longest) => {
    const rows = Math.max(1, Math.floor(batchTokens / longest));
    return Math.min(size, rows < 8 ? rows : rows - rows % 8);
  };
}

function checkPositive(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new RangeError(`Cannot plan buckets: ${name} must be a whole number from 1, got ${value}`);
}

function lengthCounts(pairs: readonly EncodedPair[]): Point[] {
  const counts = new Map<string, { source: number; target: number; count: number }>();
  for (const { source, target } of pairs) {
    const key = `${source.length} ${target.length}`;
    const point = counts.get(key);
    if (point === undefined) counts.set(key, { source: source.length, target: target.length, count: 1 });
    else point.count++;
  }
  return [...counts.values()];
}

function leafOf(points: readonly Point[]): Leaf {
  let count = 0, sourceLength = 0, targetLength = 0;
  for (const point of points) {
    count += point.count;
    sourceLength = Math.max(sourceLength, point.source);
    targetLength = Math.max(targetLength, point.target);
  }
  return { points, count, sourceLength, targetLength };
}

function costOf(leaf: Leaf): number {
  return leaf.count * positionsOf(leaf);
}

/** Cuts a leaf in two at the source or target length that leaves the fewest positions; empty if none may be. */
function bestCut(leaf: Leaf, rowsOf: (longest: number) => number): Leaf[] {
  const isWorthwhile = ({ count, sourceLength, targetLength }: Omit<Leaf, "points">): boolean =>
    count >= FEWEST_BATCHES * rowsOf(Math.max(sourceLength, targetLength));
  let best = { cost: Infinity, points: [] as readonly Point[], cut: 0 };
  for (const side of ["source", "target"] as const) {
    const points = leaf.points.toSorted((a, b) => a[side] - b[side]);
    const below = growing(points);
    const above = growing(points.toReversed()).reverse();
    for (let cut = 1; cut < points.length; cut++) {
      if (points[cut]![side] === points[cut - 1]![side]) continue;
      const low = below[cut - 1]!, high = above[cut]!;
      const cost = low.count * positionsOf(low) + high.count * positionsOf(high);
      if (cost < best.cost && isWorthwhile(low) && isWorthwhile(high)) best = { cost, points, cut };
    }
  }
  return best.cut === 0 ? [] : [leafOf(best.points.slice(0, best.cut)), leafOf(best.points.slice(best.cut))];
}

/** Returns for each point the size and the lengths of all points up to it. */
function growing(points: readonly Point[]): Omit<Leaf, "points">[] {
  let count = 0, sourceLength = 0, targetLength = 0;
  return points.map((point) => {
    count += point.count;
    sourceLength = Math.max(sourceLength, point.source);
    targetLength = Math.max(targetLength, point.target);
    return { count, sourceLength, targetLength };
  });
}
