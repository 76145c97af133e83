// Layer 3: the translation model: an encoder, a decoder that looks at it, and the vocabularies of both.

import type { Batch, Bucket, EncodedPair } from "../data/batches.ts";
import type { Pair } from "../data/pair.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { MergeDropout } from "../data/tokenizer_kind.ts";
import { PAD, UNK } from "../data/vocabulary.ts";
import type { Device } from "../gpu/device.ts";
import type { WordVectors } from "../data/word_vectors.ts";
import { Parameters } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import { overwrite, type Tensor } from "../gpu/tensor.ts";
import { Random } from "../random.ts";
import { dropout, type DropoutOptions } from "../ops/dropout.ts";
import { embedding } from "../ops/embedding.ts";
import { Decoder, type ForcedWords } from "./decoder.ts";
import { completeSeq2Seq } from "./complete_seq2seq.ts";
import { type EncodedSource, encodeSource, encodeTarget } from "./encoded_source.ts";
import { type Encoded, Encoder } from "./encoder.ts";
import { standardNormal } from "./initializers.ts";
import type { GivenWords, LossOptions, Model } from "./model.ts";
import { seq2seqOutputShapes } from "./output_shapes.ts";
import type { Seq2SeqConfig, Seq2SeqOptions } from "./seq2seq_options.ts";
import type { DecodingShape, WordByWord } from "./word_by_word.ts";

export type { Seq2SeqConfig, Seq2SeqOptions } from "./seq2seq_options.ts";

/** The languages of a model. */
export interface Seq2SeqTokenizers {
  /** Reads source sentences. */
  readonly source: Tokenizer;
  /** Reads and writes target sentences. */
  readonly target: Tokenizer;
}

/** The streams that dropouts draw from; between layers, those from the given one on. */
const STREAMS = {
  ...{ source: 0, target: 1, readout: 2, sourceWords: 3, targetWords: 4, choice: 5 },
  ...{ encoder: 16, decoder: 32 },
} as const;

