// Additive attention (Bahdanau et al. 2015) of one decoder step:
//   e[b, s] = sum over a of score[a] tanh(query[b, a] + keys[s, b, a])
//   weights[b, s] = softmax over the s < lengths[b] of e[b, s]       context[b] = sum over s of weights[b, s] values[s, b]
// A row without tokens has weights and context 0.
//
//
// S: source steps   T: decoder steps   B: batch   A: attention width   C: width of the values
// One workgroup a row of the batch in forward and backward_query, one a row of a source step in the others. Its lanes take
// four columns, a part, at a time. Sums over columns are left by the lanes in `parts`, for eight source steps at once.

struct Params {
  steps: u32, source: u32, batch: u32, width: u32, values_width: u32,
  queries_offset: u32, weights_offset: u32, contexts_offset: u32,
  dcontexts_offset: u32, dscores_offset: u32, dqueries_offset: u32,
  values_offset: u32, dvalues_offset: u32,
  accumulate_dqueries: u32, accumulate_dkeys: u32, accumulate_dvalues: u32,
}

override LANES: u32 = 8u;

alias Part = vec4f;
const PART = 4u;
const STEPS = 8u;  // source steps between two barriers

@group(0) @binding(0) var<storage, read> queries: array<Part>;         // [B, A] at this step
@group(0) @binding(1) var<storage, read> keys: array<Part>;            // [S, B, A]
@group(0) @binding(2) var<storage, read> values: array<Part>;          // [S, B, C]
@group(0) @binding(3) var<storage, read> score: array<Part>;           // [A]
@group(0) @binding(4) var<storage, read> lengths: array<u32>;         // [B]
@group(0) @binding(5) var<storage, read_write> weights: array<f32>;   // [B, S] at this step
@group(0) @binding(6) var<storage, read_write> contexts: array<Part>;  // [B, C] at this step

@group(0) @binding(4) var<storage, read> weights_saved: array<f32>;   // [B, S] at this step, or [T, B, S]
@group(0) @binding(5) var<storage, read> dcontexts: array<Part>;       // [B, C] at this step, or [T, B, C]
@group(0) @binding(6) var<storage, read_write> dscores: array<f32>;   // [B, S] at this step
@group(0) @binding(7) var<storage, read_write> dqueries: array<Part>;  // [B, A] at this step

@group(0) @binding(2) var<storage, read> dscores_saved: array<f32>;        // [T, B, S]
@group(0) @binding(4) var<storage, read_write> dkeys: array<Part>;          // [S, B, A]
@group(0) @binding(5) var<storage, read_write> dscore_parts: array<Part>;   // [S, B, A]
@group(0) @binding(2) var<storage, read_write> dvalues: array<Part>;        // [S, B, C]
@group(0) @binding(0) var<storage, read> all_weights: array<f32>;          // [T, B, S]
@group(0) @binding(1) var<storage, read> all_dcontexts: array<Part>;        // [T, B, C]

@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> parts: array<f32, STEPS * LANES>;

fn sum_of(x: Part) -> f32 { return x.x + x.y + x.z + x.w; }

// tanh(x) = 1 - 2 / (e^2x + 1), off by less than 1e-6: of e^2x, good to 3 + 4 |x| units in the last place, at most half
// remains near 0, and less and less beyond; the division adds 2.5 units of a number of at most 2. Half the time of tanh() on a CPU.
fn activation(query: Part, key: Part) -> Part {
  return 1.0 - 2.0 / (exp(2.0 * clamp(query + key, Part(-15.0), Part(15.0))) + 1.0);
}

// The sum over the lanes of what they left for a source step.
fn sum_over_lanes(step: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < LANES; i++) { sum += parts[step * LANES + i]; }
  return sum;
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let length = min(lengths[b], p.source);
  let w = p.weights_offset + b * p.source;
  let width = p.width / PART;
  let query = p.queries_offset / PART + b * width;
  for (var first = 0u; first < length; first += STEPS) {
    let count = min(STEPS, length - first);
    for (var s = 0u; s < count; s++) {
      let key = ((first + s) * p.batch + b) * width;
      var e = Part();
      for (var a = lane; a < width; a += LANES) { e += score[a] * activation(queries[query + a], keys[key + a]); }
      parts[s * LANES + lane] = sum_of(e);
    }
    workgroupBarrier();
    for (var s = lane; s < count; s += LANES) { weights[w + first + s] = sum_over_lanes(s); }
    workgroupBarrier();
  }
  storageBarrier();
  var largest = -3.0e38;
  for (var s = 0u; s < length; s++) { largest = max(largest, weights[w + s]); }
  var total = 0.0;
  for (var s = 0u; s < length; s++) { total += exp(weights[w + s] - largest); }
  storageBarrier();
  for (var s = lane; s < p.source; s += LANES) {
    if (s < length) { weights[w + s] = exp(weights[w + s] - largest) / total; } else { weights[w + s] = 0.0; }
  }
  storageBarrier();
  let values_width = p.values_width / PART;
  for (var c = lane; c < values_width; c += LANES) {
    var sum = Part();
    for (var s = 0u; s < length; s++) {
      sum += weights[w + s] * values[p.values_offset / PART + (s * p.batch + b) * values_width + c];
    }
    contexts[p.contexts_offset / PART + b * values_width + c] = sum;
  }
}

