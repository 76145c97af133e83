// A whole GRU or LSTM layer over a sequence in one dispatch, for GPUs: a workgroup takes one row of the batch through
// all its time steps while the recurrent weights stay in registers (Diamos et al. 2016, "Persistent RNNs"). Only the
// state, or on the way back the gradient of the gates, passes through workgroup memory. Generated for a padded hidden
// size, as registers have names and not numbers.

import { each } from "./matmul_head.ts";
import type { CellName } from "./recurrent_cpu8.ts";

/** How a layer's recurrent weights are spread over a workgroup of `hidden x parts` invocations. */
export interface PersistentShape {
  /** The hidden size that the kernel is generated for: a multiple of four. */
  readonly hidden: number;
  /** The invocations of a unit: each has the weights of all its gates, for one part of the inner product. */
  readonly parts: 1 | 2 | 4;
}

/** The gates of a unit. */
const gatesOf = (cell: CellName) => cell === "gru" ? 3 : 4;

/** Writes what both directions share. T: steps   B: batch   H: hidden */
function head(cell: CellName): string {
  const gates = gatesOf(cell);
  return `
struct Params { steps: u32, batch: u32, hidden: u32, reverse: u32, weight_offset: u32, bias_offset: u32 }
@group(1) @binding(0) var<uniform> p: Params;

alias Gates = vec${gates}f;  // a number for each gate of a unit

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
// By bit pattern, as clamp() and max() may make a number of NaN.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn bounded_tanh(x: f32) -> f32 { return select(tanh(clamp(x, -15.0, 15.0)), x, is_nan(x)); }

// Steps are counted in the order in which they are taken: step i leads from state i to state i + 1.
fn step_at(i: u32, row: u32) -> u32 { return select(i, p.steps - 1u - i, p.reverse != 0u) * p.batch + row; }
fn gates_at(i: u32, row: u32, unit: u32) -> u32 { return step_at(i, row) * ${gates}u * p.hidden + unit; }
fn state_at(i: u32, row: u32, unit: u32) -> u32 {
  return (select(i, p.steps - i, p.reverse != 0u) * p.batch + row) * p.hidden + unit;
}

fn read_gates(i: u32, row: u32, unit: u32) -> Gates {
  let at = gates_at(i, row, unit);
  return Gates(${list(gates, (gate) => `gates[at + ${gate}u * p.hidden]`)});
}

// Beyond the hidden size they are any: they meet zeros, or make sums that nobody reads.
fn weights(unit: u32, k: u32) -> Gates {
  let at = p.weight_offset + min(unit, p.hidden - 1u) * p.hidden + min(k, p.hidden - 1u);
  let gate = p.hidden * p.hidden;
  return Gates(${list(gates, (gate) => `weight[at + ${gate}u * gate]`)});
}
`;
}

const list = (count: number, element: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => element(index)).join(", ");

/** Writes the function that stores all gates of a unit in a buffer. */
function writing(cell: CellName, buffer: string): string {
  return `fn write_${buffer}(i: u32, row: u32, unit: u32, values: Gates) {
  let at = gates_at(i, row, unit);
${each(gatesOf(cell), (gate) => `  ${buffer}[at + ${gate}u * p.hidden] = values.${"xyzw"[gate]};`)}
}`;
}

/** Writes the entry point's first lines: which invocation this is, and which steps the row has. */
function entry(name: string, { hidden, parts }: PersistentShape, weights: string): string {
  const inner = hidden / parts;
  return `
@compute @workgroup_size(${hidden * parts})
fn ${name}(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= p.batch) { return; }
  let part = lane / ${hidden}u;
  let unit = lane % ${hidden}u;
  let finishes = part == 0u && unit < p.hidden;  // the invocation that adds up a unit's parts and has its state
  let length = min(lengths[row], p.steps);
  let begin = select(0u, p.steps - length, p.reverse != 0u);  // in reverse the padding comes first
  let end = begin + length;
${each(inner, (k) => `  var w${k}: Gates;`)}
  for (var k = 0u; k < ${inner}u; k++) {  // one load in the text, not ${inner}: that takes seconds to compile on llvmpipe
    let w = ${weights};
    switch k {
${each(inner, (k) => `      case ${k}u: { w${k} = w; }`)}
      default: {}
    }
  }`;
}

/** Writes the sum of what the other parts have left in workgroup memory. */
function otherParts(buffer: string, { hidden, parts }: PersistentShape): string {
  return list(parts - 1, (part) => ` + ${buffer}[unit + ${part * hidden}u]`).replaceAll(",", "");
}

