// The K likeliest words of each row, in order, the lower number first where two are equally likely:
//   scores[n, k] = totals[n] + logits[n, w] - log(sum over v of exp(logits[n, v])),   w = words[n, k]
// Words in the bit mask `banned`, which is about the first 32, come last, with the score IMPOSSIBLE.
//
// The row is read once. Its words are dealt out to the lanes, and each lane keeps its best; once that one is taken, all
// lanes look for the next best among that lane's words. One workgroup a row. This text follows log_sum.wgsl.
//
// N: rows   V: classes   K: count, at most V

struct Params { rows: u32, classes: u32, count: u32, banned: u32, logits_offset: u32, logits_stride: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;        // [N, V]
@group(0) @binding(1) var<storage, read> totals: array<f32>;        // [N]
@group(0) @binding(2) var<storage, read_write> words: array<u32>;   // [N, K]
@group(0) @binding(3) var<storage, read_write> scores: array<f32>;  // [N, K]
@group(0) @binding(4) var<storage, read> normalizers: array<f32>;   // [N]
@group(1) @binding(0) var<uniform> p: Params;

const NONE = -3e38;

struct Word { logit: f32, id: u32 }

var<workgroup> best: array<Word, LANES>;   // of each lane's words that are left
var<workgroup> found: array<Word, LANES>;  // by each lane, among the words of one of them

fn precedes(a: Word, b: Word) -> bool { return a.logit > b.logit || (a.logit == b.logit && a.id < b.id); }

fn word(start: u32, v: u32) -> Word {
  let banned = v < 32u && ((p.banned >> (v & 31u)) & 1u) == 1u;
  return Word(select(max(logits[start + v], IMPOSSIBLE), IMPOSSIBLE, banned), v);
}

// Leaves each lane's best word, and returns the logarithm of the row's normalizer.
fn read_row(lane: u32, start: u32) -> f32 {
  var first = Word(NONE, p.classes);
  var sum = no_terms();
  for (var v = lane; v < p.classes; v += LANES) {
    sum = with_term(sum, max(logits[start + v], IMPOSSIBLE));
    let other = word(start, v);
    if (other.logit > first.logit) { first = other; }
  }
  best[lane] = first;
  return log_sum_over_lanes(lane, sum);
}

fn write_row(lane: u32, row: u32, start: u32, normalizer: f32) {
  for (var k = 0u; k < p.count; k++) {
    workgroupBarrier();
    var winner = 0u;
    for (var i = 1u; i < LANES; i++) { if (precedes(best[i], best[winner])) { winner = i; } }
    let taken = best[winner];
    if (lane == 0u) {
      words[row * p.count + k] = taken.id;
      let possible = taken.logit > POSSIBLE;
      scores[row * p.count + k] = select(IMPOSSIBLE, totals[row] + (taken.logit - normalizer), possible);
    }
    if (k + 1u == p.count) { return; }
    var next = Word(NONE, p.classes);
    for (var v = winner + lane * LANES; v < p.classes; v += LANES * LANES) {
      let other = word(start, v);
      if (precedes(taken, other) && precedes(other, next)) { next = other; }
    }
    found[lane] = next;
    workgroupBarrier();
    if (lane == 0u) {
      for (var i = 1u; i < LANES; i++) { if (precedes(found[i], next)) { next = found[i]; } }
      best[winner] = next;
    }
  }
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let start = p.logits_offset + row * p.logits_stride;
  let normalizer = read_row(lane, start);
  write_row(lane, row, start, normalizer);
}

// With the normalizers of the logits as they were before some were made impossible.
@compute @workgroup_size(LANES)
fn forward_normalized(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                      @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let start = p.logits_offset + row * p.logits_stride;
  read_row(lane, start);
  write_row(lane, row, start, normalizers[row]);
}
