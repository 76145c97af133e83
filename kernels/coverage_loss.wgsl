// What it costs to attend to the same source words again (See et al. 2017, equation 12):
//   losses[t, b] = factor sum over s of min(weights[t, b, s], coverage[t, b, s])     for t < lengths[b], else 0
//   totals[0]   += sum of losses
// and the gradient, times scale[0]: that of the smaller of the two is 1, where they are alike that of the coverage.
//
// T: decoder steps   B: batch   S: source steps

struct Params {
  rows: u32, batch: u32, source: u32, factor: f32,
  weights_offset: u32, coverage_offset: u32, totals_offset: u32, dweights_offset: u32, dcoverage_offset: u32,
  accumulate_dweights: u32, accumulate_dcoverage: u32,
}

override LANES: u32 = 8u;
override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> weights: array<f32>;           // [T, B, S]
@group(0) @binding(1) var<storage, read> coverage: array<f32>;          // [T, B, S]
@group(0) @binding(2) var<storage, read> lengths: array<u32>;           // [B]
@group(0) @binding(3) var<storage, read_write> losses: array<f32>;      // [T, B]

@group(0) @binding(0) var<storage, read> losses_saved: array<f32>;      // [T, B]
@group(0) @binding(1) var<storage, read_write> totals: array<f32>;      // [1 or more]

@group(0) @binding(3) var<storage, read> scale: array<f32>;             // [1]
@group(0) @binding(4) var<storage, read_write> dweights: array<f32>;    // [T, B, S]
@group(0) @binding(5) var<storage, read_write> dcoverage: array<f32>;   // [T, B, S]

@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> parts: array<f32, LANES>;

fn sum_over_lanes(lane: u32, part: f32) -> f32 {
  parts[lane] = part;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < LANES; i++) { sum += parts[i]; }
  return sum;
}

fn counts(row: u32) -> bool { return row / p.batch < lengths[row % p.batch]; }

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  var part = 0.0;
  if (counts(row)) {
    for (var s = lane; s < p.source; s += LANES) {
      let i = row * p.source + s;
      part += min(weights[p.weights_offset + i], coverage[p.coverage_offset + i]);
    }
  }
  let sum = sum_over_lanes(lane, part);
  if (lane == 0u) { losses[row] = p.factor * sum; }
}

@compute @workgroup_size(LANES)
fn total(@builtin(local_invocation_index) lane: u32) {
  var part = 0.0;
  for (var row = lane; row < p.rows; row += LANES) { part += losses_saved[row]; }
  let sum = sum_over_lanes(lane, part);
  if (lane == 0u) { totals[p.totals_offset] += sum; }
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.rows * p.source) { return; }
  let gradient = select(0.0, p.factor * scale[0], counts(i / p.source));
  let fresh = weights[p.weights_offset + i] < coverage[p.coverage_offset + i];
  var dweight = select(0.0, gradient, fresh);
  if (p.accumulate_dweights != 0u) { dweight += dweights[p.dweights_offset + i]; }
  dweights[p.dweights_offset + i] = dweight;
  var dcovered = select(gradient, 0.0, fresh);
  if (p.accumulate_dcoverage != 0u) { dcovered += dcoverage[p.dcoverage_offset + i]; }
  dcoverage[p.dcoverage_offset + i] = dcovered;
}
