// Layer 3: attention with its parameters: the scores of Bahdanau et al. 2015 (appendix A.1.2), Luong et al. 2015 (section
// 3.1) and Vaswani et al. 2017 (section 3.2.1), and the spans of Luong et al. 2015 (section 3.2).

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { AdditiveAttention } from "../ops/additive_attention.ts";
import { LinearSteps } from "../ops/linear_steps.ts";
import { LinearLayer } from "./linear_layer.ts";
import type { Seq2SeqConfig } from "./seq2seq_options.ts";

/** What attention looks at, prepared once for all steps. */
export interface AttentionMemory {
  /** [source steps, batch, values]: the annotations. */
  readonly values: Tensor;
  /** [source steps, batch, width]: what is compared with the query. */
  readonly keys: Tensor;
  /** [batch] integers: the number of source steps of each row. */
  readonly lengths: Tensor;
}

/** Attention at work on one batch: ask it step by step. */
export interface AttentionSteps {
  /** [steps, batch, values] */
  readonly contexts: Tensor;
  /** [steps, batch, source steps] */
  readonly weights: Tensor;
  /** Records the context of step `t`. */
  step(t: number): void;
}

/** `score . tanh(query(s) + key(h))`: the layers `query`, `key` and `score`. */
export class AttentionLayer {
  #query: LinearLayer;
  #key: LinearLayer;
  #score: LinearLayer;

  /**
   * Declares the parameters in `scope`.
   *
   * @param values Width of the annotations.
   */
  constructor(scope: ParameterScope, { hidden, attentionWidth }: Seq2SeqConfig, values: number) {
    this.#query = new LinearLayer(scope.scope("query"), hidden, attentionWidth, { bias: false });
    this.#key = new LinearLayer(scope.scope("key"), values, attentionWidth);
    this.#score = new LinearLayer(scope.scope("score"), attentionWidth, 1, { bias: false });
  }

  /** Projects the annotations. */
  prepare(tape: Tape, annotations: Tensor, lengths: Tensor): AttentionMemory {
    return { values: annotations, keys: this.#key.forward(tape, annotations), lengths };
  }

  /**
   * Prepares to record steps.
   *
   * @param states [steps, batch, hidden]: the states that ask; each must be written before its step is recorded.
   */
  start(tape: Tape, memory: AttentionMemory, states: Tensor): AttentionSteps {
    const [steps, batch] = states.shape as [number, number];
    const { weight } = this.#query;
    const queries = tape.tensor([steps, batch, weight.rows], "queries");
    const query = new LinearSteps(tape, { x: states, y: queries, weight });
    const attention = new AdditiveAttention(tape, { queries, ...memory, score: this.#score.weight });
    return {
      contexts: attention.contexts,
      weights: attention.weights,
      step: (t) => {
        query.step(t);
        attention.step(t);
      },
    };
  }
}
