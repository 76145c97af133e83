// Uses a trained classifier: texts in, probabilities out. The host waits once a batch.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { SequenceClassifier } from "../models/sequence_classifier.ts";
import { copyInto } from "../ops/concatenate.ts";
import { pad, Plans, shapeFor } from "./plans_by_shape.ts";

/** What a model makes of a text. */
export interface Classification {
  /** The class that is likelier. */
  readonly label: 0 | 1;
  /** The probability of class 1. */
  readonly probability: number;
}

/** Limits of {@linkcode classify}. */
export interface ClassifyOptions {
  /** The most texts at a time; 64 by default. */
  readonly batch?: number;
}

const plans = new Plans<Tensor>();

/**
 * Tells the class of one text, or of many.
 *
 * Of a longer text than the model reads, the last words decide.
 *
 * @param model A model, trained or loaded.
 * @param texts One text or several; the result is of the same form and order.
 * @throws {RangeError} If `batch` is not a positive integer.
 *
 * @example An untrained model guesses
 * ```ts
 * import { classify, openDevice, SequenceClassifier, Tokenizer } from "../../mod.ts";
 *
 * const device = await openDevice();
 * const text = Tokenizer.words(["A film to remember.", "A film to forget."]);
 * const model = new SequenceClassifier(device, { text, embedding: 8, layers: [8] });
 * const { label, probability } = await classify(model, "A film!");
 * console.log(label, probability);
 * device.close();
 * ```
 */
export async function classify(
  model: SequenceClassifier,
  texts: string,
  options?: ClassifyOptions,
): Promise<Classification>;
/** Classifies many texts. */
export async function classify(
  model: SequenceClassifier,
  texts: readonly string[],
  options?: ClassifyOptions,
): Promise<Classification[]>;
export async function classify(
  model: SequenceClassifier,
  texts: string | readonly string[],
  options: ClassifyOptions = {},
): Promise<Classification | Classification[]> {
  const full = options.batch ?? 64;
  if (!Number.isInteger(full) || full < 1) {
    throw new RangeError(`Cannot classify with batch ${full}: it must be a positive integer.`);
  }
  if (typeof texts === "string") return (await classify(model, [texts], options))[0]!;
  const encoded = texts.map((text) => model.encodeText(text));
  const results: Classification[] = new Array(texts.length);
  const order = [...texts.keys()].sort((a, b) => encoded[a]!.length - encoded[b]!.length);
  for (let start = 0; start < order.length; start += full) {
    const indices = order.slice(start, start + full);
    const logits = await run(model, indices.map((index) => encoded[index]!));
    indices.forEach((index, row) => {
      const logit = logits[row]!;
      results[index] = { label: logit > 0 ? 1 : 0, probability: 1 / (1 + Math.exp(-logit)) };
    });
  }
  return results;
}

/** The logits of up to a batch of encoded texts. */
async function run(model: SequenceClassifier, texts: readonly Uint32Array[]): Promise<ArrayLike<number>> {
  const shape = shapeFor(texts.map(({ length }) => length));
  const { words, lengths } = pad(texts, shape);
  const record = (tape: Tape): Tensor => {
    const logits = tape.kept([shape.rows, 1], "logits");
    copyInto(tape, model.logits(tape, shape), logits);
    return logits;
  };
  return await plans.of([model]).use(`${shape.length} ${shape.rows}`, record, async ({ plan, output }) => {
    plan.run({ words: model.words(words), lengths });
    return (await plan.read(output))[0]!;
  });
}
