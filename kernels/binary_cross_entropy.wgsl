// Binary cross-entropy of logits, for labels of 0 and 1, with label smoothing; stable for logits of any size:
//   y    = (1 - smoothing) label + smoothing / 2
//   loss = max(x, 0) - x y + log(1 + exp(-|x|))
//   dx  += scale[0] (1 / (1 + exp(-x)) - y)        scale[0]: one over the number of rows that count
// Rows whose label is `ignored` give loss and gradient 0. A row is right if x > 0 and its label says the same.
//
// N: rows

struct Params { rows: u32, ignored: u32, smoothing: f32, logits_offset: u32, dlogits_offset: u32, accumulate_dlogits: u32 }

override LANES: u32 = 8u;
override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> logits: array<f32>;        // [N]
@group(0) @binding(1) var<storage, read> labels: array<u32>;        // [N]
@group(0) @binding(2) var<storage, read_write> totals: array<f32>;  // [3], added to: losses, losses without smoothing, right rows

@group(0) @binding(0) var<storage, read> logits_saved: array<f32>;  // [N]
@group(0) @binding(2) var<storage, read> scale: array<f32>;         // [1]
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>; // [N]

@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> parts: array<vec3f, LANES>;

fn smooth_label(label: u32) -> f32 {
  return (1.0 - p.smoothing) * f32(label) + 0.5 * p.smoothing;
}

// One workgroup for all rows, so that totals are added to in a fixed order.
@compute @workgroup_size(LANES)
fn forward(@builtin(local_invocation_index) lane: u32) {
  var sums = vec3f();
  for (var row = lane; row < p.rows; row += LANES) {
    let label = labels[row];
    if (label == p.ignored) { continue; }
    let x = logits[p.logits_offset + row];
    let rest = max(x, 0.0) + log(1.0 + exp(-abs(x)));
    let right = select(0.0, 1.0, (x > 0.0) == (label == 1u));
    sums += vec3f(rest - x * smooth_label(label), rest - x * f32(label), right);
  }
  parts[lane] = sums;
  workgroupBarrier();
  if (lane > 0u) { return; }
  for (var other = 1u; other < LANES; other++) { sums += parts[other]; }
  for (var i = 0u; i < 3u; i++) { totals[i] += sums[i]; }
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (row >= p.rows) { return; }
  let x = logits_saved[p.logits_offset + row];
  let small = exp(-abs(x));
  let probability = select(small, 1.0, x >= 0.0) / (1.0 + small);
  var gradient = scale[0] * (probability - smooth_label(labels[row]));
  if (labels[row] == p.ignored) { gradient = 0.0; }
  if (p.accumulate_dlogits != 0u) { gradient += dlogits[p.dlogits_offset + row]; }
  dlogits[p.dlogits_offset + row] = gradient;
}
