// The output of a pointer-generator network (See et al. 2017, equation 9): words are generated or copied from the source,
//   P(w) = g softmax(logits)[w] + (1 - g) sum over the s with copies[s] = w of weights[s],   g = 1 / (1 + exp(-gate))
// where words from V on can only be copied. This text follows log_add.wgsl and softmax_rows.wgsl.
//
//   loss = -log P(target);  c: the sum of the copied weights;  r = g softmax(logits)[target] / P(target)
//   dlogits = r (softmax(logits) - [target])    dgate = g - r    dweights[s] = -(1 - r) / c where copies[s] is the target
// all gradients times scale[0], one over the number of targets. Rows whose target is `ignored` give loss and gradient 0.
//
// Logarithms are added, not probabilities, so that words too unlikely for 32 bits have a loss and a gradient. A c below
// LEAST_COPIED is 0, has no gradient, and counts as LEAST_COPIED where the target cannot be generated either.
//
// N: rows, step after step   B: batch; row n belongs to n % B   S: source steps   V: classes   E: extra words

struct Params {
  rows: u32, batch: u32, source: u32, classes: u32, extra: u32, first: u32, ignored: u32, training: u32,
  targets_offset: u32, gates_offset: u32, weights_offset: u32, dgates_offset: u32, dweights_offset: u32, y_offset: u32,
  logits_stride: u32, accumulate_dgates: u32, accumulate_dweights: u32,
}

override WORKGROUP: u32 = 64u;

const LEAST_COPIED = 1e-10;

@group(0) @binding(0) var<storage, read> targets: array<u32>;         // [N]
@group(0) @binding(1) var<storage, read> weights: array<f32>;         // [N, S]
@group(0) @binding(2) var<storage, read> copies: array<u32>;          // [S, B]
@group(0) @binding(3) var<storage, read> lengths: array<u32>;         // [B]
@group(0) @binding(4) var<storage, read_write> mixture: array<f32>;   // [2, N]: c and r

@group(0) @binding(0) var<storage, read_write> logits: array<vec4f>;  // [rows, V] from row `first` on, rows fours apart
@group(0) @binding(1) var<storage, read> gates: array<f32>;           // [N]
@group(0) @binding(2) var<storage, read> targets_saved: array<u32>;   // [N]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;    // [2, N]: the loss, twice
@group(0) @binding(5) var<storage, read> scale: array<f32>;           // [1]

@group(0) @binding(4) var<storage, read> mixture_saved: array<f32>;      // [2, N]
@group(0) @binding(6) var<storage, read_write> dgates: array<f32>;       // [N]
@group(0) @binding(7) var<storage, read_write> dweights: array<f32>;     // [N, S]

@group(0) @binding(4) var<storage, read> weights_saved: array<f32>;   // [N, S]
@group(0) @binding(5) var<storage, read_write> y: array<f32>;         // [N, V + E]

@group(1) @binding(0) var<uniform> p: Params;

struct Gate { generate: f32, copy: f32 }  // log g, log (1 - g)

fn gate_of(x: f32) -> Gate {
  let rest = log(1.0 + exp(-abs(x)));
  return Gate(min(x, 0.0) - rest, min(-x, 0.0) - rest);
}

// How much weight each row gives to its target, wherever that stands in the source: c.
@compute @workgroup_size(WORKGROUP)
fn copied(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let n = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (n >= p.rows) { return; }
  let b = n % p.batch;
  let wanted = targets[p.targets_offset + n];
  var sum = 0.0;
  for (var s = 0u; s < min(lengths[b], p.source); s++) {
    if (copies[s * p.batch + b] == wanted) { sum += weights[p.weights_offset + n * p.source + s]; }
  }
  mixture[n] = sum;
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let n = p.first + row;
  let all_rows = arrayLength(&losses) / 2u;
  let start = row * p.logits_stride / 4u;
  let wanted = targets_saved[p.targets_offset + n];
  if (wanted == p.ignored) {
    if (p.training != 0u) { overwrite_with_zeros(lane, start); }
    if (lane == 0u) { losses[n] = 0.0; losses[all_rows + n] = 0.0; mixture[all_rows + n] = 0.0; }
    return;
  }
  let softmax = softmax_of_row(lane, start);
  let gate = gate_of(gates[p.gates_offset + n]);
  var generated = LOWEST;  // the logarithms of both terms of P(target)
  if (wanted < p.classes) { generated = gate.generate + logit(start, wanted) - log_normalizer(softmax); }
  var copying = LOWEST;
  if (mixture[n] >= LEAST_COPIED || wanted >= p.classes) { copying = gate.copy + log(max(mixture[n], LEAST_COPIED)); }
  let probability = log_add(generated, copying);
  let share = exp(generated - probability);
  if (lane == 0u) {
    losses[n] = -probability;
    losses[all_rows + n] = -probability;
    mixture[all_rows + n] = share;
  }
  if (p.training == 0u) { return; }
  overwrite_with_gradient(lane, start, softmax, wanted, scale[0] * share, 0.0);
}

// One workgroup a row of weights.
@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let n = group.y * groups.x + group.x;
  if (n >= p.rows) { return; }
  let b = n % p.batch;
  let wanted = targets[p.targets_offset + n];
  let weight = select(scale[0], 0.0, wanted == p.ignored);
  let share = mixture_saved[arrayLength(&mixture_saved) / 2u + n];
  if (lane == 0u) {
    var gradient = weight * (exp(gate_of(gates[p.gates_offset + n]).generate) - share);
    if (p.accumulate_dgates != 0u) { gradient += dgates[p.dgates_offset + n]; }
    dgates[p.dgates_offset + n] = gradient;
  }
  let c = mixture_saved[n];
  let each = select(0.0, -weight * (1.0 - share) / max(c, LEAST_COPIED), c >= LEAST_COPIED);
  for (var s = lane; s < p.source; s += LANES) {
    var gradient = select(0.0, each, s < lengths[b] && copies[s * p.batch + b] == wanted);
    let i = p.dweights_offset + n * p.source + s;
    if (p.accumulate_dweights != 0u) { gradient += dweights[i]; }
    dweights[i] = gradient;
  }
}

// y[n, w] = log P(w): first what is generated, then, for each word of the source where it stands first, what is copied.
@compute @workgroup_size(LANES)
fn log_probabilities(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                     @builtin(local_invocation_index) lane: u32) {
  let n = group.y * groups.x + group.x;
  if (n >= p.rows) { return; }
  let b = n % p.batch;
  let start = n * p.logits_stride / 4u;
  let softmax = softmax_of_row(lane, start);
  let gate = gate_of(gates[p.gates_offset + n]);
  let words = p.classes + p.extra;
  let out = p.y_offset + n * words;
  let generate = gate.generate - log_normalizer(softmax);
  for (var v = lane; v < p.classes; v += LANES) { y[out + v] = logit(start, v) + generate; }
  for (var v = p.classes + lane; v < words; v += LANES) { y[out + v] = IMPOSSIBLE; }
  storageBarrier();
  let length = min(lengths[b], p.source);
  for (var s = lane; s < length; s += LANES) {
    let word = copies[s * p.batch + b];
    var sum = 0.0;
    for (var k = 0u; k < length; k++) {
      if (copies[k * p.batch + b] != word) { continue; }
      if (k < s) { sum = 0.0; break; }
      sum += weights_saved[p.weights_offset + n * p.source + k];
    }
    if (sum >= LEAST_COPIED && word < words) { y[out + word] = log_add(y[out + word], gate.copy + log(sum)); }
  }
}
