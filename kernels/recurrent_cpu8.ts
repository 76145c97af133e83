// A whole GRU or LSTM layer over a sequence in one dispatch, for software adapters whose workgroup of 8 is one
// vector of the CPU. Rows of a batch do not depend on each other, so a workgroup takes a block of rows through all
// time steps; between steps its lanes only have to see each other's writes. Generated like matmul_cpu8.ts: named
// accumulators, and elements of the left operand that travel by constant shuffles.

import { each } from "./matmul_head.ts";

/** The cells there are. */
export type CellName = "gru" | "lstm";

/** What stands at the head of all kernels. B: batch, H: hidden, T: steps */
const params = `
struct Params { steps: u32, batch: u32, hidden: u32, reverse: u32, weight_offset: u32, bias_offset: u32 }
@group(1) @binding(0) var<uniform> p: Params;

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
fn bounded_tanh(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }
`;

/** The accumulators of a block of rows, from an inner loop over products. */
function product(rows: number, { vector, start, count, left, right }: {
  readonly vector: string;
  readonly start: string;
  readonly count: string;
  readonly left: (row: string) => string;
  readonly right: string;
}): string {
  const lane = rows / 8;
  const broadcast = (row: number) => `subgroupShuffle(left${row % lane}, ${Math.floor(row / lane)}u)`;
  return `
${each(rows, (r) => `      var sum${r} = ${start};`)}
      for (var k = 0u; k < ${count}; k++) {
        let right = ${right};
${each(lane, (i) => `        let left${i} = ${left(`own${i}`)};`)}
${each(rows, (r) => `        sum${r} = fma(${vector}(${broadcast(r)}), right, sum${r});`)}
      }
      var sums: array<${vector}, ${rows}>;
${each(rows, (r) => `      sums[${r}] = sum${r};`)}`;
}

/** The rows of a workgroup: all of them by number, and those that a lane loads for the others. */
const block = (rows: number) => `
  let share = (p.batch + groups.x - 1u) / groups.x;  // at most ${rows}
  let first = group.x * share;
  let rows = min(share, p.batch - min(first, p.batch));
  let size = p.batch * p.hidden;
${each(rows / 8, (i) => `  let own${i} = min(first + ${rows / 8}u * lane + ${i}u, p.batch - 1u);`)}`;

const gruForward = {
  extra: "candidates",
  finish: `
          let x = (t * p.batch + row) * 3u * p.hidden + unit;
          let previous = states[before + row * p.hidden + unit];
          var state = previous;
          if (t < lengths[row]) {
            let r = sigmoid(gates[x] + sums[index].x);
            let z = sigmoid(gates[x + p.hidden] + sums[index].y);
            let n = bounded_tanh(gates[x + 2u * p.hidden] + r * sums[index].z);
            state = (1.0 - z) * n + z * previous;
            gates[x] = r;
            gates[x + p.hidden] = z;
            gates[x + 2u * p.hidden] = n;
            candidates[t * size + row * p.hidden + unit] = sums[index].z;
          }
          states[after + row * p.hidden + unit] = state;`,
};

const lstmForward = {
  extra: "cells",
  finish: `
          let x = (t * p.batch + row) * 4u * p.hidden + unit;
          let at = row * p.hidden + unit;
          var state = states[before + at];
          var c = cells[before + at];
          if (t < lengths[row]) {
            let i = sigmoid(gates[x] + sums[index].x);
            let f = sigmoid(gates[x + p.hidden] + sums[index].y);
            let g = bounded_tanh(gates[x + 2u * p.hidden] + sums[index].z);
            let o = sigmoid(gates[x + 3u * p.hidden] + sums[index].w);
            c = f * c + i * g;
            state = o * bounded_tanh(c);
            gates[x] = i;
            gates[x + p.hidden] = f;
            gates[x + 2u * p.hidden] = g;
            gates[x + 3u * p.hidden] = o;
          }
          states[after + at] = state;
          cells[after + at] = c;`,
};

