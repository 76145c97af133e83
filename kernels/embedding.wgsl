// forward:   y[n] = weight[ids[n]]
// backward:  dweight[v] += sum over the n with ids[n] = v of dy[n], from first to last
//
// N: tokens   V: vocabulary   E: width
// inverse lists for each v where its tokens stand: [0, V] are offsets into the rest, which are positions n.

struct Params { tokens: u32, vocabulary: u32, width: u32, ids_offset: u32, y_offset: u32, accumulate_dweight: u32 }

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> weight: array<f32>;   // [V, E]
@group(0) @binding(1) var<storage, read> ids: array<u32>;      // [N]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;  // [N, E]

@group(0) @binding(0) var<storage, read> inverse: array<u32>;        // [V + 1 + N]
@group(0) @binding(1) var<storage, read> dy: array<f32>;             // [N, E]
@group(0) @binding(2) var<storage, read_write> dweight: array<f32>;  // [V, E]

@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.tokens * params.width) { return; }
  let id = min(ids[params.ids_offset + i / params.width], params.vocabulary - 1u);
  y[params.y_offset + i] = weight[id * params.width + i % params.width];
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.vocabulary * params.width) { return; }
  let v = i / params.width;
  let column = i % params.width;
  var total = 0.0;
  for (var k = inverse[v]; k < inverse[v + 1u]; k++) {
    total += dy[inverse[params.vocabulary + 1u + k] * params.width + column];
  }
  if (params.accumulate_dweight != 0u) { total += dweight[i]; }
  dweight[i] = total;
}
