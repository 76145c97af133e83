// The matrix product for GPUs where all operands can be read and written four elements at a time: the tiles of
// matmul_tiled.ts, filled by blocks of four by four. Same bindings and parameters as matmul.wgsl.

import { each, matmulActivation, matmulHead } from "./matmul_head.ts";

/** How a product is shared out. */
export interface Tiles {
  /** Rows of a tile. */
  readonly tall: number;
  /** Columns of a tile. */
  readonly wide: number;
  /** Rows, and columns, of an invocation: more of them read workgroup memory less often, fewer keep more of the GPU busy. */
  readonly own: 4 | 8;
}

/** Inner elements of a tile: `inner_share` is a multiple of it. */
const INNER = 16;
/** Steps through a tile between two turns of the loop. */
const UNROLLED = 4;

/** Of four inner elements the first `count`, and zeros, whatever lies there. */
const masked = `
fn masked(block: mat4x4f, count: u32) -> mat4x4f {
  if (count >= 4u) { return block; }
  return mat4x4f(block[0], select(vec4f(), block[1], count > 1u), select(vec4f(), block[2], count > 2u), vec4f());
}
`;

/**
 * Writes the function that loads four inner elements of four lines of an operand, lines being its rows if it is the left
 * one and its columns if it is the right one. Beyond the last line it is any other; those sums are not stored.
 */
function block(name: "a" | "b", lines: "rows" | "columns", sideBySide: string): string {
  return `
fn block_of_${name}(line: u32, k: u32, end: u32) -> mat4x4f {
  if (k >= end) { return mat4x4f(); }
  let last = p.${lines} - 1u;
  if (${sideBySide}) {
    let stride = p.${name}_stride / 4u;
    let at = (p.${name}_offset + min(line, last & ~3u)) / 4u + k * stride;
    let block = mat4x4f(${name}[at], ${name}[at + stride], ${name}[at + 2u * stride], ${name}[at + 3u * stride]);
    return masked(block, end - k);
  }
  let at = (p.${name}_offset + min(line + vec4u(0u, 1u, 2u, 3u), vec4u(last)) * p.${name}_stride + k) / 4u;
  return masked(transpose(mat4x4f(${name}[at.x], ${name}[at.y], ${name}[at.z], ${name}[at.w])), end - k);
}
`;
}

