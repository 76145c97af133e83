// Clipping and the step of an optimizer, over all parameters at once. g is the clipped gradient, with the penalty
// weight_decay w added but for adamw; b1 and b2 are beta1 and beta2, r the learning rate.
//   adam      m = b1 m + (1 - b1) g    v = b2 v + (1 - b2) g^2    w -= r / c1  m / (sqrt(v) / sqrt(c2) + epsilon)
//   adamw     the same, and before it    w -= r weight_decay w
//   sgd       m = b1 m + g    w -= r m    with Nesterov's momentum    w -= r (g + b1 m)
//   adadelta  v = b2 v + (1 - b2) g^2    d = sqrt(m + epsilon) / sqrt(v + epsilon) g    m = b2 m + (1 - b2) d^2    w -= r d
//   rmsprop   v = b2 v + (1 - b2) g^2    m = b1 m + g / (sqrt(v) + epsilon)    w -= r m
// with c = 1 - b^t. Powers are not computed but carried on, c(t) = b c(t-1) + (1 - b): exact from t = 1 on.
// A step whose sum of squares is not finite changes nothing and is counted. So is, after so many of them in a row, every step.
// In half precision gradients come multiplied by the loss scale (Micikevicius et al. 2018), which is halved after such
// a step and doubled after so many good ones in a row. Where it is above 1 gradients may overflow because of it, and such steps
// are none of those in a row.
//
// N: numbers in the flat buffers that are learned, in vec4   P: partial sums

struct Params {
  size: u32, max_norm: f32, max_value: f32, beta1: f32, one_minus_beta1: f32, beta2: f32, one_minus_beta2: f32,
  epsilon: f32, weight_decay: f32, nesterov: u32,
  scale_growth_steps: u32,  // 0: no loss scale
  most_skipped: u32, parts: u32,
}

// What one step hands to the next; saved with a checkpoint.
struct Control {
  c1: f32, c2: f32, norm: f32, clip: f32, steps: u32, skipped: u32, skip: u32, norms: f32,
  loss_scale: f32, good_steps: u32, skipped_in_a_row: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> gradients: array<vec4f>;  // [N]
@group(0) @binding(1) var<storage, read_write> parts: array<f32>;  // [P]

@group(0) @binding(0) var<storage, read> parts_saved: array<f32>;        // [P]
@group(0) @binding(1) var<storage, read_write> control: array<Control>;  // [1]

@group(0) @binding(1) var<storage, read> control_saved: array<Control>;  // [1]
@group(0) @binding(2) var<storage, read> learning_rate: array<f32>;      // [1]
@group(0) @binding(3) var<storage, read_write> values: array<vec4f>;     // [N]
@group(0) @binding(4) var<storage, read_write> m: array<vec4f>;          // [N]
@group(0) @binding(5) var<storage, read_write> v: array<vec4f>;          // [N]

@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

// Each of P workgroups adds up its share of the squares.
@compute @workgroup_size(WORKGROUP)
fn square_sums(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let apart = params.parts * WORKGROUP;
  var sum = vec4f();
  var i = group.x * WORKGROUP + lane;
  for (; i + 3u * apart < params.size; i += 4u * apart) {  // four loads on their way at once
    let a = gradients[i];
    let b = gradients[i + apart];
    let c = gradients[i + 2u * apart];
    let d = gradients[i + 3u * apart];
    sum += a * a;
    sum += b * b;
    sum += c * c;
    sum += d * d;
  }
  for (; i < params.size; i += apart) { sum += gradients[i] * gradients[i]; }
  let total = over_lanes(lane, sum.x + sum.y + sum.z + sum.w);
  if (lane == 0u) { parts[group.x] = total; }
}

// For lane 0 the sum of what all lanes have.
fn over_lanes(lane: u32, value: f32) -> f32 {
  sums[lane] = value;
  workgroupBarrier();
  var total = 0.0;
  if (lane == 0u) {
    for (var i = 0u; i < WORKGROUP; i++) { total += sums[i]; }
  }
  return total;
}

fn skip() {
  control[0].skip = 1u;
  control[0].skipped += 1u;
  if (params.scale_growth_steps == 0u) {
    control[0].skipped_in_a_row += 1u;
    return;
  }
  if (control[0].loss_scale <= 1.0) { control[0].skipped_in_a_row += 1u; }
  control[0].loss_scale = max(1.0, 0.5 * control[0].loss_scale);
  control[0].good_steps = 0u;
}

// The norm, the factor that clips it, and the step's corrections.
@compute @workgroup_size(WORKGROUP)
fn prepare(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < params.parts; i += WORKGROUP) { sum += parts_saved[i]; }
  let total = over_lanes(lane, sum);
  if (lane != 0u) { return; }
  // By bit pattern: comparisons with NaN are not reliable on every adapter.
  let finite = (bitcast<u32>(total) & 0x7fffffffu) < 0x7f800000u;
  if (!finite || control[0].skipped_in_a_row >= params.most_skipped) {
    skip();
    return;
  }
  var scale = 1.0;
  if (params.scale_growth_steps > 0u) {
    scale = control[0].loss_scale;
    control[0].good_steps += 1u;
    if (control[0].good_steps == params.scale_growth_steps) {
      control[0].loss_scale = 2.0 * scale;
      control[0].good_steps = 0u;
    }
  }
  let norm = sqrt(total) / scale;
  control[0].skip = 0u;
  control[0].skipped_in_a_row = 0u;
  control[0].norm = norm;
  control[0].norms += norm;
  control[0].clip = min(1.0, params.max_norm / (norm + 1e-6)) / scale;
  control[0].c1 = params.beta1 * control[0].c1 + params.one_minus_beta1;
  control[0].c2 = params.beta2 * control[0].c2 + params.one_minus_beta2;
  control[0].steps += 1u;
}

