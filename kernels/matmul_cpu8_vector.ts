// The matrix product for software adapters, where both operands can be read four elements at a time. Same bindings
// and parameters as matmul.wgsl; generated for each way the operands may lie.

import { matmulStore, storeRows } from "./matmul_cpu8.ts";
import { each, matmulHead } from "./matmul_head.ts";

/**
 * Four neighbouring numbers, read as two of 64 bits: the CPU takes a load apart into one for each lane and component,
 * with a check of its bounds each, so half as many components are nearly half the work.
 */
const four = `
fn four(pair: vec2<u64>) -> vec4f {
  return vec4f(bitcast<f32>(u32(pair.x)), bitcast<f32>(u32(pair.x >> 32u)),
               bitcast<f32>(u32(pair.y)), bitcast<f32>(u32(pair.y >> 32u)));
}
`;

/** How many numbers operands are read by: their offsets and strides have to be multiples of it. */
export type Width = 2 | 4;

/** Four neighbouring numbers from `index` on. */
function load(name: string, index: string, width: Width): string {
  return width === 4
    ? `four(${name}[(${index}) / 4u])`
    : `four(vec2<u64>(${name}[(${index}) / 2u], ${name}[(${index}) / 2u + 1u]))`;
}

/** How the left operand's block, `rows` x 4 inner elements, is spread over the lanes. */
interface LeftBlock {
  /** Before the loop: where each lane's loads begin. */
  readonly starts: string;
  /** In the loop: the lane's own elements. */
  readonly loads: string;
  /** An element, wherever it is. */
  element(row: number, inner: number): string;
}

/** Rows side by side in memory: lane `l` has rows `4 l` and following, or of eight rows every second lane half of them. */
function transposedLeft(rows: 8 | 32, width: Width): LeftBlock {
  if (rows === 8) {
    return {
      starts:
        `  let a_start = p.a_offset + min(row + 4u * (lane % 2u), last_row & ~3u) + lane / 2u * p.a_stride;`,
      loads: `    let a0 = select(vec4f(), ${
        load("a", "a_start + k * p.a_stride", width)
      }, k + lane / 2u < end);`,
      element: (row, inner) => `subgroupShuffle(a0.${"xyzw"[row % 4]}, ${2 * inner + Math.floor(row / 4)}u)`,
    };
  }
  return {
    starts: "  let a_start = p.a_offset + min(row + 4u * lane, last_row & ~3u);",
    loads: each(
      4,
      (i) =>
        `    let a${i} = select(vec4f(), ${
          load("a", `a_start + (k + ${i}u) * p.a_stride`, width)
        }, inside[${i}]);`,
    ),
    element: (row, inner) => `subgroupShuffle(a${inner}.${"xyzw"[row % 4]}, ${Math.floor(row / 4)}u)`,
  };
}

/** Inner elements side by side in memory: each lane has them of `rows / 8` rows. */
function plainLeft(rows: 8 | 32, width: Width): LeftBlock {
  const own = rows / 8;
  return {
    starts: each(
      own,
      (i) => `  let a_start${i} = p.a_offset + min(row + ${own}u * lane + ${i}u, last_row) * p.a_stride;`,
    ),
    loads: each(
      own,
      (i) => `    let a${i} = select(vec4f(), ${load("a", `a_start${i} + k`, width)}, inside);`,
    ),
    element: (row, inner) => `subgroupShuffle(a${row % own}.${"xyzw"[inner]}, ${Math.floor(row / own)}u)`,
  };
}

/** The right operand's block, 4 inner elements x 32: each lane has four columns, as `right0` to `right3`. */
function rightBlock(transposed: boolean, width: Width): { readonly starts: string; readonly loads: string } {
  if (!transposed) {
    return {
      starts: "  let b_start = p.b_offset + min(column, last_column & ~3u);",
      loads: each(
        4,
        (i) =>
          `    let right${i} = select(vec4f(), ${
            load("b", `b_start + (k + ${i}u) * p.b_stride`, width)
          }, inside[${i}]);`,
      ),
    };
  }
  const columns = (inner: number) => [0, 1, 2, 3].map((j) => `b${j}.${"xyzw"[inner]}`).join(", ");
  return {
    starts: each(4, (j) => `  let b_start${j} = p.b_offset + min(column + ${j}u, last_column) * p.b_stride;`),
    loads:
      each(4, (j) => `    let b${j} = select(vec4f(), ${load("b", `b_start${j} + k`, width)}, inside);`) +
      "\n" +
      each(4, (inner) => `    let right${inner} = vec4f(${columns(inner)});`),
  };
}

/**
 * Writes the WGSL for tiles of `rows` x 32, four inner elements at a time.
 *
 * Each of the 8 lanes owns four columns of the tile in all its rows, as one `vec4f` a row. Of both operands it loads
 * `vec4f` along rows or columns, whichever lie side by side; elements of A reach the other lanes by `subgroupShuffle`
 * with a constant lane. Each row takes all it has to add before the next one begins, so that the CPU keeps its sums in
 * registers.
 *
 * Offsets and strides of A and B have to be multiples of `width`.
 *
 * @param rows 32 for speed, 8 where the matrix has few rows.
 * @param transposeA Whether A lies in memory as [inner, rows].
 * @param transposeB Whether B lies in memory as [columns, inner].
 * @param width 4 for speed, 2 where rows do not begin at multiples of 4.
 */
export function matmulCpu8Vector(
  rows: 8 | 32,
  transposeA: boolean,
  transposeB: boolean,
  width: Width,
): string {
  const left = transposeA ? transposedLeft(rows, width) : plainLeft(rows, width);
  const right = rightBlock(transposeB, width);
  const sum = (row: number) =>
    [0, 1, 2, 3].reduce((sum, i) => `fma(vec4f(${left.element(row, i)}), right${i}, ${sum})`, `c${row}`);
  return `// C = act(A B + bias)   or, accumulating, C += A B; tiles of ${rows} x 32, one workgroup of 8 lanes each
${matmulHead(width === 4 ? "vec2<u64>" : "u64")}
${four}
${matmulStore}
@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let tile = tile_of(group);
  let row = tile.x * ${rows}u;
  let column = tile.y * 32u + 4u * lane;
  let last_row = p.rows - 1u;
  let last_column = p.columns - 1u;
  let end = min(p.inner, (group.z + 1u) * p.inner_share);
  // Beyond the edge the last rows and columns are loaded again; what comes of it is not stored.
${left.starts}
${right.starts}
${each(rows, (r) => `  var c${r} = vec4f();`)}
  for (var k = group.z * p.inner_share; k < end; k += 4u) {
    // What lies beyond the inner length may be anything, and must not be multiplied even by zero.
    let inside = vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(end);
${left.loads}
${right.loads}
${each(rows, (r) => `    c${r} = ${sum(r)};`)}
  }
${storeRows(rows)}
}
`;
}
