// What the steps of recurrent_step.ts are given, and what they make of the sums, for each cell.

import { each } from "./matmul_head.ts";
import type { CellName } from "./recurrent_cpu8.ts";

/** The parts of a step's WGSL that differ from cell to cell. */
export interface StepCell {
  /** Parameters, bindings, and the functions that read and write them. */
  readonly head: string;
  /** The buffer with the input's projection. */
  readonly given: string;
  /** The buffer of which the cell takes what it was before, unit by unit. */
  readonly carried: string;
  /**
   * From the sums `total`, the projections `given`, and `before`, which is what `carried` was, to what is stored, four
   * units at a time.
   */
  readonly finish: string;
}

/** A buffer of numbers: its name, whether it is written, and its shape. */
type Buffer = readonly [name: string, written: boolean, shape: string];

const cells = {
  gru: {
    buffers: [
      ["projection", false, "[B, 3 H] at this step"],
      ["states", true, "[T + 1, B, H]"],
      ["gates", true, "[B, 3 H] at this step"],
      ["recurrent", true, "[B, 3 H] at this step: W h + b"],
    ] as Buffer[],
    params: "projection_offset: u32, recurrent_offset: u32",
    given: "projection",
    carried: "states",
    over: "store_states(p.current + i, before, count);",
    finish: `
  let value0 = sigmoid(given0 + total0);
  let value1 = sigmoid(given1 + total1);
  let value2 = bounded_tanh(given2 + value0 * total2);
  store_states(p.current + i, (1.0 - value1) * value2 + value1 * before, count);
${
      each(3, (gate) =>
        `  store_recurrent(p.recurrent_offset + at + ${gate}u * p.hidden, total${gate}, count);`)
    }`,
  },
  lstm: {
    buffers: [
      ["gates", true, "[B, 4 H] at this step: projection of x, then gates"],
      ["states", true, "[T + 1, B, H]"],
      ["cells", true, "[T + 1, B, H]"],
    ] as Buffer[],
    params: "cells_offset: u32",
    given: "gates",
    carried: "cells",
    over: `store_cells(p.current + i, before, count);
    store_states(p.current + i, load_states(p.previous + i), count);`,
    finish: `
  let value0 = sigmoid(given0 + total0);
  let value1 = sigmoid(given1 + total1);
  let value2 = bounded_tanh(given2 + total2);
  let value3 = sigmoid(given3 + total3);
  let c = value1 * before + value0 * value2;
  store_cells(p.current + i, c, count);
  store_states(p.current + i, value3 * bounded_tanh(c), count);`,
  },
} as const;

/** Writes the functions that read and write four numbers of a buffer; beyond its end they are any. */
function access([name, written]: Buffer, fours: boolean): string {
  const load = fours ? `return ${name}[at / 4u];` : `
  let i = min(at + vec4u(0u, 1u, 2u, 3u), vec4u(arrayLength(&${name}) - 1u));
  return vec4f(${name}[i.x], ${name}[i.y], ${name}[i.z], ${name}[i.w]);
`;
  const store = fours ? `${name}[at / 4u] = x;` : `
  ${name}[at] = x.x;
${each(3, (k) => `  if (count > ${k + 1}u) { ${name}[at + ${k + 1}u] = x.${"yzw"[k]}; }`)}
`;
  return `fn load_${name}(at: u32) -> vec4f { ${load} }` +
    (written ? `\nfn store_${name}(at: u32, x: vec4f, count: u32) { ${store} }` : "");
}

/**
 * Writes what a cell's step is given and how it ends.
 *
 * @param fours Whether buffers are read and written four numbers at a time.
 */
export function recurrentStepCell(cell: CellName, fours: boolean): StepCell {
  const { buffers, params, given, carried, over, finish } = cells[cell];
  const gates = cell === "gru" ? 3 : 4;
  const inputs: Buffer[] = [
    ["weight", false, `[${gates} H, H]`],
    ["bias", false, `[${gates} H]`],
    ["lengths", false, "[B]"],
  ];
  const bindings = [...inputs, ...buffers].map(([name, written, shape], index) => {
    const type = name === "lengths" ? "u32" : fours ? "vec4f" : "f32";
    const mode = written ? "read_write" : "read";
    return `@group(0) @binding(${index}) var<storage, ${mode}> ${name}: array<${type}>;  // ${shape}`;
  });
  const numbers = [...inputs, ...buffers].filter(([name]) => name !== "lengths");
  return {
    head: `
struct Params {
  batch: u32, hidden: u32, step: u32,
  previous: u32, current: u32,  // where the states before and after the step stand
  weight_offset: u32, bias_offset: u32, states_offset: u32, gates_offset: u32, ${params},
}
${bindings.join("\n")}

@group(1) @binding(0) var<uniform> p: Params;

fn sigmoid(x: vec4f) -> vec4f { return 1.0 / (1.0 + exp(-x)); }
// By bit pattern, as clamp() and max() may make a number of NaN.
fn is_nan(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }
fn bounded_tanh(x: vec4f) -> vec4f { return select(tanh(clamp(x, vec4f(-15.0), vec4f(15.0))), x, is_nan(x)); }
// Zeros beyond the end of a line.
fn within(x: vec4f, k: u32) -> vec4f {
  return select(vec4f(), x, k + vec4u(0u, 1u, 2u, 3u) < vec4u(p.hidden));
}
${numbers.map((buffer) => access(buffer, fours)).join("\n")}
`,
    given,
    carried,
    finish: `  if (over) {
    ${over}
    return;
  }${finish}
${each(gates, (gate) => `  store_gates(p.gates_offset + at + ${gate}u * p.hidden, value${gate}, count);`)}`,
  };
}
