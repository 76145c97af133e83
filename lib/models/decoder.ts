// Layer 3: writes the target sentence: under teacher forcing, all words at once where it can, or word by word.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { argmax } from "../ops/argmax.ts";
import { copyInto } from "../ops/concatenate.ts";
import { coverageLoss } from "../ops/coverage.ts";
import { dropout, type DropoutOptions } from "../ops/dropout.ts";
import { embedding } from "../ops/embedding.ts";
import { repeatInput, repeatRows } from "../ops/repeat.ts";
import { scheduledSampling, type ScheduledSamplingOptions } from "../ops/scheduled_sampling.ts";
import { AttentionLayer } from "./attention.ts";
import { Bridge } from "./bridge.ts";
import { type DecoderMemory, type DecoderParts, DecoderSteps, type StepState } from "./decoder_steps.ts";
import type { Encoded } from "./encoder.ts";
import { type Answers, Generator } from "./generator.ts";
import { linearDefault } from "./initializers.ts";
import { LinearLayer } from "./linear_layer.ts";
import type { GivenWords } from "./model.ts";
import { beside } from "./recurrent_layer.ts";
import { RecurrentLayers } from "./recurrent_layers.ts";
import type { Seq2SeqConfig } from "./seq2seq_options.ts";
import type { DecoderState, WordByWord } from "./word_by_word.ts";

/** What a decoder shares with the encoder, or takes over from it. */
export interface DecoderContext {
  /** [words, embedding]: the embeddings of the target's words. */
  readonly table: Tensor;
  /** Width of the encoder's annotations. */
  readonly annotations: number;
  /** Dropout between layers. */
  readonly dropout: DropoutOptions;
  /** What words count as that the vocabulary lacks. */
  readonly unknown: number;
}

/** Words that a decoder is given, step by step. */
export interface ForcedWords {
  /** [steps, batch] integers: the right words before each step, `<sos>` first. */
  readonly words: Tensor;
  /** [batch] integers: the number of steps of each row. */
  readonly lengths: Tensor;
  /** [source steps, batch] integers: the source in the target's numbering, for models that copy words. */
  readonly copies: Tensor | undefined;
  /** Dropouts on embeddings, one after the other. */
  readonly dropEmbedding: readonly DropoutOptions[];
  /** Which words the decoder is given. */
  readonly given: GivenWords;
  /** What the choice between right words and its own draws from. */
  readonly choice: Pick<ScheduledSamplingOptions, "seed" | "stream">;
}

/** What teacher forcing needs besides the encoded source. */
export interface TeacherForcing extends Answers, ForcedWords {}

/** Embedded words, recurrent layers, attention or a summary of the source, and what generates words from them. */
export class Decoder {
  #parts: DecoderParts;
  #bridge: Bridge;
  #summary: LinearLayer | undefined;
  #generator: Generator;

