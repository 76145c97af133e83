// Layer 3: writes the target sentence word by word, looking at the source before each (Bahdanau et al. 2015,
// section 3.1): attention asks with the state before the step, the context enters the step.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { argmax } from "../ops/argmax.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { dropout, type DropoutOptions } from "../ops/dropout.ts";
import { embedding } from "../ops/embedding.ts";
import { GruRecurrence } from "../ops/gru.ts";
import { linear } from "../ops/linear.ts";
import { matmul } from "../ops/matmul.ts";
import { type AttentionSteps, BahdanauAttention } from "./attention.ts";
import type { Encoded } from "./encoder.ts";
import { recurrentDefault, standardNormal } from "./initializers.ts";
import { LinearLayer } from "./linear_layer.ts";

/** The sizes of a decoder. */
export interface DecoderSizes {
  /** Words in the target vocabulary. */
  readonly vocabulary: number;
  /** Width of a word's embedding. */
  readonly embedding: number;
  /** Width of the state. */
  readonly hidden: number;
  /** Width of the encoder's annotations. */
  readonly annotations: number;
  /** Width of the alignment model's hidden layer. */
  readonly attention: number;
  /** Width of the layer before the output. */
  readonly readout: number;
}

/** What teacher forcing needs besides the encoded source. */
export interface TeacherForcing {
  /** [steps, batch] integers: the words that the decoder is given, `<sos>` first. */
  readonly words: Tensor;
  /** [steps, batch] integers: the words it should answer, `<eos>` last, then padding. */
  readonly targets: Tensor;
  /** [batch] integers: the number of steps of each row. */
  readonly lengths: Tensor;
  /** The id of padding. */
  readonly padding: number;
  /** Label smoothing. */
  readonly smoothing: number;
  /** [2], where the losses are added up; see `crossEntropy`. */
  readonly totals: Tensor;
  /** Dropout on embeddings. */
  readonly dropEmbedding: DropoutOptions;
  /** Dropout on readouts. */
  readonly dropReadout: DropoutOptions;
}

/** A translation being written on the GPU. */
export interface GreedyOutput {
  /** [steps, batch] integers: the likeliest word of each step. What follows `<eos>` means nothing. */
  readonly words: Tensor;
  /** [steps, batch, source steps]: the attention of each step. */
  readonly attention: Tensor;
}

/** The recurrent part of the decoder at work on one batch. */
interface DecoderSteps {
  readonly recurrence: GruRecurrence;
  readonly attention: AttentionSteps;
  step(t: number): void;
}

/**
 * Embedding, attention, GRU cell, and a readout `tanh(W [s; c; y] + b)` before the output layer.
 *
 * The readout takes the state after the step, as equation 4 of the paper has it; where its appendix has a maxout
 * layer there is a tanh here.
 */
export class AttentionalGruDecoder {
  #table: Tensor;
  #bridge: LinearLayer;
  #attention: BahdanauAttention;
  #cell: { weightIh: Tensor; weightHh: Tensor; biasIh: Tensor; biasHh: Tensor };
  #readout: LinearLayer;
  #output: LinearLayer;

