// forward:   average = d average + (1 - d) value,   d = min(decay, (1 + t) / (10 + t)) after step t
// A step that was skipped leaves the average as it is.
//
// N: numbers in the flat buffers, in vec4

struct Params { size: u32, decay: f32 }

// What the optimizer's step leaves behind, up to what is read here; see optimizer.wgsl.
struct Control { c1: f32, c2: f32, norm: f32, clip: f32, steps: u32, skipped: u32, skip: u32 }

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> values: array<vec4f>;         // [N]
@group(0) @binding(1) var<storage, read> control: Control;
@group(0) @binding(2) var<storage, read_write> average: array<vec4f>;  // [N]

@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.size || control.skip != 0u) { return; }
  let steps = f32(control.steps);
  let decay = min(params.decay, (1.0 + steps) / (10.0 + steps));
  average[i] += (1.0 - decay) * (values[i] - average[i]);
}
