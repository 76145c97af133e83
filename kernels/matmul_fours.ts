// What the products for GPUs that read and write four numbers at a time have in common: where a block of four by four
// stands, and how four sums are stored.

import { matmulActivation, matmulHead } from "./matmul_head.ts";

/** An operand's name in WGSL, what its lines are, and the condition that four lines lie side by side in memory. */
export const FOURS_OPERANDS = {
  a: { lines: "rows", sideBySide: "p.transpose_a != 0u" },
  b: { lines: "columns", sideBySide: "p.transpose_b == 0u" },
} as const;

/**
 * Writes the function that tells where four inner elements of four lines of an operand stand, as four `vec4f`, lines being the
 * rows of the left operand and the columns of the right one. Beyond the last line it is any other; those sums are not stored.
 */
function places(name: "a" | "b"): string {
  const { lines, sideBySide } = FOURS_OPERANDS[name];
  return `
fn places_of_${name}(line: u32, k: u32) -> vec4u {
  let last = p.${lines} - 1u;
  let beside = min(line, last & ~3u) + (k + NEIGHBOURS) * p.${name}_stride;
  let along = min(line + NEIGHBOURS, vec4u(last)) * p.${name}_stride + k;
  return (p.${name}_offset + select(along, beside, ${sideBySide})) / 4u;
}
`;
}

/** Parameters, bindings, and the functions `places_of_a`, `places_of_b` and `store`. */
export const matmulFours = `${matmulHead("vec4f")}
const NEIGHBOURS = vec4u(0u, 1u, 2u, 3u);
${places("a")}${places("b")}${matmulActivation("vec4f")}
// Finishes and stores four sums of a row; C begins at \`start\`.
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
`;
