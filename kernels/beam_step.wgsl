// One step of beam search. The candidates of a sentence are the K best words of each of its B hypotheses, c = b K + k, and
// are ranked by score, the lower c first where two are equal. Then
// - `end` among the first B finishes its hypothesis: it goes to the next free of the first B places of `finished`;
// - of the other words the first B, with their hypotheses, are the new hypotheses;
// - at the sentence's last step these go to the other B places of `finished`, cut off.
// A sentence with B finished hypotheses, or past its last step, is over: its hypotheses stay where they are.
// With K = 1, which is for B = 1, a hypothesis that finishes keeps its place, as there is none to take it.
//
// Each candidate counts by itself which others come before it, so nothing is sorted and no invocation waits.
// One workgroup a sentence.
//
// S: sentences   B: beam   K: count   T: steps
// A finished hypothesis: the bits of its log-probability and of its score, the step, the row it comes from, its last word.

struct Params {
  sentences: u32, beam: u32, count: u32, step: u32, end: u32, padding: u32, inverse_penalty: f32, links_offset: u32,
}

override LANES: u32 = 8u;

const POSSIBLE = -1e29;

@group(0) @binding(0) var<storage, read> words: array<u32>;           // [S B, K]
@group(0) @binding(1) var<storage, read> scores: array<f32>;          // [S B, K]: log-probabilities of all words so far
@group(0) @binding(2) var<storage, read> limits: array<u32>;          // [S]: steps
@group(0) @binding(3) var<storage, read> penalties: array<f32>;       // [S B]
@group(0) @binding(4) var<storage, read_write> links: array<u32>;     // [2, S B]: the row each hypothesis comes from; its word
@group(0) @binding(5) var<storage, read_write> totals: array<f32>;    // [S B]: the score of each
@group(0) @binding(6) var<storage, read_write> counts: array<u32>;    // [T + 1, S]: finished before each step
@group(0) @binding(7) var<storage, read_write> finished: array<u32>;  // [S, 2 B, 5]
@group(1) @binding(0) var<uniform> p: Params;

fn link(row: u32, parent: u32, word: u32) {
  links[p.links_offset + row] = parent;
  links[p.links_offset + p.sentences * p.beam + row] = word;
}

fn finish(sentence: u32, place: u32, score: f32, parent: u32, word: u32) {
  let at = (sentence * 2u * p.beam + place) * 5u;
  finished[at] = bitcast<u32>(score);
  finished[at + 1u] = bitcast<u32>(score * p.inverse_penalty + penalties[parent]);
  finished[at + 2u] = p.step;
  finished[at + 3u] = parent;
  finished[at + 4u] = word;
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let sentence = group.y * groups.x + group.x;
  if (sentence >= p.sentences) { return; }
  let first_row = sentence * p.beam;
  let count = counts[p.step * p.sentences + sentence];
  let count_after = (p.step + 1u) * p.sentences + sentence;
  if (count >= p.beam || p.step >= limits[sentence]) {
    for (var b = lane; b < p.beam; b += LANES) { link(first_row + b, first_row + b, p.padding); }
    if (lane == 0u) { counts[count_after] = count; }
    return;
  }
  let last = p.step + 1u >= limits[sentence];
  let first = first_row * p.count;
  let candidates = p.beam * p.count;
  for (var c = lane; c < candidates; c += LANES) {
    let score = scores[first + c];
    let word = words[first + c];
    let parent = first_row + c / p.count;
    let possible = score > POSSIBLE;
    var rank = 0u;
    var ends = 0u;     // among those before this one
    var endings = 0u;  // those of them that finish, if they are among the first B
    for (var d = 0u; d < candidates; d++) {
      let other = scores[first + d];
      if (other > score || (other == score && d < c)) {
        rank++;
        if (words[first + d] == p.end) {
          ends++;
          if (other > POSSIBLE) { endings++; }
        }
      }
    }
    let finishes = word == p.end && possible && rank < p.beam;
    if (finishes && count + endings < p.beam) { finish(sentence, count + endings, score, parent, word); }
    if (rank == p.beam - 1u) { counts[count_after] = min(p.beam, count + endings + u32(finishes)); }
    let place = rank - ends;
    if ((word == p.end && p.count > 1u) || place >= p.beam) { continue; }
    link(first_row + place, parent, word);
    totals[first_row + place] = score;
    if (last && word != p.end) { finish(sentence, p.beam + place, score, parent, word); }
  }
}
