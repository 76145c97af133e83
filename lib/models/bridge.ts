// Layer 3: what the decoder starts from.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Encoded } from "./encoder.ts";
import { LinearLayer } from "./linear_layer.ts";
import type { Seq2SeqConfig } from "./seq2seq_options.ts";

/** The decoder's states before its first step, [batch, hidden] for each layer. */
export interface InitialStates {
  /** The states. */
  readonly initial: readonly Tensor[];
  /** The memory cells of LSTMs. */
  readonly initialCells?: readonly Tensor[];
}

/**
 * From the final states of the encoder's layers to the initial ones of the decoder's: the states themselves (Sutskever et
 * al. 2014), or `tanh(W s + b)` (Cho et al. 2014, Bahdanau et al. 2015, appendix A.2.2), where `s` is the layer's final
 * state, of two directions the one that has read the sentence from its end.
 */
export class Bridge {
  #states: readonly LinearLayer[] = [];
  #cells: readonly LinearLayer[] = [];
  #directions: number;

  /** Declares the parameters, if there are any, in `scope`. */
  constructor(scope: ParameterScope, { bridge, cell, layers, hidden, bidirectional }: Seq2SeqConfig) {
    this.#directions = bidirectional ? 2 : 1;
    if (bridge === "copy") return;
    const declare = (scope: ParameterScope) =>
      Array.from({ length: layers }, (_, layer) => new LinearLayer(scope.scope(`${layer}`), hidden, hidden));
    this.#states = declare(scope);
    if (cell === "lstm") this.#cells = declare(scope.scope("cells"));
  }

  /**
   * Records the initial states.
   *
   * @param summary [batch, hidden]: what all layers start from in place of the final states.
   */
  forward(tape: Tape, encoded: Encoded, summary?: Tensor): InitialStates {
    const finalsOf = (finals: readonly Tensor[]) => finals.filter((_, i) => (i + 1) % this.#directions === 0);
    const start = (projections: readonly LinearLayer[], finals: readonly Tensor[]) =>
      projections.length === 0
        ? finalsOf(finals)
        : projections.map((layer, l) => layer.forward(tape, summary ?? finalsOf(finals)[l]!, "tanh"));
    const initial = start(this.#states, encoded.finals);
    const initialCells = start(this.#cells, encoded.finalCells);
    return initialCells.length === 0 ? { initial } : { initial, initialCells };
  }
}
