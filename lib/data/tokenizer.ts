// Text to token numbers and back: what stands between a sentence and a model.

import { EOS, PAD, SOS, Vocabulary, type VocabularyOptions } from "./vocabulary.ts";
import { isWhite, joinPieces, pieces, words } from "./words.ts";

/** How a word tokenizer cuts text and which words it keeps. */
export interface WordsOptions extends VocabularyOptions {
  /** Whether punctuation marks are tokens and text can be restored; false when omitted. */
  readonly punctuation?: boolean;
  /** Whether words lose their case; true when omitted. */
  readonly lowerCase?: boolean;
}

/**
 * Cuts sentences into tokens and numbers them.
 *
 * Without punctuation the tokens are exactly those of Python's `re.findall(r"\w+", text)`, each lower-cased.
 * With punctuation and without lower-casing, `decode(encode(text))` is the text itself as long as every token of
 * it is known. A tokenizer is learned from the training part of a corpus only, and stored with the model.
 *
 * @example
 * ```ts
 * import { Tokenizer } from "./tokenizer.ts";
 *
 * const tokenizer = Tokenizer.words(["I lost my key.", "My key!"]);
 * console.assert(tokenizer.encode("My lost key").join() === "2,5,7,4,3");
 * console.assert(tokenizer.decode(tokenizer.encode("My lost cat")) === "my lost <unk>");
 * ```
 */
export class Tokenizer {
  /** The tokens that are known. */
  readonly vocabulary: Vocabulary;
  /** Whether punctuation marks are tokens and text can be restored. */
  readonly punctuation: boolean;
  /** Whether words lose their case. */
  readonly lowerCase: boolean;

  private constructor(vocabulary: Vocabulary, punctuation: boolean, lowerCase: boolean) {
    this.vocabulary = vocabulary;
    this.punctuation = punctuation;
    this.lowerCase = lowerCase;
  }

  /**
   * Learns the words of some sentences.
   *
   * @param sentences The training part of one side of a corpus.
   * @param options How to cut the text, and which words to keep.
   */
  static words(sentences: readonly string[], options: WordsOptions = {}): Tokenizer {
    const { punctuation = false, lowerCase = true } = options;
    const text = tokensOf(sentences, punctuation, lowerCase);
    return new Tokenizer(Vocabulary.from(text, options), punctuation, lowerCase);
  }

  /**
   * Restores what `toJSON` returned.
   *
   * @param json The parsed JSON; it may come from anywhere.
   * @throws {TypeError} If it is no tokenizer, saying what is wrong.
   */
  static fromJSON(json: unknown): Tokenizer {
    const { kind, punctuation, lowerCase, vocabulary, ...others } = record(json);
    if (kind !== "words") {
      throw new TypeError(`Cannot read a tokenizer: its kind must be "words", got ${JSON.stringify(kind)}`);
    }
    if (typeof punctuation !== "boolean" || typeof lowerCase !== "boolean") {
      throw new TypeError("Cannot read a tokenizer: punctuation and lowerCase must be true or false");
    }
    const [other] = Object.keys(others);
    if (other !== undefined) {
      throw new TypeError(`Cannot read a tokenizer: unknown key ${JSON.stringify(other)}`);
    }
    return new Tokenizer(Vocabulary.fromJSON(vocabulary), punctuation, lowerCase);
  }

  /** Returns all that is needed to restore the tokenizer, as plain data. */
  toJSON(): { kind: "words"; punctuation: boolean; lowerCase: boolean; vocabulary: string[] } {
    const { punctuation, lowerCase, vocabulary } = this;
    return { kind: "words", punctuation, lowerCase, vocabulary: vocabulary.toJSON() };
  }

  /** Cuts a text into tokens, known or not. */
  tokenize(text: string): string[] {
    return tokenize(text, this.punctuation, this.lowerCase);
  }

  /** Returns a text as a model could write it at best: its tokens joined again, known or not. */
  normalize(text: string): string {
    return this.join(this.tokenize(text));
  }

  /** Returns the text that some tokens make. */
  join(tokens: readonly string[]): string {
    return this.punctuation ? joinPieces(tokens) : tokens.join(" ");
  }

  /** Returns the token numbers of a text: `SOS`, its tokens with `UNK` for those unknown, `EOS`. */
  encode(text: string): number[] {
    return [SOS, ...this.#readable(text).map((token) => this.vocabulary.id(token)), EOS];
  }

  /** Returns a text as `encode` reads it, one token for each number, those unknown as they stand. */
  tokens(text: string): string[] {
    return ["<sos>", ...this.#readable(text), "<eos>"];
  }

  /** Encodes many texts. */
  encodeAll(texts: readonly string[]): Uint32Array[] {
    return texts.map((text) => new Uint32Array(this.encode(text)));
  }

  /**
   * Turns token numbers into text.
   *
   * @param ids Token numbers; those from the first `EOS` on are left out, as are `PAD` and `SOS`. `UNK` is shown.
   * @throws {RangeError} If a number is not in the vocabulary.
   */
  decode(ids: Iterable<number>): string {
    const tokens: string[] = [];
    for (const id of ids) {
      if (id === EOS) break;
      if (id !== PAD && id !== SOS) tokens.push(this.vocabulary.token(id));
    }
    return this.join(tokens);
  }

  /** Returns the tokens of a text that are not in the vocabulary, each once. */
  unknown(text: string): string[] {
    return [...new Set(this.#readable(text).filter((token) => !this.vocabulary.has(token)))];
  }

  /** The tokens of a text. Unusual white space is kept where it was learned, and otherwise counts as a space. */
  #readable(text: string): string[] {
    const tokens = this.tokenize(text);
    if (!this.punctuation) return tokens;
    return tokens.filter((token) => this.vocabulary.has(token) || !isWhite(token));
  }
}

function* tokensOf(
  sentences: readonly string[],
  punctuation: boolean,
  lowerCase: boolean,
): Generator<string[]> {
  for (const sentence of sentences) yield tokenize(sentence, punctuation, lowerCase);
}

function tokenize(text: string, punctuation: boolean, lowerCase: boolean): string[] {
  const tokens = punctuation ? pieces(text) : words(text);
  if (!lowerCase) return tokens;
  // Token by token, as the original does: lower-casing can make characters that would part the text elsewhere.
  for (let index = 0; index < tokens.length; index++) tokens[index] = tokens[index]!.toLowerCase();
  return tokens;
}

function record(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>;
  }
  throw new TypeError(
    "Cannot read a tokenizer: expected an object with kind, punctuation, lowerCase, vocabulary",
  );
}
