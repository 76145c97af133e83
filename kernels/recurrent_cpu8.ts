// A whole GRU or LSTM layer over a sequence in one dispatch, for software adapters whose workgroup of 8 is one
// vector of the CPU. Rows of a batch do not depend on each other, so a workgroup takes a block of rows through all
// time steps: the recurrent product of a step and, on its sums, the gates. Generated like matmul_cpu8_vector.ts: inner
// elements four at a time, left ones travelling by constant shuffles.

import { each } from "./matmul_head.ts";

/** The cells there are. */
export type CellName = "gru" | "lstm";

/** The memory of a workgroup, 32 KiB: what a block's states before and after a step may take, in vectors of four. */
export const CARRIED = 2048;

/** What stands at the head of all kernels. B: batch, H: hidden, T: steps */
export const recurrentParams = `
struct Params { steps: u32, batch: u32, hidden: u32, reverse: u32, blocks: u32,
                weight_offset: u32, weight_stride: u32, input_bias_offset: u32, bias_offset: u32 }
@group(1) @binding(0) var<uniform> p: Params;

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
// By bit pattern, as clamp() and max() may make a number of NaN.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn bounded_tanh(x: f32) -> f32 { return select(tanh(clamp(x, -15.0, 15.0)), x, is_nan(x)); }
`;

/** The sums of a block of rows, from an inner loop over products. */
export function recurrentProduct(rows: number, { vector, start, count, left, right }: {
  readonly vector: string;
  readonly start: string;
  readonly count: string;
  /** Four inner elements from `k` on of a row that the lane loads for all. */
  readonly left: (row: number) => string;
  /** The right operands `right0` to `right3` of the four inner elements. */
  readonly right: string;
}): string {
  const lane = rows / 8;
  const broadcast = (row: number, inner: number) =>
    `${vector}(subgroupShuffle(left${row % lane}.${"xyzw"[inner]}, ${Math.floor(row / lane)}u))`;
  return `
${each(rows, (r) => `      var sum${r} = ${start};`)}
      for (var k = 0u; k < ${count}; k += 4u) {
${right}
${each(lane, (i) => `        let left${i} = ${left(i)};`)}
${
    each(rows, (r) => {
      const sum = [0, 1, 2, 3].reduce((sum, i) => `fma(${broadcast(r, i)}, right${i}, ${sum})`, `sum${r}`);
      return `        sum${r} = ${sum};`;
    })
  }
      }
      var sums: array<${vector}, ${rows}>;
${each(rows, (r) => `      sums[${r}] = sum${r};`)}`;
}

/** The rows of a workgroup: all of them by number, and those that a lane loads for the others. */
export const rowsOfBlock = (rows: number) => `
  let share = (p.batch + p.blocks - 1u) / p.blocks;  // at most ${rows}
  let first = group.x * share;
  let rows = min(share, p.batch - min(first, p.batch));
  let size = p.batch * p.hidden;
${each(rows / 8, (i) => `  let own${i} = min(first + ${rows / 8}u * lane + ${i}u, p.batch - 1u);`)}
  var ends: array<u32, ${rows}>;
  for (var index = 0u; index < rows; index++) { ends[index] = lengths[first + index]; }`;

const gruForward = {
  extra: "candidates",
  start: ["a0 + b0", "a1 + b1", "b2"],
  finish: `
          let x = (t * p.batch + row) * 3u * p.hidden + unit;
          let previous = states[before + row * p.hidden + unit];
          var state = previous;
          if (t < ends[index]) {
            let sum = sums[index];
            let r = sigmoid(gates[x] + sum.x);
            let z = sigmoid(gates[x + p.hidden] + sum.y);
            let n = bounded_tanh(gates[x + 2u * p.hidden] + a2 + r * sum.z);
            state = (1.0 - z) * n + z * previous;
            gates[x] = r;
            gates[x + p.hidden] = z;
            gates[x + 2u * p.hidden] = n;
            candidates[t * size + row * p.hidden + unit] = sum.z;
          }
          states[after + row * p.hidden + unit] = state;`,
};

