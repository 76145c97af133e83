// Layer 3: the alignment model of Bahdanau et al. 2015 (appendix A.1.2), with its parameters.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { Attention } from "../ops/attention.ts";
import { matmul } from "../ops/matmul.ts";
import type { Encoded } from "./encoder.ts";
import { LinearLayer } from "./linear_layer.ts";

/** The sizes of an alignment model. */
export interface AttentionSizes {
  /** Width of the decoder's state. */
  readonly query: number;
  /** Width of the encoder's annotations. */
  readonly values: number;
  /** Width of the layer in which the two meet. */
  readonly attention: number;
}

/** Attention at work on one batch: ask it step by step. */
export interface AttentionSteps {
  /** [steps, batch, values] */
  readonly contexts: Tensor;
  /** [steps, batch, source steps] */
  readonly weights: Tensor;
  /** Records the context of step `t` for a decoder state [batch, query]. */
  step(t: number, state: Tensor): void;
}

/** `score . tanh(query(s) + key(h))`: the layers `query`, `key` and `score`. */
export class BahdanauAttention {
  #query: LinearLayer;
  #key: LinearLayer;
  #score: LinearLayer;

  /** Declares the parameters in `scope`. */
  constructor(scope: ParameterScope, sizes: AttentionSizes) {
    this.#query = new LinearLayer(scope.scope("query"), sizes.query, sizes.attention, { bias: false });
    this.#key = new LinearLayer(scope.scope("key"), sizes.values, sizes.attention);
    this.#score = new LinearLayer(scope.scope("score"), sizes.attention, 1, { bias: false });
  }

  /**
   * Projects the annotations, once for all steps.
   *
   * @param states [steps, batch, query]: where the decoder states will stand, for the gradient of all steps at once.
   * @param weights Where to leave the attention weights, if they are to be read.
   */
  start(tape: Tape, encoded: Encoded, states: Tensor, weights?: Tensor): AttentionSteps {
    const { annotations, lengths } = encoded;
    const { weight } = this.#query;
    const [steps, batch] = states.shape as [number, number];
    const keys = this.#key.forward(tape, annotations);
    const queries = tape.tensor([steps, batch, weight.rows], "queries");
    tape.onBackward(() => matmul(tape, { a: queries.grad, transposeA: true, b: states, c: weight.grad }));
    const score = this.#score.weight;
    const attention = new Attention(tape, {
      score: { kind: "additive", queries, keys, score },
      values: annotations,
      lengths,
      weights,
    });
    return {
      contexts: attention.contexts,
      weights: attention.weights,
      step: (t, state) => {
        matmul(tape, { a: state, b: weight, transposeB: true, c: queries.at(t) });
        tape.onBackward(() => matmul(tape, { a: queries.grad.at(t), b: weight, c: state.grad }));
        attention.step(t);
      },
    };
  }
}
