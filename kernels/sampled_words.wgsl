// Draws a word of each row from softmax(logits / temperature), kept to the likeliest words: those of the `top` largest
// logits, if `top` is not 0, and of them those that are needed for a share `nucleus` of the probability, if it is below 1.
// Words as likely as the last one kept are kept too. Words in the bit mask `banned`, about the first 32, are not drawn.
//   scores[n] = totals[n] + logits[n, w] - normalizers[n],   w = words[n]
// If no word can be drawn, w = 0 and the score is IMPOSSIBLE.
//
// Nothing is sorted. Floats, as `order` turns their bits around, are ordered as integers are; which one the last
// word kept has is found four bits at a time: the sums above 15 integers are added up in one pass over the row, in the
// same order, so that they cannot contradict each other. The random bits depend on (seed, sentence, step, copy) only.
//
// One workgroup a row. This text follows threefry.wgsl and log_sum.wgsl.
//
// N: rows   V: classes

struct Params {
  rows: u32, classes: u32, banned: u32, top: u32, step: u32, nucleus: f32, inverse_temperature: f32,
  logits_offset: u32, logits_stride: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;        // [N, V]
@group(0) @binding(1) var<storage, read> normalizers: array<f32>;   // [N]
@group(0) @binding(2) var<storage, read> totals: array<f32>;        // [N]
@group(0) @binding(3) var<storage, read> draws: array<u32>;         // [N, 3]: seed, sentence, copy
@group(0) @binding(4) var<storage, read_write> words: array<u32>;   // [N]
@group(0) @binding(5) var<storage, read_write> scores: array<f32>;  // [N]
@group(1) @binding(0) var<uniform> p: Params;

struct Sums { a: vec4f, b: vec4f, c: vec4f, d: vec4f }

var<workgroup> parts: array<Sums, LANES>;

// Keeps the order of floats, in integers; 0 for what cannot be drawn.
fn order(start: u32, v: u32) -> u32 {
  let x = logits[start + v];
  let banned = v < 32u && ((p.banned >> (v & 31u)) & 1u) == 1u;
  if (banned || !(x > POSSIBLE)) { return 0u; }
  let bits = bitcast<u32>(x);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

fn weight(start: u32, v: u32, largest: f32) -> f32 {
  return exp((logits[start + v] - largest) * p.inverse_temperature);
}

fn sums_over_lanes(lane: u32, part: Sums) -> Sums {
  workgroupBarrier();
  parts[lane] = part;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      parts[lane].a += parts[lane + half].a;
      parts[lane].b += parts[lane + half].b;
      parts[lane].c += parts[lane + half].c;
      parts[lane].d += parts[lane + half].d;
    }
    workgroupBarrier();
  }
  return parts[0];
}

// The number and the weight of the words from `lowest` on.
fn kept(lane: u32, start: u32, largest: f32, lowest: u32) -> vec4f {
  var part = vec4f();
  for (var v = lane; v < p.classes; v += LANES) {
    if (order(start, v) >= lowest) { part += vec4f(1.0, weight(start, v, largest), 0.0, 0.0); }
  }
  return sums_over_lanes(lane, Sums(part, vec4f(), vec4f(), vec4f())).a;
}

// The highest integer from which on the words, counted or weighed, amount to `goal`; no lower than `lowest`.
fn threshold(lane: u32, start: u32, largest: f32, lowest: u32, counting: bool, goal: f32) -> u32 {
  var reached = 0u;
  for (var digit = 0u; digit < 8u; digit++) {
    let shift = vec4u(28u - 4u * digit);
    let a = vec4u(reached) + (vec4u(0u, 1u, 2u, 3u) << shift);
    let b = vec4u(reached) + (vec4u(4u, 5u, 6u, 7u) << shift);
    let c = vec4u(reached) + (vec4u(8u, 9u, 10u, 11u) << shift);
    let d = vec4u(reached) + (vec4u(12u, 13u, 14u, 15u) << shift);
    var part = Sums(vec4f(), vec4f(), vec4f(), vec4f());
    for (var v = lane; v < p.classes; v += LANES) {
      let integer = order(start, v);
      if (integer < lowest) { continue; }
      var amount = vec4f(1.0);
      if (!counting) { amount = vec4f(weight(start, v, largest)); }
      part.a += select(vec4f(), amount, vec4u(integer) >= a);
      part.b += select(vec4f(), amount, vec4u(integer) >= b);
      part.c += select(vec4f(), amount, vec4u(integer) >= c);
      part.d += select(vec4f(), amount, vec4u(integer) >= d);
    }
    let total = sums_over_lanes(lane, part);
    let enough = vec4u(total.a >= vec4f(goal)) + vec4u(total.b >= vec4f(goal)) +
                 vec4u(total.c >= vec4f(goal)) + vec4u(total.d >= vec4f(goal));
    let digits = enough.x + enough.y + enough.z + enough.w;  // the sums fall from the first to the last
    reached += (max(digits, 1u) - 1u) << shift.x;
  }
  return max(reached, lowest);
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) { return; }
  let start = p.logits_offset + row * p.logits_stride;
  var largest = IMPOSSIBLE;
  for (var v = lane; v < p.classes; v += LANES) {
    if (order(start, v) != 0u) { largest = max(largest, logits[start + v]); }
  }
  parts[lane].a.x = largest;
  workgroupBarrier();
  for (var i = 0u; i < LANES; i++) { largest = max(largest, parts[i].a.x); }
  var lowest = 1u;
  if (p.top != 0u) { lowest = threshold(lane, start, largest, lowest, true, f32(p.top)); }
  if (p.nucleus < 1.0) {
    let goal = p.nucleus * kept(lane, start, largest, lowest).y;
    lowest = threshold(lane, start, largest, lowest, false, goal);
  }

  // Each lane has a block of words, so that the words are drawn in their order.
  let block = (p.classes + LANES - 1u) / LANES;
  var sum = 0.0;
  for (var v = lane * block; v < min((lane + 1u) * block, p.classes); v++) {
    if (order(start, v) >= lowest) { sum += weight(start, v, largest); }
  }
  workgroupBarrier();
  parts[lane].a.x = sum;
  workgroupBarrier();
  if (lane != 0u) { return; }
  var total = 0.0;
  for (var i = 0u; i < LANES; i++) { total += parts[i].a.x; }
  words[row] = 0u;
  scores[row] = IMPOSSIBLE;
  if (total == 0.0) { return; }
  let bits = threefry(vec2u(draws[3u * row], draws[3u * row + 1u]), vec2u(p.step, draws[3u * row + 2u])).x;
  let goal = f32(bits >> 8u) * 0x1p-24 * total;  // below the total, as the factor is a multiple of 2^-24 below 1
  var chosen = 0u;
  var before = 0.0;
  for (; before + parts[chosen].a.x <= goal; chosen++) { before += parts[chosen].a.x; }
  sum = 0.0;
  for (var v = chosen * block; v < p.classes; v++) {
    if (order(start, v) < lowest) { continue; }
    sum += weight(start, v, largest);
    if (before + sum > goal) {
      words[row] = v;
      scores[row] = totals[row] + (logits[start + v] - normalizers[row]);
      return;
    }
  }
}
