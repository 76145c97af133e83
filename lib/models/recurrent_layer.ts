// Layer 3: a recurrent layer with its parameters, in one direction or both, named as PyTorch's `nn.GRU` and `nn.LSTM`.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { concatenate } from "../ops/concatenate.ts";
import { gru } from "../ops/gru.ts";
import { lstm } from "../ops/lstm.ts";
import { recurrentDefault } from "./initializers.ts";

/** A kind of recurrent cell. */
export type RecurrentCell = "gru" | "lstm";

/** The kind and the sizes of a layer. */
export interface RecurrentLayerOptions {
  /** The kind of cell. */
  readonly cell: RecurrentCell;
  /** Width of the input. */
  readonly inputs: number;
  /** Width of the state of each direction. */
  readonly hidden: number;
  /** Whether there is a second cell that reads from the end. */
  readonly bidirectional: boolean;
}

interface Direction {
  readonly weightIh: Tensor;
  readonly weightHh: Tensor;
  readonly biasIh: Tensor;
  readonly biasHh: Tensor;
}

/** One layer of GRUs or LSTMs. */
export class RecurrentLayer {
  readonly #cell: RecurrentCell;
  readonly #directions: readonly Direction[];

  /** Declares the parameters in `scope`. */
  constructor(scope: ParameterScope, { cell, inputs, hidden, bidirectional }: RecurrentLayerOptions) {
    this.#cell = cell;
    const rows = { gru: 3, lstm: 4 }[cell] * hidden;
    const initial = recurrentDefault(hidden);
    this.#directions = (bidirectional ? ["", "_reverse"] : [""]).map((suffix) => ({
      weightIh: scope.declare(`weight_ih_l0${suffix}`, [rows, inputs], initial),
      weightHh: scope.declare(`weight_hh_l0${suffix}`, [rows, hidden], initial),
      biasIh: scope.declare(`bias_ih_l0${suffix}`, [rows], initial),
      biasHh: scope.declare(`bias_hh_l0${suffix}`, [rows], initial),
    }));
  }

  /**
   * Records the layer over a padded sequence.
   *
   * @param x [steps, batch, inputs]
   * @param lengths [batch] integers.
   * @returns The states after each step, [steps, batch, hidden], those of both directions side by side.
   */
  outputs(tape: Tape, x: Tensor, lengths: Tensor): Tensor {
    return beside(tape, this.#run(tape, x, lengths).map(({ outputs }) => outputs));
  }

  /** Records the layer like {@linkcode outputs}; returns the last state of each direction, [batch, hidden], side by side. */
  final(tape: Tape, x: Tensor, lengths: Tensor): Tensor {
    return beside(tape, this.#run(tape, x, lengths).map(({ final }) => final));
  }

  #run(tape: Tape, x: Tensor, lengths: Tensor): { readonly outputs: Tensor; readonly final: Tensor }[] {
    const layer = this.#cell === "gru" ? gru : lstm;
    return this.#directions.map((weights, index) =>
      layer(tape, x, { ...weights, lengths, reverse: index === 1 })
    );
  }
}

function beside(tape: Tape, tensors: readonly Tensor[]): Tensor {
  return tensors.length === 1 ? tensors[0]! : concatenate(tape, tensors);
}