const forwardOf = {
  gru: {
    extra: "candidates: array<f32>;  // [T, B, H]: R_n h + b_n",
    start: "",
    keep: "",
    step: `
      let r = sigmoid(x.x + sum.x);
      let z = sigmoid(x.y + sum.y);
      let n = bounded_tanh(x.z + r * sum.z);
      h = (1.0 - z) * n + z * h;
      write_gates(i, row, unit, Gates(r, z, n));
      candidates[step_at(i, row) * p.hidden + unit] = sum.z;`,
  },
  lstm: {
    extra: "cells: array<f32>;       // [T + 1, B, H]",
    start: `
  var c = 0.0;
  if (finishes) { c = cells[state_at(0u, row, unit)]; }`,
    keep: " cells[after] = c;",
    step: `
      let input = sigmoid(x.x + sum.x);
      let forget = sigmoid(x.y + sum.y);
      let cell = bounded_tanh(x.z + sum.z);
      let output = sigmoid(x.w + sum.w);
      c = forget * c + input * cell;
      h = output * bounded_tanh(c);
      write_gates(i, row, unit, Gates(input, forget, cell, output));`,
  },
} as const;

/**
 * Writes the WGSL of the way forward. Weights and inner elements have constant indices, so that no access is clamped
 * anew; hence one state and two barriers a step, and not two states in turn and one.
 */
export function persistentForward(cell: CellName, shape: PersistentShape): string {
  const { hidden, parts } = shape;
  const inner = hidden / parts;
  const gates = gatesOf(cell);
  const { extra, start, keep, step } = forwardOf[cell];
  const keepAfter = (i: string) => `let after = state_at(${i}, row, unit); states[after] = h;${keep}`;
  return `
@group(0) @binding(0) var<storage, read> weight: array<f32>;        // [${gates} H, H]
@group(0) @binding(1) var<storage, read> bias: array<f32>;          // [${gates} H]
@group(0) @binding(2) var<storage, read> lengths: array<u32>;       // [B]
@group(0) @binding(3) var<storage, read_write> gates: array<f32>;   // [T, B, ${gates} H]: projections of x, then gates
@group(0) @binding(4) var<storage, read_write> states: array<f32>;  // [T + 1, B, H]
@group(0) @binding(5) var<storage, read_write> ${extra}

var<workgroup> state: array<array<f32, ${inner}>, ${parts}>;
${parts === 1 ? "" : `var<workgroup> sums: array<Gates, ${(parts - 1) * hidden}>;  // of the other parts`}
${head(cell)}
${writing(cell, "gates")}
${entry("forward", shape, `weights(unit, part * ${inner}u + k)`)}
  var h = 0.0;
  var next = Gates();
  var b = Gates();${start}
  if (finishes) {
    h = states[state_at(0u, row, unit)];
    state[unit / ${inner}u][unit % ${inner}u] = h;
    b = Gates(${list(gates, (gate) => `bias[p.bias_offset + ${gate}u * p.hidden + unit]`)});
    for (var i = 0u; i < begin; i++) { ${keepAfter("i + 1u")} }
    if (length > 0u) { next = read_gates(begin, row, unit); }
  }
  workgroupBarrier();
  for (var i = begin; i < end; i++) {
    let x = next;
    if (finishes && i + 1u < end) { next = read_gates(i + 1u, row, unit); }  // arrives while the product is taken
    var sum = b;
${each(inner, (k) => `    sum = fma(Gates(state[part][${k}]), w${k}, sum);`)}
${parts === 1 ? "" : `    if (part > 0u) { sums[lane - ${hidden}u] = sum; }`}
    workgroupBarrier();
    if (finishes) {
      sum = sum${otherParts("sums", shape)};${step}
      ${keepAfter("i + 1u")}
      state[unit / ${inner}u][unit % ${inner}u] = h;
    }
    workgroupBarrier();
  }
  if (finishes) {
    for (var i = end; i < p.steps; i++) { ${keepAfter("i + 1u")} }
  }
}
`;
}

const backwardOf = {
  gru: {
    bindings: `
