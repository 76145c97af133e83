// A name for a split by what is in it: two runs whose split has the same hash learned from and were measured on the
// same sentences.

import type { Pair } from "./pair.ts";
import type { Split } from "./split.ts";

/** Pairs that become text at once; a whole corpus as one string would exceed what a string can hold. */
const PAIRS_A_CHUNK = 8192;

/**
 * Computes the SHA-256 of a split, as `config.json` records it.
 *
 * What is hashed is a text in UTF-8 with a line for each pair, `["train","source","target"]` as `JSON.stringify()`
 * writes an array, ended by a line feed: first all pairs of `train`, then those of `valid`, then those of `test`, each
 * in the order of the part. So the hash changes if a pair changes, moves to another part, or to another place in it.
 *
 * @param split The three parts.
 * @returns 64 hexadecimal digits in lower case.
 *
 * @example
 * ```ts
 * import { splitHash } from "./split_hash.ts";
 *
 * const [train, valid, test] = ["one\teins", "two\tzwei", "three\tdrei"].map((line) => {
 *   const [source = "", target = ""] = line.split("\t");
 *   return [{ source, target }];
 * });
 * const hash = await splitHash({ train: train!, valid: valid!, test: test! });
 * console.log(hash.length); // 64
 * ```
 */
export async function splitHash(split: Pick<Split, "train" | "valid" | "test">): Promise<string> {
  const { train, valid, test } = split;
  const chunks = Object.entries({ train, valid, test }).flatMap((
    [part, pairs],
  ) => [...hashedLines(part, pairs)]);
  const bytes = await new Blob(chunks).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function* hashedLines(part: string, pairs: readonly Pair[]): Generator<string> {
  for (let start = 0; start < pairs.length; start += PAIRS_A_CHUNK) {
    const chunk = pairs.slice(start, start + PAIRS_A_CHUNK);
    yield chunk.map(({ source, target }) => `${JSON.stringify([part, source, target])}\n`).join("");
  }
}
