// forward:   y[t, b] = lengths[b] sigmoid(x[t, b])
// backward:  dx[t, b] += dy[t, b] y (1 - y / lengths[b])
//
// B: batch   N: size, rows of B

struct Params {
  size: u32, batch: u32, x_offset: u32, y_offset: u32, dx_offset: u32, dy_offset: u32, accumulate_dx: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;        // [N]
@group(0) @binding(1) var<storage, read> lengths: array<u32>;  // [B]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // [N]

@group(0) @binding(0) var<storage, read> y_saved: array<f32>;   // [N]
@group(0) @binding(2) var<storage, read> dy: array<f32>;        // [N]
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;  // [N]

@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.size) { return; }
  y[p.y_offset + i] = f32(lengths[i % p.batch]) / (1.0 + exp(-x[p.x_offset + i]));
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.size) { return; }
  let value = y_saved[p.y_offset + i];
  // A row without words has the position 0, whatever x is.
  let share = value / max(1.0, f32(lengths[i % p.batch]));
  var gradient = dy[p.dy_offset + i] * value * (1.0 - share);
  let o = p.dx_offset + i;
  if (p.accumulate_dx != 0u) { gradient += dx[o]; }
  dx[o] = gradient;
}
