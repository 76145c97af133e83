// y[i, j] = x[i, j], or +=, between matrices whose rows may be further apart than they are long.
// Four columns, a part, at a time.
//
// M: rows   N: columns

struct Params {
  rows: u32, columns: u32, x_offset: u32, x_stride: u32, y_offset: u32, y_stride: u32, accumulate_y: u32,
}

override WORKGROUP: u32 = 64u;

alias Part = vec4f;
const PART = 4u;

@group(0) @binding(0) var<storage, read> x: array<Part>;        // [M, N]
@group(0) @binding(1) var<storage, read_write> y: array<Part>;  // [M, N]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let e = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let columns = params.columns / PART;
  if (e >= params.rows * columns) { return; }
  let i = e / columns;
  let j = e % columns;
  let k = (params.y_offset + i * params.y_stride) / PART + j;
  var value = x[(params.x_offset + i * params.x_stride) / PART + j];
  if (params.accumulate_y != 0u) { value += y[k]; }
  y[k] = value;
}
