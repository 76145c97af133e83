// The softmax of a row of logits, one workgroup a row, and the gradient of its cross-entropy. Functions only: the text of
// the kernels of an output layer is this one followed by theirs, which declares `logits`, rows a multiple of four apart,
// and `p.classes`, V.
//
// A row is read twice: once for its maximum and the sum of its exponentials, which is scaled down whenever the maximum
// grows (Milakov & Gimelshein 2018), and once for the gradient. Four logits at a time; the last four of a row may
// hold less than four.

override LANES: u32 = 8u;

const LOWEST = -3.0e38;

struct Softmax {
  largest: f32,
  normalizer: f32,  // the sum of exp(x - largest)
  lane_sum: f32,    // of the logits themselves, those of this lane
}

var<workgroup> parts: array<f32, LANES>;

fn sum_over_lanes(lane: u32, part: f32) -> f32 {
  workgroupBarrier();
  parts[lane] = part;
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < LANES; i++) { total += parts[i]; }
  return total;
}

fn max_over_lanes(lane: u32, part: f32) -> f32 {
  workgroupBarrier();
  parts[lane] = part;
  workgroupBarrier();
  var largest = LOWEST;
  for (var i = 0u; i < LANES; i++) { largest = max(largest, parts[i]); }
  return largest;
}

fn sum_of(x: vec4f) -> f32 { return x.x + x.y + x.z + x.w; }
fn max_of(x: vec4f) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }

fn logit(start: u32, class_index: u32) -> f32 { return logits[start + class_index / 4u][class_index % 4u]; }

// `start`: where the row begins, in fours.
fn softmax_of_row(lane: u32, start: u32) -> Softmax {
  var largest = LOWEST;
  var normalizer = 0.0;
  var sum = 0.0;
  for (var v = lane; v < (p.classes + 3u) / 4u; v += LANES) {
    let inside = vec4u(4u * v) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.classes);
    let x = select(vec4f(LOWEST), logits[start + v], inside);
    let larger = max(largest, max_of(x));
    normalizer = normalizer * exp(largest - larger) + sum_of(exp(x - larger));
    largest = larger;
    sum += sum_of(select(vec4f(), x, inside));
  }
  let row_largest = max_over_lanes(lane, largest);
  return Softmax(row_largest, sum_over_lanes(lane, normalizer * exp(largest - row_largest)), sum);
}

fn log_normalizer(softmax: Softmax) -> f32 { return softmax.largest + log(softmax.normalizer); }

// Overwrites the logits with `weight` times the gradient of the cross-entropy with the class `wanted`; with that of the
// mean over the classes if there is no such class. All lanes must have read what they need of the logits.
fn overwrite_with_gradient(lane: u32, start: u32, softmax: Softmax, wanted: u32, weight: f32, smoothing: f32) {
  storageBarrier();
  let factor = weight / softmax.normalizer;
  let everywhere = weight * smoothing / f32(p.classes);
  for (var v = lane; v < (p.classes + 3u) / 4u; v += LANES) {
    logits[start + v] = factor * exp(logits[start + v] - softmax.largest) - everywhere;
  }
  storageBarrier();
  if (lane == 0u && wanted < p.classes) { logits[start + wanted / 4u][wanted % 4u] -= weight * (1.0 - smoothing); }
}

fn overwrite_with_zeros(lane: u32, start: u32) {
  for (var v = lane; v < (p.classes + 3u) / 4u; v += LANES) { logits[start + v] = vec4f(); }
}