@group(0) @binding(3) var<storage, read> states: array<f32>;            // [T + 1, B, H]
@group(0) @binding(4) var<storage, read> candidates: array<f32>;        // [T, B, H]
@group(0) @binding(5) var<storage, read_write> dstates: array<f32>;     // [T + 1, B, H]
@group(0) @binding(6) var<storage, read_write> dgates: array<f32>;      // [T, B, 3 H], of the input's projection
@group(0) @binding(7) var<storage, read_write> drecurrent: array<f32>;  // [T, B, 3 H], of the state's`,
    saved: "before: f32, candidate: f32",
    read: "states[state_at(i, row, unit)], candidates[step_at(i, row) * p.hidden + unit]",
    written: ["dgates", "drecurrent"],
    start: "",
    step: `
      let r = saved.gates.x;
      let z = saved.gates.y;
      let n = saved.gates.z;
      let dn = (1.0 - n * n) * (1.0 - z) * dh;
      let dr = dn * saved.candidate * r * (1.0 - r);
      let dz = (saved.before - n) * dh * z * (1.0 - z);
      write_dgates(i, row, unit, Gates(dr, dz, dn));
      let d = Gates(dr, dz, dn * r);
      write_drecurrent(i, row, unit, d);
      direct += z * dh;`,
    end: "",
  },
  lstm: {
    bindings: `
@group(0) @binding(3) var<storage, read> cells: array<f32>;          // [T + 1, B, H]
@group(0) @binding(4) var<storage, read_write> dstates: array<f32>;  // [T + 1, B, H]
@group(0) @binding(5) var<storage, read_write> dcells: array<f32>;   // [T + 1, B, H]: of the last comes in, of the first goes out
@group(0) @binding(6) var<storage, read_write> dgates: array<f32>;   // [T, B, 4 H], before activation`,
    saved: "before: f32",
    read: "cells[state_at(i, row, unit)]",
    written: ["dgates"],
    start: `
  var c = 0.0;
  var dc = 0.0;
  if (finishes) {
    c = cells[state_at(end, row, unit)];
    dc = dcells[state_at(p.steps, row, unit)];
  }`,
    step: `
      let input = saved.gates.x;
      let forget = saved.gates.y;
      let cell = saved.gates.z;
      let output = saved.gates.w;
      let tanh_c = bounded_tanh(c);
      dc += dh * output * (1.0 - tanh_c * tanh_c);
      let d = Gates(dc * cell * input * (1.0 - input), dc * saved.before * forget * (1.0 - forget),
                    dc * input * (1.0 - cell * cell), dh * tanh_c * output * (1.0 - output));
      write_dgates(i, row, unit, d);
      dc *= forget;
      c = saved.before;`,
    end: `
    dcells[state_at(0u, row, unit)] = dc;`,
  },
} as const;

/**
 * Writes the WGSL of the way back: for each step the gradients of the gates, and through the recurrent weights that of
 * the state before, which stays in its invocation. Of `dstates` only the initial state's is written.
 */
export function persistentBackward(cell: CellName, shape: PersistentShape): string {
  const { hidden, parts } = shape;
  const inner = hidden / parts;
  const gates = gatesOf(cell);
  const { bindings, saved, read, written, start, step, end } = backwardOf[cell];
  const zero = written.map((buffer) => `write_${buffer}(i, row, unit, Gates());`).join(" ");
  return `
@group(0) @binding(0) var<storage, read> weight: array<f32>;   // [${gates} H, H]
@group(0) @binding(1) var<storage, read> lengths: array<u32>;  // [B]
@group(0) @binding(2) var<storage, read> gates: array<f32>;    // [T, B, ${gates} H]${bindings}

struct Saved { gates: Gates, dbefore: f32, ${saved} }  // what a step needs besides dh
fn read_saved(i: u32, row: u32, unit: u32) -> Saved {
  return Saved(read_gates(i, row, unit), dstates[state_at(i, row, unit)], ${read});
}

var<workgroup> gradients: array<array<Gates, ${inner}>, ${parts}>;
${parts === 1 ? "" : `var<workgroup> products: array<f32, ${(parts - 1) * hidden}>;  // of the other parts`}
${head(cell)}
${written.map((buffer) => writing(cell, buffer)).join("\n")}
${entry("backward", shape, `weights(part * ${inner}u + k, unit)`)}
  var dh = 0.0;
  var next: Saved;${start}
  if (finishes) {
    for (var i = end; i <= p.steps; i++) { dh += dstates[state_at(i, row, unit)]; }
    for (var i = 0u; i < begin; i++) { ${zero} }
    for (var i = end; i < p.steps; i++) { ${zero} }
    if (length > 0u) { next = read_saved(end - 1u, row, unit); }
  }
  for (var after = end; after > begin; after--) {
    let i = after - 1u;
    let saved = next;
    var direct = saved.dbefore;
    if (finishes) {${step}
      gradients[unit / ${inner}u][unit % ${inner}u] = d;
      if (i > begin) { next = read_saved(i - 1u, row, unit); }  // arrives while the product is taken
    }
    workgroupBarrier();
    var sum = Gates();
${each(inner, (k) => `    sum = fma(gradients[part][${k}], w${k}, sum);`)}
    let product = dot(sum, Gates(1.0));
${parts === 1 ? "" : `    if (part > 0u) { products[lane - ${hidden}u] = product; }`}
    workgroupBarrier();
    if (finishes) { dh = direct + product${otherParts("products", shape)}; }
  }
  if (finishes) {
    for (var i = begin; i > 0u; i--) { dh += dstates[state_at(i - 1u, row, unit)]; }
    dstates[state_at(0u, row, unit)] = dh;${end}
  }
}
`;
}
