// The WGSL of attention at one decoder step, put together from what all kinds have in common, which is here, and a piece
// of attention_scores.ts and one of attention_spans.ts:
//   weights[b, s] = nearness(b, s) softmax over the s in span_of(b) of e[b, s]
//   context[b]    = sum over s of weights[b, s] values[s, b]
// Outside the span the weights are 0; a row without tokens has weights and context 0.
//
// S: source steps   B: batch   A: width of queries and keys   C: width of the values
// One workgroup a row of the batch. Its lanes take four columns, a part, at a time. Sums over columns are left by the
// lanes in `parts`, for eight source steps at once.

import { coveredBackward, type ScoreName, scores } from "./attention_scores.ts";
import { type SpanName, spans } from "./attention_spans.ts";

const head = `
struct Params {
  step: u32, source: u32, batch: u32, width: u32, values_width: u32, window: u32, scale: f32,
  values_offset: u32, weights_offset: u32, contexts_offset: u32, dcontexts_offset: u32, dweights_offset: u32,
  queries_offset: u32, keys_offset: u32, dqueries_offset: u32, coverage_offset: u32, dcoverage_offset: u32,
  scores_offset: u32, dscores_offset: u32, positions_offset: u32, dpositions_offset: u32,
  accumulate_dweights: u32, accumulate_dqueries: u32, accumulate_dcoverage: u32, accumulate_dscores: u32,
  accumulate_dpositions: u32,
}
@group(1) @binding(0) var<uniform> p: Params;

override LANES: u32 = 8u;

alias Part = vec4f;
const PART = 4u;
const STEPS = 8u;  // source steps between two barriers

struct Span { first: u32, end: u32 }  // source steps

var<workgroup> parts: array<f32, STEPS * LANES>;

fn sum_of(x: Part) -> f32 { return x.x + x.y + x.z + x.w; }

// The sum over the lanes of what they left for a source step.
fn sum_over_lanes(step: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < LANES; i++) { sum += parts[step * LANES + i]; }
  return sum;
}
`;

const forward = `
@group(0) @binding(_) var<storage, read> values: array<Part>;          // [S, B, C]
@group(0) @binding(_) var<storage, read> lengths: array<u32>;          // [B]
@group(0) @binding(_) var<storage, read_write> weights: array<f32>;    // [B, S] at this step
@group(0) @binding(_) var<storage, read_write> contexts: array<Part>;  // [B, C] at this step

fn length_of(b: u32) -> u32 { return min(lengths[b], p.source); }

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let span = span_of(b);
  let w = p.weights_offset + b * p.source;
  leave_scores(b, span, lane);
  storageBarrier();
  var largest = -3.0e38;
  for (var s = span.first; s < span.end; s++) { largest = max(largest, weights[w + s]); }
  var total = 0.0;
  for (var s = span.first; s < span.end; s++) { total += exp(weights[w + s] - largest); }
  storageBarrier();
  for (var s = lane; s < p.source; s += LANES) {
    var weight = 0.0;
    if (s >= span.first && s < span.end) { weight = nearness(b, s) * exp(weights[w + s] - largest) / total; }
    weights[w + s] = weight;
  }
  storageBarrier();
  let width = p.values_width / PART;
  for (var c = lane; c < width; c += LANES) {
    var sum = Part();
    for (var s = span.first; s < span.end; s++) {
      sum += weights[w + s] * values[p.values_offset / PART + (s * p.batch + b) * width + c];
    }
    contexts[p.contexts_offset / PART + b * width + c] = sum;
  }
}
`;

const attended = `
@group(0) @binding(_) var<storage, read> weights_saved: array<f32>;  // [B, S] at this step

// From the first source step that has a weight to the last: only those pass a gradient on.
fn attended(b: u32) -> Span {
  let w = p.weights_offset + b * p.source;
  var span = Span(0u, p.source);
  while (span.first < span.end && weights_saved[w + span.first] == 0.0) { span.first++; }
  while (span.first < span.end && weights_saved[w + span.end - 1u] == 0.0) { span.end--; }
  return span;
}
`;

