// Byte pair encoding of one word: which neighbours are put together, and in which order.

import { Heap } from "./heap.ts";

/** A pair of tokens that becomes one. */
export type Merge = readonly [left: string, right: string];

/** The place in the order of learning, by pair. */
export type Ranks = ReadonlyMap<string, number>;

interface Candidate {
  readonly rank: number;
  /** Where the pair's left token begins. */
  readonly left: number;
}

/** Numbers merges in their order. No token that takes part in one has a space in it. */
export function ranksOf(merges: readonly Merge[]): Ranks {
  return new Map(merges.map(([left, right], rank) => [pairKey(left, right), rank]));
}

/**
 * Merges neighbours for as long as there are some to merge: always the pair that was learned first, and of several of
 * these the leftmost.
 *
 * @param symbols A word's characters.
 * @param ranks The merges.
 * @param isDropped Asked before each merge whether to pass it over this time; it may come up again after the next one.
 * @returns The word's tokens.
 */
export function applyMerges(symbols: readonly string[], ranks: Ranks, isDropped?: () => boolean): string[] {
  const tokens = [...symbols]; // by where they begin; empty once they belong to the token on their left
  const next = tokens.map((_, index) => index + 1);
  const previous = tokens.map((_, index) => index - 1);
  const candidates = new Heap<Candidate>((a, b) => a.rank - b.rank || a.left - b.left);
  const rankAt = (left: number) => {
    return left >= 0 && next[left]! < tokens.length
      ? ranks.get(pairKey(tokens[left]!, tokens[next[left]!]!))
      : undefined;
  };
  const offer = (left: number) => {
    const rank = rankAt(left);
    if (rank !== undefined) candidates.push({ rank, left });
  };
  tokens.forEach((_, left) => offer(left));
  let dropped: Candidate[] = [];
  for (let candidate = candidates.pop(); candidate; candidate = candidates.pop()) {
    const { rank, left } = candidate;
    if (rankAt(left) !== rank) continue; // a neighbour has been merged since
    if (isDropped?.()) {
      dropped.push(candidate);
      continue;
    }
    const right = next[left]!;
    tokens[left] += tokens[right]!;
    tokens[right] = "";
    next[left] = next[right]!;
    if (next[left]! < tokens.length) previous[next[left]!] = left;
    offer(previous[left]!);
    offer(left);
    for (const again of dropped) candidates.push(again);
    dropped = [];
  }
  return tokens.filter((token) => token !== "");
}

function pairKey(left: string, right: string): string {
  return `${left} ${right}`;
}
