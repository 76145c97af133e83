// Layer 2: the second half of a sum that workgroups share: what each has is added, from the first to the last.

import source from "../../kernels/add_parts.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import { Tensor } from "../gpu/tensor.ts";
import { type Activation, ACTIVATIONS } from "./activation.ts";

const forward = defineKernel({
  name: "add_parts",
  source,
  entryPoint: "forward",
  bindings: { sums: "read", bias: "read", c: "accumulate" },
  params: {
    size: "u32",
    columns: "u32",
    parts: "u32",
    sums_stride: "u32",
    bias_offset: "u32",
    has_bias: "u32",
    activation: "u32",
    c_offset: "u32",
    c_stride: "u32",
    accumulate_c: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ size }) => elementwise(size),
});

/** What becomes of a sum. */
export interface Finish {
  /** [N], added to every row. */
  readonly bias?: Tensor | undefined;
  /** Applied at last. */
  readonly activation?: Activation;
}

/** Records `c = act(sum of the parts + bias)`, or `c += sum of the parts` where `c` [M, N] has been written; parts [Z, M, N]. */
export function addParts(
  tape: Tape,
  sums: Tensor,
  c: Tensor,
  { bias, activation = "none" }: Finish = {},
): void {
  const [parts] = sums.shape as [number];
  // A binding cannot be left out: without a bias the kernel gets something it does not look at.
  const bound = bias ?? new Tensor(sums.storage, [1], sums.offset);
  tape.dispatch(forward, { sums, bias: bound, c }, {
    size: c.size,
    columns: c.columns,
    parts,
    has_bias: bias ? 1 : 0,
    activation: ACTIVATIONS[activation],
  });
}