// dscores = weights * (dweights - sum of weights * dweights), and what of it reaches the query.
@compute @workgroup_size(LANES)
fn backward_query(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let w = p.weights_offset + b * p.source;
  let d = p.dscores_offset + b * p.source;
  let values_width = p.values_width / PART;
  let context = p.dcontexts_offset / PART + b * values_width;
  for (var first = 0u; first < p.source; first += STEPS) {
    let count = min(STEPS, p.source - first);
    for (var s = 0u; s < count; s++) {
      let value = p.values_offset / PART + ((first + s) * p.batch + b) * values_width;
      var dweight = Part();
      for (var c = lane; c < values_width; c += LANES) { dweight += dcontexts[context + c] * values[value + c]; }
      parts[s * LANES + lane] = sum_of(dweight);
    }
    workgroupBarrier();
    for (var s = lane; s < count; s += LANES) { dscores[d + first + s] = sum_over_lanes(s); }
    workgroupBarrier();
  }
  storageBarrier();
  var mean = 0.0;
  for (var s = 0u; s < p.source; s++) { mean += weights_saved[w + s] * dscores[d + s]; }
  storageBarrier();
  for (var s = lane; s < p.source; s += LANES) { dscores[d + s] = weights_saved[w + s] * (dscores[d + s] - mean); }
  storageBarrier();
  let width = p.width / PART;
  let query = b * width;
  for (var a = lane; a < width; a += LANES) {
    let q = queries[p.queries_offset / PART + query + a];
    var sum = Part();
    for (var s = 0u; s < p.source; s++) {
      let t = activation(q, keys[(s * p.batch + b) * width + a]);
      sum += dscores[d + s] * (1.0 - t * t);
    }
    sum *= score[a];
    let i = p.dqueries_offset / PART + query + a;
    if (p.accumulate_dqueries != 0u) { sum += dqueries[i]; }
    dqueries[i] = sum;
  }
}

// Over all steps at once: the gradient of the keys, and each (s, b)'s share of the gradient of score.
@compute @workgroup_size(LANES)
fn backward_keys(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                 @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;  // s, b
  if (row >= p.source * p.batch) { return; }
  let b = row % p.batch;
  let s = row / p.batch;
  let width = p.width / PART;
  for (var a = lane; a < width; a += LANES) {
    let i = row * width + a;
    let key = keys[i];
    var dkey = Part();
    var dscore = Part();
    for (var step = 0u; step < p.steps; step++) {
      let t = activation(queries[(step * p.batch + b) * width + a], key);
      let d = dscores_saved[(step * p.batch + b) * p.source + s];
      dkey += d * (1.0 - t * t);
      dscore += d * t;
    }
    dscore_parts[i] = dscore;
    dkey *= score[a];
    if (p.accumulate_dkeys != 0u) { dkey += dkeys[i]; }
    dkeys[i] = dkey;
  }
}

// Over all steps at once: dvalues[s, b] += sum over the steps of weights[b, s] dcontexts[b].
@compute @workgroup_size(LANES)
fn backward_values(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                   @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;  // s, b
  if (row >= p.source * p.batch) { return; }
  let b = row % p.batch;
  let s = row / p.batch;
  let width = p.values_width / PART;
  for (var c = lane; c < width; c += LANES) {
    var sum = Part();
    for (var step = 0u; step < p.steps; step++) {
      let at = step * p.batch + b;
      sum += all_weights[at * p.source + s] * all_dcontexts[at * width + c];
    }
    let i = p.dvalues_offset / PART + row * width + c;
    if (p.accumulate_dvalues != 0u) { sum += dvalues[i]; }
    dvalues[i] = sum;
  }
}
