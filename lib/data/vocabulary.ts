// The tokens that a model knows, numbered: the rows of its embedding and the columns of its output.

import { excerpt } from "../strict_json.ts";

/** The number of `<pad>`, which fills rows up to the length of their bucket. */
export const PAD: number = 0;
/** The number of `<unk>`, which stands for every token that is not in the vocabulary. */
export const UNK: number = 1;
/** The number of `<sos>`, which begins every sentence. */
export const SOS: number = 2;
/** The number of `<eos>`, which ends every sentence. */
export const EOS: number = 3;

/** The special tokens by number. */
export const SPECIALS: readonly string[] = ["<pad>", "<unk>", "<sos>", "<eos>"];

/** More tokens than any model can use, for each has a row in the embedding and a column in the output. */
export const MOST_TOKENS: number = 2 ** 20;

/** Which tokens become part of a vocabulary. */
export interface VocabularyOptions {
  /** How often a token must occur to be taken; 1 when omitted. */
  readonly minFrequency?: number;
  /** How many tokens there may be at most, the four special ones included; no limit when omitted. */
  readonly maxSize?: number;
}

/** How much of some text a vocabulary knows. */
export interface Coverage {
  /** How many tokens the text has. */
  readonly tokens: number;
  /** How many of them are known. */
  readonly known: number;
  /** `known / tokens`, or 1 for an empty text. */
  readonly fraction: number;
  /** How many different tokens the text has. */
  readonly types: number;
  /** How many of those are known. */
  readonly knownTypes: number;
  /** The unknown ones that are most frequent, ten at most, with their counts; equally frequent ones by code point. */
  readonly unknown: readonly UnknownToken[];
}

/** A token that a vocabulary does not know. */
export interface UnknownToken {
  /** The token. */
  readonly token: string;
  /** How often the text has it. */
  readonly count: number;
}

const MOST_UNKNOWN = 10;

/**
 * Tokens and their numbers, which never change: 0 to 3 are `<pad>`, `<unk>`, `<sos>` and `<eos>`, then the most
 * frequent token first, equally frequent ones by code point.
 *
 * A text that spells a special token does not become one: `id("<eos>")` is `UNK`. Use the constants `PAD`, `UNK`,
 * `SOS` and `EOS` for those.
 *
 * @example
 * ```ts
 * import { UNK, Vocabulary } from "./vocabulary.ts";
 *
 * const vocabulary = Vocabulary.from([["to", "be", "or", "not", "to", "be"]], { minFrequency: 2 });
 * console.assert(vocabulary.size === 6 && vocabulary.token(4) === "be");
 * console.assert(vocabulary.id("or") === UNK);
 * ```
 */
export class Vocabulary {
  /** The tokens by number, the special ones first. */
  readonly tokens: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  private constructor(words: readonly string[]) {
    this.tokens = Object.freeze([...SPECIALS, ...words]);
    this.#ids = new Map(words.map((word, index) => [word, SPECIALS.length + index]));
  }

  /**
   * Collects the tokens of a text.
   *
   * @param text Token sequences, or a map from token to frequency.
   * @param options Least frequency and largest size.
   * @throws {RangeError} If an option is out of range, or there are more than 1,048,576 tokens.
   */
  static from(
    text: Iterable<Iterable<string>> | ReadonlyMap<string, number>,
    options: VocabularyOptions = {},
  ): Vocabulary {
    const { minFrequency = 1, maxSize = Infinity } = options;
    if (!(minFrequency >= 1)) {
      throw new RangeError(`Cannot build a vocabulary: minFrequency must be at least 1, got ${minFrequency}`);
    }
    if (!(maxSize > SPECIALS.length)) {
      throw new RangeError(
        `Cannot build a vocabulary: maxSize must be above ${SPECIALS.length}, the special tokens, got ${maxSize}`,
      );
    }
    const counts = text instanceof Map
      ? text as ReadonlyMap<string, number>
      : count(text as Iterable<string[]>);
    const kept = [...counts].filter(([word, frequency]) =>
      frequency >= minFrequency && word !== "" && !SPECIALS.includes(word)
    );
    const most = maxSize - SPECIALS.length;
    if (Math.min(kept.length, most) > MOST_TOKENS - SPECIALS.length) {
      throw new RangeError(
        `Cannot build a vocabulary of ${kept.length} words: there may be ${MOST_TOKENS} tokens. ` +
          "Give minFrequency or maxSize.",
      );
    }
    const words = kept.sort(byFrequency).slice(0, most).map(([word]) => word);
    return new Vocabulary(words);
  }

