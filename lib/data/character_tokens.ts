// Tokenizers whose tokens are single characters, and optionally the bytes of all others.

import { BYTE_TOKENS, joinBytes, toByteTokens } from "./bytes.ts";
import { bpeModel, type HuggingFaceTokenizer, huggingFaceTokenizer } from "./hugging_face.ts";
import { normalizers, normalizeText, type TextOptions } from "./normalization.ts";
import type { TokenizerKind } from "./tokenizer_kind.ts";
import { SPECIALS, Vocabulary, type VocabularyOptions } from "./vocabulary.ts";

/** How a character tokenizer treats text and which characters it keeps. */
export interface CharactersOptions extends VocabularyOptions, TextOptions {
  /** Whether other characters are spelled by their bytes, so that none is unknown; false when omitted. */
  readonly byteFallback?: boolean;
  /** Whether letters lose their case; false when omitted. */
  readonly lowerCase?: boolean;
}

type Treatment = Required<TextOptions> & { readonly byteFallback: boolean };

/** Characters, that is, code points; white space is among them. */
export class CharacterTokens implements TokenizerKind {
  readonly kind = "characters";
  readonly punctuation = true;
  readonly #treatment: Treatment;

  constructor(readonly vocabulary: Vocabulary, treatment: Treatment) {
    this.#treatment = treatment;
  }

  static learn(texts: readonly string[], options: CharactersOptions): CharacterTokens {
    const { byteFallback = false, lowerCase = false, nfc = false, plainPunctuation = false } = options;
    const treatment = { byteFallback, lowerCase, nfc, plainPunctuation };
    const reserved = byteFallback ? BYTE_TOKENS : [];
    const { maxSize = Infinity } = options;
    if (maxSize <= SPECIALS.length + reserved.length) {
      throw new RangeError(
        `Cannot learn characters: maxSize must be above ${
          SPECIALS.length + reserved.length
        }, the special tokens` +
          `${byteFallback ? " and those for bytes" : ""}, got ${maxSize}`,
      );
    }
    const characters = alphabetOf(
      countCharacters(texts.map((text) => [normalize(text, treatment), 1])),
      { ...options, maxSize: maxSize - reserved.length },
    );
    return new CharacterTokens(
      Vocabulary.fromJSON([...SPECIALS, ...reserved, ...characters]),
      treatment,
    );
  }

  get lowerCase(): boolean {
    return this.#treatment.lowerCase;
  }

  tokenize(text: string): string[] {
    const characters = [...normalize(text, this.#treatment)];
    return this.#treatment.byteFallback ? spellUnknown(characters, this.vocabulary) : characters;
  }

  join(tokens: readonly string[]): string {
    return this.#treatment.byteFallback ? joinBytes(tokens) : tokens.join("");
  }

  toHuggingFace(): HuggingFaceTokenizer {
    const { byteFallback } = this.#treatment;
    return huggingFaceTokenizer(this.vocabulary, {
      normalizers: normalizers(this.#treatment),
      preTokenizer: null,
      model: bpeModel(byteFallback),
      merges: [],
      decoder: {
        type: "Sequence",
        decoders: [...(byteFallback ? [{ type: "ByteFallback" }] : []), { type: "Fuse" }],
      },
    });
  }
}

/** Counts the characters of texts, each as often as its text occurs. */
export function countCharacters(
  texts: Iterable<readonly [text: string, count: number]>,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [text, count] of texts) {
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + count);
  }
  return counts;
}

/** Characters, the most frequent first, equally frequent ones by code point. */
export function alphabetOf(counts: ReadonlyMap<string, number>, options: VocabularyOptions): string[] {
  return Vocabulary.from(counts, options).tokens.slice(SPECIALS.length);
}

/** Puts bytes in the place of unknown tokens. */
export function spellUnknown(tokens: readonly string[], vocabulary: Vocabulary): string[] {
  return tokens.flatMap((token) => vocabulary.has(token) ? [token] : toByteTokens(token));
}

function normalize(text: string, treatment: Treatment): string {
  return normalizeText(text.toWellFormed(), treatment);
}
