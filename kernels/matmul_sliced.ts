// The matrix product for GPUs where it has few tiles: a workgroup takes one small tile, and groups of its invocations
// take a slice of the inner length each. Same bindings and parameters as matmul.wgsl.

import { FOURS_OPERANDS, matmulFours } from "./matmul_fours.ts";
import { each } from "./matmul_head.ts";

/** In how many slices a workgroup takes the inner length: the most shares that its kernels can add. */
export const SLICES = 8;

/** How a product is shared out among workgroups and their invocations. */
export interface SlicedTiles {
  /** Rows of a tile. */
  readonly tall: number;
  /** Columns of a tile. */
  readonly wide: number;
  /** Rows of an invocation, by four columns: more of them read workgroup memory less often. */
  readonly own: 4 | 8;
}

/** Inner elements of a slice that are on their way at the same time. */
const ROUND = 16;

/** The bytes of workgroup memory that tiles of some shape need, for one round of operands or for all sums. */
export function slicedMemory({ tall, wide }: SlicedTiles): number {
  return 4 * SLICES * Math.max(ROUND * (tall + wide), tall * wide);
}

/** Writes the function that loads a block of an operand. */
const load = (name: "a" | "b") => `
fn load_${name}(at: vec4u, inside: bool) -> mat4x4f {
  if (!inside) { return mat4x4f(); }
  return mat4x4f(${name}[at.x], ${name}[at.y], ${name}[at.z], ${name}[at.w]);
}
`;

/**
 * Writes the WGSL for tiles of some shape. Rows of both operands and of C have to begin at multiples of four, and
 * the inner length has to be a multiple of four, too.
 *
 * Each slice sums its own share of the inner length, `inner_share` elements, in order; then the slices' sums are added in
 * order. That is what other kernels and add_parts.wgsl do in two passes, to the last bit.
 *
 * Rounds wait for device memory, so the loads of the next one are started before this one is multiplied. Nothing may look at
 * what they bring before it is needed: blocks are transposed on their way to workgroup memory, not when they are loaded.
 */
export function matmulSliced(tiles: SlicedTiles): string {
  const { tall, wide, own } = tiles;
  const [width, height] = [wide / 4, tall / own];
  const lanes = width * height; // invocations of a slice
  const sums = own * lanes; // vec4f of a tile
  const operands = [
    { name: "a", groups: tall / 4, first: "first_row", ...FOURS_OPERANDS.a },
    { name: "b", groups: wide / 4, first: "first_column", ...FOURS_OPERANDS.b },
  ].map((operand) => {
    const blocks = operand.groups * ROUND / 4;
    return { ...operand, blocks, loads: blocks / lanes };
  });
  const [ofA, ofB] = operands as [typeof operands[number], typeof operands[number]];
  const everyLoad = (line: (operand: typeof ofA, i: number) => string) =>
    operands.map((operand) => each(operand.loads, (i) => line(operand, i))).join("\n");
  // A slice has a part of the memory for each operand: [4, ROUND / 4, groups], the inner elements of a block far apart, so
  // that neighbours write and read side by side.
  const place = everyLoad(({ name, groups, first }, i) =>
    `  let ${name}_block${i} = own + ${i * lanes}u;
  let ${name}_inner${i} = first_inner + ${name}_block${i} / ${groups}u * 4u;
  var ${name}_places${i} = places_of_${name}(${first} + ${name}_block${i} % ${groups}u * 4u, ${name}_inner${i});
  var ${name}_next${i}: mat4x4f;`
  );
  const fetch = (k: string) =>
    everyLoad(({ name }, i) =>
      `    ${name}_next${i} = load_${name}(${name}_places${i}, ${name}_inner${i} + ${k} < end);
    ${name}_places${i} += ${name}_step;`
    );
  const keep = everyLoad(({ name, blocks, sideBySide }, i) =>
    `    keep(${name}_memory + ${name}_block${i}, ${blocks}u, ${name}_next${i}, ${sideBySide});`
  );
  const multiply = (k: number) =>
    `      {
${each(own / 4, (i) => `        let a${i} = memory[at_a + ${k * ofA.blocks + i * height}u];`)}
        let b = memory[at_b + ${k * ofB.blocks}u];
${each(own, (r) => `        c${r} = fma(vec4f(a${Math.floor(r / 4)}.${"xyzw"[r % 4]}), b, c${r});`)}
      }`;
  return `// C = act(A B + bias)   or, accumulating, C += A B; tiles of ${tall} x ${wide}, ${SLICES} slices
${matmulFours}
var<workgroup> memory: array<vec4f, ${slicedMemory(tiles) / 16}>;
${load("a")}${load("b")}
fn keep(at: u32, apart: u32, loaded: mat4x4f, side_by_side: bool) {
  var block = loaded;
  if (!side_by_side) { block = transpose(loaded); }
${each(4, (k) => `  memory[at + ${k}u * apart] = block[${k}];`)}
}

@compute @workgroup_size(${SLICES * lanes})
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = tile_of(group);
  let first_row = tile.x * ${tall}u;
  let first_column = tile.y * ${wide}u;
  let slice = lane / ${lanes}u;
  let own = lane % ${lanes}u;
  let x = own % ${width}u;
  let y = own / ${width}u;
  let first_inner = slice * p.inner_share;
  let end = min(p.inner, first_inner + p.inner_share);
  let a_memory = slice * ${4 * (ofA.blocks + ofB.blocks)}u;
  let b_memory = a_memory + ${4 * ofA.blocks}u;
  let a_step = ${ROUND / 4}u * select(1u, p.a_stride, ${ofA.sideBySide});
  let b_step = ${ROUND / 4}u * select(1u, p.b_stride, ${ofB.sideBySide});
${place}
${each(own, (r) => `  var c${r} = vec4f();`)}
${fetch("0u")}
  for (var k0 = 0u; k0 < min(p.inner, p.inner_share); k0 += ${ROUND}u) {
    workgroupBarrier();
${keep}
    workgroupBarrier();
${fetch(`k0 + ${ROUND}u`)}
    for (var k = 0u; k < ${ROUND / 4}u; k++) {
      let at_a = a_memory + k * ${ofA.groups}u + y;
      let at_b = b_memory + k * ${ofB.groups}u + x;
${each(4, multiply)}
    }
  }
  workgroupBarrier();
  let of_slice = slice * ${sums}u + own;
${each(own, (r) => `  memory[of_slice + ${r * lanes}u] = c${r};`)}
  workgroupBarrier();
  if (lane >= ${sums}u) { return; }
  var sum = vec4f();
${each(SLICES, (slice) => `  sum += memory[lane + ${slice * sums}u];`)}
  let row = lane / ${lanes}u;
  store(p.c_offset, first_row + 4u * (y + row / 4u * ${height}u) + row % 4u, first_column + 4u * x, sum);
}
`;
}
