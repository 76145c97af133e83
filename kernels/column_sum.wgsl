// y[j] += sum over i of x[i, j]: the gradient of a bias. Rows are added from first to last.
//
// M: rows   N: columns

struct Params { rows: u32, columns: u32, x_offset: u32, x_stride: u32, y_offset: u32, accumulate_y: u32 }

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;        // [M, N]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;  // [N]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let j = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (j >= params.columns) { return; }
  var total = 0.0;
  for (var i = 0u; i < params.rows; i++) { total += x[params.x_offset + i * params.x_stride + j]; }
  if (params.accumulate_y != 0u) { total += y[params.y_offset + j]; }
  y[params.y_offset + j] = total;
}
