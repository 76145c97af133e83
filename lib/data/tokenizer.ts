// Text to token numbers and back: what stands between a sentence and a model.

import { type BpeOptions, BpeTokens } from "./bpe_tokens.ts";
import { type CharactersOptions, CharacterTokens } from "./character_tokens.ts";
import type { HuggingFaceTokenizer } from "./hugging_face.ts";
import { readHuggingFace } from "./read_hugging_face.ts";
import type { MergeDropout, TokenizerKind } from "./tokenizer_kind.ts";
import { EOS, PAD, SOS, type Vocabulary } from "./vocabulary.ts";
import { type WordsOptions, WordTokens } from "./word_tokens.ts";

export type { BpeOptions } from "./bpe_tokens.ts";
export type { CharactersOptions } from "./character_tokens.ts";
export type { WordsOptions } from "./word_tokens.ts";

/**
 * Cuts sentences into tokens and numbers them.
 *
 * The tokens are words, parts of words, or characters. A tokenizer is learned from the training part of a corpus only,
 * and stored with the model.
 *
 * @example Words
 * ```ts
 * import { Tokenizer } from "./tokenizer.ts";
 *
 * const tokenizer = Tokenizer.words(["I lost my key.", "My key!"]);
 * console.assert(tokenizer.encode("My lost key").join() === "2,5,7,4,3");
 * console.assert(tokenizer.decode(tokenizer.encode("My lost cat")) === "my lost <unk>");
 * ```
 *
 * @example Parts of words, the same for both languages
 * ```ts
 * import { Tokenizer } from "./tokenizer.ts";
 *
 * const pairs = [{ source: "a warm winter", target: "ein warmer Winter" }];
 * const joint = Tokenizer.bpe(pairs.flatMap(({ source, target }) => [source, target]), { merges: 20 });
 * const tokenizers = { source: joint, target: joint }; // for a new Seq2Seq
 * console.assert(tokenizers.target.tokenize("warmer").join(" ") === "▁warm er");
 * ```
 */
export class Tokenizer {
  readonly #kind: TokenizerKind;

  private constructor(kind: TokenizerKind) {
    this.#kind = kind;
  }

  /**
   * Learns the words of some sentences.
   *
   * Without punctuation the tokens are exactly those of Python's `re.findall(r"\w+", text)`, each lower-cased. With
   * punctuation and without lower-casing, `decode(encode(text))` is the text itself as long as every token of it is known;
   * only a run of white space counts as one space, and none at the ends.
   *
   * @param sentences The training part of one side of a corpus.
   * @param options How to cut the text, and which words to keep.
   */
  static words(sentences: readonly string[], options: WordsOptions = {}): Tokenizer {
    return new Tokenizer(WordTokens.learn(sentences, options));
  }

  /**
   * Learns parts of words by byte pair encoding (Sennrich et al. 2016, "Neural Machine Translation of Rare Words with
   * Subword Units"): beginning with characters, the most frequent pair of neighbours becomes a token, again and again.
   *
   * A space belongs to the word after it and is shown as `▁`; a text that has this character itself has a space there for
   * a tokenizer. Merges stay within words and within runs of punctuation. Case and white space are kept unless the options
   * say otherwise; with `byteFallback`, `decode(encode(text))` is `normalize(text)` for every text.
   *
   * For one vocabulary of both languages, learn from the texts of both sides and use the tokenizer twice.
   *
   * @param texts The training part of one side of a corpus, or of both.
   * @param options What to learn, and how to treat text.
   * @throws {RangeError} If an option is out of range.
   *
   * @example
   * ```ts
   * import { Random } from "../random.ts";
   * import { Tokenizer } from "./tokenizer.ts";
   *
   * const tokenizer = Tokenizer.bpe(["low lower lowest", "new newer newest"], { merges: 12, byteFallback: true });
   * console.assert(tokenizer.tokenize("slower").join(" ") === "▁ s l o wer");
   * console.assert(tokenizer.decode(tokenizer.encode("newest 🐘!")) === "newest 🐘!");
   * const varied = tokenizer.encode("lowest", { dropout: 0.5, random: new Random(1) });
   * console.assert(tokenizer.decode(varied) === "lowest");
   * ```
   */
  static bpe(texts: readonly string[], options: BpeOptions = {}): Tokenizer {
    return new Tokenizer(BpeTokens.learn(texts, options));
  }

