// Layer 3: some steps of a decoder on a batch: all those of teacher forcing, or a single one of decoding. How the source
// reaches the states, and the states the words, is here; see `Seq2SeqOptions.decoder`.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { add } from "../ops/add.ts";
import { copyInto } from "../ops/concatenate.ts";
import { LinearSteps } from "../ops/linear_steps.ts";
import { repeatSteps } from "../ops/repeat.ts";
import type { AttentionLayer, AttentionMemory, AttentionSteps } from "./attention.ts";
import type { InitialStates } from "./bridge.ts";
import type { RecurrentLayers, RecurrentLayersOutput } from "./recurrent_layers.ts";
import { RecurrentSteps } from "./recurrent_steps.ts";
import type { Seq2SeqConfig } from "./seq2seq_options.ts";

/** The parameters of a decoder that make its states. */
export interface DecoderParts {
  /** All options. */
  readonly config: Seq2SeqConfig;
  /** The recurrent layers. */
  readonly layers: RecurrentLayers;
  /** Attention, if there is any. */
  readonly attention: AttentionLayer | undefined;
  /** [readout, hidden + annotations]: the layer of Luong's attentional vector, if there is one. */
  readonly vector: Tensor | undefined;
}

/** What the decoder knows of the source. */
export interface DecoderMemory {
  /** What attention looks at. */
  readonly attention: AttentionMemory | undefined;
  /** [batch, hidden]: the summary of Cho et al. 2014. */
  readonly summary: Tensor | undefined;
  /** [source steps, batch] integers: the source in the target's numbering, where words are copied. */
  readonly copies: Tensor | undefined;
  /** [batch] integers: the number of source steps of each row. */
  readonly lengths: Tensor;
}

/** What a step hands to the next. */
export interface StepState extends InitialStates {
  /** [batch, readout]: Luong's attentional vector, where it is fed back; zeros if left out. */
  readonly vector?: Tensor | undefined;
  /** [batch, source steps]: what attention has looked at, with coverage; nothing if left out. */
  readonly covered?: Tensor | undefined;
}

/** Where some steps begin. */
export interface DecoderStart {
  /** [steps, batch, embedding]: the last words. */
  readonly embedded: Tensor;
  /** Whether they are all written already; else each must be before its step is recorded. */
  readonly known: boolean;
  /** The state before the first step. */
  readonly state: StepState;
  /** [batch] integers: the number of steps of each row. */
  readonly lengths: Tensor;
  /** The number of the first step. */
  readonly firstStep: number;
}

/** A decoder taking some steps. */
export class DecoderSteps {
  /** [steps, batch, hidden]: the output of the recurrent layers. */
  readonly outputs: Tensor;
  /** Attention's contexts, weights and coverage. */
  readonly attention: AttentionSteps | undefined;

  #layers: RecurrentLayersOutput;
  #stepwise: RecurrentSteps | undefined;
  #summary: Tensor | undefined;
  /** [steps + 1, batch, readout]: Luong's attentional vectors, behind the one that enters the first step. */
  #vectors: Tensor | undefined;
  #vectorSteps: LinearSteps | undefined;

  /** Prepares to record steps; layers that no step feeds are recorded at once, one after the other. */
  constructor(
    readonly tape: Tape,
    readonly parts: DecoderParts,
    readonly memory: DecoderMemory,
    readonly start: DecoderStart,
  ) {
    const { config: { decoder, inputFeeding, readoutWidth }, layers } = parts;
    const { embedded, known, lengths, state } = start;
    const [steps, batch] = embedded.shape as [number, number];
    this.#summary = memory.summary && repeatSteps(tape, memory.summary, steps);
    const input = { lengths, initial: state.initial, initialCells: state.initialCells };
    const given = [embedded, ...(this.#summary ? [this.#summary] : [])];
    if (decoder === "bahdanau" || inputFeeding || !known || steps === 1) {
      this.#stepwise = new RecurrentSteps(tape, layers, steps, known ? given : [], input);
    }
    this.#layers = this.#stepwise ?? layers.forward(tape, given, input);
    this.outputs = this.#layers.outputs;

    if (parts.attention) {
      const states = decoder === "bahdanau" ? this.#stepwise!.statesBefore : this.#layers.states;
      const { firstStep } = start;
      const from = { firstStep, covered: state.covered };
      this.attention = parts.attention.start(tape, memory.attention!, states, from);
    }
    if (parts.vector) {
      this.#vectors = tape.tensor([steps + 1, batch, readoutWidth], "attentional vectors");
      if (state.vector) copyInto(tape, state.vector, this.#vectors.at(0));
      else tape.fill(this.#vectors.at(0), 0);
      const x = [this.outputs, this.attention!.contexts];
      const y = this.#vectors.slice(1, steps + 1);
      this.#vectorSteps = new LinearSteps(tape, { x, y, weight: parts.vector, activation: "tanh" });
    }
    const fed = [
      ...(known ? [] : given),
      ...(decoder === "bahdanau" ? [this.attention!.contexts] : []),
      ...(inputFeeding ? [this.#vectors!.slice(0, steps)] : []),
    ];
    if (fed.length > 0) this.#stepwise!.feed(fed);
  }

  /** Records step `t`, counted from the first of these. */
  step(t: number): void {
    const asksBefore = this.parts.config.decoder === "bahdanau";
    if (asksBefore) this.attention!.step(t);
    this.#stepwise?.step(t);
    if (!asksBefore) this.attention?.step(t);
    this.#vectorSteps?.step(t);
  }

  /** [steps, batch, ...] each: what predicts the words, side by side. */
  get features(): readonly Tensor[] {
    const { outputs, attention, start: { embedded } } = this;
    const { decoder } = this.parts.config;
    if (decoder === "bahdanau") return [outputs, attention!.contexts, embedded];
    if (decoder === "luong") return [this.#vectors!.slice(1, embedded.shape[0]! + 1)];
    if (decoder === "cho") return [outputs, this.#summary!, embedded];
    return [outputs];
  }

  /** After all steps. */
  get state(): StepState {
    const { config: { inputFeeding, coverage } } = this.parts;
    const last = this.start.embedded.shape[0]! - 1;
    return {
      initial: this.#layers.finals,
      initialCells: this.#layers.finalCells,
      ...(inputFeeding ? { vector: this.#vectors!.at(last + 1) } : {}),
      ...(coverage ? { covered: this.#coveredAfter(last) } : {}),
    };
  }

  #coveredAfter(t: number): Tensor {
    const { coverage, weights } = this.attention!;
    return add(this.tape, coverage!.at(t), weights.at(t));
  }
}