  /**
   * Restores what `toJSON` returned.
   *
   * @param json All tokens by number.
   * @throws {TypeError} If it is no such list: not strings, wrong special tokens, a token twice, or too many.
   */
  static fromJSON(json: unknown): Vocabulary {
    const problem = problemOf(json);
    if (problem !== undefined) throw new TypeError(`Cannot read a vocabulary: ${problem}`);
    return new Vocabulary((json as string[]).slice(SPECIALS.length));
  }

  /** Returns the tokens by number, the special ones included. */
  toJSON(): string[] {
    return [...this.tokens];
  }

  /** How many tokens there are, the four special ones included. */
  get size(): number {
    return this.tokens.length;
  }

  /** Returns the number of a token, or `UNK` if it is not in the vocabulary. */
  id(token: string): number {
    return this.#ids.get(token) ?? UNK;
  }

  /**
   * Returns the token of a number.
   *
   * @throws {RangeError} If there is none.
   */
  token(id: number): string {
    const token = this.tokens[id];
    if (token === undefined) {
      throw new RangeError(
        `Cannot look up token ${id}: the vocabulary has the numbers 0 to ${this.size - 1}`,
      );
    }
    return token;
  }

  /** Tells whether a token of a text is known. */
  has(token: string): boolean {
    return this.#ids.has(token);
  }

  /**
   * Tells how many of a text's tokens, and of its different tokens, are known, and which are missed most.
   *
   * @param sequences The tokens of each sentence, cut as those that the vocabulary was made from.
   *
   * @example
   * ```ts
   * import { Vocabulary } from "./vocabulary.ts";
   *
   * const vocabulary = Vocabulary.from([["a", "cat"]]);
   * const { fraction, unknown } = vocabulary.coverage([["a", "dog"], ["a", "dog"]]);
   * console.assert(fraction === 0.5 && unknown[0]!.token === "dog" && unknown[0]!.count === 2);
   * ```
   */
  coverage(sequences: Iterable<Iterable<string>>): Coverage {
    let tokens = 0, known = 0;
    const counts = count(sequences);
    const unknown: [string, number][] = [];
    for (const [token, frequency] of counts) {
      tokens += frequency;
      if (this.has(token)) known += frequency;
      else unknown.push([token, frequency]);
    }
    return {
      tokens,
      known,
      fraction: tokens === 0 ? 1 : known / tokens,
      types: counts.size,
      knownTypes: counts.size - unknown.length,
      unknown: unknown.sort(byFrequency).slice(0, MOST_UNKNOWN).map(([token, count]) => ({ token, count })),
    };
  }
}

function count(sequences: Iterable<Iterable<string>>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const sequence of sequences) {
    for (const token of sequence) counts.set(token, (counts.get(token) ?? 0) + 1);
  }
  return counts;
}

/** The most frequent first, equally frequent ones by code point. */
function byFrequency([a, countA]: readonly [string, number], [b, countB]: readonly [string, number]): number {
  return countB - countA || compareCodePoints(a, b);
}

/** The order of Python and of UTF-8; `<` would compare UTF-16 units and put emoji before ﬁ. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const unitA = a.charCodeAt(index), unitB = b.charCodeAt(index);
    if (unitA === unitB) continue;
    const highA = unitA >= 0xd800 && unitA < 0xe000, highB = unitB >= 0xd800 && unitB < 0xe000;
    return highA === highB ? unitA - unitB : highA ? 1 : -1;
  }
  return a.length - b.length;
}

function problemOf(json: unknown): string | undefined {
  if (!Array.isArray(json)) return `expected an array of tokens, got ${excerpt(json)}`;
  if (json.length > MOST_TOKENS) return `it has ${json.length} tokens, and at most ${MOST_TOKENS} are read`;
  for (const [id, special] of SPECIALS.entries()) {
    if (json[id] !== special) return `token ${id} must be ${special}, got ${excerpt(json[id])}`;
  }
  const seen = new Set<string>();
  for (const [id, token] of json.entries()) {
    if (typeof token !== "string" || token === "") {
      return `token ${id} must be a word, got ${excerpt(token)}`;
    }
    if (seen.has(token)) return `token ${id}, ${excerpt(token)}, is there twice`;
    seen.add(token);
  }
  return undefined;
}
