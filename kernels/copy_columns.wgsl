// y[i, j] = x[i, j], or +=, between matrices whose rows may be further apart than they are long.
//
// M: rows   N: columns

struct Params {
  rows: u32, columns: u32, x_offset: u32, x_stride: u32, y_offset: u32, y_stride: u32, accumulate_y: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;        // [M, N]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;  // [M, N]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let e = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (e >= params.rows * params.columns) { return; }
  let i = e / params.columns;
  let j = e % params.columns;
  let k = params.y_offset + i * params.y_stride + j;
  var value = x[params.x_offset + i * params.x_stride + j];
  if (params.accumulate_y != 0u) { value += y[k]; }
  y[k] = value;
}
