// Layer 2: how much of a source sentence a hypothesis has left out.

import source from "../../kernels/coverage_penalty.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";

const forward = perProfile((LANES) =>
  defineKernel({
    name: "coverage_penalty",
    source,
    entryPoint: "forward",
    bindings: { before: "read", attention: "read", lengths: "read", sums: "write", penalties: "write" },
    params: {
      rows: "u32",
      source: "u32",
      copies: "u32",
      weight: "f32",
      attention_offset: "u32",
      attention_stride: "u32",
    },
    overrides: { LANES },
    workgroups: ({ rows }) => oneARow(rows),
  })
);

/** What {@linkcode coveragePenalty} goes by. */
export interface CoverageOptions {
  /** [rows, source steps]: the attention of the words before, added up. */
  readonly before: Tensor;
  /** [rows, source steps]: that of one more word. */
  readonly attention: Tensor;
  /** [sentences] integers: the number of source steps; neighbouring rows belong to one sentence. */
  readonly lengths: Tensor;
  /** The beta of the paper. */
  readonly weight: number;
}

/**
 * Records the coverage penalty of Wu et al. 2016, equation 14: `weight` times the sum over the source steps of
 * `log(min(sum of the attention, 1))`. A sum below 1e-10 counts as 1e-10, so that the penalty stays finite. Not
 * differentiable.
 *
 * @returns The attention with that of the word added, [rows, source steps], and the penalties [rows].
 */
export function coveragePenalty(
  tape: Tape,
  options: CoverageOptions,
): { readonly sums: Tensor; readonly penalties: Tensor } {
  const { before, attention, lengths, weight } = options;
  const { rows, columns: source } = attention;
  const sums = tape.tensor([rows, source], "coverage");
  const penalties = tape.tensor([rows], "coverage penalties");
  const params = { rows, source, copies: rows / lengths.size, weight };
  tape.dispatch(forward[tape.device.profile], { before, attention, lengths, sums, penalties }, params);
  return { sums, penalties };
}
