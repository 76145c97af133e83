// Layer 2: what attention is told: how source words are compared with a decoder step, and which of them.

import type { Tensor } from "../gpu/tensor.ts";

/** How well a source word suits a decoder step: what the weights are a softmax of. */
export type AttentionScore = AdditiveScore | DotScore | GivenScore;

/**
 * `score . tanh(query + key)` (Bahdanau et al. 2015), with coverage `score . tanh(query + key + w c)` (See et al. 2017),
 * where c is the sum of the word's weights at earlier steps.
 */
export interface AdditiveScore {
  readonly kind: "additive";
  /** [steps, batch, width]: the projected decoder states. */
  readonly queries: Tensor;
  /** [source steps, batch, width]: the projected annotations. */
  readonly keys: Tensor;
  /** [1, width]: the vector v of the paper. */
  readonly score: Tensor;
  /** [width, 1]: the vector w of coverage. */
  readonly coverage?: Tensor | undefined;
}

/** `scale query . key` (Luong et al. 2015: dot, and general with projected queries). */
export interface DotScore {
  readonly kind: "dot";
  /** [steps, batch, width] */
  readonly queries: Tensor;
  /** [source steps, batch, width]; may be the values. */
  readonly keys: Tensor;
  /** What products are multiplied by. */
  readonly scale: number;
}

/** Scores that are computed elsewhere, such as location-based ones (Luong et al. 2015). */
export interface GivenScore {
  readonly kind: "given";
  /** [steps, batch, source steps] */
  readonly scores: Tensor;
}

/** Which source words a decoder step looks at. */
export type AttentionSpan = GlobalSpan | MonotonicSpan | PredictiveSpan;

/** All words. */
export interface GlobalSpan {
  readonly kind: "global";
}

/** The words at most `window` from word t at step t, or from the last one (Luong et al. 2015, local-m). */
export interface MonotonicSpan {
  readonly kind: "monotonic";
  /** How far, in words. */
  readonly window: number;
}

/**
 * The words at most `window` from a position, their weights multiplied by a Gaussian around it whose standard deviation is
 * half the window, and not normalised again (Luong et al. 2015, local-p).
 */
export interface PredictiveSpan {
  readonly kind: "predictive";
  /** How far, in words. */
  readonly window: number;
  /** [steps, batch], in words from the first. */
  readonly positions: Tensor;
}

/** What attention looks at. Queries, scores and positions of a step are written before the step is recorded. */
export interface AttentionOptions {
  /** How words are compared. */
  readonly score: AttentionScore;
  /** Which words are compared; all by default. */
  readonly span?: AttentionSpan | undefined;
  /** [source steps, batch, values]: the annotations. */
  readonly values: Tensor;
  /** [batch] integers: the number of source steps of each row. */
  readonly lengths: Tensor;
  /** The number of the first step, which local-m counts from; 0 by default. */
  readonly firstStep?: number;
  /** [batch, source steps]: the coverage before the first step, for scores with coverage; zeros by default. */
  readonly covered?: Tensor | undefined;
}

/** The sizes of attention. */
export interface AttentionSizes {
  /** Steps of the decoder. */
  readonly steps: number;
  /** Steps of the source. */
  readonly source: number;
  /** Rows of the batch. */
  readonly batch: number;
  /** Width of queries and keys, 0 where there are none. */
  readonly width: number;
}

/**
 * The sizes of attention, checked.
 *
 * @throws {RangeError} If the shapes do not fit, or the window is no whole number of words.
 */
export function attentionSizes(options: AttentionOptions): AttentionSizes {
  const { score, span, values, lengths, covered } = options;
  const asked = score.kind === "given" ? score.scores : score.queries;
  const [steps, batch, columns] = asked.shape as [number, number, number];
  const source = score.kind === "given" ? columns : score.keys.shape[0]!;
  const check = (name: string, { shape }: Tensor, ...expected: number[]) => {
    if (String(shape) === String(expected)) return;
    throw new RangeError(
      `Cannot record attention with ${name} [${shape}]: expected [${expected}], as its ${
        score.kind === "given" ? "scores" : "queries"
      } are [${asked.shape}] and its source has ${source} steps.`,
    );
  };
  if (score.kind !== "given") check("keys", score.keys, source, batch, columns);
  if (score.kind === "additive") {
    check("score", score.score, 1, columns);
    if (score.coverage) check("coverage", score.coverage, columns, 1);
  }
  check("values", values, source, batch, values.columns);
  check("lengths", lengths, batch);
  if (covered) check("coverage before the first step", covered, batch, source);
  if (span?.kind === "predictive") check("positions", span.positions, steps, batch);
  if (span && span.kind !== "global") checkWindow(span.window, span.kind === "predictive" ? 1 : 0);
  return { steps, source, batch, width: score.kind === "given" ? 0 : columns };
}

/** The largest window: beyond, 32-bit floats cannot tell one word from the next. */
const LARGEST_WINDOW = 2 ** 24;

function checkWindow(window: number, least: number): void {
  if (Number.isInteger(window) && window >= least && window <= LARGEST_WINDOW) return;
  throw new RangeError(
    `Cannot record attention with a window of ${window}: expected an integer from ${least} to ${LARGEST_WINDOW}.`,
  );
}
