// The WGSL of additive attention's way back to keys, score and coverage weight, over all decoder steps at once; what
// scores are is said in attention_scores.ts.
//
// S: source steps   T: decoder steps   B: batch   A: attention width
// One workgroup a row of a source step. Its lanes take four columns, a part, at a time.

import { additive, covered, uncovered } from "./attention_scores.ts";
import { numberBindings } from "./attention_step.ts";

const common = `
struct Params {
  steps: u32, source: u32, batch: u32, width: u32,
  queries_offset: u32, keys_offset: u32, dscores_offset: u32, coverage_offset: u32, dkeys_offset: u32,
  accumulate_dkeys: u32,
}

override LANES: u32 = 8u;

alias Part = vec4f;
const PART = 4u;

@group(0) @binding(_) var<storage, read> queries: array<Part>;              // [T, B, A]
@group(0) @binding(_) var<storage, read> keys: array<Part>;                 // [S, B, A]
@group(0) @binding(_) var<storage, read> dscores: array<f32>;               // [T, B, S]
@group(0) @binding(_) var<storage, read_write> dkeys: array<Part>;          // [S, B, A]
@group(0) @binding(_) var<storage, read_write> dscore_parts: array<Part>;   // [S, B, A]: shares of the gradient of score
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn backward_keys(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                 @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;  // s, b
  if (row >= p.source * p.batch) { return; }
  let b = row % p.batch;
  let s = row / p.batch;
  let width = p.width / PART;
  for (var a = lane; a < width; a += LANES) {
    let i = row * width + a;
    let key = keys[p.keys_offset / PART + i];
    var dkey = Part();
    var dscore = Part();
    var dcovered = Part();
    for (var step = 0u; step < p.steps; step++) {
      let at = (step * p.batch + b) * p.source + s;
      let seen = coverage_at(at);
      let query = queries[p.queries_offset / PART + (step * p.batch + b) * width + a];
      let t = meet(query, covered(key, a, seen));
      let d = dscores[p.dscores_offset + at];
      let dkey_now = d * (1.0 - t * t);
      dkey += dkey_now;
      dcovered += seen * dkey_now;
      dscore += d * t;
    }
    dscore_parts[i] = dscore;
    leave_coverage(i, factor(a) * dcovered);
    dkey *= factor(a);
    let out = p.dkeys_offset / PART + i;
    if (p.accumulate_dkeys != 0u) { dkey += dkeys[out]; }
    dkeys[out] = dkey;
  }
}
`;

const leave = `
@group(0) @binding(_) var<storage, read_write> dcoverage_parts: array<Part>;  // [S, B, A]: shares of that of coverage_weight

fn leave_coverage(i: u32, share: Part) { dcoverage_parts[i] = share; }
`;
const leaveNothing = `
fn leave_coverage(i: u32, share: Part) {}
`;

/** Writes the WGSL, with the entry point `backward_keys`. */
export function attentionKeys(score: "additive" | "covered"): string {
  const pieces = score === "covered" ? covered + leave : uncovered + leaveNothing;
  return numberBindings(common + additive + pieces);
}
