// Layer 3: a recurrent layer with its parameters, in one direction or both, named as PyTorch's `nn.GRU` and `nn.LSTM`.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { concatenate } from "../ops/concatenate.ts";
import { gru } from "../ops/gru.ts";
import { lstm, type LstmOutput } from "../ops/lstm.ts";
import { recurrentDefault } from "./initializers.ts";

/** The kinds of recurrent cells. */
export const RECURRENT_CELLS = ["gru", "lstm"] as const;

/** A kind of recurrent cell. */
export type RecurrentCell = typeof RECURRENT_CELLS[number];

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
  /** Its number among the layers of a scope, which is part of its parameters' names; 0 by default. */
  readonly index?: number;
}

/** Where a layer starts from: for each direction a tensor [batch, hidden]; zeros if left out. */
export interface RecurrentStart {
  /** The states. */
  readonly initial?: readonly Tensor[] | undefined;
  /** The memory cells of an LSTM. */
  readonly initialCells?: readonly Tensor[] | undefined;
}

/** What one direction leaves behind; see `gru` and `lstm`. */
export type RecurrentRun = Omit<LstmOutput, "finalCells"> & Partial<LstmOutput>;

/** The parameters of one direction of a layer. */
export interface RecurrentWeights {
  /** [gates x hidden, inputs] */
  readonly weightIh: Tensor;
  /** [gates x hidden, hidden] */
  readonly weightHh: Tensor;
  /** [gates x hidden] */
  readonly biasIh: Tensor;
  /** [gates x hidden] */
  readonly biasHh: Tensor;
}

/** One layer of GRUs or LSTMs. */
export class RecurrentLayer {
  /** The parameters of each direction. */
  readonly directions: readonly RecurrentWeights[];

  readonly #cell: RecurrentCell;

  /** Declares the parameters in `scope`. */
  constructor(scope: ParameterScope, options: RecurrentLayerOptions) {
    const { cell, inputs, hidden, bidirectional, index = 0 } = options;
    this.#cell = cell;
    const rows = { gru: 3, lstm: 4 }[cell] * hidden;
    const initial = recurrentDefault(hidden);
    this.directions = (bidirectional ? ["", "_reverse"] : [""]).map((suffix) => ({
      weightIh: scope.declare(`weight_ih_l${index}${suffix}`, [rows, inputs], initial),
      weightHh: scope.declare(`weight_hh_l${index}${suffix}`, [rows, hidden], initial),
      biasIh: scope.declare(`bias_ih_l${index}${suffix}`, [rows], initial),
      biasHh: scope.declare(`bias_hh_l${index}${suffix}`, [rows], initial),
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
    return beside(tape, this.run(tape, x, lengths).map(({ outputs }) => outputs));
  }

  /** Records the layer like {@linkcode outputs}; returns the last state of each direction, [batch, hidden], side by side. */
  final(tape: Tape, x: Tensor, lengths: Tensor): Tensor {
    return beside(tape, this.run(tape, x, lengths).map(({ final }) => final));
  }

  /**
   * Records the layer; returns what each direction leaves behind.
   *
   * @param x [steps, batch, inputs], or several that stand for their concatenation.
   */
  run(
    tape: Tape,
    x: Tensor | readonly Tensor[],
    lengths: Tensor,
    start: RecurrentStart = {},
  ): RecurrentRun[] {
    return this.directions.map((weights, index) => {
      const initial = start.initial?.[index];
      const options = { ...weights, initial, lengths, reverse: index === 1 };
      if (this.#cell === "gru") return gru(tape, x, options);
      return lstm(tape, x, { ...options, initialCells: start.initialCells?.[index] });
    });
  }
}

/** Records the tensors of all directions side by side. */
export function beside(tape: Tape, tensors: readonly Tensor[]): Tensor {
  return tensors.length === 1 ? tensors[0]! : concatenate(tape, tensors);
}