// The element of an invocation, or N if there is nothing for it to do.
fn element(group: vec3u, groups: vec3u, lane: u32) -> u32 {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  return select(params.size, i, i < params.size && control_saved[0].skip == 0u);
}

fn clipped(i: u32) -> vec4f {
  return clamp(gradients[i] * control_saved[0].clip, vec4f(-params.max_value), vec4f(params.max_value));
}

fn penalized(i: u32) -> vec4f {
  return clipped(i) + params.weight_decay * values[i];
}

fn mean_of_squares(i: u32, g: vec4f) -> vec4f {
  let square = params.beta2 * v[i] + params.one_minus_beta2 * g * g;
  v[i] = square;
  return square;
}

fn adam_change(i: u32, g: vec4f) -> vec4f {
  let mean = params.beta1 * m[i] + params.one_minus_beta1 * g;
  m[i] = mean;
  let denominator = sqrt(mean_of_squares(i, g)) / sqrt(control_saved[0].c2) + params.epsilon;
  return learning_rate[0] / control_saved[0].c1 * mean / denominator;
}

@compute @workgroup_size(WORKGROUP)
fn adam(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let i = element(group, groups, lane);
  if (i == params.size) { return; }
  values[i] -= adam_change(i, penalized(i));
}

@compute @workgroup_size(WORKGROUP)
fn adamw(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
         @builtin(local_invocation_index) lane: u32) {
  let i = element(group, groups, lane);
  if (i == params.size) { return; }
  let decayed = values[i] - learning_rate[0] * params.weight_decay * values[i];
  values[i] = decayed - adam_change(i, clipped(i));
}

@compute @workgroup_size(WORKGROUP)
fn sgd(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
       @builtin(local_invocation_index) lane: u32) {
  let i = element(group, groups, lane);
  if (i == params.size) { return; }
  let g = penalized(i);
  let velocity = params.beta1 * m[i] + g;
  m[i] = velocity;
  values[i] -= learning_rate[0] * select(velocity, g + params.beta1 * velocity, params.nesterov != 0u);
}

@compute @workgroup_size(WORKGROUP)
fn adadelta(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = element(group, groups, lane);
  if (i == params.size) { return; }
  let g = penalized(i);
  let change = sqrt(m[i] + params.epsilon) / sqrt(mean_of_squares(i, g) + params.epsilon) * g;
  m[i] = params.beta2 * m[i] + params.one_minus_beta2 * change * change;
  values[i] -= learning_rate[0] * change;
}

@compute @workgroup_size(WORKGROUP)
fn rmsprop(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = element(group, groups, lane);
  if (i == params.size) { return; }
  let g = penalized(i);
  let velocity = params.beta1 * m[i] + g / (sqrt(mean_of_squares(i, g)) + params.epsilon);
  m[i] = velocity;
  values[i] -= learning_rate[0] * velocity;
}
