// chosen[b] = right[b] with the probability teacher_share[0], else predicted[b]. The random bits depend on
// (seed, stream, step, first + b) only.
//
// B: batch

struct Params {
  batch: u32, seed: u32, stream: u32, first: u32, right_offset: u32, predicted_offset: u32, chosen_offset: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> right: array<u32>;          // [B]
@group(0) @binding(1) var<storage, read> predicted: array<u32>;      // [B]
@group(0) @binding(2) var<storage, read> teacher_share: array<f32>;    // [1]
@group(0) @binding(3) var<storage, read> step: array<u32>;           // [1]
@group(0) @binding(4) var<storage, read_write> chosen: array<u32>;   // [B]

@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let b = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (b >= p.batch) { return; }
  let bits = threefry(vec2u(p.seed, p.stream), vec2u(step[0], p.first + b)).x;
  // A multiple of 2^-24 in [0, 1), exact in 32 bits, so that a share of 1 is always and one of 0 never.
  let uniform_number = f32(bits >> 8u) * 0x1p-24;
  chosen[p.chosen_offset + b] = select(predicted[p.predicted_offset + b], right[p.right_offset + b],
                                       uniform_number < teacher_share[0]);
}
