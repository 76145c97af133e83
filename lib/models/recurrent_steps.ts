// Layer 3: the layers of a decoder taken step by step, all of them before the next step, because what enters the lowest
// depends on what has left the highest.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { addInto, copyInto } from "../ops/concatenate.ts";
import { dropout, type DropoutOptions } from "../ops/dropout.ts";
import { GruRecurrence } from "../ops/gru.ts";
import { linear } from "../ops/linear.ts";
import { LinearSteps } from "../ops/linear_steps.ts";
import { LstmRecurrence } from "../ops/lstm.ts";
import type { RecurrentLayers, RecurrentLayersInput, RecurrentLayersOutput } from "./recurrent_layers.ts";

/** A recurrence and what feeds it. */
interface Layer {
  readonly recurrence: GruRecurrence | LstmRecurrence;
  /** Records what is dropped of the layer below at a step. */
  readonly drop?: ((t: number) => void) | undefined;
  /** Takes its input, the output of the layer below, to its gates; the lowest layer's gates come from outside. */
  readonly projection?: LinearSteps;
  /** [steps, batch, hidden]: its input where it is added to its states. */
  readonly residual?: Tensor;
  /** [steps, batch, hidden] */
  readonly outputs: Tensor;
}

/** Layers of {@linkcode RecurrentLayers} in one direction, one step at a time. */
export class RecurrentSteps implements RecurrentLayersOutput {
  /** [steps, batch, hidden]: the highest layer's outputs. */
  readonly outputs: Tensor;
  /** [steps, batch, hidden]: the highest layer's states after each step; what is added to them is not in them. */
  readonly states: Tensor;
  /** [steps, batch, hidden]: its states before each step. */
  readonly statesBefore: Tensor;
  /** The state of each layer after all steps, [batch, hidden]. */
  readonly finals: readonly Tensor[];
  /** The memory cells that belong to them; empty for GRUs. */
  readonly finalCells: readonly Tensor[];

  #layers: readonly Layer[];
  /** The lowest layer's gates, and the part of its weight that none of its input has met yet. */
  #feedable: { readonly y: Tensor; readonly weight: Tensor; readonly bias: Tensor | undefined };
  #fed: LinearSteps | undefined;

  /**
   * Prepares to record steps.
   *
   * @param x [steps, batch, width] each: what of the lowest layer's input is known for all steps, if anything.
   */
  constructor(
    readonly tape: Tape,
    layers: RecurrentLayers,
    steps: number,
    x: readonly Tensor[],
    input: RecurrentLayersInput,
  ) {
    const { weightIh, biasIh: bias } = layers.weights(0);
    const known = x.reduce((sum, { columns }) => sum + columns, 0);
    const label = `gates of ${weightIh.label}`;
    const projection = known > 0
      ? linear(tape, x, { weight: weightIh.columnSlice(0, known), bias, label })
      : tape.tensor([steps, input.lengths.size, weightIh.rows], label);
    const weight = weightIh.columnSlice(known, weightIh.columns);
    this.#feedable = { y: projection, weight, bias: known > 0 ? undefined : bias };
    const list: Layer[] = [];
    for (let index = 0; index < layers.options.layers; index++) {
      list.push(this.#layer(layers, index, list.at(-1)?.outputs, projection, input));
    }
    this.#layers = list;
    const { recurrence, outputs } = list.at(-1)!;
    this.outputs = outputs;
    this.states = recurrence.outputs;
    this.statesBefore = recurrence.inputs;
    this.finals = list.map(({ recurrence }) => recurrence.final);
    this.finalCells = list.flatMap(({ recurrence }) =>
      recurrence instanceof LstmRecurrence ? [recurrence.finalCells] : []
    );
  }

  /**
   * Lets the lowest layer take something else beside its known input.
   *
   * @param feed [steps, batch, width] each: what is side by side in it; each step must be written before it is recorded.
   */
  feed(feed: readonly Tensor[]): void {
    this.#fed = new LinearSteps(this.tape, { x: feed, ...this.#feedable });
  }

  /** Records step `t` of all layers. */
  step(t: number): void {
    this.#fed?.step(t);
    for (const { recurrence, drop, projection, residual, outputs } of this.#layers) {
      drop?.(t);
      projection?.step(t);
      recurrence.step(t);
      if (!residual) continue;
      copyInto(this.tape, recurrence.outputs.at(t), outputs.at(t));
      addInto(this.tape, residual.at(t), outputs.at(t));
    }
  }

  #layer(
    layers: RecurrentLayers,
    index: number,
    outputsBelow: Tensor | undefined,
    given: Tensor,
    { lengths, initial, initialCells }: RecurrentLayersInput,
  ): Layer {
    const { tape } = this;
    const { cell, residual } = layers.options;
    const { weightIh, weightHh: weight, biasIh, biasHh: bias } = layers.weights(index);
    const projection = outputsBelow ? tape.tensor(given.shape, `gates of ${weight.label}`) : given;
    const options = { projection, weight, bias, initial: initial?.[index], lengths };
    const recurrence = cell === "gru"
      ? new GruRecurrence(tape, options)
      : new LstmRecurrence(tape, { ...options, initialCells: initialCells?.[index] });
    if (!outputsBelow) return { recurrence, outputs: recurrence.outputs };
    const { below, drop } = this.#dropped(outputsBelow, layers.dropoutBelow(index));
    return {
      recurrence,
      drop,
      projection: new LinearSteps(tape, { x: below, y: projection, weight: weightIh, bias: biasIh }),
      ...(residual
        ? { residual: below, outputs: tape.tensor(below.shape, `outputs of ${weight.label}`) }
        : { outputs: recurrence.outputs }),
    };
  }

  /** [steps, batch, hidden]: what a layer takes of the outputs of the one below, and how a step of it is recorded. */
  #dropped(outputs: Tensor, drop: DropoutOptions | undefined) {
    const { tape } = this;
    if (!drop || drop.rate === 0 || !tape.training) return { below: outputs };
    const below = tape.tensor(outputs.shape, `dropout(${outputs.label})`);
    const step = (time: number) => dropout(tape, outputs.at(time), { ...drop, time }, below.at(time));
    return { below, drop: (t: number) => void step(t) };
  }
}
