// The matrix product for software adapters whose workgroup of 8 is one vector of the CPU. Same bindings and
// parameters as matmul.wgsl; generated, because the speed comes from named accumulators and constant shuffles.

import { each, matmulActivation, matmulHead } from "./matmul_head.ts";

/** What becomes of the sums: four columns of a row at a time. */
export const matmulStore = `${matmulActivation("vec4f")}
fn store(start: u32, row: u32, column: u32, sums: vec4f, bias_values: vec4f) {
  if (row >= p.rows) { return; }
  let i = start + row * p.c_stride + column;
  let count = min(p.columns - min(column, p.columns), 4u);
  var x = sums + bias_values;
  if (p.accumulate_c != 0u) {
    if (count > 0u) { x.x += c[i]; }
    if (count > 1u) { x.y += c[i + 1u]; }
    if (count > 2u) { x.z += c[i + 2u]; }
    if (count > 3u) { x.w += c[i + 3u]; }
  }
  x = activate(x);
  if (count > 0u) { c[i] = x.x; }
  if (count > 1u) { c[i + 1u] = x.y; }
  if (count > 2u) { c[i + 2u] = x.z; }
  if (count > 3u) { c[i + 3u] = x.w; }
}

fn bias_at(column: u32, last_column: u32) -> vec4f {
  if (p.has_bias == 0u) { return vec4f(); }
  let i = p.bias_offset;
  return vec4f(bias[i + min(column, last_column)], bias[i + min(column + 1u, last_column)],
               bias[i + min(column + 2u, last_column)], bias[i + min(column + 3u, last_column)]);
}
`;

/** Stores the sums `c0` and so on. A loop: written out, the stores would be most of the program, and compile for seconds. */
export const storeRows = (rows: number) => `
  let bias_values = bias_at(column, last_column);
  var sums: array<vec4f, ${rows}>;
${each(rows, (r) => `  sums[${r}] = c${r};`)}
  let start = p.c_offset + group.z * p.rows * p.c_stride;
  for (var r = 0u; r < ${rows}u; r++) { store(start, row + r, column, sums[r], bias_values); }`;

/**
 * Writes the WGSL for tiles of `rows` x 32.
 *
 * Each of the 8 lanes owns four columns of the tile in all its rows, as one `vec4f` a row. For every k a lane
 * loads four elements of B and `rows / 8` of A; the elements of A reach the other lanes by `subgroupShuffle` with
 * a constant lane, which costs next to nothing there, while a load costs as much as a hundred multiply-adds.
 *
 * @param rows Rows of a tile: a multiple of 8. 32 for speed, 8 where the matrix has few rows.
 */
export function matmulCpu8(rows: number): string {
  const lane = rows / 8;
  const broadcast = (row: number) => `subgroupShuffle(av${row % lane}, ${Math.floor(row / lane)}u)`;
  return `// C = act(A B + bias)   or, accumulating, C += A B; tiles of ${rows} x 32, one workgroup of 8 lanes each
${matmulHead("f32")}
${matmulStore}
@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let tile = tile_of(group);
  let row = tile.x * ${rows}u;
  let column = tile.y * 32u + 4u * lane;
  let end = min(p.inner, (group.z + 1u) * p.inner_share);
  let a_row = select(p.a_stride, 1u, p.transpose_a != 0u);
  let a_inner = select(1u, p.a_stride, p.transpose_a != 0u);
  let b_inner = select(p.b_stride, 1u, p.transpose_b != 0u);
  let b_column = select(1u, p.b_stride, p.transpose_b != 0u);
  let last_row = p.rows - 1u;
  let last_column = p.columns - 1u;
  // Beyond the edge the last row and column are loaded again; what comes of it is not stored.
${each(lane, (i) => `  let a${i} = p.a_offset + min(row + ${lane}u * lane + ${i}u, last_row) * a_row;`)}
${each(4, (j) => `  let b${j} = p.b_offset + min(column + ${j}u, last_column) * b_column;`)}
${each(rows, (r) => `  var c${r} = vec4f();`)}
  for (var k = group.z * p.inner_share; k < end; k++) {
    let kb = k * b_inner;
    let bv = vec4f(b[b0 + kb], b[b1 + kb], b[b2 + kb], b[b3 + kb]);
    let ka = k * a_inner;
${each(lane, (i) => `    let av${i} = a[a${i} + ka];`)}
${each(rows, (r) => `    c${r} = fma(vec4f(${broadcast(r)}), bv, c${r});`)}
  }
${storeRows(rows)}
}
`;
}
