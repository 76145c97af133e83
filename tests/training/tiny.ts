// A task and a model so small that a training step takes milliseconds, and what to compare models by.

import type { LabelledText } from "../../lib/data/labelled_text.ts";
import type { Pair } from "../../lib/data/pair.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { Device } from "../../lib/gpu/device.ts";
import type { Model } from "../../lib/models/model.ts";
import { Seq2Seq, type Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { SequenceClassifier, type SequenceClassifierOptions } from "../../lib/models/sequence_classifier.ts";
import { newestFirst } from "../../lib/training/checkpoint_files.ts";
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

/** Makes texts of one to twelve words, with the class that the last number below two in them says. */
export function tinyTexts(count: number): LabelledText[] {
  const random = new Random(11);
  return Array.from({ length: count }, (_, index) => {
    const label = (index % 2) as 0 | 1;
    const before = Array.from({ length: random.integer(6) }, () => WORDS[random.integer(WORDS.length)]!);
    const after = Array.from(
      { length: random.integer(6) },
      () => WORDS[2 + random.integer(WORDS.length - 2)]!,
    );
    return { text: [...before, WORDS[label]!, ...after].join(" "), label };
  });
}

/** Makes a classifier for {@linkcode tinyTexts}, with dropout. */
export function tinyClassifier(device: Device, options: SequenceClassifierOptions = {}): SequenceClassifier {
  const text = Tokenizer.words(WORDS);
  return new SequenceClassifier(device, { text, embedding: 4, layers: [6], dropout: 0.3, ...options });
}

/** Returns a hash of all bits of a model's weights and moments. */
export async function fingerprint({ parameters }: Model<never>): Promise<string> {
  const hashes: string[] = [];
  for (const which of ["values", "firstMoments", "secondMoments"] as const) {
    for (const [name, { data }] of await parameters.read(which)) hashes.push(name, await hashOf(data));
  }
  return await hashOf(new TextEncoder().encode(hashes.join(" ")));
}

/** Returns the path of the last checkpoint in a folder, by its name. */
export async function lastCheckpoint(folder: string): Promise<string> {
  const [newest] = await newestFirst(folder);
  if (newest === undefined) throw new Error(`There is no checkpoint in ${folder}.`);
  return `${folder}/${newest}`;
}

/** Returns a hash of the last checkpoint in a folder: weights, optimizer, position, losses and options. */
export async function checkpointHash(folder: string): Promise<string> {
  return await hashOf(await Deno.readFile(await lastCheckpoint(folder)));
}

/** Returns a hash of some bytes. */
export async function hashOf(bytes: BufferSource): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
