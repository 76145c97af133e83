// One time step of a GRU or LSTM in one dispatch, for GPUs and layers too wide for recurrent_persistent.ts: a tile of the
// recurrent product, and then the gates, as each invocation has all gates of its unit. The equations are those of
// gru.wgsl and lstm.wgsl, which have the step's way back.

import { each } from "./matmul_head.ts";
import type { CellName } from "./recurrent_cpu8.ts";

/** Rows of the batch, and units, of a workgroup. */
export const STEP_TILE = 16;
/** Inner elements that pass through workgroup memory at once. */
const INNER = 32;

const epilogue = {
  gru: {
    bindings: `
@group(0) @binding(0) var<storage, read> weight: array<f32>;           // [3 H, H]
@group(0) @binding(1) var<storage, read> bias: array<f32>;             // [3 H]
@group(0) @binding(2) var<storage, read> lengths: array<u32>;          // [B]
@group(0) @binding(3) var<storage, read> projection: array<f32>;       // [B, 3 H] at this step
@group(0) @binding(4) var<storage, read_write> states: array<f32>;     // [T + 1, B, H]
@group(0) @binding(5) var<storage, read_write> gates: array<f32>;      // [B, 3 H] at this step
@group(0) @binding(6) var<storage, read_write> recurrent: array<f32>;  // [B, 3 H] at this step: W h + b`,
    params: "projection_offset: u32, recurrent_offset: u32",
    over: "",
    finish: `
  let x = p.projection_offset + at;
  let r = sigmoid(projection[x] + sum.x);
  let z = sigmoid(projection[x + p.hidden] + sum.y);
  let n = bounded_tanh(projection[x + 2u * p.hidden] + r * sum.z);
  states[p.current + i] = (1.0 - z) * n + z * before;
  let values = Gates(r, z, n);
${each(3, (gate) => `  recurrent[p.recurrent_offset + at + ${gate}u * p.hidden] = sum.${"xyz"[gate]};`)}`,
  },
  lstm: {
    bindings: `
@group(0) @binding(0) var<storage, read> weight: array<f32>;        // [4 H, H]
@group(0) @binding(1) var<storage, read> bias: array<f32>;          // [4 H]
@group(0) @binding(2) var<storage, read> lengths: array<u32>;       // [B]
@group(0) @binding(3) var<storage, read_write> gates: array<f32>;   // [B, 4 H] at this step: projection of x, then gates
@group(0) @binding(4) var<storage, read_write> states: array<f32>;  // [T + 1, B, H]
@group(0) @binding(5) var<storage, read_write> cells: array<f32>;   // [T + 1, B, H]`,
    params: "cells_offset: u32",
    over: "cells[p.current + i] = cells[p.previous + i];",
    finish: `
  let x = p.gates_offset + at;
  let input = sigmoid(gates[x] + sum.x);
  let forget = sigmoid(gates[x + p.hidden] + sum.y);
  let cell = bounded_tanh(gates[x + 2u * p.hidden] + sum.z);
  let output = sigmoid(gates[x + 3u * p.hidden] + sum.w);
  let c = forget * cells[p.previous + i] + input * cell;
  cells[p.current + i] = c;
  states[p.current + i] = output * bounded_tanh(c);
  let values = Gates(input, forget, cell, output);`,
  },
} as const;

/**
 * Writes the WGSL of a step forward, for tiles of 16 rows by 16 units and 256 invocations.
 *
 * Four inner elements travel as a `vec4f`. The tile has a column more than it uses, so that neighbours who read
 * different rows read different banks of workgroup memory.
 */
export function recurrentStep(cell: CellName): string {
  const gates = cell === "gru" ? 3 : 4;
  const { bindings, params, over, finish } = epilogue[cell];
  const fours = INNER / 4;
  const vectors = (1 + gates) * STEP_TILE * fours;
  return `
struct Params {
  batch: u32, hidden: u32, step: u32,
  previous: u32, current: u32,  // where the states before and after the step stand
  weight_offset: u32, bias_offset: u32, states_offset: u32, gates_offset: u32, ${params},
}
${bindings}

@group(1) @binding(0) var<uniform> p: Params;

alias Gates = vec${gates}f;  // a number for each gate of a unit

// First the states of ${STEP_TILE} rows, then the weights of ${STEP_TILE} units gate by gate, ${INNER} inner elements of each.
var<workgroup> tile: array<array<vec4f, ${fours + 1}>, ${(1 + gates) * STEP_TILE}>;

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
// By bit pattern, as clamp() and max() may make a number of NaN.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn bounded_tanh(x: f32) -> f32 { return select(tanh(clamp(x, -15.0, 15.0)), x, is_nan(x)); }

// What stands in a line of the tile from inner element k on; zeros of the state, whatever of the weights, beyond H.
fn four(line: u32, k: u32, first_row: u32, first_unit: u32) -> vec4f {
  let columns = vec4u(k, k + 1u, k + 2u, k + 3u);
  let inside = columns < vec4u(p.hidden);
  let clamped = min(columns, vec4u(p.hidden - 1u));
  if (line < ${STEP_TILE}u) {
    let i = vec4u(p.previous + min(first_row + line, p.batch - 1u) * p.hidden) + clamped;
    return select(vec4f(), vec4f(states[i.x], states[i.y], states[i.z], states[i.w]), inside);
  }
  let unit = min(first_unit + line % ${STEP_TILE}u, p.hidden - 1u);
  let i = vec4u(p.weight_offset + ((line / ${STEP_TILE}u - 1u) * p.hidden + unit) * p.hidden) + clamped;
  return vec4f(weight[i.x], weight[i.y], weight[i.z], weight[i.w]);
}

@compute @workgroup_size(${STEP_TILE}, ${STEP_TILE})
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let first_row = group.y * ${STEP_TILE}u;
  let first_unit = group.x * ${STEP_TILE}u;
${each(gates, (gate) => `  var sum${gate} = vec4f();`)}
  for (var k = 0u; k < p.hidden; k += ${INNER}u) {
    for (var i = lane; i < ${vectors}u; i += ${STEP_TILE * STEP_TILE}u) {
      tile[i / ${fours}u][i % ${fours}u] = four(i / ${fours}u, k + i % ${fours}u * 4u, first_row, first_unit);
    }
    workgroupBarrier();
${
    each(fours, (j) =>
      `    let h${j} = tile[local.y][${j}];
${
        each(gates, (gate) =>
          `    sum${gate} = fma(h${j}, tile[${(1 + gate) * STEP_TILE}u + local.x][${j}], sum${gate});`)
      }`)
  }
    workgroupBarrier();
  }
  let row = first_row + local.y;
  let unit = first_unit + local.x;
  if (row >= p.batch || unit >= p.hidden) { return; }
  let i = row * p.hidden + unit;
  let before = states[p.previous + i];
  if (p.step >= lengths[row]) {
    states[p.current + i] = before;
    ${over}
    return;
  }
  let at = row * ${gates}u * p.hidden + unit;
  let one = vec4f(1.0);
  let b = p.bias_offset + unit;
  let sum = Gates(${
    Array.from({ length: gates }, (_, gate) => `dot(sum${gate}, one) + bias[b + ${gate}u * p.hidden]`).join(
      ", ",
    )
  });${finish}
${each(gates, (gate) => `  gates[p.gates_offset + at + ${gate}u * p.hidden] = values.${"xyzw"[gate]};`)}
}
`;
}
