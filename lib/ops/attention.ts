// Layer 2: attention of a decoder, one step at a time: which source words to look at, and what is seen there. What depends
// on the step alone is recorded with the step; the gradients of keys and values are summed over all steps after them.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import {
  keysKernel,
  type ScoreName,
  type SpanName,
  type StepEntryPoint,
  stepKernel,
  sumsKernel,
} from "./attention_kernels.ts";
import {
  type AdditiveScore,
  type AttentionOptions,
  type AttentionScore,
  type AttentionSizes,
  attentionSizes,
  type AttentionSpan,
} from "./attention_options.ts";
import { columnSum } from "./column_sum.ts";
import { copyInto } from "./concatenate.ts";
import { advanceCoverage } from "./coverage.ts";
import { partOf, type PartSize } from "./parts.ts";

export type { AttentionOptions, AttentionScore, AttentionSpan };

/** Tensors by the names of bindings. */
type Bound = Record<string, Tensor>;

/**
 * Attention (Bahdanau et al. 2015; Luong et al. 2015): the weights are a softmax of the scores over the span of each row, the
 * context is the sum of the values times their weights. What is outside the span, such as padding, gets the weight 0; a row
 * without words gets the context 0.
 *
 * Operations on the weights, recorded after the steps that they read, add to `weights.grad` as usual; each step's way
 * back then overwrites its part with the gradient of its scores.
 */
export class Attention {
  /** [steps, batch, source steps] */
  readonly weights: Tensor;
  /** [steps, batch, values] */
  readonly contexts: Tensor;
  /** [steps, batch, source steps]: the sums of the weights of earlier steps, for scores with coverage. */
  readonly coverage: Tensor | undefined;

  #sizes: AttentionSizes;
  #span: AttentionSpan;
  #name: ScoreName;
  #part: PartSize;

  /**
   * Prepares to record steps.
   *
   * @throws {RangeError} If the shapes do not fit, or the window is no whole number of words.
   */
  constructor(readonly tape: Tape, readonly options: AttentionOptions) {
    const { score, span = { kind: "global" }, values } = options;
    this.#sizes = attentionSizes(options);
    const { steps, batch, source } = this.#sizes;
    this.#span = span;
    this.#name = score.kind === "additive" && score.coverage ? "covered" : score.kind;
    this.weights = tape.tensor([steps, batch, source], "attention weights");
    this.contexts = tape.tensor([steps, batch, values.columns], "contexts");
    const compared = score.kind === "given" ? {} : scoreOperands(score, 0);
    this.#part = partOf(values, this.contexts, ...Object.values(compared));
    if (this.#name === "covered") {
      this.coverage = tape.tensor(this.weights.shape, "coverage");
      if (options.covered) copyInto(tape, options.covered, this.coverage.at(0));
      else tape.fill(this.coverage.at(0), 0);
    }
    tape.onBackward(() => this.#gradients());
  }

  /** Records step `t`: the weights and the context. */
  step(t: number): void {
    const { tape, coverage } = this;
    const operands = this.#operands(t);
    this.#dispatch("forward", this.#span.kind, t, operands);
    tape.onBackward(() => {
      const bound = { ...operands, ...this.#stepGradients(t) };
      // Where the span was, the weights tell; only a predicted one has shaped them as well.
      this.#dispatch("backward", this.#span.kind === "predictive" ? "predictive" : "global", t, bound);
      if (coverage) this.#dispatch("backward_query", "global", t, bound);
    });
    if (coverage && t + 1 < this.#sizes.steps) advanceCoverage(tape, coverage, this.weights, t);
  }

  #dispatch(entryPoint: StepEntryPoint, span: SpanName, step: number, bound: Bound): void {
    const { score, values, firstStep = 0 } = this.options;
    const kernel = stepKernel(entryPoint, this.#name, span)[this.#part][this.tape.device.profile];
    this.tape.dispatch(kernel, bound, {
      ...{ ...this.#sizes, step: firstStep + step, values_width: values.columns },
      scale: score.kind === "dot" ? score.scale : 1,
      window: this.#span.kind === "global" ? 0 : this.#span.window,
    });
  }

  /** What the kernels of step `t` read, and what they write forward. */
  #operands(t: number): Bound {
    const { values, lengths, score } = this.options;
    const weights = this.weights.at(t);
    return {
      ...{ values, lengths, weights, weights_saved: weights, contexts: this.contexts.at(t) },
      ...scoreOperands(score, t),
      ...(this.coverage ? { coverage: this.coverage.at(t) } : {}),
      ...(this.#span.kind === "predictive" ? { positions: this.#span.positions.at(t) } : {}),
    };
  }

  /** What they read and write besides on the way back. */
  #stepGradients(t: number): Bound {
    const { score } = this.options;
    return {
      ...{ dcontexts: this.contexts.grad.at(t), dweights: this.weights.grad.at(t) },
      ...(score.kind === "given"
        ? { dscores: score.scores.grad.at(t) }
        : { dqueries: score.queries.grad.at(t) }),
      ...(this.coverage ? { dcoverage: this.coverage.grad.at(t) } : {}),
      ...(this.#span.kind === "predictive" ? { dpositions: this.#span.positions.grad.at(t) } : {}),
    };
  }

  /** The gradients that are sums over all steps; those of the scores stand where those of the weights did. */
  #gradients(): void {
    const { score, values } = this.options;
    if (score.kind === "additive") this.#keyGradients(score);
    if (score.kind === "dot") this.#sum(this.weights.grad, score.queries, score.keys.grad, score.scale);
    this.#sum(this.weights, this.contexts.grad, values.grad, 1);
  }

  #sum(weights: Tensor, rows: Tensor, sums: Tensor, scale: number): void {
    const kernel = sumsKernel[this.#part][this.tape.device.profile];
    this.tape.dispatch(kernel, { weights, rows, sums }, { ...this.#sizes, width: rows.columns, scale });
  }

  #keyGradients({ queries, keys, score, coverage: weight }: AdditiveScore): void {
    const { tape, coverage } = this;
    const dscore_parts = tape.tensor(keys.shape, "parts of d score");
    const bound: Bound = { queries, keys, score, dscores: this.weights.grad, dkeys: keys.grad, dscore_parts };
    if (coverage && weight) {
      const dcoverage_parts = tape.tensor(keys.shape, "parts of d coverage weight");
      Object.assign(bound, { coverage, coverage_weight: row(weight), dcoverage_parts });
    }
    const kernel = keysKernel[coverage ? "covered" : "additive"][this.#part][tape.device.profile];
    tape.dispatch(kernel, bound, this.#sizes);
    columnSum(tape, dscore_parts, row(score.grad));
    if (weight) columnSum(tape, bound.dcoverage_parts!, row(weight.grad));
  }
}

/** What the kernels of step `t` read of a score. */
function scoreOperands(score: AttentionScore, t: number): Bound {
  if (score.kind === "given") return { scores: score.scores.at(t) };
  const compared = { queries: score.queries.at(t), keys: score.keys };
  if (score.kind === "dot") return compared;
  const { coverage } = score;
  return { ...compared, score: score.score, ...(coverage ? { coverage_weight: row(coverage) } : {}) };
}

/** A vector as one row, whichever way it is stored. */
function row(vector: Tensor): Tensor {
  return vector.reshape(vector.size);
}
