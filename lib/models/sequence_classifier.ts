// Layer 3: answers yes or no about a text: recurrent layers one upon the other, and a logit from the last state.

import type { Batch, Bucket, EncodedPair } from "../data/batches.ts";
import type { LabelledText } from "../data/labelled_text.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { MergeDropout } from "../data/tokenizer_kind.ts";
import { SOS } from "../data/vocabulary.ts";
import type { Device } from "../gpu/device.ts";
import { Parameters } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { binaryCrossEntropy } from "../ops/binary_cross_entropy.ts";
import { dropout } from "../ops/dropout.ts";
import { embedding } from "../ops/embedding.ts";
import { Random } from "../random.ts";
import { standardNormal } from "./initializers.ts";
import { drawnBy } from "./encoded_source.ts";
import { LinearLayer } from "./linear_layer.ts";
import type { LossOptions, Model, TextShape } from "./model.ts";
import { RECURRENT_CELLS, type RecurrentCell, RecurrentLayer } from "./recurrent_layer.ts";

/** What a {@linkcode SequenceClassifier} is made of; everything has a default. */
export interface SequenceClassifierOptions {
  /** The recurrent cell; LSTM by default. */
  readonly cell?: RecurrentCell;
  /** Width of the word embeddings, 128 by default; null to read each word's number itself, as one feature. */
  readonly embedding?: number | null;
  /** Width of the states of each layer, the first one first; one layer of 64 by default. */
  readonly layers?: readonly number[];
  /** Whether each layer also reads from the end; false by default. */
  readonly bidirectional?: boolean;
  /** Whether a linear layer makes the logit, as by default, or the last layer's only unit is it. */
  readonly output?: "linear" | "state";
  /** The most words that are read of a text, the last ones, `<sos>` and `<eos>` included; 300 by default. */
  readonly length?: number;
  /** The share of embeddings and last states that is dropped in training; 0.2 by default. */
  readonly dropout?: number;
  /** Draws the initial weights and the dropped elements; 1 by default. */
  readonly seed?: number;
}

/** A classifier's options with all defaults filled in: what `config.json` stores. */
export type SequenceClassifierConfig = Required<SequenceClassifierOptions>;

/** Stands for the label of rows that a batch does not use. */
const UNUSED = 2;

/**
 * A recurrent classifier of texts into two classes, such as reviews that praise and reviews that do not.
 *
 * `{ embedding: null, layers: [50, 1], output: "state" }` is the IMDB recurrent benchmark: the numbers of up to 300
 * words as a series of one feature, 50 units, one unit, sigmoid. `{ bidirectional: true, layers: [64, 64], length: 200 }` is the
 * model of Keras' example for the same data. Parameters have the names, shapes and gate order of PyTorch: `embedding`
 * is an `nn.Embedding`, `recurrent` a list of `nn.LSTM` or `nn.GRU` of one layer each, `output` an `nn.Linear`.
 *
 * @example Sizes
 * ```ts
 * import { openDevice, SequenceClassifier, Tokenizer } from "../../mod.ts";
 *
 * const device = await openDevice();
 * const text = Tokenizer.words(["A film to remember.", "A film to forget."]);
 * const options = { cell: "gru", embedding: null, layers: [50, 1], output: "state" } as const;
 * const model = new SequenceClassifier(device, { text, ...options });
 * console.log(model.parameters.count);
 * device.close();
 * ```
 */
export class SequenceClassifier implements Model<LabelledText> {
  /** Reads the texts. */
  readonly text: Tokenizer;
  /** All options, defaults filled in. */
  readonly config: SequenceClassifierConfig;
  /** The weights, on the GPU. */
  readonly parameters: Parameters;
  /** It counts the texts whose class it knew. */
  readonly countsRightAnswers = true;

  #onClose: (() => void)[] = [];
  #table: Tensor | undefined;
  #layers: RecurrentLayer[];
  #output: LinearLayer | undefined;

