// Finds which sentence pairs hang together: those that share a sentence, directly or through other pairs.

import type { Pair } from "./pair.ts";
import { words } from "./words.ts";

/** What two sentences of one side must have in common to count as equal. */
export interface PairKeys {
  /** The key of the source sentence. */
  readonly source: string;
  /** The key of the target sentence. */
  readonly target: string;
}

/**
 * Returns the keys by which the sentences of a pair are compared: their words, lower-cased.
 *
 * Whatever tokenizer a model uses, it sees no more alike in two sentences than these keys do, short of
 * normalising Unicode. A sentence without words is its own key.
 */
export function keysOf(pair: Pair): PairKeys {
  return { source: keyOf(pair.source), target: keyOf(pair.target) };
}

/**
 * Parts pairs into groups connected by equal sentences.
 *
 * @param keys The keys of each pair.
 * @returns The positions of each group's pairs, ascending; groups in the order of their first pair.
 */
export function connectedGroups(keys: readonly PairKeys[]): number[][] {
  const parents = Uint32Array.from(keys, (_, index) => index);
  for (const side of ["source", "target"] as const) {
    const firsts = new Map<string, number>();
    for (const [index, key] of keys.entries()) {
      const first = firsts.get(key[side]);
      if (first === undefined) firsts.set(key[side], index);
      else unite(parents, first, index);
    }
  }
  const groups = new Map<number, number[]>();
  for (let index = 0; index < keys.length; index++) {
    const root = rootOf(parents, index);
    const group = groups.get(root);
    if (group === undefined) groups.set(root, [index]);
    else group.push(index);
  }
  return [...groups.values()];
}

function keyOf(sentence: string): string {
  return words(sentence).join(" ").toLowerCase() || sentence.trim();
}

function unite(parents: Uint32Array, a: number, b: number): void {
  const rootA = rootOf(parents, a), rootB = rootOf(parents, b);
  parents[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
}

function rootOf(parents: Uint32Array, index: number): number {
  let node = index;
  while (parents[node] !== node) {
    // Halving the path on the way keeps later walks short.
    parents[node] = parents[parents[node]!]!;
    node = parents[node]!;
  }
  return node;
}
