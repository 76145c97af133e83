// Layer 3: writes the target sentence word by word. Four decoders in one, which differ in how the source reaches them:
// see `Seq2SeqOptions.decoder`.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { copyInto } from "../ops/concatenate.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { dropout, type DropoutOptions } from "../ops/dropout.ts";
import { embedding } from "../ops/embedding.ts";
import { linear } from "../ops/linear.ts";
import { LinearSteps } from "../ops/linear_steps.ts";
import { repeatInput, repeatRows, repeatSteps } from "../ops/repeat.ts";
import { AttentionLayer, type AttentionMemory } from "./attention.ts";
import { Bridge, type InitialStates } from "./bridge.ts";
import type { Encoded } from "./encoder.ts";
import { linearDefault } from "./initializers.ts";
import { LinearLayer } from "./linear_layer.ts";
import { Readout } from "./readout.ts";
import { beside } from "./recurrent_layer.ts";
import { RecurrentLayers } from "./recurrent_layers.ts";
import { RecurrentSteps } from "./recurrent_steps.ts";
import type { Seq2SeqConfig } from "./seq2seq_options.ts";
import type { DecoderState, WordByWord } from "./word_by_word.ts";

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
  /** Dropouts on embeddings, one after the other. */
  readonly dropEmbedding: readonly DropoutOptions[];
  /** Dropout on readouts. */
  readonly dropReadout: DropoutOptions;
}

/** What the decoder knows of the source. */
interface Memory {
  /** What attention looks at. */
  readonly attention: AttentionMemory | undefined;
  /** [batch, hidden]: the summary of Cho et al. 2014. */
  readonly summary: Tensor | undefined;
  /** [batch] integers: the number of source steps of each row. */
  readonly lengths: Tensor;
}

/** What a step hands to the next. */
interface State extends InitialStates {
  /** [batch, readout]: Luong's attentional vector, where it is fed back; zeros if left out. */
  readonly vector?: Tensor;
}

/** Some steps of the decoder, recorded. */
interface Steps {
  /** [steps, batch, readout] */
  readonly readout: Tensor;
  /** [steps, batch, source steps] */
  readonly weights: Tensor | undefined;
  /** After the last step. */
  readonly state: State;
}

/** Embedded words, recurrent layers, attention or a summary of the source, and a readout before the output layer. */
export class Decoder {
  #config: Seq2SeqConfig;
  #bridge: Bridge;
  #table: Tensor;
  #layers: RecurrentLayers;
  #attention: AttentionLayer | undefined;
  #summary: LinearLayer | undefined;
  /** Luong's `tanh(W [s; c])`, the weight [readout, hidden + annotations]. */
  #vector: Tensor | undefined;
  #readout: Readout | undefined;
  #output: { readonly weight: Tensor; readonly bias: Tensor };