const lstmForward = {
  extra: "cells",
  start: ["a0 + b0", "a1 + b1", "a2 + b2", "a3 + b3"],
  finish: `
          let x = (t * p.batch + row) * 4u * p.hidden + unit;
          let at = row * p.hidden + unit;
          var c = cells[before + at];
          var state = 0.0;
          if (t < ends[index]) {
            let sum = sums[index];
            let i = sigmoid(gates[x] + sum.x);
            let f = sigmoid(gates[x + p.hidden] + sum.y);
            let g = bounded_tanh(gates[x + 2u * p.hidden] + sum.z);
            let o = sigmoid(gates[x + 3u * p.hidden] + sum.w);
            c = f * c + i * g;
            state = o * bounded_tanh(c);
            gates[x] = i;
            gates[x + p.hidden] = f;
            gates[x + 2u * p.hidden] = g;
            gates[x + 3u * p.hidden] = o;
          } else { state = states[before + at]; }
          states[after + at] = state;
          cells[after + at] = c;`,
};

/**
 * Writes the WGSL that takes blocks of rows through all time steps. Each lane has one hidden unit at a time, with all
 * its gates.
 *
 * @param rows Rows of a workgroup at most: a multiple of 8.
 */
export function recurrentForward(cell: CellName, rows: number): string {
  const gates = cell === "gru" ? 3 : 4;
  const { extra, start, finish } = cell === "gru" ? gruForward : lstmForward;
  const vector = `vec${gates}f`;
  const every = (element: (gate: number) => string) =>
    `${vector}(${Array.from({ length: gates }, (_, gate) => element(gate)).join(", ")})`;
  const carried = (row: number) => `carried[source + (${rows / 8}u * lane + ${row}u) * row_size + k / 4u]`;
  return `${recurrentParams}
@group(0) @binding(0) var<storage, read> weight: array<vec4f>;      // [${gates} H, H], rows padded with zeros
@group(0) @binding(1) var<storage, read> input_bias: array<f32>;    // [${gates} H]
@group(0) @binding(2) var<storage, read> bias: array<f32>;          // [${gates} H]
@group(0) @binding(3) var<storage, read> lengths: array<u32>;       // [B]
@group(0) @binding(4) var<storage, read_write> gates: array<f32>;   // [T, B, ${gates} H]: projections of x, then gates
@group(0) @binding(5) var<storage, read_write> states: array<f32>;  // [T + 1, B, H]
@group(0) @binding(6) var<storage, read_write> ${extra}: array<f32>; // [T + 1, B, H], or [T, B, H] for candidates
var<workgroup> carried: array<vec4f, ${CARRIED}>;  // the states before and after a step, rows padded with zeros

@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {${
    rowsOfBlock(rows)
  }

  let row_size = (p.hidden + 3u) / 4u;
  var source = 0u;
  var into = ${rows}u * row_size;
  let initial = select(0u, p.steps * size, p.reverse != 0u);
  for (var unit = lane; unit < p.hidden; unit += 8u) {
    for (var index = 0u; index < rows; index++) {
      carried[index * row_size + unit / 4u][unit % 4u] = states[initial + (first + index) * p.hidden + unit];
    }
  }
  workgroupBarrier();
  for (var i = 0u; i < p.steps; i++) {
    let t = select(i, p.steps - 1u - i, p.reverse != 0u);
    let before = select(t, t + 1u, p.reverse != 0u) * size;
    let after = select(t + 1u, t, p.reverse != 0u) * size;
    for (var tile = 0u; tile < p.hidden; tile += 8u) {
      let unit = min(tile + lane, p.hidden - 1u);
${each(gates, (g) => `      let w${g} = p.weight_offset + (${g}u * p.hidden + unit) * p.weight_stride;`)}
${each(gates, (g) => `      let a${g} = input_bias[p.input_bias_offset + ${g}u * p.hidden + unit];`)}
${each(gates, (g) => `      let b${g} = bias[p.bias_offset + ${g}u * p.hidden + unit];`)}${
    recurrentProduct(rows, {
      vector,
      start: `${vector}(${start.join(", ")})`,
      count: "p.hidden",
      left: carried,
      right: each(gates, (g) => `        let w${g}_k = weight[(w${g} + k) / 4u];`) + "\n" +
        each(4, (inner) => `        let right${inner} = ${every((g) => `w${g}_k.${"xyzw"[inner]}`)};`),
    })
  }
      if (tile + lane < p.hidden) {
        for (var index = 0u; index < rows; index++) {
          let row = first + index;${finish}
          carried[into + index * row_size + unit / 4u][unit % 4u] = state;
        }
      }
    }
    workgroupBarrier();
    let swap = source;
    source = into;
    into = swap;
  }
}
`;
}
