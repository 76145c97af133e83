// One time step of a GRU in the reset-after form (Cho et al. 2014, as cuDNN and PyTorch have it):
//   r = sigmoid(xr + hr)   z = sigmoid(xz + hz)   n = tanh(xn + r hn)   h = (1 - z) n + z h_previous
// x*: projection of the input, bias included     h*: projection of h_previous, bias included
// Rows that are over (step >= length) keep h_previous.
//
// B: batch   H: hidden   gates in the order r, z, n

struct Params {
  batch: u32, hidden: u32, step: u32,
  previous: u32, current: u32,  // where h_previous and h stand in the states
  projection_offset: u32, recurrent_offset: u32, states_offset: u32, gates_offset: u32,
  dstates_offset: u32, dprojection_offset: u32, drecurrent_offset: u32,
  accumulate_dprojection: u32, accumulate_dstates: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> projection: array<f32>;    // [B, 3 H] at this step
@group(0) @binding(1) var<storage, read> recurrent: array<f32>;     // [B, 3 H] at this step
@group(0) @binding(2) var<storage, read> lengths: array<u32>;       // [B]
@group(0) @binding(3) var<storage, read_write> states: array<f32>;  // [T + 1, B, H]
@group(0) @binding(4) var<storage, read_write> gates: array<f32>;   // [B, 3 H] at this step

@group(0) @binding(0) var<storage, read> states_saved: array<f32>;       // [T + 1, B, H]
@group(0) @binding(1) var<storage, read> gates_saved: array<f32>;        // [B, 3 H] at this step
@group(0) @binding(3) var<storage, read> recurrent_saved: array<f32>;    // [B, 3 H] at this step
@group(0) @binding(4) var<storage, read_write> dstates: array<f32>;      // [T + 1, B, H]
@group(0) @binding(5) var<storage, read_write> dprojection: array<f32>;  // [B, 3 H] at this step
@group(0) @binding(6) var<storage, read_write> drecurrent: array<f32>;   // [B, 3 H] at this step

@group(1) @binding(0) var<uniform> p: Params;

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
// By bit pattern, as clamp() and max() may make a number of NaN.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn bounded_tanh(x: f32) -> f32 { return select(tanh(clamp(x, -15.0, 15.0)), x, is_nan(x)); }

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.batch * p.hidden) { return; }
  let b = i / p.hidden;
  let before = states[p.previous + i];
  if (p.step >= lengths[b]) {
    states[p.current + i] = before;
    return;
  }
  let g = b * 3u * p.hidden + i % p.hidden;
  let x = p.projection_offset + g;
  let h = p.recurrent_offset + g;
  let r = sigmoid(projection[x] + recurrent[h]);
  let z = sigmoid(projection[x + p.hidden] + recurrent[h + p.hidden]);
  let pre = projection[x + 2u * p.hidden] + r * recurrent[h + 2u * p.hidden];
  let n = bounded_tanh(pre);
  states[p.current + i] = (1.0 - z) * n + z * before;
  gates[p.gates_offset + g] = r;
  gates[p.gates_offset + g + p.hidden] = z;
  gates[p.gates_offset + g + 2u * p.hidden] = n;
}

fn write_gradients(g: u32, projected: vec3f, recurrent_n: f32) {
  var d = projected;
  let x = p.dprojection_offset + g;
  if (p.accumulate_dprojection != 0u) {
    d += vec3f(dprojection[x], dprojection[x + p.hidden], dprojection[x + 2u * p.hidden]);
  }
  dprojection[x] = d.x;
  dprojection[x + p.hidden] = d.y;
  dprojection[x + 2u * p.hidden] = d.z;
  let h = p.drecurrent_offset + g;
  drecurrent[h] = projected.x;
  drecurrent[h + p.hidden] = projected.y;
  drecurrent[h + 2u * p.hidden] = recurrent_n;
}

// Writes the gradients of both projections and the direct part of dh_previous; the part that comes through the
// recurrent weights is a matrix product of its own.
@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.batch * p.hidden) { return; }
  let b = i / p.hidden;
  let g = b * 3u * p.hidden + i % p.hidden;
  var dbefore = 0.0;
  if (p.accumulate_dstates != 0u) { dbefore = dstates[p.previous + i]; }
  let dh = dstates[p.current + i];
  if (p.step >= lengths[b]) {
    dstates[p.previous + i] = dbefore + dh;
    write_gradients(g, vec3f(), 0.0);
    return;
  }
  let r = gates_saved[p.gates_offset + g];
  let z = gates_saved[p.gates_offset + g + p.hidden];
  let n = gates_saved[p.gates_offset + g + 2u * p.hidden];
  let dpre_n = (1.0 - n * n) * (1.0 - z) * dh;
  let dpre_r = dpre_n * recurrent_saved[p.recurrent_offset + g + 2u * p.hidden] * r * (1.0 - r);
  let dpre_z = (states_saved[p.previous + i] - n) * dh * z * (1.0 - z);
  write_gradients(g, vec3f(dpre_r, dpre_z, dpre_n), dpre_n * r);
  dstates[p.previous + i] = dbefore + z * dh;
}
