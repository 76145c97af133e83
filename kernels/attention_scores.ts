// What a decoder step compares: the scores of additive, multiplicative and location-based attention (Bahdanau et al. 2015;
// Luong et al. 2015, section 3.1), and coverage (See et al. 2017). The rest of the WGSL is in attention_step.ts.

import type { StepPiece } from "./attention_spans.ts";

/** Kinds of scores; "covered" is additive with coverage. */
export type ScoreName = "additive" | "covered" | "dot" | "given";

/** e = sum over a of score[a] tanh(query[a] + key[a]) */
export const additive = `
@group(0) @binding(_) var<storage, read> score: array<Part>;  // [A]

alias Bits = vec4u;  // of a Part

fn factor(a: u32) -> Part { return score[a]; }

// tanh(x) = 1 - 2 / (e^2x + 1), off by less than 1e-6: of e^2x, good to 3 + 4 |x| units in the last place, at most half
// remains near 0, and less and less beyond; the division adds 2.5 units of a number of at most 2. Half the time of tanh() on a CPU.
fn meet(query: Part, key: Part) -> Part {
  let x = query + key;
  let y = 1.0 - 2.0 / (exp(2.0 * clamp(x, Part(-15.0), Part(15.0))) + 1.0);
  return select(y, x, (bitcast<Bits>(x) & Bits(0x7fffffffu)) > Bits(0x7f800000u));  // clamp() may make a number of NaN
}

// The derivative of meet() by the query; here also by the key.
fn slope(query: Part, key: Part) -> Part {
  let t = meet(query, key);
  return 1.0 - t * t;
}
`;

/** e = sum over a of scale query[a] key[a] */
const dot = `
fn factor(a: u32) -> Part { return Part(p.scale); }
fn meet(query: Part, key: Part) -> Part { return query * key; }
fn slope(query: Part, key: Part) -> Part { return key; }
`;

/** Keys as they are. */
export const uncovered = `
fn coverage_at(at: u32) -> f32 { return 0.0; }
fn covered(key: Part, a: u32, seen: f32) -> Part { return key; }
`;

/** key[a] + coverage_weight[a] coverage, where coverage is the sum of the weights of earlier steps. */
export const covered = `
@group(0) @binding(_) var<storage, read> coverage: array<f32>;          // [B, S] at this step, or [T, B, S]
@group(0) @binding(_) var<storage, read> coverage_weight: array<Part>;  // [A]

fn coverage_at(at: u32) -> f32 { return coverage[p.coverage_offset + at]; }
fn covered(key: Part, a: u32, seen: f32) -> Part { return key + seen * coverage_weight[a]; }
`;

const operands = `
@group(0) @binding(_) var<storage, read> queries: array<Part>;  // [B, A] at this step
@group(0) @binding(_) var<storage, read> keys: array<Part>;     // [S, B, A]
`;

/** Scores that compare a query with keys: sums of factor() meet(query, covered(key)) over columns. */
const compared: StepPiece = {
  forward: `${operands}
fn leave_scores(b: u32, span: Span, lane: u32) {
  let width = p.width / PART;
  let query = p.queries_offset / PART + b * width;
  for (var first = span.first; first < span.end; first += STEPS) {
    let count = min(STEPS, span.end - first);
    for (var i = 0u; i < count; i++) {
      let s = first + i;
      let key = p.keys_offset / PART + (s * p.batch + b) * width;
      let seen = coverage_at(b * p.source + s);
      var e = Part();
      for (var a = lane; a < width; a += LANES) {
        e += factor(a) * meet(queries[query + a], covered(keys[key + a], a, seen));
      }
      parts[i * LANES + lane] = sum_of(e);
    }
    workgroupBarrier();
    for (var i = lane; i < count; i += LANES) {
      weights[p.weights_offset + b * p.source + first + i] = sum_over_lanes(i);
    }
    workgroupBarrier();
  }
}
`,
  backward: `${operands}
@group(0) @binding(_) var<storage, read_write> dqueries: array<Part>;  // [B, A] at this step

// dquery = sum over s of de factor() slope(query, covered(key))
fn pass_on(b: u32, span: Span, lane: u32) {
  let width = p.width / PART;
  for (var a = lane; a < width; a += LANES) {
    let query = queries[p.queries_offset / PART + b * width + a];
    var sum = Part();
    for (var s = span.first; s < span.end; s++) {
      let at = b * p.source + s;
      let key = covered(keys[p.keys_offset / PART + (s * p.batch + b) * width + a], a, coverage_at(at));
      sum += dweights[p.dweights_offset + at] * slope(query, key);
    }
    sum *= factor(a);
    let i = p.dqueries_offset / PART + b * width + a;
    if (p.accumulate_dqueries != 0u) { sum += dqueries[i]; }
    dqueries[i] = sum;
  }
}
`,
};

/** Scores that somebody else has computed. */
const given: StepPiece = {
  forward: `
@group(0) @binding(_) var<storage, read> scores: array<f32>;  // [B, S] at this step

fn leave_scores(b: u32, span: Span, lane: u32) {
  for (var s = span.first + lane; s < span.end; s += LANES) {
    let i = b * p.source + s;
    weights[p.weights_offset + i] = scores[p.scores_offset + i];
  }
}
`,
  backward: `
@group(0) @binding(_) var<storage, read_write> dscores: array<f32>;  // [B, S] at this step

fn pass_on(b: u32, span: Span, lane: u32) {
  for (var s = lane; s < p.source; s += LANES) {
    let i = b * p.source + s;
    var gradient = dweights[p.dweights_offset + i];
    if (p.accumulate_dscores != 0u) { gradient += dscores[p.dscores_offset + i]; }
    dscores[p.dscores_offset + i] = gradient;
  }
}
`,
};

/**
 * What a score with coverage adds to the kernel of its own that it has on the way back: with all in one, that would take up to
 * 13 bindings, where browsers allow 10 on most adapters.
 */
export const coveredBackward = compared.backward + additive + covered;

/**
 * For each kind forward `leave_scores`, which puts the scores of a span into `weights`, and backward `pass_on`, which finds
 * their gradients in `dweights`.
 */
export const scores: Readonly<Record<ScoreName, StepPiece>> = {
  additive: {
    forward: compared.forward + additive + uncovered,
    backward: compared.backward + additive + uncovered,
  },
  covered: {
    forward: compared.forward + additive + covered,
    backward: "fn pass_on(b: u32, span: Span, lane: u32) {}",
  },
  dot: { forward: compared.forward + dot + uncovered, backward: compared.backward + dot + uncovered },
  given,
};
