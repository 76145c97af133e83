// forward:   y[i] = max(x[2i], x[2i + 1])
// backward:  the larger of the two, the first where they are equal, gets dx += dy[i], the other dx += 0
//
// N: size, of y

struct Params { size: u32, x_offset: u32, dx_offset: u32, accumulate_dx: u32 }

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;        // [2N]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;  // [N]

@group(0) @binding(0) var<storage, read> x_saved: array<f32>;   // [2N]
@group(0) @binding(1) var<storage, read> dy: array<f32>;        // [N]
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;  // [2N]

@group(1) @binding(0) var<uniform> params: Params;

// By bit pattern, as max() may make a number of NaN.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.size) { return; }
  let pair = params.x_offset + 2u * i;
  let a = x[pair];
  let b = x[pair + 1u];
  y[i] = select(select(max(a, b), b, is_nan(b)), a, is_nan(a));
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.size) { return; }
  let pair = params.x_offset + 2u * i;
  var gradient = select(vec2f(0.0, dy[i]), vec2f(dy[i], 0.0), x_saved[pair] >= x_saved[pair + 1u]);
  let out = params.dx_offset + 2u * i;
  if (params.accumulate_dx != 0u) { gradient += vec2f(dx[out], dx[out + 1u]); }
  dx[out] = gradient.x;
  dx[out + 1u] = gradient.y;
}
