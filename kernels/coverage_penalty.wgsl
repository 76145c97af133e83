// What is left out of a source sentence (Wu et al. 2016, equation 14), with the attention of one more word:
//   sums[n, s] = before[n, s] + attention[n, s]
//   penalties[n] = weight sum over s < length of log(min(max(sums[n, s], LEAST), 1))
// One workgroup a row.
//
// N: rows, C of them a sentence   S: source steps

struct Params {
  rows: u32, source: u32, copies: u32, weight: f32, attention_offset: u32, attention_stride: u32,
}

override LANES: u32 = 8u;

const LEAST = 1e-10;

@group(0) @binding(0) var<storage, read> before: array<f32>;           // [N, S]
@group(0) @binding(1) var<storage, read> attention: array<f32>;        // [N, S]
@group(0) @binding(2) var<storage, read> lengths: array<u32>;          // [N / C]
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;       // [N, S]
@group(0) @binding(4) var<storage, read_write> penalties: array<f32>;  // [N]
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> parts: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let length = lengths[row / p.copies];
  var part = 0.0;
  for (var s = lane; s < p.source; s += LANES) {
    let sum = before[row * p.source + s] + attention[p.attention_offset + row * p.attention_stride + s];
    sums[row * p.source + s] = sum;
    if (s < length) { part += log(clamp(sum, LEAST, 1.0)); }
  }
  parts[lane] = part;
  workgroupBarrier();
  if (lane != 0u) { return; }
  var total = 0.0;
  for (var i = 0u; i < LANES; i++) { total += parts[i]; }
  penalties[row] = p.weight * total;
}
