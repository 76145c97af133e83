// One time step of an LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000):
//   i, f, o = sigmoid(...)   g = tanh(...)   c = f c_previous + i g   h = o tanh(c)
// The gates come in as the sum of both projections and are left activated, for the backward pass.
// Rows that are over (step >= length) keep h_previous and c_previous.
//
// B: batch   H: hidden   gates in the order i, f, g, o

struct Params {
  batch: u32, hidden: u32, step: u32,
  previous: u32, current: u32,  // where the states before and after the step stand
  gates_offset: u32, states_offset: u32, cells_offset: u32,
  dstates_offset: u32, dcells_offset: u32, dgates_offset: u32,
  accumulate_dstates: u32, accumulate_dcells: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read_write> gates: array<f32>;   // [B, 4 H] at this step
@group(0) @binding(1) var<storage, read> lengths: array<u32>;       // [B]
@group(0) @binding(2) var<storage, read_write> states: array<f32>;  // [T + 1, B, H]
@group(0) @binding(3) var<storage, read_write> cells: array<f32>;   // [T + 1, B, H]

@group(0) @binding(0) var<storage, read> gates_saved: array<f32>;    // [B, 4 H] at this step
@group(0) @binding(2) var<storage, read> cells_saved: array<f32>;    // [T + 1, B, H]
@group(0) @binding(3) var<storage, read_write> dstates: array<f32>;  // [T + 1, B, H]
@group(0) @binding(4) var<storage, read_write> dcells: array<f32>;   // [T + 1, B, H]
@group(0) @binding(5) var<storage, read_write> dgates: array<f32>;   // [B, 4 H] at this step, before activation

@group(1) @binding(0) var<uniform> p: Params;

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
// By bit pattern, as clamp() and max() may make a number of NaN.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn bounded_tanh(x: f32) -> f32 { return select(tanh(clamp(x, -15.0, 15.0)), x, is_nan(x)); }

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (at >= p.batch * p.hidden) { return; }
  let b = at / p.hidden;
  if (p.step >= lengths[b]) {
    states[p.current + at] = states[p.previous + at];
    cells[p.current + at] = cells[p.previous + at];
    return;
  }
  let x = p.gates_offset + b * 4u * p.hidden + at % p.hidden;
  let i = sigmoid(gates[x]);
  let f = sigmoid(gates[x + p.hidden]);
  let g = bounded_tanh(gates[x + 2u * p.hidden]);
  let o = sigmoid(gates[x + 3u * p.hidden]);
  let c = f * cells[p.previous + at] + i * g;
  cells[p.current + at] = c;
  states[p.current + at] = o * bounded_tanh(c);
  gates[x] = i;
  gates[x + p.hidden] = f;
  gates[x + 2u * p.hidden] = g;
  gates[x + 3u * p.hidden] = o;
}

// Writes the gradients of the gates and of c_previous. That of h_previous comes through the recurrent weights, a
// matrix product of its own; only rows that are over have a direct part.
@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (at >= p.batch * p.hidden) { return; }
  let b = at / p.hidden;
  let x = b * 4u * p.hidden + at % p.hidden;
  let d = p.dgates_offset + x;
  var dh_previous = 0.0;
  if (p.accumulate_dstates != 0u) { dh_previous = dstates[p.previous + at]; }
  var dc_previous = 0.0;
  if (p.accumulate_dcells != 0u) { dc_previous = dcells[p.previous + at]; }
  let dh = dstates[p.current + at];
  let dc_later = dcells[p.current + at];
  if (p.step >= lengths[b]) {
    dstates[p.previous + at] = dh_previous + dh;
    dcells[p.previous + at] = dc_previous + dc_later;
    for (var gate = 0u; gate < 4u; gate++) { dgates[d + gate * p.hidden] = 0.0; }
    return;
  }
  let saved = p.gates_offset + x;
  let i = gates_saved[saved];
  let f = gates_saved[saved + p.hidden];
  let g = gates_saved[saved + 2u * p.hidden];
  let o = gates_saved[saved + 3u * p.hidden];
  let tanh_c = bounded_tanh(cells_saved[p.current + at]);
  let dc = dc_later + dh * o * (1.0 - tanh_c * tanh_c);
  dgates[d] = dc * g * i * (1.0 - i);
  dgates[d + p.hidden] = dc * cells_saved[p.previous + at] * f * (1.0 - f);
  dgates[d + 2u * p.hidden] = dc * i * (1.0 - g * g);
  dgates[d + 3u * p.hidden] = dh * tanh_c * o * (1.0 - o);
  dstates[p.previous + at] = dh_previous;
  dcells[p.previous + at] = dc_previous + f * dc;
}
