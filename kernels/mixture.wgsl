// What several models make of the same words; each adds its share to y, which is log-probabilities up to a constant.
//
// log_probabilities:  y[n, v] = log(exp(y[n, v]) + exp(x)),   x = logits[n, v] - log(sum over v of exp(logits[n, v]))
//                     or, with `logarithms`, y[n, v] += scale x
// scaled:             y[n, v] += scale logits[n, v]
//
// One workgroup a row. This text follows log_sum.wgsl.
//
// N: rows   V: classes

struct Params {
  rows: u32, classes: u32, logarithms: u32, scale: f32, logits_offset: u32, logits_stride: u32, accumulate_y: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;   // [N, V]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;  // [N, V]
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn log_probabilities(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                     @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let start = p.logits_offset + row * p.logits_stride;
  var sum = no_terms();
  for (var v = lane; v < p.classes; v += LANES) { sum = with_term(sum, max(logits[start + v], IMPOSSIBLE)); }
  let normalizer = log_sum_over_lanes(lane, sum);
  for (var v = lane; v < p.classes; v += LANES) {
    let i = row * p.classes + v;
    var value = max(logits[start + v], IMPOSSIBLE) - normalizer;
    if (p.logarithms != 0u) { value *= p.scale; }
    if (p.accumulate_y != 0u) {
      if (p.logarithms != 0u) { value += y[i]; } else { value = log_add(value, y[i]); }
    }
    y[i] = value;
  }
}

@compute @workgroup_size(LANES)
fn scaled(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  for (var v = lane; v < p.classes; v += LANES) {
    var value = p.scale * logits[p.logits_offset + row * p.logits_stride + v];
    if (p.accumulate_y != 0u) { value += y[row * p.classes + v]; }
    y[row * p.classes + v] = value;
  }
}
