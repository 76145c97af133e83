// Layer 2: what to subtract from logits to make them log-probabilities.

import source from "../../kernels/log_normalizer.wgsl" with { type: "text" };
import logAdd from "../../kernels/log_add.wgsl" with { type: "text" };
import logSum from "../../kernels/log_sum.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";

const forward = perProfile((LANES) =>
  defineKernel({
    name: "log_normalizer",
    source: logAdd + logSum + source,
    entryPoint: "forward",
    bindings: { logits: "read", normalizers: "write" },
    params: { rows: "u32", classes: "u32", logits_offset: "u32", logits_stride: "u32" },
    overrides: { LANES },
    workgroups: ({ rows }) => oneARow(rows),
  })
);

/**
 * Records the logarithm of the sum of the exponentials of each row. Not differentiable.
 *
 * @param logits [rows, classes], possibly a view; logits below -1e30, minus infinity included, count as -1e30.
 * @returns [rows]
 */
export function logNormalizer(tape: Tape, logits: Tensor): Tensor {
  const { rows, columns: classes } = logits;
  const normalizers = tape.tensor([rows], `normalizers of ${logits.label}`);
  tape.dispatch(forward[tape.device.profile], { logits, normalizers }, { rows, classes });
  return normalizers;
}
