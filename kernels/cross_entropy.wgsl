// Cross-entropy of a softmax with label smoothing, one workgroup a row:
//   loss = (1 - smoothing) (-log p[target]) + smoothing mean over v of (-log p[v])
// and, in training, the logits are overwritten with the loss' gradient, times scale[0] (one over the number of
// targets). Rows whose target is `ignored` give loss and gradient 0.
//
// The row is read twice: once for its maximum and the sum of its exponentials, which is scaled down whenever the maximum
// grows (Milakov & Gimelshein 2018), and once for the gradient. Four logits at a time; the last four of a row may
// hold less than four.
//
// N: rows   V: classes

struct Params { rows: u32, classes: u32, first: u32, ignored: u32, smoothing: f32, training: u32, targets_offset: u32, logits_stride: u32 }

override LANES: u32 = 8u;

@group(0) @binding(0) var<storage, read_write> logits: array<vec4f>;  // [N, V], rows a multiple of four apart
@group(0) @binding(1) var<storage, read> targets: array<u32>;       // [N], from `first` on
@group(0) @binding(2) var<storage, read> scale: array<f32>;         // [1]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;  // [2, all rows]: the loss, and -log p[target]

@group(0) @binding(0) var<storage, read> losses_saved: array<f32>;   // [2, N]
@group(0) @binding(1) var<storage, read_write> totals: array<f32>;   // [2], added to

@group(1) @binding(0) var<uniform> p: Params;

const LOWEST = -3.0e38;

var<workgroup> parts: array<f32, LANES>;

fn sum_over_lanes(lane: u32, part: f32) -> f32 {
  workgroupBarrier();
  parts[lane] = part;
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < LANES; i++) { total += parts[i]; }
  return total;
}

fn max_over_lanes(lane: u32, part: f32) -> f32 {
  workgroupBarrier();
  parts[lane] = part;
  workgroupBarrier();
  var largest = LOWEST;
  for (var i = 0u; i < LANES; i++) { largest = max(largest, parts[i]); }
  return largest;
}

fn sum_of(x: vec4f) -> f32 { return x.x + x.y + x.z + x.w; }
fn max_of(x: vec4f) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let start = row * p.logits_stride / 4u;
  let fours = (p.classes + 3u) / 4u;
  let target_class = targets[p.targets_offset + p.first + row];
  let total_rows = arrayLength(&losses) / 2u;
  if (target_class == p.ignored) {
    if (p.training != 0u) { for (var v = lane; v < fours; v += LANES) { logits[start + v] = vec4f(); } }
    if (lane == 0u) { losses[p.first + row] = 0.0; losses[total_rows + p.first + row] = 0.0; }
    return;
  }
  var largest = LOWEST;
  var normalizer = 0.0;  // the sum of exp(x - largest)
  var sum = 0.0;
  for (var v = lane; v < fours; v += LANES) {
    let inside = vec4u(4u * v) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.classes);
    let x = select(vec4f(LOWEST), logits[start + v], inside);
    let larger = max(largest, max_of(x));
    normalizer = normalizer * exp(largest - larger) + sum_of(exp(x - larger));
    largest = larger;
    sum += sum_of(select(vec4f(), x, inside));
  }
  let lane_largest = largest;
  largest = max_over_lanes(lane, lane_largest);
  normalizer = sum_over_lanes(lane, normalizer * exp(lane_largest - largest));
  let mean = sum_over_lanes(lane, sum) / f32(p.classes);
  let log_normalizer = largest + log(normalizer);
  if (lane == 0u) {
    let surprise = log_normalizer - logits[start + target_class / 4u][target_class % 4u];
    losses[p.first + row] = (1.0 - p.smoothing) * surprise + p.smoothing * (log_normalizer - mean);
    losses[total_rows + p.first + row] = surprise;
  }
  if (p.training == 0u) { return; }
  storageBarrier();
  let factor = scale[0] / normalizer;
  let everywhere = scale[0] * p.smoothing / f32(p.classes);
  for (var v = lane; v < fours; v += LANES) {
    logits[start + v] = factor * exp(logits[start + v] - largest) - everywhere;
  }
  storageBarrier();
  if (lane == 0u) { logits[start + target_class / 4u][target_class % 4u] -= scale[0] * (1.0 - p.smoothing); }
}

// totals += the sums of both kinds of loss, in a fixed order.
@compute @workgroup_size(LANES)
fn total(@builtin(local_invocation_index) lane: u32) {
  for (var kind = 0u; kind < 2u; kind++) {
    var sum = 0.0;
    for (var i = lane; i < p.rows; i += LANES) { sum += losses_saved[kind * p.rows + i]; }
    sum = sum_over_lanes(lane, sum);
    if (lane == 0u) { totals[kind] += sum; }
  }
}
