// The way back through a whole GRU or LSTM layer in one dispatch; see recurrent_cpu8.ts.

import { each } from "./matmul_head.ts";
import { type CellName, recurrentParams, recurrentProduct, rowsOfBlock } from "./recurrent_cpu8.ts";

const gruBackward = {
  bindings: `
@group(0) @binding(3) var<storage, read> states: array<f32>;                // [T + 1, B, H]
@group(0) @binding(4) var<storage, read> candidates: array<f32>;            // [T, B, H]
@group(0) @binding(5) var<storage, read_write> dstates: array<f32>;         // [T + 1, B, H]
@group(0) @binding(6) var<storage, read_write> dgates: array<f32>;          // [T, B, 3 H], of the input's projection
@group(0) @binding(7) var<storage, read_write> drecurrent: array<vec4f>;    // [T, B, 3 H], of the state's, rows padded with zeros
@group(0) @binding(8) var<storage, read_write> dbias: array<f32>;           // [blocks, 4 H]: of r, z, n and the state's part of n`,
  step: `
          var d = vec4f();  // of r, z, n and the state's part of n
          var passed = dh;
          if (t < ends[index]) {
            let r = gates[x];
            let z = gates[x + p.hidden];
            let n = gates[x + 2u * p.hidden];
            d.z = (1.0 - n * n) * (1.0 - z) * dh;
            d.x = d.z * candidates[t * size + at] * r * (1.0 - r);
            d.y = (states[before + at] - n) * dh * z * (1.0 - z);
            d.w = d.z * r;
            passed *= z;
          }
          let y = (t * p.batch + row) * padded + unit;
          let y1 = y + p.hidden;
          let y2 = y1 + p.hidden;
          dgates[x] = d.x;
          dgates[x + p.hidden] = d.y;
          dgates[x + 2u * p.hidden] = d.z;
          drecurrent[y / 4u][y % 4u] = d.x;
          drecurrent[y1 / 4u][y1 % 4u] = d.y;
          drecurrent[y2 / 4u][y2 % 4u] = d.w;
          dstates[before + at] += passed;`,
};

const lstmBackward = {
  bindings: `
@group(0) @binding(3) var<storage, read> cells: array<f32>;             // [T + 1, B, H]
@group(0) @binding(4) var<storage, read_write> dstates: array<f32>;     // [T + 1, B, H]
@group(0) @binding(5) var<storage, read_write> dcells: array<f32>;      // [T + 1, B, H]
@group(0) @binding(6) var<storage, read_write> dgates: array<vec4f>;    // [T, B, 4 H], before activation
@group(0) @binding(7) var<storage, read_write> dbias: array<f32>;       // [blocks, 4 H]`,
  step: `
          let x1 = x + p.hidden;
          let x2 = x1 + p.hidden;
          let x3 = x2 + p.hidden;
          var d = vec4f();
          var dc = dcells[after + at];
          if (t < ends[index]) {
            let i = gates[x];
            let f = gates[x1];
            let g = gates[x2];
            let o = gates[x3];
            let tanh_c = bounded_tanh(cells[after + at]);
            dc += dh * o * (1.0 - tanh_c * tanh_c);
            d = vec4f(dc * g * i * (1.0 - i), dc * cells[before + at] * f * (1.0 - f),
                      dc * i * (1.0 - g * g), dh * tanh_c * o * (1.0 - o));
            dc *= f;
          } else {
            dstates[before + at] += dh;
          }
          dgates[x / 4u][x % 4u] = d.x;
          dgates[x1 / 4u][x1 % 4u] = d.y;
          dgates[x2 / 4u][x2 % 4u] = d.z;
          dgates[x3 / 4u][x3 % 4u] = d.w;
          dcells[before + at] = dc;`,
};

/**
 * Writes the WGSL of the way back. Each lane has four hidden units at a time: the recurrent product completes the
 * gradient of their states after a step, and from that follow the gradients of their gates. One step more than there
 * are completes the gradient of the first states.
 *
 * @param rows Rows of a workgroup at most: a multiple of 8.
 */
export function recurrentBackward(cell: CellName, rows: number): string {
  const gates = cell === "gru" ? 3 : 4;
  const { bindings, step } = cell === "gru" ? gruBackward : lstmBackward;
  const through = cell === "gru" ? "drecurrent" : "dgates";
  return `${recurrentParams}
@group(0) @binding(0) var<storage, read> weight: array<vec4f>;  // [${gates} H, H], rows padded with zeros
@group(0) @binding(1) var<storage, read> lengths: array<u32>;   // [B]
@group(0) @binding(2) var<storage, read> gates: array<f32>;     // [T, B, ${gates} H]${bindings}

@compute @workgroup_size(8)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {${
    rowsOfBlock(rows)
  }
  let width = ${gates}u * p.hidden;
  let padded = (width + 3u) & ~3u;
  for (var i = 0u; i <= p.steps; i++) {
    let before = select(p.steps - 1u - i, i + 1u, p.reverse != 0u) * size;
    let after = select(p.steps - i, i, p.reverse != 0u) * size;
    let t = select(p.steps - 1u - i, i, p.reverse != 0u);
    let done = select(p.steps - i, i - 1u, p.reverse != 0u) * p.batch;
    let count = select(width, 0u, i == 0u);
    for (var tile = 0u; tile < p.hidden; tile += 32u) {
      let column = tile + 4u * lane;
      let w = p.weight_offset + min(column, p.weight_stride - 4u);${
    recurrentProduct(rows, {
      vector: "vec4f",
      start: "vec4f()",
      count: "count",
      left: (row) => `${through}[((done + own${row}) * padded + k) / 4u]`,
      right: each(
        4,
        (i) => `        let right${i} = weight[(w + min(k + ${i}u, width - 1u) * p.weight_stride) / 4u];`,
      ),
    })
  }
      for (var j = 0u; j < min(p.hidden - min(column, p.hidden), 4u); j++) {
        let unit = column + j;
        var biases = vec4f();
        for (var index = 0u; index < rows; index++) {
          let row = first + index;
          let at = row * p.hidden + unit;
          let dh = dstates[after + at] + sums[index][j];
          if (i == p.steps) {
            dstates[after + at] = dh;
            continue;
          }
          let x = (t * p.batch + row) * width + unit;${step}
          biases += d;
        }
        let b = group.x * 4u * p.hidden + unit;
        for (var gate = 0u; gate < 4u; gate++) {
          let sum = select(dbias[b + gate * p.hidden], 0.0, i == 0u);
          if (i < p.steps) { dbias[b + gate * p.hidden] = sum + biases[gate]; }
        }
      }
    }${
    cell === "gru"
      ? `
    if (i < p.steps && width + lane < padded) {
      for (var index = 0u; index < rows; index++) {
        let y = (t * p.batch + first + index) * padded + width + lane;
        drecurrent[y / 4u][y % 4u] = 0.0;
      }
    }`
      : ""
  }
    storageBarrier();
  }
}
`;
}