/**
 * Writes the WGSL that takes blocks of `rows` through all steps. Each lane has one hidden unit at a time, with all
 * its gates.
 *
 * @param rows Rows of a workgroup: a multiple of 8.
 */
export function recurrentForward(cell: CellName, rows: number): string {
  const gates = cell === "gru" ? 3 : 4;
  const { extra, finish } = cell === "gru" ? gruForward : lstmForward;
  const vector = `vec${gates}f`;
  const every = (element: (gate: number) => string) =>
    `${vector}(${Array.from({ length: gates }, (_, gate) => element(gate)).join(", ")})`;
  return `${params}
@group(0) @binding(0) var<storage, read> weight: array<f32>;        // [${gates} H, H]
@group(0) @binding(1) var<storage, read> bias: array<f32>;          // [${gates} H]
@group(0) @binding(2) var<storage, read> lengths: array<u32>;       // [B]
@group(0) @binding(3) var<storage, read_write> gates: array<f32>;   // [T, B, ${gates} H]: projections of x, then gates
@group(0) @binding(4) var<storage, read_write> states: array<f32>;  // [T + 1, B, H]
@group(0) @binding(5) var<storage, read_write> ${extra}: array<f32>; // [T + 1, B, H], or [T, B, H] for candidates

@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {${
    block(rows)
  }
  for (var i = 0u; i < p.steps; i++) {
    let t = select(i, p.steps - 1u - i, p.reverse != 0u);
    let before = select(t, t + 1u, p.reverse != 0u) * size;
    let after = select(t + 1u, t, p.reverse != 0u) * size;
    for (var tile = 0u; tile < p.hidden; tile += 8u) {
      let unit = min(tile + lane, p.hidden - 1u);
      let w = p.weight_offset + unit * p.hidden;
      let gate_size = p.hidden * p.hidden;${
    product(rows, {
      vector,
      start: every((gate) => `bias[p.bias_offset + ${gate}u * p.hidden + unit]`),
      count: "p.hidden",
      left: (row) => `states[before + ${row} * p.hidden + k]`,
      right: every((gate) => `weight[w + ${gate}u * gate_size + k]`),
    })
  }
      if (tile + lane < p.hidden) {
        for (var index = 0u; index < rows; index++) {
          let row = first + index;${finish}
        }
      }
    }
    storageBarrier();
  }
}
`;
}

const gruBackward = {
  saved: `
@group(0) @binding(3) var<storage, read> states: array<f32>;              // [T + 1, B, H]
@group(0) @binding(4) var<storage, read> candidates: array<f32>;          // [T, B, H]
@group(0) @binding(5) var<storage, read_write> dstates: array<f32>;       // [T + 1, B, H]
@group(0) @binding(6) var<storage, read_write> dgates: array<f32>;        // [T, B, 3 H], of the input's projection
@group(0) @binding(7) var<storage, read_write> drecurrent: array<f32>;    // [T, B, 3 H], of the state's`,
  step: `
          let dh = dstates[after + at];
          if (t >= lengths[row]) {
            dstates[before + at] += dh;
            for (var gate = 0u; gate < 3u; gate++) {
              dgates[x + gate * p.hidden] = 0.0;
              drecurrent[x + gate * p.hidden] = 0.0;
            }
            continue;
          }
          let r = gates[x];
          let z = gates[x + p.hidden];
          let n = gates[x + 2u * p.hidden];
          let dn = (1.0 - n * n) * (1.0 - z) * dh;
          let dr = dn * candidates[t * size + at] * r * (1.0 - r);
          let dz = (states[before + at] - n) * dh * z * (1.0 - z);
          dgates[x] = dr;
          dgates[x + p.hidden] = dz;
          dgates[x + 2u * p.hidden] = dn;
          drecurrent[x] = dr;
          drecurrent[x + p.hidden] = dz;
          drecurrent[x + 2u * p.hidden] = dn * r;
          dstates[before + at] += z * dh;`,
};

