// The options that say how text is cut into tokens, and the tokenizers that follow from them.

import type { Pair } from "../data/pair.ts";
import { Tokenizer } from "../data/tokenizer.ts";
import { UsageError } from "./exit_code.ts";
import type { Options, Values } from "./option.ts";

/** The options of every command that learns tokenizers. */
export const tokenizerOptions = {
  tokenizer: {
    type: "choice",
    choices: ["words", "bpe", "characters"],
    default: "words",
    description: "What the tokens are; bpe: parts of words, by byte pair encoding",
  },
  merges: { type: "integer", minimum: 0, defaultText: "10000", description: "How many merges bpe learns" },
  joint: { type: "boolean", description: "One vocabulary for both languages" },
  byteFallback: {
    type: "boolean",
    description: "Spell characters that training lacks by their bytes; for bpe and characters",
  },
  punctuation: {
    type: "boolean",
    description: "Keep punctuation of words, as bpe and characters always do, and their case",
  },
  lowerCase: {
    type: "boolean",
    defaultText: "for words without --punctuation",
    description: "Let text lose its case",
  },
  nfc: { type: "boolean", description: "Compose letters and their marks (Unicode's NFC)" },
  plainPunctuation: { type: "boolean", description: "Typographic quotes and dashes become plain ones" },
  minFrequency: {
    type: "integer",
    minimum: 1,
    default: 1,
    description: "Leave rarer words, or characters, out of the vocabularies",
  },
  maxVocabulary: {
    type: "integer",
    minimum: 5,
    description: "Keep only so many words, or characters, of each language",
  },
} as const satisfies Options;

type TokenizerValues = Values<typeof tokenizerOptions>;

/** @throws {UsageError} If options contradict each other. */
export function assertTokenizerOptions(values: TokenizerValues): void {
  const { tokenizer, merges, byteFallback, punctuation, plainPunctuation, maxVocabulary } = values;
  const isWords = tokenizer === "words";
  const conflicts: readonly [found: boolean, problem: string][] = [
    [
      merges !== undefined && tokenizer !== "bpe",
      "--merges needs --tokenizer bpe: nothing else learns merges",
    ],
    [byteFallback && isWords, "--byte-fallback needs --tokenizer bpe or characters: words are not spelled"],
    [
      plainPunctuation && isWords && !punctuation,
      "--plain-punctuation needs --punctuation: words leave none to make plain",
    ],
    [
      punctuation && !isWords,
      `--punctuation is for words: ${tokenizer} always keeps punctuation, and case too`,
    ],
    [maxVocabulary !== undefined && tokenizer === "bpe", "--max-vocabulary is not for bpe: use --merges"],
  ];
  for (const [found, problem] of conflicts) if (found) throw new UsageError(`${problem}.`);
}

/** Learns the tokenizers of both sides, which are one and the same with `--joint`. */
export function learnTokenizers(
  pairs: readonly Pair[],
  values: TokenizerValues,
): { readonly source: Tokenizer; readonly target: Tokenizer } {
  const sources = pairs.map(({ source }) => source);
  const targets = pairs.map(({ target }) => target);
  if (!values.joint) return { source: learn(sources, values), target: learn(targets, values) };
  const joint = learn([...sources, ...targets], values);
  return { source: joint, target: joint };
}

function learn(texts: readonly string[], values: TokenizerValues): Tokenizer {
  const { nfc, plainPunctuation, punctuation, byteFallback, minFrequency, merges } = values;
  const { lowerCase = values.tokenizer === "words" && !punctuation } = values;
  const size = values.maxVocabulary === undefined ? {} : { maxSize: values.maxVocabulary };
  const shared = { nfc, plainPunctuation, lowerCase };
  switch (values.tokenizer) {
    case "words":
      return Tokenizer.words(texts, {
        ...shared,
        ...size,
        punctuation,
        minFrequency,
      });
    case "characters":
      return Tokenizer.characters(texts, { ...shared, ...size, byteFallback, minFrequency });
    case "bpe":
      return Tokenizer.bpe(texts, {
        ...shared,
        byteFallback,
        minCharacterFrequency: minFrequency,
        ...(merges === undefined ? {} : { merges }),
      });
  }
}
