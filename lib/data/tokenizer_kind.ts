// What a tokenizer of any kind can do: cut text, join tokens, and be written down. One file a kind implements it.

import type { Random } from "../random.ts";
import type { HuggingFaceTokenizer } from "./hugging_face.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Leaving out merges at random, so that a model sees words cut in several ways (Provilkov et al. 2020). */
export interface MergeDropout {
  /** The probability that a merge is left out; 0 when omitted. The paper takes 0.1. */
  readonly dropout?: number;
  /** Where the draws come from; needed if `dropout` is above 0. */
  readonly random?: Random;
}

/** One way of cutting text into tokens. */
export interface TokenizerKind {
  /** The kind's name. */
  readonly kind: "words" | "bpe" | "characters";
  /** The tokens that are known. */
  readonly vocabulary: Vocabulary;
  /** Whether punctuation marks are tokens and text can be restored. */
  readonly punctuation: boolean;
  /** Whether text loses its case. */
  readonly lowerCase: boolean;
  /** Cuts a text into tokens, known or not. */
  tokenize(text: string, options?: MergeDropout): string[];
  /** Puts tokens together into text. */
  join(tokens: readonly string[]): string;
  /** The stored form: the tokenizer.json of Hugging Face's libraries. */
  toHuggingFace(): HuggingFaceTokenizer;
}
