// Gradient-norm clipping (Pascanu et al. 2013) and Adam (Kingma & Ba 2015) over all parameters at once:
//   m = beta1 m + (1 - beta1) g    v = beta2 v + (1 - beta2) g^2    w -= rate / c1  m / (sqrt(v) / sqrt(c2) + epsilon)
// with c = 1 - beta^t. Powers are not computed but carried on, c(t) = beta c(t-1) + (1 - beta): exact from t = 1 on.
// A step with a gradient that is not finite changes nothing and is counted.
// In half precision gradients come multiplied by the loss scale (Micikevicius et al. 2018), which is halved after such
// a step and doubled after so many good ones in a row.
//
// N: numbers in the flat buffers, in vec4   P: partial sums

struct Params {
  size: u32, max_norm: f32, beta1: f32, one_minus_beta1: f32, beta2: f32, one_minus_beta2: f32, epsilon: f32,
  scale_growth_steps: u32,  // 0: no loss scale
}

// What one step hands to the next; saved with a checkpoint.
struct Control {
  c1: f32, c2: f32, norm: f32, clip: f32, steps: u32, skipped: u32, skip: u32, norms: f32,
  loss_scale: f32, good_steps: u32,
}

override WORKGROUP: u32 = 64u;
override PARTS: u32 = 64u;

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
  var sum = vec4f();
  for (var i = group.x * WORKGROUP + lane; i < params.size; i += PARTS * WORKGROUP) {
    sum += gradients[i] * gradients[i];
  }
  sums[lane] = sum.x + sum.y + sum.z + sum.w;
  workgroupBarrier();
  if (lane != 0u) { return; }
  var total = 0.0;
  for (var i = 0u; i < WORKGROUP; i++) { total += sums[i]; }
  parts[group.x] = total;
}

// The norm, the factor that clips it, and the step's corrections.
@compute @workgroup_size(1)
fn prepare() {
  var total = 0.0;
  for (var i = 0u; i < PARTS; i++) { total += parts_saved[i]; }
  // By bit pattern: comparisons with NaN are not reliable on every adapter.
  if ((bitcast<u32>(total) & 0x7fffffffu) >= 0x7f800000u) {
    control[0].skip = 1u;
    control[0].skipped += 1u;
    if (params.scale_growth_steps > 0u) {
      control[0].loss_scale = max(1.0, 0.5 * control[0].loss_scale);
      control[0].good_steps = 0u;
    }
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
  control[0].norm = norm;
  control[0].norms += norm;
  control[0].clip = min(1.0, params.max_norm / (norm + 1e-6)) / scale;
  control[0].c1 = params.beta1 * control[0].c1 + params.one_minus_beta1;
  control[0].c2 = params.beta2 * control[0].c2 + params.one_minus_beta2;
  control[0].steps += 1u;
}

@compute @workgroup_size(WORKGROUP)
fn update(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
          @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let step = control_saved[0];
  if (i >= params.size || step.skip != 0u) { return; }
  let g = gradients[i] * step.clip;
  let mean = params.beta1 * m[i] + params.one_minus_beta1 * g;
  let square = params.beta2 * v[i] + params.one_minus_beta2 * g * g;
  m[i] = mean;
  v[i] = square;
  let denominator = sqrt(square) / sqrt(step.c2) + params.epsilon;
  values[i] -= learning_rate[0] / step.c1 * mean / denominator;
}
