// Attention for tests: recorded from a short description, and in plain loops of 64 bits.

import type { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { Attention, type AttentionScore, type AttentionSpan } from "../../lib/ops/attention.ts";
import type { Numbers, Shape } from "./check.ts";

/** One case of attention. */
export interface AttentionCase {
  readonly steps: number;
  readonly source: number;
  readonly width: number;
  readonly valuesWidth: number;
  /** The number of source steps of each row. */
  readonly lengths: readonly number[];
  readonly score: AttentionScore["kind"];
  /** What products are multiplied by. */
  readonly scale?: number;
  /** Whether the score has coverage. */
  readonly covered?: boolean;
  /** Whether the keys are the values. */
  readonly shared?: boolean;
  readonly span?: AttentionSpan["kind"];
  readonly window?: number;
}

/** The shapes of what has a gradient. */
export function shapesOf(
  { steps, source, width, valuesWidth, lengths: { length: batch }, score, covered, shared, span }:
    AttentionCase,
): Record<string, Shape> {
  return {
    ...(score === "given" ? { scores: [steps, batch, source] } : { queries: [steps, batch, width] }),
    ...(score === "given" || shared ? {} : { keys: [source, batch, width] }),
    ...(score === "additive" ? { score: [1, width] } : {}),
    ...(covered ? { coverage: [width, 1] } : {}),
    ...(span === "predictive" ? { positions: [steps, batch] } : {}),
    values: [source, batch, valuesWidth],
  };
}

/** Records all steps of a case. */
export function recordAttention(
  tape: Tape,
  options: AttentionCase,
  tensors: Readonly<Record<string, Tensor>>,
): Attention {
  const { span: kind = "global", window = 0 } = options;
  const span = { kind, window, positions: tensors.positions } as AttentionSpan;
  const { values, lengths } = tensors as Record<"values" | "lengths", Tensor>;
  const attention = new Attention(tape, { score: scoreOptions(options, tensors), span, values, lengths });
  for (let t = 0; t < options.steps; t++) attention.step(t);
  return attention;
}

function scoreOptions(
  { score: kind, shared, scale = 0.75 }: AttentionCase,
  tensors: Readonly<Record<string, Tensor>>,
): AttentionScore {
  if (kind === "given") return { kind, scores: tensors.scores! };
  const compared = { queries: tensors.queries!, keys: shared ? tensors.values! : tensors.keys! };
  if (kind === "dot") return { kind, ...compared, scale };
  return { kind, ...compared, score: tensors.score!, coverage: tensors.coverage };
}

/** What attention computes. */
export interface AttentionResults {
  readonly contexts: Float64Array;
  readonly weights: Float64Array;
  readonly coverage: Float64Array;
}

/** The paper's equations. */
export function attentionReference(
  inputs: Readonly<Record<string, Numbers>>,
  options: AttentionCase,
): AttentionResults {
  const { steps, source, valuesWidth, lengths } = options;
  const batch = lengths.length;
  const weights = new Float64Array(steps * batch * source);
  const coverage = new Float64Array(steps * batch * source);
  const contexts = new Float64Array(steps * batch * valuesWidth);
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < batch; b++) {
      const row = t * batch + b;
      for (let s = 0; s < source; s++) {
        for (let before = b; before < row; before += batch) {
          coverage[row * source + s]! += weights[before * source + s]!;
        }
      }
      const seen = coverage.subarray(row * source, (row + 1) * source);
      weightsOf(inputs, options, t, b, seen).forEach((weight, s) => {
        weights[row * source + s] = weight;
        for (let c = 0; c < valuesWidth; c++) {
          contexts[row * valuesWidth + c]! += weight * inputs.values![(s * batch + b) * valuesWidth + c]!;
        }
      });
    }
  }
  return { contexts, weights, coverage };
}

/** The weights of a row at a step, zeros outside the span. */
function weightsOf(
  inputs: Readonly<Record<string, Numbers>>,
  options: AttentionCase,
  t: number,
  b: number,
  seen: Numbers,
): number[] {
  const { source, lengths, span = "global", window = 0 } = options;
  const length = Math.min(lengths[b]!, source);
  const position = span === "monotonic"
    ? Math.min(t, length - 1)
    : inputs.positions?.[t * lengths.length + b] ?? 0;
  const inside = (s: number) => s < length && (span === "global" || Math.abs(s - position) <= window);
  const energies = Array.from({ length: source }, (_, s) => {
    return inside(s) ? scoreOf(inputs, options, t, b, s, seen[s]!) : -Infinity;
  });
  const largest = Math.max(...energies);
  const exponentials = energies.map((e) => e === -Infinity ? 0 : Math.exp(e - largest));
  const total = exponentials.reduce((sum, e) => sum + e, 0);
  return exponentials.map((e, s) => {
    const near = span === "predictive" ? Math.exp(-((s - position) ** 2) / (2 * (window / 2) ** 2)) : 1;
    return e === 0 ? 0 : near * e / total;
  });
}

/** The score of one source step. */
function scoreOf(
  inputs: Readonly<Record<string, Numbers>>,
  { source, width, lengths: { length: batch }, score, covered, shared, scale = 0.75 }: AttentionCase,
  t: number,
  b: number,
  s: number,
  seen: number,
): number {
  if (score === "given") return inputs.scores![(t * batch + b) * source + s]!;
  const keys = shared ? inputs.values! : inputs.keys!;
  let e = 0;
  for (let a = 0; a < width; a++) {
    const query = inputs.queries![(t * batch + b) * width + a]!;
    const key = keys[(s * batch + b) * width + a]!;
    if (score === "dot") e += scale * query * key;
    else e += inputs.score![a]! * Math.tanh(query + key + (covered ? inputs.coverage![a]! * seen : 0));
  }
  return e;
}
