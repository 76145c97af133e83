// Uses a trained model, or several: sentences in, sentences and attention out. Words are chosen on the GPU, one batch of
// sentences at a time; the host waits a few times a batch.

import { UNK } from "../data/vocabulary.ts";
import { type EncodedSource, encodeTarget, LONGEST_SENTENCE } from "../models/encoded_source.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { decode, type Decoding, type EncodedSentence } from "./decode.ts";
import { type CompleteOptions, completeOptions, type TranslateOptions } from "./decoding_options.ts";
import { shapeFor } from "./plans_by_shape.ts";
import { describe, type Translation } from "./translation.ts";

/** The most bytes of attention to keep for a batch. */
const ATTENTION_BYTES = 128 * 2 ** 20;

/**
 * Translates one sentence, or many: by choosing the likeliest word at each step (greedy decoding), by beam search, or at
 * random.
 *
 * A sentence of n words, `<sos>` and `<eos>` included, gets at most 2 n + 10, unless told otherwise. A sentence without
 * words translates to the empty text. `<pad>` and `<sos>` are never written.
 *
 * @param models A model, trained or loaded; or several, such as checkpoints of one training, of which at each step the mean
 *   of the probabilities counts (an ensemble).
 * @param sentences One text or several; the result is of the same form and order.
 * @throws {RangeError} If a sentence is longer than {@linkcode LONGEST_SENTENCE}, an option is out of range or does not go
 *   with another or with the model, a prefix has unknown words or is too long, or models differ in their vocabularies.
 *
 * @example An untrained model babbles, but in the right vocabulary
 * ```ts
 * import { openDevice, Seq2Seq, Tokenizer, translate } from "../../mod.ts";
 *
 * const device = await openDevice();
 * const source = Tokenizer.words(["I lost my key."]);
 * const target = Tokenizer.words(["Ich habe meinen Schlüssel verloren."]);
 * const model = new Seq2Seq(device, { source, target, embedding: 8, hidden: 8 });
 * const { text, attention } = await translate(model, "I lost my key.");
 * console.log(text, attention.length);
 * device.close();
 * ```
 *
 * @example The three best of a beam of five
 * ```ts
 * import { openDevice, Seq2Seq, Tokenizer, translate } from "../../mod.ts";
 *
 * const device = await openDevice();
 * const words = Tokenizer.words(["one two three"]);
 * const model = new Seq2Seq(device, { source: words, target: words, embedding: 8, hidden: 8 });
 * const best = await translate(model, "one two", { beam: 5, nBest: 3, noRepeatNgram: 2 });
 * for (const { text, score } of [best, ...best.alternatives]) console.log(score.logProbability, text);
 * device.close();
 * ```
 */
export async function translate(
  models: Seq2Seq | readonly Seq2Seq[],
  sentences: string,
  options?: TranslateOptions,
): Promise<Translation>;
/** Translates many sentences. */
export async function translate(
  models: Seq2Seq | readonly Seq2Seq[],
  sentences: readonly string[],
  options?: TranslateOptions,
): Promise<Translation[]>;
export async function translate(
  models: Seq2Seq | readonly Seq2Seq[],
  sentences: string | readonly string[],
  options: TranslateOptions = {},
): Promise<Translation | Translation[]> {
  const complete = completeOptions(options);
  if (typeof sentences === "string") return (await translate(models, [sentences], options))[0]!;
  const all = models instanceof Array ? models as readonly Seq2Seq[] : [models as Seq2Seq];
  checkModels(all, options);
  const [model] = all as [Seq2Seq];
  const encoded = encode(model, sentences, complete);
  const decoding = decodingOf(complete);
  const results: Translation[] = new Array(sentences.length);
  const order = [...sentences.keys()].sort((a, b) => encoded[a]!.ids.length - encoded[b]!.ids.length);
  for (let start = 0, count; start < order.length; start += count) {
    count = fitting(order.slice(start, start + complete.batch).map((index) => encoded[index]!), decoding);
    const indices = order.slice(start, start + count);
    const found = await decode(all, indices.map((index) => encoded[index]!), decoding);
    indices.forEach((index, row) => {
      const hypotheses = found[row]!.slice(0, complete.nBest);
      const decoded = { text: sentences[index]!, encoded: encoded[index]!, hypotheses };
      results[index] = describe(model, decoded, complete.replaceUnknown);
    });
  }
  return results;
}

