// y[i, :] = x[indices[i], :], whatever the 32 bits of an element mean. Four columns, a part, at a time.
//
// M: rows of y   N: columns   L: rows of x

struct Params { rows: u32, columns: u32, x_rows: u32, x_offset: u32, x_stride: u32, indices_offset: u32 }

override WORKGROUP: u32 = 64u;

alias Part = vec4u;
const PART = 4u;

@group(0) @binding(0) var<storage, read> x: array<Part>;        // [L, N]
@group(0) @binding(1) var<storage, read> indices: array<u32>;   // [M]
@group(0) @binding(2) var<storage, read_write> y: array<Part>;  // [M, N]
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let e = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let columns = p.columns / PART;
  if (e >= p.rows * columns) { return; }
  let row = min(indices[p.indices_offset + e / columns], p.x_rows - 1u);
  y[e] = x[(p.x_offset + row * p.x_stride) / PART + e % columns];
}
