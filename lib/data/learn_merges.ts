// Learning byte pair encoding (Sennrich et al. 2016): the most frequent pair of neighbours becomes a token, again and
// again. Counts are kept for words, not text, and changed only where a merge changes a word.

import { Heap } from "./heap.ts";
import type { Merge } from "./merges.ts";

interface Pair {
  readonly left: number;
  readonly right: number;
  /** How often it occurs now. */
  count: number;
  /** The words that have it, or had it once. */
  readonly words: Set<number>;
  /** The highest count with which it stands in the queue. */
  queued: number;
}

interface Entry {
  readonly pair: Pair;
  readonly count: number;
}

/** Pairs are found by one number, in which there is room for so many tokens. */
const MOST_TOKENS = 2 ** 26;

/** What to learn. */
export interface LearningOptions {
  /** How many merges at most. */
  readonly merges: number;
  /** How often a pair must occur to be merged. */
  readonly minFrequency: number;
  /** Tells which tokens must not arise. */
  readonly isForbidden: (token: string) => boolean;
}

/**
 * Learns merges.
 *
 * Of equally frequent pairs the one comes first whose left token has the lower number, then whose right one has;
 * numbers are places in the alphabet, then the order of learning. So the result depends on the words' frequencies
 * alone, not on their order.
 *
 * @param words Words and how often they occur.
 * @param alphabet The characters that may be merged, in order.
 * @param options What to learn.
 */
export function learnMerges(
  words: ReadonlyMap<string, number>,
  alphabet: readonly string[],
  options: LearningOptions,
): Merge[] {
  return new Learner(words, alphabet, options).learn();
}

class Learner {
  readonly #tokens: string[];
  readonly #numbers: Map<string, number>;
  readonly #words: number[][] = [];
  readonly #frequencies: number[] = [];
  readonly #pairs = new Map<number, Pair>();
  readonly #queue = new Heap<Entry>((a, b) =>
    b.count - a.count || a.pair.left - b.pair.left || a.pair.right - b.pair.right
  );
  readonly #options: LearningOptions;

  constructor(words: ReadonlyMap<string, number>, alphabet: readonly string[], options: LearningOptions) {
    this.#options = options;
    this.#tokens = [...alphabet];
    this.#numbers = new Map(alphabet.map((character, number) => [character, number]));
    for (const [word, frequency] of words) {
      const symbols = Array.from(word, (character) => this.#numbers.get(character) ?? -1);
      this.#words.push(symbols);
      this.#frequencies.push(frequency);
      this.#count(this.#words.length - 1, symbols, 1);
    }
    for (const pair of this.#pairs.values()) this.#offer(pair);
  }

  learn(): Merge[] {
    const merges: Merge[] = [];
    while (merges.length < this.#options.merges && this.#tokens.length < MOST_TOKENS) {
      const pair = this.#mostFrequent();
      if (pair === undefined) break;
      const [left, right] = [this.#tokens[pair.left]!, this.#tokens[pair.right]!];
      if (this.#options.isForbidden(left + right)) {
        pair.queued = Infinity; // never offered again
        continue;
      }
      merges.push([left, right]);
      this.#merge(pair, this.#numberOf(left + right));
    }
    return merges;
  }

  #mostFrequent(): Pair | undefined {
    for (let entry = this.#queue.pop(); entry; entry = this.#queue.pop()) {
      const { pair, count } = entry;
      if (pair.queued !== count) continue; // an older entry of a pair that has become more frequent since
      pair.queued = 0;
      if (pair.count === count) return pair;
      this.#offer(pair);
    }
    return undefined;
  }

  /** Two merges can spell the same token: it has one number then. */
  #numberOf(token: string): number {
    const known = this.#numbers.get(token);
    if (known !== undefined) return known;
    this.#numbers.set(token, this.#tokens.length);
    return this.#tokens.push(token) - 1;
  }

  #merge({ left, right, words }: Pair, merged: number): void {
    const changed = new Set<Pair>();
    for (const word of words) {
      const before = this.#words[word]!;
      const after = replacePair(before, left, right, merged);
      if (after.length === before.length) continue;
      this.#words[word] = after;
      this.#count(word, before, -1);
      this.#count(word, after, 1, changed);
    }
    words.clear();
    for (const pair of changed) this.#offer(pair);
  }

  #offer(pair: Pair): void {
    if (pair.count < this.#options.minFrequency || pair.count <= pair.queued) return;
    pair.queued = pair.count;
    this.#queue.push({ pair, count: pair.count });
  }

  /** Adds a word's pairs to the counts, or takes them away; -1 stands for characters outside the alphabet. */
  #count(word: number, symbols: readonly number[], sign: 1 | -1, changed?: Set<Pair>): void {
    const frequency = sign * this.#frequencies[word]!;
    for (let index = 1; index < symbols.length; index++) {
      const left = symbols[index - 1]!, right = symbols[index]!;
      if (left < 0 || right < 0) continue;
      const pair = this.#pair(left, right);
      pair.count += frequency;
      if (sign > 0) pair.words.add(word);
      changed?.add(pair);
    }
  }

  #pair(left: number, right: number): Pair {
    const key = left * MOST_TOKENS + right;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = { left, right, count: 0, words: new Set(), queued: 0 };
      this.#pairs.set(key, pair);
    }
    return pair;
  }
}

function replacePair(symbols: readonly number[], left: number, right: number, merged: number): number[] {
  const result: number[] = [];
  for (let index = 0; index < symbols.length; index++) {
    const isPair = symbols[index] === left && symbols[index + 1] === right;
    result.push(isPair ? merged : symbols[index]!);
    if (isPair) index++;
  }
  return result;
}