  /** Declares the parameters: those of the bridge in `bridge`, all others in `scope`. */
  constructor(bridge: ParameterScope, scope: ParameterScope, sizes: DecoderSizes) {
    const { vocabulary, hidden, annotations, attention, readout } = sizes;
    this.#bridge = new LinearLayer(bridge, hidden, hidden);
    this.#table = scope.declare("embedding.weight", [vocabulary, sizes.embedding], standardNormal());
    const widths = { query: hidden, values: annotations, attention };
    this.#attention = new BahdanauAttention(scope.scope("attention"), widths);
    const cell = scope.scope("cell");
    const initial = recurrentDefault(hidden);
    this.#cell = {
      weightIh: cell.declare("weight_ih", [3 * hidden, sizes.embedding + annotations], initial),
      weightHh: cell.declare("weight_hh", [3 * hidden, hidden], initial),
      biasIh: cell.declare("bias_ih", [3 * hidden], initial),
      biasHh: cell.declare("bias_hh", [3 * hidden], initial),
    };
    this.#readout = new LinearLayer(scope.scope("readout"), hidden + annotations + sizes.embedding, readout);
    this.#output = new LinearLayer(scope.scope("output"), readout, vocabulary);
  }

  /** Records the loss of the right words, each step given the right words before it. */
  teacherForced(tape: Tape, encoded: Encoded, forcing: TeacherForcing): void {
    const embedded = dropout(tape, embedding(tape, this.#table, forcing.words), forcing.dropEmbedding);
    const weight = this.#inputWeights().word;
    const projection = linear(tape, embedded, { weight, bias: this.#cell.biasIh, label: "word projection" });
    const steps = this.#start(tape, encoded, projection, forcing.lengths);
    for (let t = 0; t < projection.shape[0]!; t++) steps.step(t);
    const inputs = [steps.recurrence.outputs, steps.attention.contexts, embedded];
    const readout = dropout(tape, this.#readout.forward(tape, inputs, "tanh"), forcing.dropReadout);
    const { weight: output, bias } = this.#output;
    const { targets, padding: ignored, smoothing, totals } = forcing;
    crossEntropy(tape, readout, { weight: output, bias: bias!, targets, ignored, smoothing, totals });
  }

  /**
   * Records greedy decoding: each step is given the likeliest word of the one before. Nothing leaves the GPU.
   *
   * @param first [batch] integers: `<sos>` for each row.
   * @param lengths [batch] integers: the number of steps, for each row the same.
   */
  greedy(
    tape: Tape,
    encoded: Encoded,
    options: { first: Tensor; lengths: Tensor; steps: number },
  ): GreedyOutput {
    const { first, lengths, steps: count } = options;
    const batch = first.size;
    const [source] = encoded.annotations.shape as [number];
    const { weightIh, biasIh } = this.#cell;
    const projection = tape.tensor([count, batch, weightIh.rows], "word projection");
    const weights = tape.kept([count, batch, source], "attention");
    const words = tape.kept([count, batch], "words", "u32");
    const steps = this.#start(tape, encoded, projection, lengths, weights);
    for (let t = 0; t < count; t++) {
      const embedded = embedding(tape, this.#table, t === 0 ? first : words.at(t - 1));
      const weight = this.#inputWeights().word;
      matmul(tape, { a: embedded, b: weight, transposeB: true, bias: biasIh, c: projection.at(t) });
      steps.step(t);
      const inputs = [steps.recurrence.outputs.at(t), steps.attention.contexts.at(t), embedded];
      const logits = this.#output.forward(tape, this.#readout.forward(tape, inputs, "tanh"));
      argmax(tape, logits, words.at(t));
    }
    return { words, attention: weights };
  }

  /** The columns of the cell's input weight that take the word, and those that take the context. */
  #inputWeights(): { word: Tensor; context: Tensor } {
    const { weightIh } = this.#cell;
    const width = this.#table.columns;
    return { word: weightIh.columnSlice(0, width), context: weightIh.columnSlice(width, weightIh.columns) };
  }

  /**
   * Prepares the steps: s_0 = tanh(W backwardFinal + b), as in the paper's appendix A.2.2.
   *
   * @param projection [steps, batch, 3 hidden]: the words' part of the cell's input, written before each step.
   */
  #start(tape: Tape, encoded: Encoded, projection: Tensor, lengths: Tensor, weights?: Tensor): DecoderSteps {
    const { context } = this.#inputWeights();
    const initial = this.#bridge.forward(tape, encoded.backwardFinal, "tanh");
    const { weightHh, biasHh } = this.#cell;
    const recurrence = new GruRecurrence(tape, {
      projection,
      weight: weightHh,
      bias: biasHh,
      initial,
      lengths,
    });
    const attention = this.#attention.start(tape, encoded, recurrence.inputs, weights);
    const { contexts } = attention;
    tape.onBackward(() =>
      matmul(tape, { a: projection.grad, transposeA: true, b: contexts, c: context.grad })
    );
    return {
      recurrence,
      attention,
      step: (t) => {
        attention.step(t, recurrence.before(t));
        matmul(tape, { a: contexts.at(t), b: context, transposeB: true, c: projection.at(t) });
        tape.onBackward(() => matmul(tape, { a: projection.grad.at(t), b: context, c: contexts.grad.at(t) }));
        recurrence.step(t);
      },
    };
  }
}