/**
 * A recurrent sequence-to-sequence model: an encoder, and one of four decoders (see {@linkcode Seq2SeqOptions.decoder}). By
 * default that of Bahdanau et al. 2015: a GRU in both directions, a GRU decoder with additive attention. Parameters have the
 * names, shapes and gate order of the same model in PyTorch, and start from PyTorch's default distributions.
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
  /** [source words, embedding] */
  #table: Tensor;
  #encoder: Encoder;
  #decoder: Decoder;

  /**
   * Creates a model with freshly drawn weights.
   *
   * @param device Where it lives.
   * @param options The tokenizers, and what differs from the defaults.
   * @throws {RangeError} If an option is out of range or does not go with another, or tied vocabularies differ.
   */
  constructor(readonly device: Device, options: Seq2SeqTokenizers & Seq2SeqOptions) {
    this.parameters = new Parameters(device);
    this.source = options.source;
    this.target = options.target;
    this.config = completeSeq2Seq(options);
    const { config, parameters } = this;
    const { cell, layers, bidirectional, residual, embedding, hidden, tied, seed } = config;
    const [sources, targets] = [this.source.vocabulary.size, this.target.vocabulary.size];
    if (
      tied === "all" && JSON.stringify(this.source.vocabulary) !== JSON.stringify(this.target.vocabulary)
    ) {
      throw new RangeError(
        `Cannot create a Seq2Seq with tied "all": its vocabularies of ${sources} and ${targets} words differ. ` +
          "Learn one tokenizer from both sides, and give it as both.",
      );
    }
    const declare = (side: "source" | "target", name: string, words: number) => {
      const frozen = config.frozen === side || config.frozen === "both";
      return parameters.declare(name, [words, embedding], standardNormal(), { frozen });
    };
    const table = declare("target", "decoder.embedding.weight", targets);
    this.#table = tied === "all" ? table : declare("source", "encoder.embedding.weight", sources);
    const recurrent = { cell, inputs: embedding, hidden, layers, bidirectional, residual };
    this.#encoder = new Encoder(parameters.scope("encoder"), {
      ...recurrent,
      dropout: this.#drop("encoder"),
    });
    const scopes = [parameters.scope("bridge"), parameters.scope("decoder")] as const;
    const context = { table, annotations: this.#encoder.width, dropout: this.#drop("decoder"), unknown: UNK };
    this.#decoder = new Decoder(...scopes, config, context);
    parameters.allocate(new Random(seed));
  }

  /** What its parts put out, by the part's name: S source steps, T target steps, B sentences. */
  get outputShapes(): Readonly<Record<string, string>> {
    return seq2seqOutputShapes(this.config, this.target.vocabulary.size);
  }

  /** Both tokenizers. */
  get tokenizers(): Seq2SeqTokenizers & Readonly<Record<string, Tokenizer>> {
    return { source: this.source, target: this.target };
  }

  /**
   * Lets the words of a side begin with vectors that somebody else has learned; words that have none keep theirs.
   *
   * @returns How many words of the vocabulary had one.
   * @throws {RangeError} If the vectors are not as wide as the embeddings.
   */
  setEmbeddings(side: "source" | "target", { width, vectors }: WordVectors): number {
    const table = side === "source" ? this.#table : this.#decoder.context.table;
    if (width !== table.columns) {
      throw new RangeError(
        `Cannot begin with word vectors of ${width} numbers: the model's embeddings have ${table.columns}. ` +
          `Create it with embedding ${width}.`,
      );
    }
    let found = 0;
    for (const [id, word] of this[side].vocabulary.tokens.entries()) {
      const vector = vectors.get(word);
      if (!vector) continue;
      overwrite(this.device, table.at(id), vector);
      found++;
    }
    return found;
  }

  /** Turns a source sentence into word numbers, in the order in which they are read. */
  encodeSource(text: string, draw?: MergeDropout): EncodedSource {
    return encodeSource(text, this, this.config, draw);
  }

  /** Turns sentence pairs into word numbers. */
  encode(pairs: readonly Pair[], draw?: MergeDropout): EncodedPair[] {
    return pairs.map((pair) => {
      const source = this.encodeSource(pair.source, draw);
      const target = encodeTarget(pair.target, this.target, source, draw);
      return { source: source.ids, target, ...(source.copies ? { copies: source.copies } : {}) };
    });
  }

  /**
   * Records the loss of a batch: each word is predicted from those before it, the right ones unless
   * {@linkcode LossOptions.given} says otherwise.
   *
   * The plan gets the inputs that {@linkcode Seq2Seq.inputs} packs; where something is drawn, such as dropout, also `step`
   * [1], and with scheduled sampling `teacher_share` [1].
   *
   * @throws {RangeError} If a model that copies is to be trained with label smoothing.
   */
  loss(tape: Tape, bucket: Bucket, options: LossOptions): void {
    const { sourceLength, rows, targetLength } = bucket;
    const encoded = this.#encode(tape, sourceLength, rows);
    this.#decoder.teacherForced(tape, encoded, {
      ...this.#forced(tape, bucket, options.given),
      targets: tape.input("targets", [targetLength - 1, rows], "u32"),
      padding: PAD,
      smoothing: options.smoothing ?? 0,
      totals: options.totals,
      dropReadout: this.#drop("readout"),
    });
  }

  /**
   * Records where the model looks while it is given the right words: [targetLength - 1, rows, sourceLength].
   *
   * The plan gets those inputs that {@linkcode Seq2Seq.inputs} packs and the tape has. See `forcedAttention()`.
   *
   * @throws {RangeError} If the model has no attention.
   */
  forcedAttention(tape: Tape, bucket: Bucket): Tensor {
    if (this.config.attention === "none") {
      throw new RangeError(
        `Cannot tell where a model with the decoder "${this.config.decoder}" looks: it has no attention.`,
      );
    }
    const encoded = this.#encode(tape, bucket.sourceLength, bucket.rows);
    return this.#decoder.forcedAttention(tape, encoded, this.#forced(tape, bucket));
  }

  /** Packs a batch as the inputs of a plan recorded by {@linkcode Seq2Seq.loss}. */
  inputs(batch: Batch): Record<string, Uint32Array | Float32Array> {
    const { bucket: { rows, targetLength }, source, sourceLengths, target, targetLengths, tokens } = batch;
    return {
      ...(this.config.copy ? { copies: batch.copies! } : {}),
      source,
      source_lengths: sourceLengths,
      words: target.subarray(0, (targetLength - 1) * rows),
      targets: target.subarray(rows),
      steps: targetLengths.map((length) => Math.max(0, length - 1)),
      scale: Float32Array.of(tokens === 0 ? 0 : 1 / tokens),
    };
  }

  /**
   * Records the encoding of a batch, and prepares to decode it word by word.
   *
   * The plan gets the inputs `source` [sourceLength, sentences] and `source_lengths` [sentences], of a model that copies
   * also `copies` [sourceLength, sentences].
   */
  wordByWord(tape: Tape, { sourceLength, sentences, copies }: DecodingShape): WordByWord {
    const encoded = this.#encode(tape, sourceLength, sentences);
    return this.#decoder.wordByWord(tape, encoded, copies, this.#copies(tape, sourceLength, sentences));
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
    // Shared, so that several models can read one batch.
    const source = tape.sharedInput("source", [length, rows], "u32");
    const lengths = tape.sharedInput("source_lengths", [rows], "u32");
    const words = dropout(tape, embedding(tape, this.#table, source), this.#dropWords("sourceWords"));
    const embedded = dropout(tape, words, this.#drop("source"));
    return this.#encoder.forward(tape, embedded, lengths);
  }

  /** The words of a batch's target side, before each step. */
  #forced(
    tape: Tape,
    { sourceLength, rows, targetLength }: Bucket,
    given: GivenWords = "right",
  ): ForcedWords {
    return {
      words: tape.input("words", [targetLength - 1, rows], "u32"),
      copies: this.#copies(tape, sourceLength, rows),
      lengths: tape.input("steps", [rows], "u32"),
      given,
      choice: { seed: this.config.seed, stream: STREAMS.choice },
      dropEmbedding: [this.#dropWords("targetWords"), this.#drop("target")],
    };
  }

  /** [sourceLength, rows] integers: the source in the target's numbering, of models that copy words. */
  #copies(tape: Tape, sourceLength: number, rows: number): Tensor | undefined {
    return this.config.copy ? tape.sharedInput("copies", [sourceLength, rows], "u32") : undefined;
  }

  #drop(what: keyof typeof STREAMS): DropoutOptions {
    const { dropout: rate, variational, seed } = this.config;
    return { rate, seed, stream: STREAMS[what], mask: variational ? "sequence" : "element" };
  }

  #dropWords(what: keyof typeof STREAMS): DropoutOptions {
    const { wordDropout: rate, seed } = this.config;
    return { rate, seed, stream: STREAMS[what], mask: "word" };
  }
}
