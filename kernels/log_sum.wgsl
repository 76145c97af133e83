// The logarithm of a sum of exponentials that a workgroup adds up, scaled down whenever the largest term grows (Milakov
// and Gimelshein 2018). Functions only: the text of kernels that need it is
// log_add.wgsl, this one, and theirs.

override LANES: u32 = 8u;

const POSSIBLE = -1e29;    // logarithms of real probabilities are above

struct LogSum {
  largest: f32,
  sum: f32,  // of exp(x - largest)
}

fn no_terms() -> LogSum { return LogSum(IMPOSSIBLE, 0.0); }

fn with_term(s: LogSum, x: f32) -> LogSum {
  let e = exp(-abs(x - s.largest));
  if (x > s.largest) { return LogSum(x, s.sum * e + 1.0); }
  return LogSum(s.largest, s.sum + e);
}

var<workgroup> lane_sums: array<LogSum, LANES>;

// The sums of all lanes, as a logarithm.
fn log_sum_over_lanes(lane: u32, s: LogSum) -> f32 {
  workgroupBarrier();
  lane_sums[lane] = s;
  workgroupBarrier();
  var largest = IMPOSSIBLE;
  for (var i = 0u; i < LANES; i++) { largest = max(largest, lane_sums[i].largest); }
  var sum = 0.0;
  for (var i = 0u; i < LANES; i++) { sum += lane_sums[i].sum * exp(lane_sums[i].largest - largest); }
  return largest + log(sum);
}
