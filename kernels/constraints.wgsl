// Words that a hypothesis may not go on with become impossible; one workgroup a row.
//
// force:      where forced[s] is not 0, all words but forced[s] - 1
// no_repeat:  where it is 0, each w with which the last G words of the history, w included, would stand there twice
// extend:     extended[n] = the history of the row that links[0, n] names, and the word links[1, n]
//
// N: rows, C of them a sentence   V: classes   T: words so far   G: size

struct Params {
  rows: u32, classes: u32, copies: u32, size: u32, length: u32,
  forced_offset: u32, links_offset: u32, logits_offset: u32, logits_stride: u32,
}

override LANES: u32 = 8u;

const IMPOSSIBLE = -1e30;

@group(0) @binding(0) var<storage, read> forced: array<u32>;        // [N / C]
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;  // [N, V]
@group(0) @binding(2) var<storage, read> history: array<u32>;       // [N, T]

@group(0) @binding(0) var<storage, read> history_saved: array<u32>;   // [N, T]
@group(0) @binding(1) var<storage, read> links: array<u32>;           // [2, N]
@group(0) @binding(2) var<storage, read_write> extended: array<u32>;  // [N, T + 1]

@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn force(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
         @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let word = forced[p.forced_offset + row / p.copies];
  if (word == 0u) { return; }
  let start = p.logits_offset + row * p.logits_stride;
  for (var v = lane; v < p.classes; v += LANES) { if (v != word - 1u) { logits[start + v] = IMPOSSIBLE; } }
}

@compute @workgroup_size(LANES)
fn no_repeat(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
             @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows || forced[p.forced_offset + row / p.copies] != 0u) { return; }
  let before = row * p.length;
  let last = before + p.length + 1u - p.size;  // where the last G - 1 words begin
  for (var i = before + lane; i + p.size <= before + p.length; i += LANES) {
    var same = true;
    for (var j = 0u; j + 1u < p.size; j++) { same = same && history[i + j] == history[last + j]; }
    if (same) { logits[p.logits_offset + row * p.logits_stride + history[i + p.size - 1u]] = IMPOSSIBLE; }
  }
}

@compute @workgroup_size(LANES)
fn extend(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let parent = links[p.links_offset + row] * p.length;
  let start = row * (p.length + 1u);
  for (var i = lane; i < p.length; i += LANES) { extended[start + i] = history_saved[parent + i]; }
  if (lane == 0u) { extended[start + p.length] = links[p.links_offset + p.rows + row]; }
}