  /** Declares the parameters: those of the bridge in `bridge`, all others in `scope`. */
  constructor(
    bridge: ParameterScope,
    scope: ParameterScope,
    config: Seq2SeqConfig,
    readonly context: DecoderContext,
  ) {
    const { decoder, cell, hidden, layers, residual, readoutWidth, embedding } = config;
    const { table, annotations, dropout } = context;
    this.#bridge = new Bridge(bridge, config);
    if (decoder === "cho") this.#summary = new LinearLayer(scope.scope("summary"), annotations, hidden);
    const attention = config.attention === "none"
      ? undefined
      : new AttentionLayer(scope.scope("attention"), config, annotations);
    const fed = {
      bahdanau: annotations,
      luong: config.inputFeeding ? readoutWidth : 0,
      cho: hidden,
      sutskever: 0,
    };
    const inputs = embedding + fed[decoder];
    const recurrent = { cell, inputs, hidden, layers, residual, dropout };
    const width = hidden + annotations;
    this.#parts = {
      config,
      layers: new RecurrentLayers(scope.scope("recurrent"), recurrent),
      attention,
      vector: decoder === "luong"
        ? scope.declare("readout.weight", [readoutWidth, width], linearDefault(width))
        : undefined,
    };
    this.#generator = new Generator(scope, config, table, { hidden, annotations, embedding });
  }

  /** Records the loss of the right words, each step given the right words before it, or with scheduled sampling its own. */
  teacherForced(tape: Tape, encoded: Encoded, forcing: TeacherForcing): void {
    const steps = this.#forced(tape, encoded, forcing);
    this.#generator.loss(tape, steps, forcing);
    const { coverage, coverageLoss: factor } = this.#parts.config;
    if (coverage && factor > 0) {
      const { weights, coverage } = steps.attention!;
      const { lengths, totals } = forcing;
      coverageLoss(tape, { weights, coverage: coverage!, lengths, factor, totals });
    }
  }

  /** Records where the decoder looks while it is given words: [steps, batch, source steps]; it must have attention. */
  forcedAttention(tape: Tape, encoded: Encoded, forced: ForcedWords): Tensor {
    return this.#forced(tape, encoded, forced).attention!.weights;
  }

  #forced(tape: Tape, encoded: Encoded, forcing: ForcedWords): DecoderSteps {
    const { words, lengths, given } = forcing;
    const { memory, state } = this.#start(tape, encoded, forcing.copies);
    const embed = (ids: Tensor, time: number) =>
      forcing.dropEmbedding.reduce((x, drop) => dropout(tape, x, { ...drop, time }), this.#embed(tape, ids));
    const [count] = words.shape as [number];
    const known = given === "right";
    const embedded = known
      ? embed(words, 0)
      : tape.tensor([...words.shape, this.context.table.columns], "embedded words");
    const start = { embedded, known, state, lengths, firstStep: 0 };
    const steps = new DecoderSteps(tape, this.#parts, memory, start);
    for (let t = 0; t < count; t++) {
      if (!known) copyInto(tape, embed(this.#choose(tape, steps, forcing, t), t), embedded.at(t));
      steps.step(t);
    }
    return steps;
  }

  /**
   * Prepares to record word by word.
   *
   * @param copies How many rows each sentence gets.
   * @param sources [source steps, batch] integers, as for teacher forcing.
   */
  wordByWord(tape: Tape, encoded: Encoded, copies: number, sources: Tensor | undefined): WordByWord {
    const { memory, state } = this.#repeat(tape, this.#start(tape, encoded, sources), copies);
    const { lengths } = memory;
    const rows = lengths.size;
    return {
      rows,
      classes: this.#generator.classes(encoded.annotations.shape[0]!),
      initial: flatten(state),
      step: (words, state, t) => {
        const embedded = this.#embed(tape, words.reshape(1, rows));
        // A step is taken by each row that has a source.
        const start = { embedded, known: true, state: this.#unflatten(state), lengths, firstStep: t };
        const steps = new DecoderSteps(tape, this.#parts, memory, start);
        steps.step(0);
        const logits = this.#generator.logits(tape, steps);
        return { logits, attention: steps.attention?.weights.at(0), state: flatten(steps.state) };
      },
    };
  }

  #embed(tape: Tape, ids: Tensor): Tensor {
    const { table, unknown } = this.context;
    return embedding(tape, table, ids, { unknown });
  }

  /** Records which words step `time` is given: the likeliest after the step before, or now and then the right ones. */
  #choose(tape: Tape, steps: DecoderSteps, { words, given, choice }: ForcedWords, time: number): Tensor {
    const right = words.at(time);
    if (time === 0) return right;
    const predicted = tape.withoutGradients(() =>
      argmax(tape, this.#generator.scores(tape, steps, time - 1))
    );
    return given === "own" ? predicted : scheduledSampling(tape, { right, predicted, time, ...choice });
  }

  /** Records what is known of the source before the first step. */
  #start(
    tape: Tape,
    encoded: Encoded,
    copies: Tensor | undefined,
  ): { memory: DecoderMemory; state: StepState } {
    const { annotations, lengths, finals } = encoded;
    const { config, attention } = this.#parts;
    const directions = finals.length / config.layers;
    const summary = this.#summary?.forward(tape, beside(tape, finals.slice(-directions)), "tanh");
    const memory = { attention: attention?.prepare(tape, annotations, lengths), summary, copies, lengths };
    const state = this.#bridge.forward(tape, encoded, summary);
    if (!config.coverage) return { memory, state };
    const covered = tape.tensor([lengths.size, annotations.shape[0]!], "coverage at first");
    tape.fill(covered, 0);
    return { memory, state: { ...state, covered } };
  }

  /** Records everything `copies` times over, the copies of a row side by side. */
  #repeat(
    tape: Tape,
    start: { memory: DecoderMemory; state: StepState },
    copies: number,
  ): { memory: DecoderMemory; state: StepState } {
    if (copies === 1) return start;
    const { memory: { attention, summary, ...integers }, state } = start;
    const repeat = (x: Tensor) => repeatRows(tape, x, copies);
    const lengths = repeatInput(tape, integers.lengths, copies);
    return {
      memory: {
        attention: attention && { values: repeat(attention.values), keys: repeat(attention.keys), lengths },
        summary: summary && repeat(summary),
        copies: integers.copies && repeatInput(tape, integers.copies, copies),
        lengths,
      },
      state: this.#unflatten(flatten(state).map(repeat)),
    };
  }

  #unflatten(state: DecoderState): StepState {
    const { layers, cell, inputFeeding, coverage } = this.#parts.config;
    const rest = [...state];
    return {
      initial: rest.splice(0, layers),
      initialCells: rest.splice(0, cell === "lstm" ? layers : 0),
      vector: inputFeeding ? rest.shift() : undefined,
      covered: coverage ? rest.shift() : undefined,
    };
  }
}

/** The tensors of a state, one after the other. */
function flatten({ initial, initialCells = [], vector, covered }: StepState): DecoderState {
  return [...initial, ...initialCells, ...(vector ? [vector] : []), ...(covered ? [covered] : [])];
}