  /**
   * Learns the characters of some texts, white space and punctuation among them.
   *
   * @param texts The training part of one side of a corpus, or of both.
   * @param options Which characters to keep, and how to treat text.
   * @throws {RangeError} If an option is out of range.
   *
   * @example
   * ```ts
   * import { Tokenizer } from "./tokenizer.ts";
   *
   * const tokenizer = Tokenizer.characters(["Oh no!"], { byteFallback: true });
   * console.assert(tokenizer.tokenize("Oh é").join(",") === "O,h, ,<0xC3>,<0xA9>");
   * console.assert(tokenizer.decode(tokenizer.encode("Oh é")) === "Oh é");
   * ```
   */
  static characters(texts: readonly string[], options: CharactersOptions = {}): Tokenizer {
    return new Tokenizer(CharacterTokens.learn(texts, options));
  }

  /**
   * Restores what `toJSON` returned, or a list of words as earlier versions stored it.
   *
   * @param json The parsed JSON; it may come from anywhere.
   * @throws {TypeError} If it is no tokenizer, saying what is wrong.
   */
  static fromJSON(json: unknown): Tokenizer {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new TypeError(
        "Cannot read a tokenizer: expected the content of a tokenizer.json",
      );
    }
    if (Object.hasOwn(json, "model")) return Tokenizer.fromHuggingFace(json);
    return new Tokenizer(WordTokens.fromJSON(json as Record<string, unknown>));
  }

  /**
   * Restores what `toHuggingFace` returned. Other files are read if they cut text in a way that this library has.
   *
   * @param json The parsed `tokenizer.json`; it may come from anywhere.
   * @throws {TypeError} If it is malformed, or cuts text in another way, saying what is wrong.
   */
  static fromHuggingFace(json: unknown): Tokenizer {
    return new Tokenizer(readHuggingFace(json));
  }

  /** What its tokens are. */
  get kind(): "words" | "bpe" | "characters" {
    return this.#kind.kind;
  }

  /** The tokens that are known. */
  get vocabulary(): Vocabulary {
    return this.#kind.vocabulary;
  }

  /** Whether punctuation marks are tokens and text can be restored. */
  get punctuation(): boolean {
    return this.#kind.punctuation;
  }

  /** Whether text loses its case. */
  get lowerCase(): boolean {
    return this.#kind.lowerCase;
  }

  /** Returns all that is needed to restore the tokenizer, as plain data: see {@linkcode Tokenizer.toHuggingFace}. */
  toJSON(): HuggingFaceTokenizer {
    return this.toHuggingFace();
  }

  /**
   * Returns the content of a `tokenizer.json`, from which Hugging Face's libraries make a tokenizer that gives the same
   * numbers; `HUGGING_FACE_CONFIG` is the `tokenizer_config.json` that belongs to it. Only a text that spells a special
   * token, such as `<eos>`, has that token for them, and plain text for us.
   */
  toHuggingFace(): HuggingFaceTokenizer {
    return this.#kind.toHuggingFace();
  }

  /** Cuts a text into tokens, known or not. */
  tokenize(text: string): string[] {
    return this.#kind.tokenize(text);
  }

  /** Returns a text as a model could write it at best: its tokens joined again, known or not. */
  normalize(text: string): string {
    return this.join(this.tokenize(text));
  }

  /** Returns the text that some tokens make. */
  join(tokens: readonly string[]): string {
    return this.#kind.join(tokens);
  }

  /**
   * Returns the token numbers of a text: `SOS`, its tokens with `UNK` for those unknown, `EOS`.
   *
   * @param text Any text.
   * @param options For parts of words, whether to leave out merges at random.
   * @throws {TypeError} If there are no merges to leave out, or no source of randomness.
   * @throws {RangeError} If the probability is none.
   */
  encode(text: string, options: MergeDropout = {}): number[] {
    return this.numbers(this.tokens(text, options));
  }

  /** Returns a text as `encode` reads it, one token for each number, those unknown as they stand. */
  tokens(text: string, options: MergeDropout = {}): string[] {
    this.#check(options);
    return ["<sos>", ...this.#kind.tokenize(text, options), "<eos>"];
  }

  /** Returns the numbers of what `tokens` has returned; with it, `encode`. */
  numbers(tokens: readonly string[]): number[] {
    return [SOS, ...tokens.slice(1, -1).map((token) => this.vocabulary.id(token)), EOS];
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
    return [...new Set(this.#kind.tokenize(text).filter((token) => !this.vocabulary.has(token)))];
  }

  #check({ dropout = 0, random }: MergeDropout): void {
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new RangeError(`Cannot leave out merges: dropout must be from 0 to 1, got ${dropout}`);
    }
    if (dropout === 0) return;
    if (this.kind !== "bpe") {
      throw new TypeError(
        `Cannot leave out merges: a tokenizer of ${this.kind} has none. Use Tokenizer.bpe.`,
      );
    }
    if (random === undefined) {
      throw new TypeError("Cannot leave out merges: random is missing. Give new Random(seed).");
    }
  }
}
