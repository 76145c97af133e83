// Layer 2: kernels whose WGSL takes four numbers at a time come in a second variant, for rows that do not lie in fours.

import type { Tensor } from "../gpu/tensor.ts";

/** How many numbers a kernel takes at a time. */
export type PartSize = 1 | 4;

/** What such a WGSL says for fours, and what for ones. */
const REWRITES: readonly (readonly [fours: string, ones: string])[] = [
  ["alias Part = vec4f;", "alias Part = f32;"],
  ["alias Part = vec4u;", "alias Part = u32;"],
  ["alias Bits = vec4u;", "alias Bits = u32;"],
  ["const PART = 4u;", "const PART = 1u;"],
  ["fn sum_of(x: Part) -> f32 { return x.x + x.y + x.z + x.w; }", "fn sum_of(x: Part) -> f32 { return x; }"],
];

/**
 * Defines a kernel for fours and for ones.
 *
 * @param source A WGSL that counts in `Part`, of `PART` numbers each.
 * @param define Defines the kernel from either text.
 */
export function byPart<K>(
  source: string,
  define: (source: string, part: PartSize) => K,
): Readonly<Record<PartSize, K>> {
  const ones = REWRITES.reduce((text, [from, to]) => text.replace(from, to), source);
  return { 4: define(source, 4), 1: define(ones, 1) };
}

/** Four if each row of all tensors begins at a multiple of four and holds one, else one. */
export function partOf(...tensors: readonly Tensor[]): PartSize {
  const fours = tensors.every(({ columns, offset, stride, storage }) =>
    columns % 4 === 0 && offset % 4 === 0 && stride % 4 === 0 && storage.size % 4 === 0
  );
  return fours ? 4 : 1;
}
