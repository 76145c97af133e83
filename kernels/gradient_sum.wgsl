// forward:   sum = gradients    or, from the second batch of a step on,    sum += gradients
//
// N: numbers in the flat buffers, in vec4

struct Params { size: u32 }

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> gradients: array<vec4f>;  // [N]
@group(0) @binding(1) var<storage, read> earlier: array<u32>;      // [1], the batches before it in the step
@group(0) @binding(2) var<storage, read_write> sum: array<vec4f>;  // [N]

@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.size) { return; }
  var total = gradients[i];
  if (earlier[0] != 0u) { total += sum[i]; }
  sum[i] = total;
}
