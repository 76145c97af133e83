// Over all decoder steps at once, the gradient of what was summed or compared at each of them:
//   sums[s, b] += scale sum over t of weights[t, b, s] rows[t, b]
// For the values of attention these are its weights and the gradients of the contexts; for the keys of multiplicative
// attention the gradients of the scores and the queries.
//
// S: source steps   T: decoder steps   B: batch   C: width
// One workgroup a row of a source step. Its lanes take four columns, a part, at a time.

struct Params {
  steps: u32, source: u32, batch: u32, width: u32, scale: f32,
  weights_offset: u32, rows_offset: u32, sums_offset: u32, accumulate_sums: u32,
}

override LANES: u32 = 8u;

alias Part = vec4f;
const PART = 4u;

@group(0) @binding(0) var<storage, read> weights: array<f32>;       // [T, B, S]
@group(0) @binding(1) var<storage, read> rows: array<Part>;         // [T, B, C]
@group(0) @binding(2) var<storage, read_write> sums: array<Part>;   // [S, B, C]
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;  // s, b
  if (row >= p.source * p.batch) { return; }
  let b = row % p.batch;
  let s = row / p.batch;
  let width = p.width / PART;
  for (var c = lane; c < width; c += LANES) {
    var sum = Part();
    for (var t = 0u; t < p.steps; t++) {
      let at = t * p.batch + b;
      sum += weights[p.weights_offset + at * p.source + s] * rows[p.rows_offset / PART + at * width + c];
    }
    sum *= p.scale;
    let i = p.sums_offset / PART + row * width + c;
    if (p.accumulate_sums != 0u) { sum += sums[i]; }
    sums[i] = sum;
  }
}
