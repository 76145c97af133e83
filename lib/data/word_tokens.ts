// Tokenizers whose tokens are whole words.

import { type HuggingFaceTokenizer, huggingFaceTokenizer } from "./hugging_face.ts";
import { normalizers, normalizeText, replaceStep, type TextOptions } from "./normalization.ts";
import type { TokenizerKind, WordsJSON } from "./tokenizer_kind.ts";
import { Vocabulary, type VocabularyOptions } from "./vocabulary.ts";
import { isWhite, joinPieces, pieces, words } from "./words.ts";

/** How a word tokenizer cuts text and which words it keeps. */
export interface WordsOptions extends VocabularyOptions, TextOptions {
  /** Whether punctuation marks are tokens and text can be restored; false when omitted. */
  readonly punctuation?: boolean;
  /** Whether words lose their case; true when omitted. */
  readonly lowerCase?: boolean;
}

type Cut = Required<TextOptions> & { readonly punctuation: boolean };

/** Whole words, and with `punctuation` the marks between them. */
export class WordTokens implements TokenizerKind {
  readonly kind = "words";
  readonly #cut: Cut;

  constructor(readonly vocabulary: Vocabulary, cut: Cut) {
    this.#cut = cut;
  }

  static learn(sentences: readonly string[], options: WordsOptions): WordTokens {
    const { punctuation = false, lowerCase = true, nfc = false, plainPunctuation = false } = options;
    const cut = { punctuation, lowerCase, nfc, plainPunctuation };
    if (plainPunctuation && !punctuation) {
      throw new RangeError(
        "Cannot learn words with plainPunctuation: they leave no punctuation to make plain. " +
          "Set punctuation, or leave plainPunctuation out.",
      );
    }
    return new WordTokens(Vocabulary.from(tokensOf(sentences, cut), options), cut);
  }

  static fromJSON(json: Readonly<Record<string, unknown>>): WordTokens {
    const { kind, punctuation, lowerCase, vocabulary, nfc = false, plainPunctuation = false, ...others } =
      json;
    if (kind !== "words") {
      throw new TypeError(`Cannot read a tokenizer: its kind must be "words", got ${JSON.stringify(kind)}`);
    }
    if (typeof punctuation !== "boolean" || typeof lowerCase !== "boolean") {
      throw new TypeError("Cannot read a tokenizer: punctuation and lowerCase must be true or false");
    }
    if (typeof nfc !== "boolean" || typeof plainPunctuation !== "boolean") {
      throw new TypeError("Cannot read a tokenizer: nfc and plainPunctuation must be true, false or absent");
    }
    const [other] = Object.keys(others);
    if (other !== undefined) {
      throw new TypeError(`Cannot read a tokenizer: unknown key ${JSON.stringify(other)}`);
    }
    return new WordTokens(Vocabulary.fromJSON(vocabulary), { punctuation, lowerCase, nfc, plainPunctuation });
  }

  get punctuation(): boolean {
    return this.#cut.punctuation;
  }

  get lowerCase(): boolean {
    return this.#cut.lowerCase;
  }

  tokenize(text: string): string[] {
    return tokenize(text, this.#cut);
  }

  /** Unusual white space is kept where it was learned, and otherwise counts as a space. */
  readable(text: string): string[] {
    const tokens = this.tokenize(text);
    if (!this.punctuation) return tokens;
    return tokens.filter((token) => this.vocabulary.has(token) || !isWhite(token));
  }

  join(tokens: readonly string[]): string {
    return this.punctuation ? joinPieces(tokens) : tokens.join(" ");
  }

  toJSON(): WordsJSON {
    const { punctuation, lowerCase, nfc, plainPunctuation } = this.#cut;
    return {
      kind: "words",
      punctuation,
      lowerCase,
      ...(nfc ? { nfc } : {}),
      ...(plainPunctuation ? { plainPunctuation } : {}),
      vocabulary: this.vocabulary.toJSON(),
    };
  }

  toHuggingFace(): HuggingFaceTokenizer {
    if (this.punctuation) {
      throw new TypeError(
        "Cannot write a tokenizer.json: it has no way to say which side of a punctuation mark touches a word. " +
          "Use Tokenizer.bpe or Tokenizer.characters, or words without punctuation.",
      );
    }
    const { lowerCase, ...before } = this.#cut;
    return huggingFaceTokenizer(this.vocabulary, {
      normalizers: [
        ...normalizers({ ...before, lowerCase: false }),
        // Words stand alone before they lose their case, as in tokenize(): so İstanbul stays one word, and whether a
        // Σ ends a word does not depend on what follows the word.
        replaceStep("[^\\p{L}\\p{N}_]+", " "),
        ...normalizers({ lowerCase }),
      ],
      preTokenizer: { type: "WhitespaceSplit" },
      model: { type: "WordLevel", unk_token: "<unk>" },
      decoder: null,
    });
  }
}

function* tokensOf(sentences: readonly string[], cut: Cut): Generator<string[]> {
  for (const sentence of sentences) yield tokenize(sentence, cut);
}

function tokenize(text: string, { punctuation, lowerCase, nfc, plainPunctuation }: Cut): string[] {
  const normalized = normalizeText(text, { nfc, plainPunctuation });
  const tokens = punctuation ? pieces(normalized) : words(normalized);
  if (!lowerCase) return tokens;
  // Token by token, as the original does: lower-casing can make characters that would part the text elsewhere.
  for (let index = 0; index < tokens.length; index++) tokens[index] = tokens[index]!.toLowerCase();
  return tokens;
}