function decodingOf(options: CompleteOptions): Decoding {
  const { beam, nBest, sampling, maxLength, minLength, mean } = options;
  const { lengthPenalty, coveragePenalty, noRepeatNgram, avoidUnknown } = options;
  const { seed = 0, ...drawing } = sampling ?? {};
  return {
    ...{ lengthPenalty, coveragePenalty, minLength, noRepeatNgram, avoidUnknown, mean, seed },
    sampling: sampling && drawing as Omit<NonNullable<CompleteOptions["sampling"]>, "seed">,
    copies: sampling ? nBest : beam,
    limitOf: (length) => maxLength ?? Math.max(2 * length + 10, minLength),
  };
}

/** How many of some sentences, the shortest first, can be decoded together without keeping too much attention. */
function fitting(sentences: readonly EncodedSentence[], { copies, limitOf }: Decoding): number {
  let count = sentences.length;
  const bytes = () => {
    const { length, rows } = shapeFor(sentences.slice(0, count).map(({ ids }) => ids.length));
    return 4 * rows * copies * limitOf(length) * length;
  };
  while (count > 1 && bytes() > ATTENTION_BYTES) count = Math.ceil(count / 2);
  return count;
}

/** A sentence to translate, and the words that only it has. */
type Encoded = EncodedSentence & EncodedSource;

function encode(model: Seq2Seq, sentences: readonly string[], options: CompleteOptions): Encoded[] {
  const { limitOf } = decodingOf(options);
  const prefixes = prefixesOf(sentences.length, options.prefix);
  return sentences.map((text, number) => {
    const source = model.encodeSource(text);
    const { length } = source.ids;
    if (length > LONGEST_SENTENCE) {
      throw new RangeError(
        `Cannot translate "${text.slice(0, 40)}…" of ${length - 2} words: the limit is ${
          LONGEST_SENTENCE - 2
        }. ` +
          "Split it at its full stops.",
      );
    }
    const prefix = encodePrefix(model, prefixes[number]!, source);
    const limit = length <= 2 ? 0 : limitOf(length);
    if (limit > 0 && prefix.length >= limit) {
      throw new RangeError(
        `Cannot translate "${
          text.slice(0, 40)
        }" with a prefix of ${prefix.length} words: its translation may have ` +
          `${limit}, <eos> included. Raise maxLength.`,
      );
    }
    return { ...source, limit, prefix, number };
  });
}

/** How each translation begins. */
function prefixesOf(count: number, prefix: string | readonly string[]): readonly string[] {
  const texts = typeof prefix === "string" ? new Array<string>(count).fill(prefix) : prefix;
  if (texts.length === count) return texts;
  throw new RangeError(
    `Cannot translate ${count} sentences with ${texts.length} prefixes: give one for each.`,
  );
}

function encodePrefix({ target }: Seq2Seq, text: string, source: EncodedSource): number[] {
  const ids = [...encodeTarget(text, target, source).subarray(1, -1)];
  if (!ids.includes(UNK)) return ids;
  const words = target.unknown(text).map((word) => `"${word}"`).join(", ");
  throw new RangeError(`Cannot translate with the prefix "${text}": the model does not know ${words}.`);
}

/** Refuses models that cannot work together, or cannot do what is asked. */
function checkModels(models: readonly Seq2Seq[], options: TranslateOptions): void {
  const [first] = models;
  if (!first) throw new RangeError("Cannot translate without a model.");
  const vocabularies = ({ source, target }: Seq2Seq) => JSON.stringify([source, target]);
  if (models.length === 1 && options.mean !== undefined) {
    throw new RangeError(
      `Cannot translate with mean "${options.mean}": there is one model, and nothing to take a mean of. ` +
        "Give several models, or leave mean out.",
    );
  }
  for (const model of models.slice(1)) {
    if (model.device !== first.device) {
      throw new RangeError("Cannot translate with models on different devices: load them on one.");
    }
    const differs = (["reverseSource", "copy"] as const).some((name) =>
      model.config[name] !== first.config[name]
    );
    if (differs || vocabularies(model) !== vocabularies(first)) {
      throw new RangeError(
        "Cannot translate with models that read or write differently: all need the same tokenizers, reverseSource and copy.",
      );
    }
  }
  const blind = models.some(({ config }) => config.attention === "none");
  for (
    const [name, asked] of [
      ["coveragePenalty", (options.coveragePenalty ?? 0) > 0],
      ["replaceUnknown", options.replaceUnknown === true],
    ] as const
  ) {
    if (asked && blind) {
      throw new RangeError(`Cannot translate with ${name}: it goes by attention, and the model has none.`);
    }
  }
}
