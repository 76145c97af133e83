// forward:         y[n] = weight[ids[n]]
// backward:        dweight[v] += sum over the n with ids[n] = v of dy[n], from first to last
// backward_of_ids: the same for ids that the host does not know, into a dweight that has been written: the first n with
//                  an id looks for the others and adds up all of them
// One workgroup a row of what is written, four columns, a part, at a time. Ids past the table's end count as `unknown`.
//
// N: tokens   V: vocabulary   E: width
// inverse lists for each v where its tokens stand: [0, V] are offsets into the rest, which are positions n.

struct Params {
  tokens: u32, vocabulary: u32, width: u32, unknown: u32,
  ids_offset: u32, y_offset: u32, accumulate_dweight: u32,
}

override LANES: u32 = 8u;

alias Part = vec4f;
const PART = 4u;

@group(0) @binding(0) var<storage, read> weight: array<Part>;   // [V, E]
@group(0) @binding(1) var<storage, read> ids: array<u32>;       // [N]
@group(0) @binding(2) var<storage, read_write> y: array<Part>;  // [N, E]

@group(0) @binding(0) var<storage, read> inverse: array<u32>;         // [V + 1 + N]
@group(0) @binding(1) var<storage, read> dy: array<Part>;             // [N, E]
@group(0) @binding(2) var<storage, read_write> dweight: array<Part>;   // [V, E]

@group(0) @binding(0) var<storage, read> ids_saved: array<u32>;        // [N]

@group(1) @binding(0) var<uniform> params: Params;

fn row_of(id: u32) -> u32 { return select(params.unknown, id, id < params.vocabulary); }

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let n = group.y * groups.x + group.x;
  if (n >= params.tokens) { return; }
  let parts = params.width / PART;
  let x = row_of(ids[params.ids_offset + n]) * parts;
  let out = params.y_offset / PART + n * parts;
  for (var i = lane; i < parts; i += LANES) { y[out + i] = weight[x + i]; }
}

@compute @workgroup_size(LANES)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let v = group.y * groups.x + group.x;
  if (v >= params.vocabulary) { return; }
  let parts = params.width / PART;
  let first = params.vocabulary + 1u + inverse[v];
  let end = params.vocabulary + 1u + inverse[v + 1u];
  for (var i = lane; i < parts; i += LANES) {
    var total = Part();
    for (var k = first; k < end; k++) { total += dy[inverse[k] * parts + i]; }
    if (params.accumulate_dweight != 0u) { total += dweight[v * parts + i]; }
    dweight[v * parts + i] = total;
  }
}

@compute @workgroup_size(LANES)
fn backward_of_ids(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                   @builtin(local_invocation_index) lane: u32) {
  let n = group.y * groups.x + group.x;
  if (n >= params.tokens) { return; }
  let v = row_of(ids_saved[params.ids_offset + n]);
  for (var k = 0u; k < n; k++) { if (row_of(ids_saved[params.ids_offset + k]) == v) { return; } }
  let parts = params.width / PART;
  for (var i = lane; i < parts; i += LANES) {
    var total = Part();
    for (var k = n; k < params.tokens; k++) {
      if (row_of(ids_saved[params.ids_offset + k]) == v) { total += dy[k * parts + i]; }
    }
    dweight[v * parts + i] += total;
  }
}
