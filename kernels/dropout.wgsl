// y[i] += x[i] / keep where a random bit says keep, else 0. The backward pass is the same with dx and dy: the
// bits depend on (seed, stream, step, index) only, so nothing has to be stored.
//
// index = first + i, or where bits are SHARED (first + i) mod period / share: elements a period apart have one bit, and
// so have `share` neighbours.
//
// N: size

struct Params {
  size: u32, seed: u32, stream: u32, threshold: u32, scale: f32, first: u32, period: u32, share: u32,
  x_offset: u32, y_offset: u32, accumulate_y: u32,
}

override WORKGROUP: u32 = 64u;
override SHARED: bool = false;  // a constant, as the divisions take a CPU as long as a third of the rest

@group(0) @binding(0) var<storage, read> x: array<f32>;        // [N]
@group(0) @binding(1) var<storage, read> step: array<u32>;     // [1]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // [N]

@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.size) { return; }
  var index = params.first + i;
  if (SHARED) { index = index % params.period / params.share; }
  let bits = threefry(vec2u(params.seed, params.stream), vec2u(step[0], index)).x;
  var value = select(0.0, x[params.x_offset + i] * params.scale, bits < params.threshold);
  if (params.accumulate_y != 0u) { value += y[params.y_offset + i]; }
  y[params.y_offset + i] = value;
}
