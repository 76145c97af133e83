// forward:   y = f(x)
// backward:  dx += f'(x) dy, with f' computed from y
//
// N: size   f: 1 tanh, 2 sigmoid, 3 relu

struct Params {
  size: u32, activation: u32, y_offset: u32, dy_offset: u32, dx_offset: u32, accumulate_dx: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;        // [N]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;  // [N]

@group(0) @binding(0) var<storage, read> y_saved: array<f32>;   // [N]
@group(0) @binding(1) var<storage, read> dy: array<f32>;        // [N]
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;  // [N]

@group(1) @binding(0) var<uniform> params: Params;

// By bit pattern, as clamp() and max() may make a number of NaN.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.size) { return; }
  let v = x[i];
  let o = params.y_offset + i;
  switch params.activation {
    case 1u: { y[o] = select(tanh(clamp(v, -15.0, 15.0)), v, is_nan(v)); }
    case 2u: { y[o] = 1.0 / (1.0 + exp(-v)); }
    default: { y[o] = select(max(v, 0.0), v, is_nan(v)); }
  }
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.size) { return; }
  let v = y_saved[params.y_offset + i];
  var slope = 0.0;
  switch params.activation {
    case 1u: { slope = 1.0 - v * v; }
    case 2u: { slope = v * (1.0 - v); }
    default: { slope = select(0.0, 1.0, v > 0.0); }
  }
  let o = params.dx_offset + i;
  var gradient = slope * dy[params.dy_offset + i];
  if (params.accumulate_dx != 0u) { gradient += dx[o]; }
  dx[o] = gradient;
}
