// Tokenizers whose tokens are whole words.

import { excerpt } from "../strict_json.ts";
import { type HuggingFaceTokenizer, huggingFaceTokenizer } from "./hugging_face.ts";
import { normalizers, normalizeText, replaceStep, type TextOptions } from "./normalization.ts";
import type { TokenizerKind } from "./tokenizer_kind.ts";
import { Vocabulary, type VocabularyOptions } from "./vocabulary.ts";
import { JOINER, JOINER_PATTERN, joinPieces, PIECE_RULES, pieces, words } from "./words.ts";

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

  /** Reads the list of words that earlier versions stored. */
  static fromJSON(json: Readonly<Record<string, unknown>>): WordTokens {
    const { kind, vocabulary, punctuation, lowerCase, nfc = false, plainPunctuation = false, ...others } =
      json;
    if (kind !== "words") {
      throw new TypeError(`Cannot read a tokenizer: its kind must be "words", got ${excerpt(kind)}`);
    }
    const cut = { punctuation, lowerCase, nfc, plainPunctuation };
    const wrong = Object.entries(cut).find(([, value]) => typeof value !== "boolean");
    if (wrong) throw new TypeError(`Cannot read a tokenizer: ${wrong[0]} must be true or false`);
    const [other] = Object.keys(others);
    if (other !== undefined) {
      throw new TypeError(`Cannot read a tokenizer: unknown key ${excerpt(other)}`);
    }
    return new WordTokens(Vocabulary.fromJSON(vocabulary), cut as Cut);
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

  join(tokens: readonly string[]): string {
    return this.punctuation ? joinPieces(tokens) : tokens.join(" ");
  }

  toHuggingFace(): HuggingFaceTokenizer {
    const { lowerCase, punctuation, ...before } = this.#cut;
    // Words stand alone before they lose their case, as in tokenize(): so İstanbul stays one word, and whether a Σ ends a
    // word does not depend on what follows the word.
    const cuts = punctuation ? PIECE_RULES : [["[^\\p{L}\\p{N}_]+", " "] as const];
    const joined = [
      { type: "WordPiece", prefix: JOINER, cleanup: false },
      { type: "Fuse" },
      replaceStep(JOINER_PATTERN, ""),
    ];
    return huggingFaceTokenizer(this.vocabulary, {
      normalizers: [
        ...normalizers({ ...before, lowerCase: false }),
        ...cuts.map(([pattern, content]) => replaceStep(pattern, content)),
        ...normalizers({ lowerCase }),
      ],
      preTokenizer: { type: "WhitespaceSplit" },
      model: { type: "WordLevel", unk_token: "<unk>" },
      decoder: punctuation ? { type: "Sequence", decoders: joined } : null,
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
