// Layer 3: the layer between the decoder's states and the output layer, and how the words are told from it.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { maxout } from "../ops/maxout.ts";
import { LinearLayer } from "./linear_layer.ts";
import type { Seq2SeqConfig } from "./seq2seq_options.ts";

/**
 * A deep output (Pascanu et al. 2014): `tanh(W [s; ...] + b)`, or maxout of pairs (Goodfellow et al. 2013) as in Cho et al.
 * 2014 and in the appendix of Bahdanau et al. 2015, or with readout `"direct"` the state itself.
 */
export class Readout {
  #layer: LinearLayer | undefined;
  #maxout: boolean;

  /**
   * Declares the parameters, if there are any, in `scope`.
   *
   * @param inputs The sum of the widths of what it takes.
   */
  constructor(scope: ParameterScope, { readout, readoutWidth }: Seq2SeqConfig, inputs: number) {
    this.#maxout = readout === "maxout";
    if (readout === "direct") return;
    this.#layer = new LinearLayer(scope, inputs, this.#maxout ? 2 * readoutWidth : readoutWidth);
  }

  /** Records it for one step, or for all; several inputs stand for their concatenation. Returns [..., readout]. */
  forward(tape: Tape, inputs: readonly Tensor[]): Tensor {
    if (!this.#layer) return inputs[0]!;
    const sums = this.#layer.forward(tape, inputs, this.#maxout ? "none" : "tanh");
    return this.#maxout ? maxout(tape, sums) : sums;
  }
}
