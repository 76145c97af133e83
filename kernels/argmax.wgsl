// y[i] = the column of the largest x[i, j]; the first one where several are equal. One workgroup a row.
//
// M: rows   N: columns

struct Params { rows: u32, columns: u32, y_offset: u32 }

override LANES: u32 = 8u;

@group(0) @binding(0) var<storage, read> x: array<f32>;        // [M, N]
@group(0) @binding(1) var<storage, read_write> y: array<u32>;  // [M]
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> best_values: array<f32, LANES>;
var<workgroup> best_columns: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  var best = -3.4e38;
  var column = params.columns;
  for (var j = lane; j < params.columns; j += LANES) {
    let value = x[row * params.columns + j];
    if (value > best || column == params.columns) { best = value; column = j; }
  }
  best_values[lane] = best;
  best_columns[lane] = column;
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1u; i < LANES; i++) {
    let other = best_columns[i];
    if (other == params.columns) { continue; }
    if (best_values[i] > best || (best_values[i] == best && other < column)) {
      best = best_values[i];
      column = other;
    }
  }
  y[params.y_offset + row] = column;
}