const backward = `${attended}
@group(0) @binding(_) var<storage, read> values: array<Part>;         // [S, B, C]
@group(0) @binding(_) var<storage, read> dcontexts: array<Part>;      // [B, C] at this step
@group(0) @binding(_) var<storage, read_write> dweights: array<f32>;  // [B, S] at this step: the scores' gradient afterwards

// dweights += dcontext . values
fn gather(b: u32, span: Span, lane: u32) {
  let width = p.values_width / PART;
  let context = p.dcontexts_offset / PART + b * width;
  for (var first = span.first; first < span.end; first += STEPS) {
    let count = min(STEPS, span.end - first);
    for (var i = 0u; i < count; i++) {
      let value = p.values_offset / PART + ((first + i) * p.batch + b) * width;
      var dweight = Part();
      for (var c = lane; c < width; c += LANES) { dweight += dcontexts[context + c] * values[value + c]; }
      parts[i * LANES + lane] = sum_of(dweight);
    }
    workgroupBarrier();
    for (var i = lane; i < count; i += LANES) {
      let at = p.dweights_offset + b * p.source + first + i;
      var sum = sum_over_lanes(i);
      if (p.accumulate_dweights != 0u) { sum += dweights[at]; }
      dweights[at] = sum;
    }
    workgroupBarrier();
  }
}

// de = softmax (nearness dweights - sum of weights dweights), with softmax = weights / nearness
@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let span = attended(b);
  let w = p.weights_offset + b * p.source;
  let d = p.dweights_offset + b * p.source;
  gather(b, span, lane);
  storageBarrier();
  var mean = 0.0;
  for (var s = span.first; s < span.end; s++) { mean += weights_saved[w + s] * dweights[d + s]; }
  pass_to_position(b, span, lane);
  storageBarrier();
  for (var s = lane; s < p.source; s += LANES) {
    var de = 0.0;
    if (s >= span.first && s < span.end) {
      let near = nearness(b, s);
      de = weights_saved[w + s] / near * (near * dweights[d + s] - mean);
    }
    dweights[d + s] = de;
  }
  storageBarrier();
  pass_on(b, span, lane);
}
`;

const backwardQuery = `${attended}
@group(0) @binding(_) var<storage, read> dweights: array<f32>;          // [B, S] at this step: the scores' gradient
@group(0) @binding(_) var<storage, read_write> dcoverage: array<f32>;  // [B, S] at this step

// dcoverage += de sum over a of factor() slope(query, covered(key)) coverage_weight
@compute @workgroup_size(LANES)
fn backward_query(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let span = attended(b);
  pass_on(b, span, lane);
  if (p.accumulate_dcoverage == 0u) {
    for (var s = lane; s < p.source; s += LANES) { dcoverage[p.dcoverage_offset + b * p.source + s] = 0.0; }
    storageBarrier();
  }
  let width = p.width / PART;
  let query = p.queries_offset / PART + b * width;
  for (var first = span.first; first < span.end; first += STEPS) {
    let count = min(STEPS, span.end - first);
    for (var i = 0u; i < count; i++) {
      let s = first + i;
      let seen = coverage_at(b * p.source + s);
      var sum = Part();
      for (var a = lane; a < width; a += LANES) {
        let key = covered(keys[p.keys_offset / PART + (s * p.batch + b) * width + a], a, seen);
        sum += factor(a) * slope(queries[query + a], key) * coverage_weight[a];
      }
      parts[i * LANES + lane] = sum_of(sum);
    }
    workgroupBarrier();
    for (var i = lane; i < count; i += LANES) {
      let at = b * p.source + first + i;
      dcoverage[p.dcoverage_offset + at] += dweights[p.dweights_offset + at] * sum_over_lanes(i);
    }
    workgroupBarrier();
  }
}
`;

/** Gives the bindings of group 0 their numbers, in the order in which they stand in the text. */
export function numberBindings(source: string): string {
  let number = 0;
  return source.replace(/@binding\(_\)/g, () => `@binding(${number++})`);
}

/** The WGSL of a step forward, with the entry point `forward`. */
export function attentionForward(score: ScoreName, span: SpanName): string {
  return numberBindings(head + forward + spans[span].forward + scores[score].forward);
}

/**
 * The WGSL of a step backward, with the entry point `backward`: from the gradients of context and weights to those of scores,
 * positions and, but for a covered score, of what the scores were computed from.
 */
export function attentionBackward(score: ScoreName, span: SpanName): string {
  return numberBindings(head + backward + spans[span].backward + scores[score].backward);
}

/** The WGSL of the rest of the way back with coverage, with the entry point `backward_query`. */
export function attentionBackwardQuery(): string {
  return numberBindings(head + backwardQuery + coveredBackward);
}
