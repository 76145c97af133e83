// Layer 3: the translation model: an encoder, a decoder that looks at it, and the vocabularies of both.

import { type Batch, type Bucket, type EncodedPair, encodePairs } from "../data/batches.ts";
import type { Pair } from "../data/pair.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { PAD } from "../data/vocabulary.ts";
import type { Device } from "../gpu/device.ts";
import { Parameters } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import { Random } from "../random.ts";
import { AttentionalGruDecoder, type GreedyOutput } from "./decoder.ts";
import { BidirectionalGruEncoder, type Encoded } from "./encoder.ts";
import type { LossOptions, Model } from "./model.ts";

/** What a {@linkcode Seq2Seq} is made of; everything has a default. */
export interface Seq2SeqOptions {
  /** The recurrent cell; so far only GRUs. */
  readonly cell?: "gru";
  /** The kind of attention; so far only Bahdanau's. */
  readonly attention?: "bahdanau";
  /** Width of the word embeddings; 128 by default. */
  readonly embedding?: number;
  /** Width of the recurrent states; 256 by default. */
  readonly hidden?: number;
  /** Width of the alignment model's hidden layer; that of the states by default. */
  readonly attentionWidth?: number;
  /** Width of the layer before the output; that of the states by default. */
  readonly readout?: number;
  /** The share of embeddings and readouts that is dropped in training; 0.2 by default. */
  readonly dropout?: number;
  /** Draws the initial weights and the dropped elements; 1 by default. */
  readonly seed?: number;
}

/** A model's options with all defaults filled in: what `config.json` stores. */
export type Seq2SeqConfig = Required<Seq2SeqOptions>;

/** The languages of a model. */
export interface Seq2SeqTokenizers {
  /** Reads source sentences. */
  readonly source: Tokenizer;
  /** Reads and writes target sentences. */
  readonly target: Tokenizer;
}

/**
 * A sequence-to-sequence model with attention: a bidirectional GRU encoder and a GRU decoder with additive attention
 * (Bahdanau et al. 2015). Parameters have the names, shapes and gate order of the same model in PyTorch, and start
 * from PyTorch's default distributions.
 *
 * @example Sizes
 * ```ts
 * import { openDevice, Seq2Seq, Tokenizer } from "../../mod.ts";
 *
 * const device = await openDevice();
 * const source = Tokenizer.words(["I lost my key."]);
 * const target = Tokenizer.words(["Ich habe meinen Schlüssel verloren."]);
 * const model = new Seq2Seq(device, { source, target, embedding: 8, hidden: 16 });
 * console.log(model.parameters.count);
 * device.close();
 * ```
 */
export class Seq2Seq implements Model<Pair> {
  /** Reads source sentences. */
  readonly source: Tokenizer;
  /** Reads and writes target sentences. */
  readonly target: Tokenizer;
  /** All options, defaults filled in. */
  readonly config: Seq2SeqConfig;
  /** The weights, on the GPU. */
  readonly parameters: Parameters;
  /** Words of a side, `<sos>` and `<eos>` included. */
  readonly maxLength = 50;
  /** It does not: its answers are words, and their perplexity says more. */
  readonly countsRightAnswers = false;

  #onClose: (() => void)[] = [];
  #encoder: BidirectionalGruEncoder;
  #decoder: AttentionalGruDecoder;

