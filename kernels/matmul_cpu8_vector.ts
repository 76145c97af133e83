// The matrix product for software adapters, where both operands can be read four elements at a time. Same bindings
// and parameters as matmul.wgsl; generated for each way the operands may lie.

import { each, matmulHead, matmulStore, storeRows } from "./matmul_cpu8.ts";

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

/**
 * Writes the WGSL for tiles of 32 x 32, four inner elements at a time.
 *
 * Each of the 8 lanes owns four columns of the tile in all its rows, as one `vec4f` a row, and loads a block of 4 x 4
 * elements of A and of B: four `vec4f` each, along rows or columns, whichever lie side by side. Then each row takes
 * all it has to add before the next one begins, so that the CPU keeps its sums in registers: 1.5 times as fast as
 * column by column (docs/performance.md).
 *
 * Offsets and strides of A and B have to be multiples of 4.
 *
 * @param transposeA Whether A lies in memory as [inner, rows].
 * @param transposeB Whether B lies in memory as [columns, inner].
 */
export function matmulCpu8Vector(transposeA: boolean, transposeB: boolean): string {
  // `a${i}` and `b${i}` hold what is loaded; an element's row or column picks the vector or the component.
  const left = (row: number, inner: number) => {
    const [vector, component] = transposeA ? [inner, row % 4] : [row % 4, inner];
    return `subgroupShuffle(a${vector}.${"xyzw"[component]}, ${Math.floor(row / 4)}u)`;
  };
  const right = (inner: number) =>
    transposeB ? `vec4f(${[0, 1, 2, 3].map((j) => `b${j}.${"xyzw"[inner]}`).join(", ")})` : `b${inner}`;
  // What lies beyond the inner length may be anything, and must not be multiplied even by zero.
  const load = (name: string, i: number, along: boolean, start: string) =>
    along
      ? `    let ${name}${i} = select(vec4f(), four(${name}[(${start} + k) / 4u]), inside);`
      : `    let ${name}${i} = select(vec4f(), four(${name}[(${start} + (k + ${i}u) * p.${name}_stride) / 4u]), inside[${i}]);`;
  return `// C = act(A B + bias)   or, accumulating, C += A B; tiles of 32 x 32, one workgroup of 8 lanes each
${matmulHead("vec2<u64>")}
${four}
${matmulStore}
@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let row = group.y * 32u;
  let column = group.x * 32u + 4u * lane;
  let last_row = p.rows - 1u;
  let last_column = p.columns - 1u;
  // Beyond the edge the last rows and columns are loaded again; what comes of it is not stored.
${
    transposeA ? "  let a_start = p.a_offset + min(row + 4u * lane, last_row & ~3u);" : each(
      4,
      (i) => `  let a_start${i} = p.a_offset + min(row + 4u * lane + ${i}u, last_row) * p.a_stride;`,
    )
  }
${
    transposeB
      ? each(4, (j) => `  let b_start${j} = p.b_offset + min(column + ${j}u, last_column) * p.b_stride;`)
      : "  let b_start = p.b_offset + min(column, last_column & ~3u);"
  }
${each(32, (r) => `  var c${r} = vec4f();`)}
  for (var k = 0u; k < p.inner; k += 4u) {
    let inside = vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(p.inner);
${each(4, (i) => load("a", i, !transposeA, transposeA ? "a_start" : `a_start${i}`))}
${each(4, (i) => load("b", i, transposeB, transposeB ? `b_start${i}` : "b_start"))}
${each(4, (inner) => `    let right${inner} = ${right(inner)};`)}
${
    each(32, (r) => {
      const sum = [0, 1, 2, 3].reduce((sum, i) => `fma(vec4f(${left(r, i)}), right${i}, ${sum})`, `c${r}`);
      return `    c${r} = ${sum};`;
    })
  }
  }
${storeRows(32)}
}
`;
}
