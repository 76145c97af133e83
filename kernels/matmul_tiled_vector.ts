// The matrix product for GPUs where all operands can be read and written four elements at a time: the tiles of
// matmul_tiled.ts, filled by blocks of four by four. Same bindings and parameters as matmul.wgsl.

import { FOURS_OPERANDS, matmulFours } from "./matmul_fours.ts";
import { each } from "./matmul_head.ts";

/** How a product is shared out. */
export interface Tiles {
  /** Rows of a tile. */
  readonly tall: number;
  /** Columns of a tile. */
  readonly wide: number;
  /** Rows, and columns, of an invocation: more of them read workgroup memory less often, fewer keep more of the GPU busy. */
  readonly own: 4 | 8;
}

/** Inner elements that pass through workgroup memory at once; each invocation loads one block of them, or none. */
const INNER = 16;
/** Steps through a tile between two turns of the loop. */
const UNROLLED = 4;

/** The bytes of workgroup memory that such tiles take, the numbers in it having so many. */
export const tiledMemory = ({ tall, wide }: Pick<Tiles, "tall" | "wide">, bytes: number) =>
  2 * INNER * (tall + wide) * bytes;

/**
 * Writes the WGSL for tiles of some shape. Rows of both operands and of C have to begin at multiples of four.
 *
 * What is loaded for the next round stays as it is until it is put into workgroup memory: to turn a block where it is loaded
 * would be to wait for it there.
 */
export function matmulTiledVector(tiles: Tiles, precision: "f32" | "f16"): string {
  const { tall, wide, own } = tiles;
  const four = { f32: "vec4f", f16: "vec4<f16>" }[precision]; // in workgroup memory; sums have 32 bits
  const [groupsOfA, groupsOfB] = [tall / 4, wide / 4]; // vec4f in a line of the tile
  const blocks = own / 4;
  const [height, width] = [tall / own, wide / own]; // invocations
  const blocksOfA = groupsOfA * INNER / 4;
  const allBlocks = (groupsOfA + groupsOfB) * INNER / 4; // at most one an invocation
  const loads = allBlocks < height * width ? `lane < ${allBlocks}u` : "true";
  const fetch = (k: string) => `
    k_next = ${k} + inner;
    if (loads && k_next < end) {
      if (of_a) {
        let at = places_of_a(first_row + 4u * group_of_four, k_next);
        next = mat4x4f(a[at.x], a[at.y], a[at.z], a[at.w]);
      } else {
        let at = places_of_b(first_column + 4u * group_of_four, k_next);
        next = mat4x4f(b[at.x], b[at.y], b[at.z], b[at.w]);
      }
    }`;
  const keep = (half: string) => `
    let block = by_inner(next, select(${FOURS_OPERANDS.b.sideBySide}, ${FOURS_OPERANDS.a.sideBySide}, of_a), k_next, end);
    if (of_a) {
      let at = (${half} * ${INNER}u + inner) * ${groupsOfA}u + group_of_four;
${each(4, (k) => `      a_tile[at + ${k * groupsOfA}u] = ${four}(block[${k}]);`)}
    } else if (loads) {
      let at = (${half} * ${INNER}u + inner) * ${groupsOfB}u + group_of_four;
${each(4, (k) => `      b_tile[at + ${k * groupsOfB}u] = ${four}(block[${k}]);`)}
    }`;
  const step = (k: number) => {
    const left = (i: number) => `a_tile[at_a + ${k * groupsOfA + i * height}u]`;
    const right = (i: number) => `b_tile[at_b + ${k * groupsOfB + i * width}u]`;
    return `      {
${each(blocks, (i) => `        let a${i} = vec4f(${left(i)});\n        let b${i} = vec4f(${right(i)});`)}
${
      each(own, (row) =>
        each(blocks, (j) => {
          const element = `a${Math.floor(row / 4)}.${"xyzw"[row % 4]}`;
          return `        c${row}_${j} = fma(vec4f(${element}), b${j}, c${row}_${j});`;
        }))
    }
      }`;
  };
  return `// C = act(A B + bias)   or, accumulating, C += A B; tiles of ${tall} x ${wide}
${matmulFours}
// Two halves of [${INNER}, lines / 4] each: inner, four lines. While one is multiplied, the other is filled.
var<workgroup> a_tile: array<${four}, ${2 * INNER * groupsOfA}>;
var<workgroup> b_tile: array<${four}, ${2 * INNER * groupsOfB}>;

// A block by its inner elements from k on, with zeros from \`end\` on, whatever lies there.
fn by_inner(loaded: mat4x4f, beside: bool, k: u32, end: u32) -> mat4x4f {
  if (k >= end) { return mat4x4f(); }
  var block = loaded;
  if (!beside) { block = transpose(loaded); }
  let count = end - k;
  if (count >= 4u) { return block; }
  return mat4x4f(block[0], select(vec4f(), block[1], count > 1u), select(vec4f(), block[2], count > 2u), vec4f());
}

@compute @workgroup_size(${width}, ${height})
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let tile = tile_of(group);
  let first_row = tile.x * ${tall}u;
  let first_column = tile.y * ${wide}u;
  let first_inner = group.z * p.inner_share;
  let end = min(p.inner, first_inner + p.inner_share);
  // Each loads a block of four by four: eight neighbours what lies side by side in workgroup memory, 32 whole lines of device memory.
  let of_a = lane < ${blocksOfA}u;
  let loads = ${loads};
  let place = select(lane - ${blocksOfA}u, lane, of_a);
  let group_of_four = place % 8u + place / ${2 * INNER}u * 8u;
  let inner = place / 8u % ${INNER / 4}u * 4u;
  var next = mat4x4f();
  var k_next = 0u;
${each(own, (row) => each(blocks, (j) => `  var c${row}_${j} = vec4f();`))}
  {${fetch("first_inner")}${keep("0u")}
  }
  workgroupBarrier();
  var half = 0u;
  for (var k0 = first_inner; k0 < end; k0 += ${INNER}u) {${fetch(`k0 + ${INNER}u`)}
    for (var k = 0u; k < ${INNER}u; k += ${UNROLLED}u) {
      let at_a = (half * ${INNER}u + k) * ${groupsOfA}u + local.y;
      let at_b = (half * ${INNER}u + k) * ${groupsOfB}u + local.x;
${each(UNROLLED, step)}
    }
    half = 1u - half;${keep("half")}
    workgroupBarrier();
  }
  let start = p.c_offset + group.z * p.rows * p.c_stride;
${
    each(own, (row) =>
      each(blocks, (j) => {
        const to = `4u * (local.y + ${height * Math.floor(row / 4)}u) + ${row % 4}u`;
        return `  store(start, first_row + ${to}, first_column + 4u * (local.x + ${
          width * j
        }u), c${row}_${j});`;
      }))
  }
}
`;
}
