// The matrix product for GPUs: tiles pass through workgroup memory. Same bindings and parameters as matmul.wgsl;
// generated for two sizes of tile.

import { each, matmulActivation, matmulHead } from "./matmul_head.ts";

/** The type of four neighbouring numbers of a tile. */
const FOUR = { f32: "vec4f", f16: "vec4<f16>" } as const;

/**
 * Writes the WGSL for tiles of `tile` x `tile`, 16 inner elements at a time, by 256 invocations.
 *
 * Each invocation owns four rows by four columns, at 128 in each quarter of the tile, so that neighbours read
 * neighbouring `vec4f` of workgroup memory. That memory is there twice: while one half is multiplied, the next
 * elements are on their way to registers and from there into the other half; one barrier a round.
 *
 * @param precision Of the operands in workgroup memory; they are added up in 32 bits.
 */
export function matmulTiled(tile: 64 | 128, precision: "f32" | "f16"): string {
  const blocks = tile / 64;
  const groups = tile / 4; // vec4f in a row of the tile
  const loads = tile / 64; // vec4f that each invocation loads of each operand
  const load = (name: "a" | "b", axis: "row" | "column") => {
    // Neighbouring invocations load neighbouring addresses, transposed or not.
    const along = name === "a" ? "p.transpose_a == 0u" : "p.transpose_b != 0u";
    return each(loads, (i) => `
  let ${name}_k${i} = select(${place(i)} / ${groups}u, ${place(i)} % 16u, ${along});
  let ${name}_group${i} = select(${place(i)} % ${groups}u, ${place(i)} / 16u, ${along});
  let ${name}_${axis}${i} = first_${axis} + 4u * ${name}_group${i};
  let ${name}_place${i} = ${name}_k${i} * ${groups}u + ${name}_group${i};`);
  };
  const place = (i: number) => `(lane + ${256 * i}u)`;
  const fetch = (k: string) =>
    each(loads, (i) =>
      `    a_next${i} = a_vector(a_row${i}, ${k} + a_k${i}, end);
    b_next${i} = b_vector(b_column${i}, ${k} + b_k${i}, end);`);
  const keep = (half: string) =>
    each(loads, (i) =>
      `    a_tile[${half} + a_place${i}] = ${FOUR[precision]}(a_next${i});
    b_tile[${half} + b_place${i}] = ${FOUR[precision]}(b_next${i});`);
  const rows = 4 * blocks;
  return `// C = act(A B + bias)   or, accumulating, C += A B; tiles of ${tile} x ${tile}
${matmulHead("f32")}
var<workgroup> a_tile: array<${FOUR[precision]}, ${
    2 * 16 * groups
  }>;  // two halves of [16, ${groups}]: inner, four rows
var<workgroup> b_tile: array<${FOUR[precision]}, ${
    2 * 16 * groups
  }>;  // two halves of [16, ${groups}]: inner, four columns

fn a_vector(row: u32, k: u32, end: u32) -> vec4f {
  if (k >= end) { return vec4f(); }
  let r = min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(p.rows - 1u));
  let i = vec4u(p.a_offset) + select(r * p.a_stride + k, r + k * p.a_stride, p.transpose_a != 0u);
  return vec4f(a[i.x], a[i.y], a[i.z], a[i.w]);
}

fn b_vector(column: u32, k: u32, end: u32) -> vec4f {
  if (k >= end) { return vec4f(); }
  let q = min(vec4u(column, column + 1u, column + 2u, column + 3u), vec4u(p.columns - 1u));
  let i = vec4u(p.b_offset) + select(q + k * p.b_stride, q * p.b_stride + k, p.transpose_b != 0u);
  return vec4f(b[i.x], b[i.y], b[i.z], b[i.w]);
}

${matmulActivation("f32")}
fn store(start: u32, row: u32, first_column: u32, sums: vec4f) {
  if (row >= p.rows) { return; }
  for (var j = 0u; j < 4u; j++) {
    let column = first_column + j;
    if (column >= p.columns) { return; }
    var x = sums[j];
    if (p.has_bias != 0u) { x += bias[p.bias_offset + column]; }
    let i = start + row * p.c_stride + column;
    if (p.accumulate_c != 0u) { x += c[i]; }
    c[i] = activate(x);
  }
}

@compute @workgroup_size(16, 16)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let tile = tile_of(group);
  let first_row = tile.x * ${tile}u;
  let first_column = tile.y * ${tile}u;
  let first_inner = group.z * p.inner_share;
  let end = min(p.inner, first_inner + p.inner_share);${load("a", "row")}${load("b", "column")}
${each(loads, (i) => `  var a_next${i}: vec4f;\n  var b_next${i}: vec4f;`)}
${each(rows, (r) => each(blocks, (j) => `  var c${r}_${j} = vec4f();`))}
${fetch("first_inner")}
${keep("0u")}
  workgroupBarrier();
  var half = 0u;
  for (var k0 = first_inner; k0 < end; k0 += 16u) {
${fetch("k0 + 16u")}
    for (var k = 0u; k < 16u; k++) {
      let at = half + k * ${groups}u;
${
    each(blocks, (i) =>
      `      let a${i} = vec4f(a_tile[at + local.y + ${
        16 * i
      }u]);\n      let b${i} = vec4f(b_tile[at + local.x + ${16 * i}u]);`)
  }
${
    each(rows, (r) =>
      each(blocks, (j) =>
        `      c${r}_${j} = fma(vec4f(a${Math.floor(r / 4)}.${"xyzw"[r % 4]}), b${j}, c${r}_${j});`))
  }
    }
    half = ${16 * groups}u - half;
${keep("half")}
    workgroupBarrier();
  }
  let start = p.c_offset + group.z * p.rows * p.c_stride;
${
    each(rows, (r) =>
      each(blocks, (j) =>
        `  store(start, first_row + ${64 * Math.floor(r / 4)}u + 4u * local.y + ${r % 4}u, first_column + ${
          64 * j
        }u + 4u * local.x, c${r}_${j});`))
  }
}
`;
}
