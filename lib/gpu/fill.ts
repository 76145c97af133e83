// Layer 1: filling with one value, the only kernel that the tape itself needs (gradients begin at zero).

import source from "../../kernels/fill.wgsl" with { type: "text" };
import { defineKernel, type Kernel, type Workgroups } from "./kernel.ts";

/** Invocations in a workgroup of an elementwise kernel. */
export const WORKGROUP = 64;

/** Workgroups for `size` invocations, folded into two dimensions where one would be too long for WebGPU. */
export function elementwise(size: number): Workgroups {
  const groups = Math.ceil(size / WORKGROUP);
  const rows = Math.max(1, Math.ceil(groups / 65535));
  return [Math.ceil(groups / rows), rows];
}

/** Sets every element of `x`. */
export const fillKernel: Kernel<
  { readonly x: "write" },
  { readonly size: "u32"; readonly value: "f32"; readonly x_offset: "u32" }
> = defineKernel({
  name: "fill",
  source,
  entryPoint: "forward",
  bindings: { x: "write" },
  params: { size: "u32", value: "f32", x_offset: "u32" },
  overrides: { WORKGROUP },
  workgroups: ({ size }) => elementwise(size),
});
