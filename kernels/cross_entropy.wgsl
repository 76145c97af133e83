// Cross-entropy of a softmax with label smoothing, one workgroup a row:
//   loss = (1 - smoothing) (-log p[target]) + smoothing mean over v of (-log p[v])
// and, in training, the logits are overwritten with the loss' gradient, times scale[0] (one over the number of
// targets). Rows whose target is `ignored` give loss and gradient 0. This text follows softmax_rows.wgsl.
//
// N: rows   V: classes

struct Params { rows: u32, classes: u32, first: u32, ignored: u32, smoothing: f32, training: u32, targets_offset: u32, logits_stride: u32 }

@group(0) @binding(0) var<storage, read_write> logits: array<vec4f>;  // [N, V], rows a multiple of four apart
@group(0) @binding(1) var<storage, read> targets: array<u32>;       // [N], from `first` on
@group(0) @binding(2) var<storage, read> scale: array<f32>;         // [1]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;  // [2, all rows]: the loss, and -log p[target]

@group(0) @binding(0) var<storage, read> losses_saved: array<f32>;   // [2, N]
@group(0) @binding(1) var<storage, read_write> totals: array<f32>;   // [2], added to

@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let start = row * p.logits_stride / 4u;
  let target_class = targets[p.targets_offset + p.first + row];
  let total_rows = arrayLength(&losses) / 2u;
  if (target_class == p.ignored) {
    if (p.training != 0u) { overwrite_with_zeros(lane, start); }
    if (lane == 0u) { losses[p.first + row] = 0.0; losses[total_rows + p.first + row] = 0.0; }
    return;
  }
  let softmax = softmax_of_row(lane, start);
  let mean = sum_over_lanes(lane, softmax.lane_sum) / f32(p.classes);
  if (lane == 0u) {
    let surprise = log_normalizer(softmax) - logit(start, target_class);
    losses[p.first + row] = (1.0 - p.smoothing) * surprise + p.smoothing * (log_normalizer(softmax) - mean);
    losses[total_rows + p.first + row] = surprise;
  }
  if (p.training == 0u) { return; }
  overwrite_with_gradient(lane, start, softmax, target_class, scale[0], p.smoothing);
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
