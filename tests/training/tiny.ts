// A task and a model so small that a training step takes milliseconds, and what to compare models by.

import type { Pair } from "../../lib/data/pair.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { Seq2Seq, type Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { Random } from "../../lib/random.ts";

const WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven"];

/** Makes sentences of one to six words, to be translated to as many capitals. */
export function tinyPairs(count: number): Pair[] {
  const random = new Random(7);
  return Array.from({ length: count }, () => {
    const words = Array.from({ length: 1 + random.integer(6) }, () => WORDS[random.integer(WORDS.length)]!);
    return { source: words.join(" "), target: words.map((word) => word[0]!.toUpperCase()).join(" ") };
  });
}

/** Makes a model for {@linkcode tinyPairs}, with dropout. */
export function tinyModel(device: Device, options: Seq2SeqOptions = {}): Seq2Seq {
  const source = Tokenizer.words(WORDS);
  const target = Tokenizer.words(WORDS.map((word) => word[0]!));
  return new Seq2Seq(device, { source, target, embedding: 4, hidden: 6, dropout: 0.3, ...options });
}

/** Returns a hash of all bits of a model's weights and moments. */
export async function fingerprint({ parameters }: Seq2Seq): Promise<string> {
  const hashes: string[] = [];
  for (const which of ["values", "firstMoments", "secondMoments"] as const) {
    for (const [name, { data }] of await parameters.read(which)) hashes.push(name, await hashOf(data));
  }
  return await hashOf(new TextEncoder().encode(hashes.join(" ")));
}

/** Returns a hash of some bytes. */
export async function hashOf(bytes: BufferSource): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
