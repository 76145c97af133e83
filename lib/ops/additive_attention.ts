// Layer 2: additive attention, one decoder step at a time. What depends on the step alone is recorded with the
// step; the gradients of keys and values are summed over all steps after them.

import source from "../../kernels/additive_attention.wgsl" with { type: "text" };
import { type Access, defineKernel, type Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "./column_sum.ts";
import { oneARow, perProfile } from "./lanes.ts";
import { byPart, partOf, type PartSize } from "./parts.ts";

const params = {
  steps: "u32",
  source: "u32",
  batch: "u32",
  width: "u32",
  values_width: "u32",
  queries_offset: "u32",
  weights_offset: "u32",
  contexts_offset: "u32",
  dcontexts_offset: "u32",
  dscores_offset: "u32",
  dqueries_offset: "u32",
  values_offset: "u32",
  dvalues_offset: "u32",
  accumulate_dqueries: "u32",
  accumulate_dkeys: "u32",
  accumulate_dvalues: "u32",
} as const;

/** Defines an entry point for each size of part and each profile. */
function define<const B extends Record<string, Access>>(
  entryPoint: string,
  bindings: B,
  workgroups: Kernel<B, typeof params>["workgroups"],
) {
  return byPart(
    source,
    (source) =>
      perProfile((LANES) =>
        defineKernel({
          name: "additive_attention",
          source,
          entryPoint,
          bindings,
          params,
          overrides: { LANES },
          workgroups,
        })
      ),
  );
}

const forward = define("forward", {
  queries: "read",
  keys: "read",
  values: "read",
  score: "read",
  lengths: "read",
  weights: "write",
  contexts: "write",
}, ({ batch }) => [batch]);
const backwardQuery = define("backward_query", {
  queries: "read",
  keys: "read",
  values: "read",
  score: "read",
  weights_saved: "read",
  dcontexts: "read",
  dscores: "write",
  dqueries: "accumulate",
}, ({ batch }) => [batch]);
const backwardKeys = define("backward_keys", {
  queries: "read",
  keys: "read",
  dscores_saved: "read",
  score: "read",
  dkeys: "accumulate",
  dscore_parts: "write",
}, ({ source, batch }) => oneARow(source * batch));
const backwardValues = define("backward_values", {
  all_weights: "read",
  all_dcontexts: "read",
  dvalues: "accumulate",
}, ({ source, batch }) => oneARow(source * batch));

/** What attention looks at. */
export interface AdditiveAttentionOptions {
  /** [steps, batch, width]: the projected decoder states; each must be written before its step is recorded. */
  readonly queries: Tensor;
  /** [source steps, batch, width]: the projected annotations. */
  readonly keys: Tensor;
  /** [source steps, batch, values]: the annotations themselves. */
  readonly values: Tensor;
  /** [1, width]: the vector v of the paper. */
  readonly score: Tensor;
  /** [batch] integers: the number of source steps of each row. */
  readonly lengths: Tensor;
  /** Where to leave the attention weights, if they are to be read. */
  readonly weights?: Tensor;
}

/**
 * Additive attention (Bahdanau et al. 2015): `e = v . tanh(query + key)`, softmax over the source steps of each
 * row, context = weighted sum of the values. Padding gets the weight 0.
 */
export class AdditiveAttention {
  /** [steps, batch, source steps] */
  readonly weights: Tensor;
  /** [steps, batch, values] */
  readonly contexts: Tensor;

  #dscores: Tensor;
  #part: PartSize;
  #params: { steps: number; source: number; batch: number; width: number; values_width: number };

  /**
   * Prepares to record steps.
   *
   * @throws {RangeError} If the shapes do not fit.
   */
  constructor(readonly tape: Tape, readonly options: AdditiveAttentionOptions) {
    const { queries, keys, values, score, lengths } = options;
    const [steps, batch, width] = queries.shape as [number, number, number];
    const [source] = keys.shape as [number];
    const fits = String(keys.shape) === String([source, batch, width]) && values.rows === source * batch &&
      score.size === width && lengths.size === batch;
    if (!fits) {
      throw new RangeError(
        `Cannot record attention of queries [${queries.shape}] over keys [${keys.shape}] and values ` +
          `[${values.shape}] with score [${score.shape}] and lengths [${lengths.shape}].`,
      );
    }
    this.#params = { steps, source, batch, width, values_width: values.columns };
    this.weights = options.weights ?? tape.tensor([steps, batch, source], "attention weights");
    this.contexts = tape.tensor([steps, batch, values.columns], "contexts");
    this.#part = partOf(queries, keys, values, score, this.contexts);
    this.#dscores = tape.tensor([steps, batch, source], "d attention scores");
    tape.onBackward(() => this.#gradients());
  }

  /** Records step `t`: the weights and the context for its query. */
  step(t: number): void {
    const { tape } = this;
    const { keys, values, score, lengths } = this.options;
    const queries = this.options.queries.at(t);
    const weights = this.weights.at(t);
    const contexts = this.contexts.at(t);
    const { profile } = tape.device;
    const part = this.#part;
    tape.dispatch(
      forward[part][profile],
      { queries, keys, values, score, lengths, weights, contexts },
      this.#params,
    );
    tape.onBackward(() => {
      tape.dispatch(backwardQuery[part][profile], {
        queries,
        keys,
        values,
        score,
        weights_saved: weights,
        dcontexts: contexts.grad,
        dscores: this.#dscores.at(t),
        dqueries: queries.grad,
      }, this.#params);
    });
  }

  #gradients(): void {
    const { tape } = this;
    const { profile } = tape.device;
    const { queries, keys, values, score } = this.options;
    const parts = tape.tensor(keys.shape, "parts of d score");
    tape.dispatch(backwardKeys[this.#part][profile], {
      queries,
      keys,
      dscores_saved: this.#dscores,
      score,
      dkeys: keys.grad,
      dscore_parts: parts,
    }, this.#params);
    columnSum(tape, parts, score.grad.reshape(score.size));
    tape.dispatch(backwardValues[this.#part][profile], {
      all_weights: this.weights,
      all_dcontexts: this.contexts.grad,
      dvalues: values.grad,
    }, this.#params);
  }
}
