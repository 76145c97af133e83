// How much each source word has been attended to before a decoder step (See et al. 2017, section 2.3):
//   forward:   coverage[t + 1] = coverage[t] + weights[t]
//   backward:  dcoverage[t] += dcoverage[t + 1]     dweights[t] += dcoverage[t + 1]
//
// T: decoder steps   N: size of a step

struct Params {
  size: u32, previous: u32, current: u32,  // where coverage[t] and coverage[t + 1] stand
  weights_offset: u32, coverage_offset: u32, dweights_offset: u32, dcoverage_offset: u32,
  accumulate_dweights: u32, accumulate_dcoverage: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> weights: array<f32>;         // [N] at step t
@group(0) @binding(1) var<storage, read_write> coverage: array<f32>;  // [T, N]

@group(0) @binding(0) var<storage, read_write> dweights: array<f32>;   // [N] at step t
@group(0) @binding(1) var<storage, read_write> dcoverage: array<f32>;  // [T, N]

@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.size) { return; }
  coverage[p.current + i] = coverage[p.previous + i] + weights[p.weights_offset + i];
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.size) { return; }
  let gradient = dcoverage[p.current + i];
  var dbefore = gradient;
  if (p.accumulate_dcoverage != 0u) { dbefore += dcoverage[p.previous + i]; }
  dcoverage[p.previous + i] = dbefore;
  let w = p.dweights_offset + i;
  var dweight = gradient;
  if (p.accumulate_dweights != 0u) { dweight += dweights[w]; }
  dweights[w] = dweight;
}
