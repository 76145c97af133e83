// Parts a corpus into training, validation and test so that no sentence stands in two parts: with a random split
// of Tatoeba, a third of the English test sentences would also stand in training, and the scores would flatter.

import { Random } from "../random.ts";
import { connectedGroups, keysOf, type PairKeys } from "./groups.ts";
import type { Pair } from "./pair.ts";

/** How a corpus is parted. */
export interface SplitOptions {
  /** How many pairs to hold out for validation; may be 0. */
  readonly valid: number;
  /** How many pairs to hold out for testing; may be 0. */
  readonly test: number;
  /** Settles which pairs. */
  readonly seed: number;
}

/** A corpus in three parts. */
export interface Split {
  /** The pairs to learn from. */
  readonly train: Pair[];
  /** The pairs to watch during training. */
  readonly valid: Pair[];
  /** The pairs to measure at the end. */
  readonly test: Pair[];
  /** How many sentences of valid and test also stand in train: none. */
  readonly overlap: SplitOverlap;
  /** How many would, had the pairs been drawn one by one. */
  readonly randomOverlap: SplitOverlap;
}

/** What both held-out parts share with the training part. */
export interface SplitOverlap {
  /** Of the validation part. */
  readonly valid: Overlap;
  /** Of the test part. */
  readonly test: Overlap;
}

/** What a held-out part shares with the training part. */
export interface Overlap {
  /** How many of its source sentences also stand in train. */
  readonly source: number;
  /** How many of its target sentences also stand in train. */
  readonly target: number;
  /** `source` as a fraction of its pairs; 0 for an empty part. */
  readonly sourceFraction: number;
  /** `target` as a fraction of its pairs; 0 for an empty part. */
  readonly targetFraction: number;
}

/** Larger groups go to train as long as others fit: one would fill a held-out part with variants of a sentence. */
const LARGEST_HELD_OUT = 8;

/**
 * Parts sentence pairs into training, validation and test, by groups of pairs that share a sentence.
 *
 * Sentences are equal if their words are, lower-cased: "Go!" and "Go." are one sentence to most models. Pairs
 * connected by equal sentences go to the same part, so the held-out parts have as close to the wanted sizes as
 * such groups allow. Each part keeps the order of the corpus.
 *
 * @param pairs The corpus.
 * @param options How many pairs to hold out, and the seed.
 * @throws {RangeError} If the corpus is too small or hangs together too much.
 *
 * @example
 * ```ts
 * import { split } from "./split.ts";
 *
 * const pairs = ["one", "two", "three", "four"].map((word) => ({ source: word, target: word.toUpperCase() }));
 * const { train, valid, test, overlap } = split(pairs, { valid: 1, test: 1, seed: 1 });
 * console.assert(train.length === 2 && valid.length === 1 && test.length === 1);
 * console.assert(overlap.test.source === 0);
 * ```
 */
export function split(pairs: readonly Pair[], options: SplitOptions): Split {
  checkOptions(pairs.length, options);
  const keys = pairs.map(keysOf);
  const random = new Random(options.seed);
  const groups = random.shuffle(connectedGroups(keys));
  const parts = new Uint8Array(pairs.length);
  takeGroups(groups, options.test, TEST, parts);
  takeGroups(groups, options.valid, VALID, parts);
  checkParts(parts, groups, options);
  const pick = (part: number): Pair[] => pairs.filter((_, index) => parts[index] === part);
  return {
    train: pick(TRAIN),
    valid: pick(VALID),
    test: pick(TEST),
    overlap: overlapOf(keys, parts),
    randomOverlap: overlapOf(keys, random.shuffle(Uint8Array.from(parts))),
  };
}

const TRAIN = 0, VALID = 1, TEST = 2;

function checkOptions(size: number, options: SplitOptions): void {
  for (const name of ["valid", "test"] as const) {
    const count = options[name];
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new RangeError(`Cannot split: ${name} must be a whole number of pairs from 0, got ${count}`);
    }
  }
  const heldOut = options.valid + options.test;
  if (heldOut >= size) {
    throw new RangeError(
      `Cannot split ${size} pairs: valid ${options.valid} and test ${options.test} leave none to train on. ` +
        `Hold out fewer, or load a larger corpus.`,
    );
  }
}

/** Marks groups, in their order, until `wanted` pairs have been taken; takes a few more if that is closer. */
function takeGroups(groups: readonly number[][], wanted: number, part: number, parts: Uint8Array): void {
  let missing = wanted;
  const take = (group: readonly number[]): void => {
    for (const index of group) parts[index] = part;
    missing -= group.length;
  };
  const isFree = (group: readonly number[]): boolean => parts[group[0]!] === TRAIN;
  for (const largest of [LARGEST_HELD_OUT, wanted]) {
    for (const group of groups) {
      if (missing === 0) return;
      if (group.length <= Math.min(missing, largest) && isFree(group)) take(group);
    }
  }
  const smallest = groups.filter(isFree).reduce<number[] | undefined>(
    (best, group) => best === undefined || group.length < best.length ? group : best,
    undefined,
  );
  if (missing > 0 && smallest !== undefined && smallest.length - missing < missing) take(smallest);
}

function checkParts(parts: Uint8Array, groups: readonly number[][], options: SplitOptions): void {
  const counts = [0, 0, 0];
  for (const part of parts) counts[part]!++;
  const wanted = [1, Math.min(1, options.valid), Math.min(1, options.test)];
  if (counts.every((count, part) => count >= wanted[part]!)) return;
  const largest = groups.reduce((most, group) => Math.max(most, group.length), 0);
  throw new RangeError(
    `Cannot split ${parts.length} pairs into train, ${options.valid} valid and ${options.test} test: equal ` +
      `sentences join them into ${groups.length} groups, the largest of ${largest} pairs, and a group cannot be ` +
      `parted. Load a larger corpus, or hold out other numbers of pairs.`,
  );
}

function overlapOf(keys: readonly PairKeys[], parts: Uint8Array): SplitOverlap {
  const trained = { source: new Set<string>(), target: new Set<string>() };
  for (const [index, { source, target }] of keys.entries()) {
    if (parts[index] !== TRAIN) continue;
    trained.source.add(source);
    trained.target.add(target);
  }
  const inTrain = (part: number): Overlap => {
    const held = keys.filter((_, index) => parts[index] === part);
    const source = held.filter((key) => trained.source.has(key.source)).length;
    const target = held.filter((key) => trained.target.has(key.target)).length;
    const size = Math.max(1, held.length);
    return { source, target, sourceFraction: source / size, targetFraction: target / size };
  };
  return { valid: inTrain(VALID), test: inTrain(TEST) };
}