  /**
   * Creates a model with freshly drawn weights.
   *
   * @param device Where it lives.
   * @param options The tokenizers, and what differs from the defaults.
   * @throws {RangeError} If a size is not a positive integer or the dropout not in [0, 1).
   */
  constructor(readonly device: Device, options: Seq2SeqTokenizers & Seq2SeqOptions) {
    this.source = options.source;
    this.target = options.target;
    this.config = complete(options);
    const { hidden, attentionWidth, readout, seed } = this.config;
    this.parameters = new Parameters(device);
    const { parameters } = this;
    const { size: sourceSize } = this.source.vocabulary;
    const sizes = { vocabulary: sourceSize, embedding: this.config.embedding, hidden };
    this.#encoder = new BidirectionalGruEncoder(parameters.scope("encoder"), sizes);
    this.#decoder = new AttentionalGruDecoder(parameters.scope("bridge"), parameters.scope("decoder"), {
      ...sizes,
      vocabulary: this.target.vocabulary.size,
      annotations: 2 * hidden,
      attention: attentionWidth,
      readout,
    });
    parameters.allocate(new Random(seed));
  }

  /** Both tokenizers. */
  get tokenizers(): Seq2SeqTokenizers & Readonly<Record<string, Tokenizer>> {
    return { source: this.source, target: this.target };
  }

  /** Turns sentence pairs into word numbers. */
  encode(pairs: readonly Pair[]): EncodedPair[] {
    return encodePairs(pairs, this.source, this.target);
  }

  /**
   * Records the loss of a batch under teacher forcing: each word is predicted from the right words before it.
   *
   * The plan gets the inputs that {@linkcode Seq2Seq.inputs} packs, in training also `step` [1].
   */
  loss(tape: Tape, bucket: Bucket, options: LossOptions): void {
    const { sourceLength, rows, targetLength } = bucket;
    const encoded = this.#encode(tape, sourceLength, rows);
    const { dropout: rate, seed } = this.config;
    this.#decoder.teacherForced(tape, encoded, {
      words: tape.input("words", [targetLength - 1, rows], "u32"),
      targets: tape.input("targets", [targetLength - 1, rows], "u32"),
      lengths: tape.input("steps", [rows], "u32"),
      padding: PAD,
      smoothing: options.smoothing ?? 0,
      totals: options.totals,
      dropEmbedding: { rate, seed, stream: 1 },
      dropReadout: { rate, seed, stream: 2 },
    });
  }

  /** Packs a batch as the inputs of a plan recorded by {@linkcode Seq2Seq.loss}. */
  inputs(batch: Batch): Record<string, Uint32Array | Float32Array> {
    const { bucket: { rows, targetLength }, source, sourceLengths, target, targetLengths, tokens } = batch;
    return {
      source,
      source_lengths: sourceLengths,
      words: target.subarray(0, (targetLength - 1) * rows),
      targets: target.subarray(rows),
      steps: targetLengths.map((length) => Math.max(0, length - 1)),
      scale: Float32Array.of(tokens === 0 ? 0 : 1 / tokens),
    };
  }

  /**
   * Records greedy translation, wholly on the GPU: `steps` words for each row.
   *
   * The plan gets the inputs `source` [sourceLength, rows], `source_lengths` [rows], `first` [rows], all `<sos>`, and
   * `steps` [rows], all the number of steps.
   */
  greedy(tape: Tape, shape: { sourceLength: number; rows: number; steps: number }): GreedyOutput {
    const { sourceLength, rows, steps } = shape;
    const encoded = this.#encode(tape, sourceLength, rows);
    const first = tape.input("first", [rows], "u32");
    const lengths = tape.input("steps", [rows], "u32");
    return this.#decoder.greedy(tape, encoded, { first, lengths, steps });
  }

  /** Runs `free` when the model is closed: for what was made for this model alone. */
  onClose(free: () => void): void {
    this.#onClose.push(free);
  }

  /** Frees the weights, and the plans of `translate()`. No plan recorded for the model must run any more. */
  close(): void {
    for (const free of this.#onClose.splice(0)) free();
    this.parameters.close();
  }

  #encode(tape: Tape, length: number, rows: number): Encoded {
    const source = tape.input("source", [length, rows], "u32");
    const lengths = tape.input("source_lengths", [rows], "u32");
    const { dropout: rate, seed } = this.config;
    return this.#encoder.forward(tape, source, lengths, { rate, seed, stream: 0 });
  }
}

/** Fills in the defaults and refuses sizes that cannot be. */
function complete(options: Seq2SeqOptions): Seq2SeqConfig {
  const { cell = "gru", attention = "bahdanau", embedding = 128, hidden = 256, dropout = 0.2, seed = 1 } =
    options;
  const { attentionWidth = hidden, readout = hidden } = options;
  for (const [name, size] of Object.entries({ embedding, hidden, attentionWidth, readout })) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(`Cannot create a Seq2Seq with ${name} ${size}: it must be a positive integer.`);
    }
  }
  if (!(dropout >= 0 && dropout < 1)) {
    throw new RangeError(`Cannot create a Seq2Seq with dropout ${dropout}: it must be in [0, 1).`);
  }
  if (cell !== "gru") throw new RangeError(`Cannot create a Seq2Seq of "${cell}" cells: known is "gru".`);
  if (attention !== "bahdanau") {
    throw new RangeError(`Cannot create a Seq2Seq with attention "${attention}": known is "bahdanau".`);
  }
  return { cell, attention, embedding, hidden, attentionWidth, readout, dropout, seed };
}