const lstmBackward = {
  saved: `
@group(0) @binding(3) var<storage, read> cells: array<f32>;            // [T + 1, B, H]
@group(0) @binding(4) var<storage, read_write> dstates: array<f32>;    // [T + 1, B, H]
@group(0) @binding(5) var<storage, read_write> dcells: array<f32>;     // [T + 1, B, H]
@group(0) @binding(6) var<storage, read_write> dgates: array<f32>;     // [T, B, 4 H], before activation`,
  step: `
          let dh = dstates[after + at];
          if (t >= lengths[row]) {
            dstates[before + at] += dh;
            dcells[before + at] += dcells[after + at];
            for (var gate = 0u; gate < 4u; gate++) { dgates[x + gate * p.hidden] = 0.0; }
            continue;
          }
          let i = gates[x];
          let f = gates[x + p.hidden];
          let g = gates[x + 2u * p.hidden];
          let o = gates[x + 3u * p.hidden];
          let tanh_c = bounded_tanh(cells[after + at]);
          let dc = dcells[after + at] + dh * o * (1.0 - tanh_c * tanh_c);
          dgates[x] = dc * g * i * (1.0 - i);
          dgates[x + p.hidden] = dc * cells[before + at] * f * (1.0 - f);
          dgates[x + 2u * p.hidden] = dc * i * (1.0 - g * g);
          dgates[x + 3u * p.hidden] = dh * tanh_c * o * (1.0 - o);
          dcells[before + at] += f * dc;`,
};

/**
 * Writes the WGSL of the way back: for each step the gradients of the gates, and through the recurrent weights that
 * of the state before.
 *
 * @param rows Rows of a workgroup: a multiple of 8.
 */
export function recurrentBackward(cell: CellName, rows: number): string {
  const gates = cell === "gru" ? 3 : 4;
  const { saved, step } = cell === "gru" ? gruBackward : lstmBackward;
  const through = cell === "gru" ? "drecurrent" : "dgates";
  const columns = "xyzw".split("").map((_, j) => `weight[w + min(column + ${j}u, p.hidden - 1u)]`);
  return `${params}
@group(0) @binding(0) var<storage, read> weight: array<f32>;  // [${gates} H, H]
@group(0) @binding(1) var<storage, read> lengths: array<u32>; // [B]
@group(0) @binding(2) var<storage, read> gates: array<f32>;   // [T, B, ${gates} H]${saved}

@compute @workgroup_size(8)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {${
    block(rows)
  }
  let width = ${gates}u * p.hidden;
  for (var i = 0u; i < p.steps; i++) {
    let t = select(p.steps - 1u - i, i, p.reverse != 0u);
    let before = select(t, t + 1u, p.reverse != 0u) * size;
    let after = select(t + 1u, t, p.reverse != 0u) * size;
    for (var unit = lane; unit < p.hidden; unit += 8u) {
      for (var index = 0u; index < rows; index++) {
          let row = first + index;
          let x = (t * p.batch + row) * width + unit;
          let at = row * p.hidden + unit;${step}
      }
    }
    storageBarrier();
    for (var tile = 0u; tile < p.hidden; tile += 32u) {
      let column = tile + 4u * lane;${
    product(rows, {
      vector: "vec4f",
      start: "vec4f()",
      count: "width",
      left: (row) => `${through}[(t * p.batch + ${row}) * width + k]`,
      right: `hidden_columns(p.weight_offset + k * p.hidden, column)`,
    })
  }
      for (var index = 0u; index < rows; index++) {
        let at = before + (first + index) * p.hidden + column;
        let count = min(p.hidden - min(column, p.hidden), 4u);
        for (var j = 0u; j < count; j++) { dstates[at + j] += sums[index][j]; }
      }
    }
    storageBarrier();
  }
}

fn hidden_columns(w: u32, column: u32) -> vec4f {
  return vec4f(${columns.join(",\n               ")});
}
`;
}
