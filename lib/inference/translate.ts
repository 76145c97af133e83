// Uses a trained model: sentences in, sentences and attention out. Words are chosen on the GPU, one batch of
// sentences at a time; the host waits once a batch.

import { EOS, SOS } from "../data/vocabulary.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { pad, PlansByShape, shapeFor } from "./plans_by_shape.ts";

/** A sentence, its translation, and where the model looked for each word. */
export interface Translation {
  /** The translation as text. */
  readonly text: string;
  /** The source words as the model read them, from `<sos>` to `<eos>`. */
  readonly source: readonly string[];
  /** The target words as the model wrote them; `<eos>` is the last unless the limit came first. */
  readonly target: readonly string[];
  /** For each target word the attention to each source word; rows sum to 1. */
  readonly attention: readonly (readonly number[])[];
  /** Source words that are not in the vocabulary; the model read `<unk>` in their place. */
  readonly unknown: readonly string[];
}

/** Limits of {@linkcode translate}. */
export interface TranslateOptions {
  /** The most sentences at a time; 64 by default. */
  readonly batch?: number;
}

/** The most source words that one sentence may have, `<sos>` and `<eos>` included. */
export const LONGEST_SOURCE = 512;

/**
 * Translates one sentence, or many, by choosing the likeliest word at each step (greedy decoding).
 *
 * A sentence of n words, `<sos>` and `<eos>` included, gets at most 2 n + 10. A sentence without words translates to
 * the empty text.
 *
 * @param model A model, trained or loaded.
 * @param sentences One text or several; the result is of the same form and order.
 * @throws {RangeError} If a sentence is longer than {@linkcode LONGEST_SOURCE}, or `batch` is not a positive integer.
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
 */
export async function translate(
  model: Seq2Seq,
  sentences: string,
  options?: TranslateOptions,
): Promise<Translation>;
/** Translates many sentences. */
export async function translate(
  model: Seq2Seq,
  sentences: readonly string[],
  options?: TranslateOptions,
): Promise<Translation[]>;
export async function translate(
  model: Seq2Seq,
  sentences: string | readonly string[],
  options: TranslateOptions = {},
): Promise<Translation | Translation[]> {
  const full = options.batch ?? 64;
  if (!Number.isInteger(full) || full < 1) {
    throw new RangeError(`Cannot translate with batch ${full}: it must be a positive integer.`);
  }
  if (typeof sentences === "string") return (await translate(model, [sentences], options))[0]!;
  const encoded = sentences.map((text) => model.encodeSource(text).ids);
  encoded.forEach(({ length }, index) => {
    if (length <= LONGEST_SOURCE) return;
    throw new RangeError(
      `Cannot translate "${sentences[index]!.slice(0, 40)}…" of ${length - 2} words: the limit is ` +
        `${LONGEST_SOURCE - 2}. Split it at its full stops.`,
    );
  });
  const results: Translation[] = new Array(sentences.length);
  const order = [...sentences.keys()].sort((a, b) => encoded[a]!.length - encoded[b]!.length);
  for (let start = 0; start < order.length; start += full) {
    const indices = order.slice(start, start + full);
    const outputs = await decode(model, indices.map((index) => encoded[index]!));
    indices.forEach((index, row) => {
      results[index] = describe(model, sentences[index]!, encoded[index]!, outputs[row]!);
    });
  }
  return results;
}

/** The ids of one translated row, `<eos>` included if it came, and the attention of each. */
interface RowOutput {
  readonly ids: readonly number[];
  readonly attention: readonly (readonly number[])[];
}

function describe(model: Seq2Seq, text: string, ids: Uint32Array, output: RowOutput): Translation {
  const target = output.ids.map((id) => model.target.vocabulary.token(id));
  const empty = ids.length <= 2;
  return {
    text: empty ? "" : model.target.decode(output.ids),
    source: model.source.tokens(text),
    target: empty ? [] : target,
    attention: empty ? [] : output.attention,
    unknown: model.source.unknown(text),
  };
}

const plans = new PlansByShape((model: Seq2Seq, tape, { length, rows }) =>
  model.greedy(tape, { sourceLength: length, rows, steps: mostSteps(length) })
);

/** Translates up to a batch of encoded sentences in one run. */
async function decode(model: Seq2Seq, sentences: readonly Uint32Array[]): Promise<RowOutput[]> {
  const shape = shapeFor(sentences.map(({ length }) => length));
  const { length: sourceLength, rows } = shape;
  const { plan, output } = await plans.get(model, shape);
  const { words: source, lengths } = pad(sentences, shape);
  plan.run({
    source,
    source_lengths: lengths,
    first: new Uint32Array(rows).fill(SOS),
  });
  const [words, attention] = await plan.read(output.words, ...(output.attention ? [output.attention] : []));
  return sentences.map(({ length }, row) => {
    const ids: number[] = [];
    for (let t = 0; t < mostSteps(length) && ids.at(-1) !== EOS; t++) ids.push(words![t * rows + row]!);
    const weights = ids.map((_, t) => {
      const start = (t * rows + row) * sourceLength;
      return attention ? [...attention.subarray(start, start + length)] : [];
    });
    return { ids, attention: weights };
  });
}

/** The most words that a translation may have. */
function mostSteps(sourceLength: number): number {
  return 2 * sourceLength + 10;
}