/** Writes the WGSL for tiles of some shape. Rows of both operands and of C have to begin at multiples of four. */
export function matmulTiledVector({ tall, wide, own }: Tiles, precision: "f32" | "f16"): string {
  const four = { f32: "vec4f", f16: "vec4<f16>" }[precision]; // in workgroup memory; sums have 32 bits
  const [groupsOfA, groupsOfB] = [tall / 4, wide / 4]; // vec4f in a line of the tile
  const blocks = own / 4;
  const [height, width] = [tall / own, wide / own]; // invocations
  const invocations = height * width;
  const blocksOfA = groupsOfA * INNER / 4;
  const loads = Math.ceil((blocksOfA + groupsOfB * INNER / 4) / invocations);
  // Eight neighbours load what lies side by side in workgroup memory; 32 together whole lines of device memory.
  const place = (i: number) => {
    const load = `lane + ${invocations * i}u`;
    return `
  let load${i} = ${load};
  let of_a${i} = load${i} < ${blocksOfA}u;
  let at${i} = select(load${i} - ${blocksOfA}u, load${i}, of_a${i});
  let group${i} = at${i} % 8u + at${i} / 32u * 8u;
  let inner${i} = at${i} / 8u % 4u * 4u;
  let idle${i} = load${i} >= ${blocksOfA + groupsOfB * INNER / 4}u;
  var next${i} = mat4x4f();`;
  };
  const fetch = (k: string) =>
    each(
      loads,
      (i) =>
        `    if (of_a${i}) { next${i} = block_of_a(first_row + 4u * group${i}, ${k} + inner${i}, end); }
    else if (!idle${i}) { next${i} = block_of_b(first_column + 4u * group${i}, ${k} + inner${i}, end); }`,
    );
  const keep = (half: string) =>
    each(loads, (i) =>
      `    if (of_a${i}) {
      let at = ${half} * ${INNER * groupsOfA}u + inner${i} * ${groupsOfA}u + group${i};
${each(4, (k) => `      a_tile[at + ${k * groupsOfA}u] = ${four}(next${i}[${k}]);`)}
    } else if (!idle${i}) {
      let at = ${half} * ${INNER * groupsOfB}u + inner${i} * ${groupsOfB}u + group${i};
${each(4, (k) => `      b_tile[at + ${k * groupsOfB}u] = ${four}(next${i}[${k}]);`)}
    }`);
  const step = (k: number) =>
    `      {
${
      each(blocks, (i) =>
        `        let a${i} = vec4f(a_tile[at_a + ${
          k * groupsOfA + i * height
        }u]);\n        let b${i} = vec4f(b_tile[at_b + ${k * groupsOfB + i * width}u]);`)
    }
${
      each(own, (row) =>
        each(blocks, (j) =>
          `        c${row}_${j} = fma(vec4f(a${Math.floor(row / 4)}.${
            "xyzw"[row % 4]
          }), b${j}, c${row}_${j});`))
    }
      }`;
  return `// C = act(A B + bias)   or, accumulating, C += A B; tiles of ${tall} x ${wide}
${matmulHead("vec4f")}
var<workgroup> a_tile: array<${four}, ${
    2 * INNER * groupsOfA
  }>;  // two halves of [${INNER}, ${groupsOfA}]: inner, four rows
var<workgroup> b_tile: array<${four}, ${
    2 * INNER * groupsOfB
  }>;  // two halves of [${INNER}, ${groupsOfB}]: inner, four columns
${masked}${block("a", "rows", "p.transpose_a != 0u")}${block("b", "columns", "p.transpose_b == 0u")}
${matmulActivation("vec4f")}
fn store(start: u32, row: u32, column: u32, sums: vec4f) {
  if (row >= p.rows || column >= p.columns) { return; }
  var x = sums;
  if (p.has_bias != 0u) {
    let i = p.bias_offset + column;
    x += vec4f(bias[i], bias[i + 1u], bias[i + 2u], bias[i + 3u]);
  }
  let i = (start + row * p.c_stride + column) / 4u;
  if (p.accumulate_c != 0u) { x += c[i]; }
  x = activate(x);
  if (column + 4u <= p.columns) {
    c[i] = x;
    return;
  }
  c[i].x = x.x;
  if (column + 1u < p.columns) { c[i].y = x.y; }
  if (column + 2u < p.columns) { c[i].z = x.z; }
}

@compute @workgroup_size(${width}, ${height})
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let tile = tile_of(group);
  let first_row = tile.x * ${tall}u;
  let first_column = tile.y * ${wide}u;
  let first_inner = group.z * p.inner_share;
  let end = min(p.inner, first_inner + p.inner_share);
${each(loads, place)}
${each(own, (row) => each(blocks, (j) => `  var c${row}_${j} = vec4f();`))}
${fetch("first_inner")}
${keep("0u")}
  workgroupBarrier();
  var half = 0u;
  for (var k0 = first_inner; k0 < end; k0 += ${INNER}u) {
${fetch(`k0 + ${INNER}u`)}
    for (var k = 0u; k < ${INNER}u; k += ${UNROLLED}u) {
      let at_a = (half * ${INNER}u + k) * ${groupsOfA}u + local.y;
      let at_b = (half * ${INNER}u + k) * ${groupsOfB}u + local.x;
${each(UNROLLED, step)}
    }
    half = 1u - half;
${keep("half")}
    workgroupBarrier();
  }
  let start = p.c_offset + group.z * p.rows * p.c_stride;
${
    each(own, (row) =>
      each(blocks, (j) =>
        `  store(start, first_row + 4u * (local.y + ${height * Math.floor(row / 4)}u) + ${
          row % 4
        }u, first_column + 4u * (local.x + ${width * j}u), c${row}_${j});`))
  }
}
`;
}
