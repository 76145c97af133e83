// Additive attention (Bahdanau et al. 2015) of one decoder step:
//   e[b, s] = sum over a of score[a] tanh(query[b, a] + keys[s, b, a])
//   weights[b, s] = softmax over the s < lengths[b] of e[b, s]       context[b] = sum over s of weights[b, s] values[s, b]
// A row without tokens has weights and context 0.
//
// S: source steps   T: decoder steps   B: batch   A: attention width   C: width of the values
// One workgroup a row of the batch in forward and backward_query.

struct Params {
  steps: u32, source: u32, batch: u32, width: u32, values_width: u32,
  queries_offset: u32, weights_offset: u32, contexts_offset: u32,
  dcontexts_offset: u32, dscores_offset: u32, dqueries_offset: u32,
  values_offset: u32, dvalues_offset: u32,
  accumulate_dqueries: u32, accumulate_dkeys: u32, accumulate_dvalues: u32,
}

override LANES: u32 = 8u;
override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> queries: array<f32>;         // [B, A] at this step
@group(0) @binding(1) var<storage, read> keys: array<f32>;            // [S, B, A]
@group(0) @binding(2) var<storage, read> values: array<f32>;          // [S, B, C]
@group(0) @binding(3) var<storage, read> score: array<f32>;           // [A]
@group(0) @binding(4) var<storage, read> lengths: array<u32>;         // [B]
@group(0) @binding(5) var<storage, read_write> weights: array<f32>;   // [B, S] at this step
@group(0) @binding(6) var<storage, read_write> contexts: array<f32>;  // [B, C] at this step

@group(0) @binding(4) var<storage, read> weights_saved: array<f32>;   // [B, S] at this step, or [T, B, S]
@group(0) @binding(5) var<storage, read> dcontexts: array<f32>;       // [B, C] at this step, or [T, B, C]
@group(0) @binding(6) var<storage, read_write> dscores: array<f32>;   // [B, S] at this step
@group(0) @binding(7) var<storage, read_write> dqueries: array<f32>;  // [B, A] at this step

@group(0) @binding(2) var<storage, read> dscores_saved: array<f32>;        // [T, B, S]
@group(0) @binding(4) var<storage, read_write> dkeys: array<f32>;          // [S, B, A]
@group(0) @binding(5) var<storage, read_write> dscore_parts: array<f32>;   // [S, B, A]
@group(0) @binding(2) var<storage, read_write> dvalues: array<f32>;        // [S, B, C]
@group(0) @binding(0) var<storage, read> all_weights: array<f32>;          // [T, B, S]
@group(0) @binding(1) var<storage, read> all_dcontexts: array<f32>;        // [T, B, C]

@group(1) @binding(0) var<uniform> p: Params;

fn activation(b: u32, s: u32, a: u32, queries_start: u32) -> f32 {
  let sum = queries[queries_start + b * p.width + a] + keys[(s * p.batch + b) * p.width + a];
  return tanh(clamp(sum, -15.0, 15.0));
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let length = min(lengths[b], p.source);
  let w = p.weights_offset + b * p.source;
  for (var s = lane; s < length; s += LANES) {
    var e = 0.0;
    for (var a = 0u; a < p.width; a++) { e += score[a] * activation(b, s, a, p.queries_offset); }
    weights[w + s] = e;
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
  for (var c = lane; c < p.values_width; c += LANES) {
    var sum = 0.0;
    for (var s = 0u; s < length; s++) {
      sum += weights[w + s] * values[p.values_offset + (s * p.batch + b) * p.values_width + c];
    }
    contexts[p.contexts_offset + b * p.values_width + c] = sum;
  }
}

// dscores = weights * (dweights - sum of weights * dweights), and what of it reaches the query.
@compute @workgroup_size(LANES)
fn backward_query(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group.x;
  let w = p.weights_offset + b * p.source;
  let d = p.dscores_offset + b * p.source;
  let c0 = p.dcontexts_offset + b * p.values_width;
  for (var s = lane; s < p.source; s += LANES) {
    var dweight = 0.0;
    for (var c = 0u; c < p.values_width; c++) {
      dweight += dcontexts[c0 + c] * values[p.values_offset + (s * p.batch + b) * p.values_width + c];
    }
    dscores[d + s] = dweight;
  }
  storageBarrier();
  var mean = 0.0;
  for (var s = 0u; s < p.source; s++) { mean += weights_saved[w + s] * dscores[d + s]; }
  storageBarrier();
  for (var s = lane; s < p.source; s += LANES) { dscores[d + s] = weights_saved[w + s] * (dscores[d + s] - mean); }
  storageBarrier();
  for (var a = lane; a < p.width; a += LANES) {
    var sum = 0.0;
    for (var s = 0u; s < p.source; s++) {
      let t = activation(b, s, a, p.queries_offset);
      sum += dscores[d + s] * (1.0 - t * t);
    }
    sum *= score[a];
    let i = p.dqueries_offset + b * p.width + a;
    if (p.accumulate_dqueries != 0u) { sum += dqueries[i]; }
    dqueries[i] = sum;
  }
}

// Over all steps at once: the gradient of the keys, and each (s, b)'s share of the gradient of score.
@compute @workgroup_size(WORKGROUP)
fn backward_keys(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                 @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.source * p.batch * p.width) { return; }
  let a = i % p.width;
  let b = i / p.width % p.batch;
  let s = i / (p.width * p.batch);
  var dkey = 0.0;
  var dscore = 0.0;
  for (var step = 0u; step < p.steps; step++) {
    let t = activation(b, s, a, step * p.batch * p.width);
    let d = dscores_saved[(step * p.batch + b) * p.source + s];
    dkey += d * (1.0 - t * t);
    dscore += d * t;
  }
  dscore_parts[i] = dscore;
  dkey *= score[a];
  if (p.accumulate_dkeys != 0u) { dkey += dkeys[i]; }
  dkeys[i] = dkey;
}

// Over all steps at once: dvalues[s, b] += sum over the steps of weights[b, s] dcontexts[b].
@compute @workgroup_size(WORKGROUP)
fn backward_values(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                   @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.source * p.batch * p.values_width) { return; }
  let c = i % p.values_width;
  let b = i / p.values_width % p.batch;
  let s = i / (p.values_width * p.batch);
  var sum = 0.0;
  for (var step = 0u; step < p.steps; step++) {
    let row = step * p.batch + b;
    sum += all_weights[row * p.source + s] * all_dcontexts[row * p.values_width + c];
  }
  let k = p.dvalues_offset + i;
  if (p.accumulate_dvalues != 0u) { sum += dvalues[k]; }
  dvalues[k] = sum;
}