  /**
   * Creates a classifier with freshly drawn weights.
   *
   * @param device Where it lives.
   * @param options The tokenizer, and what differs from the defaults.
   * @throws {RangeError} If an option cannot be; the message names it.
   */
  constructor(
    readonly device: Device,
    options: { readonly text: Tokenizer } & SequenceClassifierOptions,
  ) {
    this.text = options.text;
    this.config = complete(options);
    const { cell, embedding, layers, bidirectional, output, seed } = this.config;
    const parameters = this.parameters = new Parameters(device);
    if (embedding !== null) {
      const shape = [this.text.vocabulary.size, embedding];
      this.#table = parameters.declare("embedding.weight", shape, standardNormal());
    }
    const directions = bidirectional ? 2 : 1;
    this.#layers = layers.map((hidden, index) => {
      const inputs = index === 0 ? embedding ?? 1 : directions * layers[index - 1]!;
      return new RecurrentLayer(parameters.scope(`recurrent.${index}`), {
        cell,
        inputs,
        hidden,
        bidirectional,
      });
    });
    if (output === "linear") {
      this.#output = new LinearLayer(parameters.scope("output"), directions * layers.at(-1)!, 1);
    }
    parameters.allocate(new Random(seed));
  }

  /** What its parts put out, by the part's name: T steps, B texts. */
  get outputShapes(): Readonly<Record<string, string>> {
    const { embedding, layers, bidirectional } = this.config;
    const states = layers.map((hidden, layer) => [
      `recurrent.${layer}`,
      `[T, B, ${(bidirectional ? 2 : 1) * hidden}]`,
    ]);
    return { embedding: `[T, B, ${embedding}]`, ...Object.fromEntries(states), output: "[B, 1]" };
  }

  /** Its tokenizer. */
  get tokenizers(): { readonly text: Tokenizer } & Readonly<Record<string, Tokenizer>> {
    return { text: this.text };
  }

  /** Words that it reads of a text: none is longer once it is encoded. */
  get maxLength(): number {
    return this.config.length;
  }

  /** Turns a text into the numbers of its last words, as Keras' `pad_sequences` cuts them. */
  encodeText(text: string, draw?: MergeDropout): Uint32Array {
    return new Uint32Array(this.text.encode(text, drawnBy(this.text, draw)).slice(-this.config.length));
  }

  /** Turns texts into numbers; the answer to each is its label. */
  encode(texts: readonly LabelledText[], draw?: MergeDropout): EncodedPair[] {
    return texts.map(({ text, label }) => {
      if (label === 0 || label === 1) {
        return { source: this.encodeText(text, draw), target: Uint32Array.of(SOS, label) };
      }
      throw new RangeError(`Cannot learn the label ${label} of "${shorten(text)}": it must be 0 or 1.`);
    });
  }

  /**
   * Records what the model makes of a batch of texts: the logits, positive for class 1.
   *
   * The plan gets the inputs `words` [length, rows] (integers; without embedding numbers) and `lengths` [rows], in
   * training with dropout also `step` [1].
   *
   * @returns [rows, 1]
   */
  logits(tape: Tape, { length, rows }: TextShape): Tensor {
    const { dropout: rate, seed } = this.config;
    const lengths = tape.input("lengths", [rows], "u32");
    let sequence = this.#table
      ? dropout(tape, embedding(tape, this.#table, tape.input("words", [length, rows], "u32")), {
        rate,
        seed,
        stream: 0,
      })
      : tape.input("words", [length, rows, 1], "f32");
    for (const layer of this.#layers.slice(0, -1)) sequence = layer.outputs(tape, sequence, lengths);
    const final = this.#layers.at(-1)!.final(tape, sequence, lengths);
    return this.#output ? this.#output.forward(tape, dropout(tape, final, { rate, seed, stream: 1 })) : final;
  }

  /** Records the loss of a batch: the mean of -log p(label). */
  loss(tape: Tape, bucket: Bucket, { totals, smoothing = 0 }: LossOptions): void {
    const { sourceLength: length, rows } = bucket;
    const logits = this.logits(tape, { length, rows });
    const labels = tape.input("labels", [rows], "u32");
    binaryCrossEntropy(tape, logits, { labels, ignored: UNUSED, smoothing, totals });
  }

  /** Packs a batch as the inputs of a plan recorded by {@linkcode SequenceClassifier.loss}. */
  inputs(
    { bucket: { rows }, size, source, sourceLengths, target }: Batch,
  ): Record<string, Uint32Array | Float32Array> {
    return {
      words: this.words(source),
      lengths: sourceLengths,
      labels: target.slice(rows).fill(UNUSED, size),
      scale: Float32Array.of(size === 0 ? 0 : 1 / size),
    };
  }

  /** The input `words` for word numbers: the same, or features of the same values. */
  words(ids: Uint32Array): Uint32Array | Float32Array {
    return this.#table ? ids : Float32Array.from(ids);
  }

  /** Runs `free` when the model is closed: for what was made for this model alone. */
  onClose(free: () => void): void {
    this.#onClose.push(free);
  }

  /** Frees the weights, and the plans of `classify()`. No plan recorded for the model must run any more. */
  close(): void {
    for (const free of this.#onClose.splice(0)) free();
    this.parameters.close();
  }
}

/** Fills in the defaults and refuses what cannot be. */
function complete(options: SequenceClassifierOptions): SequenceClassifierConfig {
  const { cell = "lstm", embedding = 128, layers = [64], bidirectional = false, output = "linear" } = options;
  const { length = 300, dropout = 0.2, seed = 1 } = options;
  const refuse = (what: string, wanted: string): never => {
    throw new RangeError(`Cannot create a SequenceClassifier with ${what}: ${wanted}.`);
  };
  for (const [name, sizes] of Object.entries({ embedding: [embedding ?? 1], layers, length: [length] })) {
    const wrong = sizes.find((size) => !Number.isInteger(size) || size < 1);
    if (wrong !== undefined) refuse(`${name} ${wrong}`, "it must be a positive integer");
  }
  if (layers.length === 0) refuse("no layers", "there must be at least one");
  if (!(dropout >= 0 && dropout < 1)) refuse(`dropout ${dropout}`, "it must be in [0, 1)");
  if (!RECURRENT_CELLS.includes(cell)) refuse(`"${cell}" cells`, 'known are "gru" and "lstm"');
  if (output !== "linear" && output !== "state") {
    refuse(`output "${output}"`, 'known are "linear" and "state"');
  }
  if (output === "state" && (layers.at(-1) !== 1 || bidirectional)) {
    refuse('output "state"', "the last layer must have one unit and one direction, for that is the logit");
  }
  return { cell, embedding, layers: [...layers], bidirectional, output, length, dropout, seed };
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