  /**
   * Declares the parameters: those of the bridge in `bridge`, all others in `scope`.
   *
   * @param given What it shares with the encoder, or takes over from it.
   */
  constructor(
    bridge: ParameterScope,
    scope: ParameterScope,
    config: Seq2SeqConfig,
    given: {
      /** [vocabulary, embedding]: the words' embeddings. */
      readonly table: Tensor;
      /** Width of the encoder's annotations. */
      readonly annotations: number;
      /** Dropout between layers. */
      readonly dropout: DropoutOptions;
    },
  ) {
    const { table, annotations, dropout } = given;
    const { decoder, cell, hidden, layers, residual, readoutWidth, embedding } = this.#config = config;
    this.#table = table;
    this.#bridge = new Bridge(bridge, config);
    if (decoder === "cho") this.#summary = new LinearLayer(scope.scope("summary"), annotations, hidden);
    if (config.attention !== "none") {
      this.#attention = new AttentionLayer(scope.scope("attention"), config, annotations);
    }
    const fed = {
      bahdanau: annotations,
      luong: config.inputFeeding ? readoutWidth : 0,
      cho: hidden,
      sutskever: 0,
    };
    const inputs = embedding + fed[decoder];
    this.#layers = new RecurrentLayers(scope.scope("recurrent"), {
      cell,
      inputs,
      hidden,
      layers,
      residual,
      dropout,
    });
    if (decoder === "luong") {
      const width = hidden + annotations;
      this.#vector = scope.declare("readout.weight", [readoutWidth, width], linearDefault(width));
    } else {
      const width = {
        bahdanau: hidden + annotations + embedding,
        cho: 2 * hidden + embedding,
        sutskever: hidden,
      }[decoder];
      this.#readout = new Readout(scope.scope("readout"), config, width);
    }
    const output = scope.scope("output");
    const [vocabulary] = table.shape as [number];
    const initial = linearDefault(readoutWidth);
    this.#output = {
      weight: config.tied === "none" ? output.declare("weight", [vocabulary, readoutWidth], initial) : table,
      bias: output.declare("bias", [vocabulary], initial),
    };
  }

  /** Records the loss of the right words, each step given the right words before it. */
  teacherForced(tape: Tape, encoded: Encoded, forcing: TeacherForcing): void {
    const { memory, state } = this.#start(tape, encoded);
    const embedded = forcing.dropEmbedding.reduce(
      (embedded, drop) => dropout(tape, embedded, drop),
      embedding(tape, this.#table, forcing.words),
    );
    const { readout } = this.#steps(tape, memory, embedded, state, forcing.lengths);
    const { targets, padding: ignored, smoothing, totals } = forcing;
    const dropped = dropout(tape, readout, forcing.dropReadout);
    crossEntropy(tape, dropped, { ...this.#output, targets, ignored, smoothing, totals });
  }

  /** Prepares to record word by word, each sentence in `copies` rows. */
  wordByWord(tape: Tape, encoded: Encoded, copies: number): WordByWord {
    const { memory, state } = this.#repeat(tape, this.#start(tape, encoded), copies);
    const rows = memory.lengths.size;
    return {
      rows,
      classes: this.#table.rows,
      initial: flatten(state),
      step: (words, state) => {
        const embedded = embedding(tape, this.#table, words.reshape(1, rows));
        // A step is taken by each row that has a source.
        const steps = this.#steps(tape, memory, embedded, this.#unflatten(state), memory.lengths);
        const logits = linear(tape, steps.readout, this.#output);
        return { logits: logits.at(0), attention: steps.weights?.at(0), state: flatten(steps.state) };
      },
    };
  }

  /** Records everything `copies` times over, the copies of a row side by side. */
  #repeat(
    tape: Tape,
    start: { memory: Memory; state: State },
    copies: number,
  ): { memory: Memory; state: State } {
    if (copies === 1) return start;
    const { memory: { attention, summary, lengths }, state } = start;
    const repeat = (x: Tensor) => repeatRows(tape, x, copies);
    const repeated = repeatInput(tape, lengths, copies);
    return {
      memory: {
        attention: attention &&
          { values: repeat(attention.values), keys: repeat(attention.keys), lengths: repeated },
        summary: summary && repeat(summary),
        lengths: repeated,
      },
      state: this.#unflatten(flatten(state).map(repeat)),
    };
  }

  #unflatten(state: DecoderState): State {
    const { layers, cell, inputFeeding } = this.#config;
    const cells = cell === "lstm" ? layers : 0;
    return {
      initial: state.slice(0, layers),
      initialCells: state.slice(layers, layers + cells),
      ...(inputFeeding ? { vector: state[layers + cells]! } : {}),
    };
  }

  /** Records what is known of the source before the first step. */
  #start(tape: Tape, encoded: Encoded): { readonly memory: Memory; readonly state: State } {
    const { annotations, lengths, finals } = encoded;
    const directions = finals.length / this.#config.layers;
    const summary = this.#summary?.forward(tape, beside(tape, finals.slice(-directions)), "tanh");
    const attention = this.#attention?.prepare(tape, annotations, lengths);
    return { memory: { attention, summary, lengths }, state: this.#bridge.forward(tape, encoded, summary) };
  }

  /** Records some steps: the layers one after the other where no step needs what the one before has put out. */
  #steps(tape: Tape, memory: Memory, embedded: Tensor, state: State, lengths: Tensor): Steps {
    const { decoder, inputFeeding, readoutWidth } = this.#config;
    const [steps, batch] = embedded.shape as [number, number];
    const summary = memory.summary && repeatSteps(tape, memory.summary, steps);
    const inputs = summary ? [embedded, summary] : [embedded];
    const stepwise = decoder === "bahdanau" || inputFeeding || steps === 1
      ? new RecurrentSteps(tape, this.#layers, inputs, { lengths, ...state })
      : undefined;
    const layers = stepwise ?? this.#layers.forward(tape, inputs, { lengths, ...state });

    const asking = decoder === "bahdanau" ? stepwise!.statesBefore : layers.states;
    const attention = memory.attention && this.#attention!.start(tape, memory.attention, asking);
    const vectors = this.#vector && this.#startVectors(tape, [steps, batch, readoutWidth], state.vector);
    const vector = vectors && new LinearSteps(tape, {
      x: [layers.outputs, attention!.contexts],
      y: vectors.slice(1, steps + 1),
      weight: this.#vector!,
      activation: "tanh",
    });
    const feed = decoder === "bahdanau"
      ? attention!.contexts
      : inputFeeding
      ? vectors!.slice(0, steps)
      : undefined;
    if (feed) stepwise!.feed(feed);
    for (let t = 0; t < steps; t++) {
      if (decoder === "bahdanau") attention!.step(t);
      stepwise?.step(t);
      if (decoder === "luong") attention!.step(t);
      vector?.step(t);
    }

    const { outputs } = layers;
    const features = {
      bahdanau: () => [outputs, attention!.contexts, embedded],
      luong: () => [vectors!.slice(1, steps + 1)],
      cho: () => [outputs, summary!, embedded],
      sutskever: () => [outputs],
    }[decoder]();
    const after = { initial: layers.finals, initialCells: layers.finalCells };
    return {
      readout: this.#readout ? this.#readout.forward(tape, features) : features[0]!,
      weights: attention?.weights,
      state: { ...after, ...(inputFeeding ? { vector: vectors!.at(steps) } : {}) },
    };
  }

  /** [steps + 1, batch, readout]: room for Luong's attentional vectors, behind the one that enters the first step. */
  #startVectors(tape: Tape, shape: readonly [number, number, number], initial: Tensor | undefined): Tensor {
    const [steps, batch, width] = shape;
    const vectors = tape.tensor([steps + 1, batch, width], "attentional vectors");
    if (initial) copyInto(tape, initial, vectors.at(0));
    else tape.fill(vectors.at(0), 0);
    return vectors;
  }
}

/** The tensors of a state, one after the other. */
function flatten({ initial, initialCells, vector }: State): DecoderState {
  return [...initial, ...initialCells ?? [], ...(vector ? [vector] : [])];
}
