// Tokenizers whose tokens are parts of words, found by byte pair encoding.

import { BYTE_TOKENS, isByteToken, joinBytes } from "./bytes.ts";
import { alphabetOf, countCharacters, spellUnknown } from "./character_tokens.ts";
import { bpeModel, type HuggingFaceTokenizer, huggingFaceTokenizer } from "./hugging_face.ts";
import { learnMerges } from "./learn_merges.ts";
import { applyMerges, type Merge, type Ranks, ranksOf } from "./merges.ts";
import { normalizers, normalizeText, type TextOptions } from "./normalization.ts";
import type { MergeDropout, TokenizerKind } from "./tokenizer_kind.ts";
import { SPECIALS, Vocabulary } from "./vocabulary.ts";

/** What byte pair encoding learns, and how it treats text. */
export interface BpeOptions extends TextOptions {
  /** How many merges to learn at most; 10,000 when omitted. */
  readonly merges?: number;
  /** How often a pair must occur to be merged; 2 when omitted, as in the paper. */
  readonly minFrequency?: number;
  /** How often a character must occur to have a token; 1 when omitted. */
  readonly minCharacterFrequency?: number;
  /** Whether other characters are spelled by their bytes, so that none is unknown; false when omitted. */
  readonly byteFallback?: boolean;
  /** Whether letters lose their case; false when omitted. */
  readonly lowerCase?: boolean;
}

type Treatment = Required<TextOptions> & { readonly byteFallback: boolean };

/** Stands for a space, as in SentencePiece. */
const SPACE = "▁";
/** Words and runs of punctuation, each with the space before it; merges stay within one of these. */
const PIECE = `${SPACE}?[\\p{L}\\p{M}\\p{N}_]+|${SPACE}?[^${SPACE}\\p{L}\\p{M}\\p{N}_]+|${SPACE}`;
const PIECES = new RegExp(PIECE, "gu");
/** How many pieces are remembered with their tokens, and how long they may be. */
const CACHE = { pieces: 100_000, length: 64 };

/** Parts of words. */
export class BpeTokens implements TokenizerKind {
  readonly kind = "bpe";
  readonly punctuation = true;
  readonly #merges: readonly Merge[];
  readonly #ranks: Ranks;
  readonly #treatment: Treatment;
  readonly #cache = new Map<string, readonly string[]>();

  constructor(readonly vocabulary: Vocabulary, merges: readonly Merge[], treatment: Treatment) {
    this.#merges = merges;
    this.#ranks = ranksOf(merges);
    this.#treatment = treatment;
  }

  static learn(texts: readonly string[], options: BpeOptions): BpeTokens {
    const { byteFallback = false, lowerCase = false, nfc = false, plainPunctuation = false } = options;
    const { merges: limit = 10_000, minFrequency = 2, minCharacterFrequency = 1 } = options;
    assertAtLeast("merges", limit, 0);
    assertAtLeast("minFrequency", minFrequency, 1);
    const treatment = { byteFallback, lowerCase, nfc, plainPunctuation };
    const counts = countPieces(texts, treatment);
    const characters = countCharacters(counts).set(SPACE, Infinity); // needed, whatever the text
    const alphabet = alphabetOf(characters, { minFrequency: minCharacterFrequency });
    const merges = learnMerges(counts, alphabet, { merges: limit, minFrequency, isForbidden: isReserved });
    const tokens = new Set([
      ...SPECIALS,
      ...(byteFallback ? BYTE_TOKENS : []),
      ...alphabet,
      ...merges.map(([left, right]) => left + right),
    ]);
    return new BpeTokens(Vocabulary.fromJSON([...tokens]), merges, treatment);
  }

  get lowerCase(): boolean {
    return this.#treatment.lowerCase;
  }

  tokenize(text: string, options: MergeDropout = {}): string[] {
    const { dropout = 0, random } = options;
    const isDropped = dropout > 0 ? () => random!.uniform() < dropout : undefined;
    return piecesOf(text, this.#treatment).flatMap((piece) =>
      isDropped ? this.#cut(piece, isDropped) : this.#known(piece)
    );
  }

  join(tokens: readonly string[]): string {
    const spaced = tokens.map((token) => token.replaceAll(SPACE, " "));
    const text = this.#treatment.byteFallback ? joinBytes(spaced) : spaced.join("");
    return text.startsWith(" ") ? text.slice(1) : text;
  }

  toHuggingFace(): HuggingFaceTokenizer {
    const { byteFallback } = this.#treatment;
    return huggingFaceTokenizer(this.vocabulary, {
      normalizers: [
        ...normalizers(this.#treatment),
        // Not a Metaspace pre-tokenizer, which would not keep a space at the beginning of a text.
        { type: "Prepend", prepend: SPACE },
        { type: "Replace", pattern: { String: " " }, content: SPACE },
      ],
      preTokenizer: { type: "Split", pattern: { Regex: PIECE }, behavior: "Isolated", invert: false },
      model: bpeModel(byteFallback),
      merges: this.#merges,
      decoder: {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern: { String: SPACE }, content: " " },
          ...(byteFallback ? [{ type: "ByteFallback" }] : []),
          { type: "Fuse" },
          { type: "Strip", content: " ", start: 1, stop: 0 },
        ],
      },
    });
  }

  /** The tokens of a piece, which most often has been cut before. */
  #known(piece: string): readonly string[] {
    const cached = this.#cache.get(piece);
    if (cached !== undefined) return cached;
    const tokens = this.#cut(piece);
    if (piece.length > CACHE.length) return tokens;
    if (this.#cache.size >= CACHE.pieces) this.#cache.clear();
    this.#cache.set(piece, tokens);
    return tokens;
  }

  #cut(piece: string, isDropped?: () => boolean): string[] {
    const tokens = applyMerges([...piece], this.#ranks, isDropped);
    return this.#treatment.byteFallback ? spellUnknown(tokens, this.vocabulary) : tokens;
  }
}

/** Tells whether a token is spelled like one that no text may make. */
export function isReserved(token: string): boolean {
  return SPECIALS.includes(token) || isByteToken(token);
}

function countPieces(texts: readonly string[], treatment: Treatment): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of piecesOf(text, treatment)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  return counts;
}

function piecesOf(text: string, treatment: Treatment): string[] {
  if (text === "") return [];
  const spaced = SPACE + normalizeText(text.toWellFormed(), treatment).replaceAll(" ", SPACE);
  return spaced.match(PIECES) ?? [];
}

function assertAtLeast(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(
    `Cannot learn byte pair encoding: ${name} must be a whole number of at least ${least}, got ${value}`,
  );
}
