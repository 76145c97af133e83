// normalizers[n] = log(sum over v of exp(logits[n, v])), one workgroup a row. This text follows log_sum.wgsl.
//
// N: rows   V: classes

struct Params { rows: u32, classes: u32, logits_offset: u32, logits_stride: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;             // [N, V]
@group(0) @binding(1) var<storage, read_write> normalizers: array<f32>;  // [N]
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let start = p.logits_offset + row * p.logits_stride;
  var sum = no_terms();
  for (var v = lane; v < p.classes; v += LANES) { sum = with_term(sum, max(logits[start + v], IMPOSSIBLE)); }
  let normalizer = log_sum_over_lanes(lane, sum);
  if (lane == 0u) { normalizers[row] = normalizer; }
}
