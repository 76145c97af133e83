// y[i] += x[i] / keep where a random bit says keep, else 0. The backward pass is the same with dx and dy: the
// bits depend on (seed, stream, step, i) only, so nothing has to be stored.
//
// N: size
// Random bits: Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").

struct Params { size: u32, seed: u32, stream: u32, threshold: u32, scale: f32, x_offset: u32, y_offset: u32, accumulate_y: u32 }

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<f32>;        // [N]
@group(0) @binding(1) var<storage, read> step: array<u32>;     // [1]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // [N]

@group(0) @binding(0) var<storage, read> counters: array<vec4u>;      // [N]: key, counter
@group(0) @binding(1) var<storage, read_write> random: array<vec2u>;  // [N]

@group(1) @binding(0) var<uniform> params: Params;

fn rotate(x: u32, bits: u32) -> u32 { return (x << bits) | (x >> (32u - bits)); }

fn four_rounds(state: vec2u, r: vec4u) -> vec2u {
  var s = state;
  s.x += s.y; s.y = rotate(s.y, r.x) ^ s.x;
  s.x += s.y; s.y = rotate(s.y, r.y) ^ s.x;
  s.x += s.y; s.y = rotate(s.y, r.z) ^ s.x;
  s.x += s.y; s.y = rotate(s.y, r.w) ^ s.x;
  return s;
}

fn threefry(key: vec2u, counter: vec2u) -> vec2u {
  let third = 0x1BD11BDAu ^ key.x ^ key.y;
  let even = vec4u(13u, 15u, 26u, 6u);
  let odd = vec4u(17u, 29u, 16u, 24u);
  var s = counter + key;
  s = four_rounds(s, even) + vec2u(key.y, third + 1u);
  s = four_rounds(s, odd) + vec2u(third, key.x + 2u);
  s = four_rounds(s, even) + vec2u(key.x, key.y + 3u);
  s = four_rounds(s, odd) + vec2u(key.y, third + 4u);
  return four_rounds(s, even) + vec2u(third, key.x + 5u);
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.size) { return; }
  let bits = threefry(vec2u(params.seed, params.stream), vec2u(step[0], i)).x;
  var value = select(0.0, x[params.x_offset + i] * params.scale, bits < params.threshold);
  if (params.accumulate_y != 0u) { value += y[params.y_offset + i]; }
  y[params.y_offset + i] = value;
}

// For the test with the generator's published answers.
@compute @workgroup_size(WORKGROUP)
fn known_answers(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.size) { return; }
  random[id.x] = threefry(counters[id.x].xy, counters[id.x].zw);
}
