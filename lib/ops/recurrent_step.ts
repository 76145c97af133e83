// Layer 2: a step of a recurrent layer in one dispatch, product and gates together, where the adapter is a GPU. The way
// back is two dispatches, those of gru.ts and lstm.ts (docs/decisions/0011-recurrent-layers-on-gpus.md).

import { recurrentStep, STEP_TILE } from "../../kernels/recurrent_step.ts";
import type { Device } from "../gpu/device.ts";
import { defineKernel } from "../gpu/kernel.ts";

const params = {
  batch: "u32",
  hidden: "u32",
  step: "u32",
  previous: "u32",
  current: "u32",
  weight_offset: "u32",
  bias_offset: "u32",
  states_offset: "u32",
  gates_offset: "u32",
} as const;
const workgroups = ({ batch, hidden }: { batch: number; hidden: number }) =>
  [Math.ceil(hidden / STEP_TILE), Math.ceil(batch / STEP_TILE)] as const;
const inputs = { weight: "read", bias: "read", lengths: "read" } as const;

/** A GRU's step forward: bindings as those of gru.wgsl, with the weight and bias that make `recurrent`. */
export const fusedGruStep = defineKernel({
  name: "recurrent_step(gru)",
  source: recurrentStep("gru"),
  entryPoint: "forward",
  bindings: {
    ...inputs,
    projection: "read",
    states: "read_write",
    gates: "read_write",
    recurrent: "read_write",
  },
  params: { ...params, projection_offset: "u32", recurrent_offset: "u32" },
  workgroups,
});

/** An LSTM's step forward: bindings as those of lstm.wgsl, with the weight and bias that are added to the gates. */
export const fusedLstmStep = defineKernel({
  name: "recurrent_step(lstm)",
  source: recurrentStep("lstm"),
  entryPoint: "forward",
  bindings: { ...inputs, gates: "read_write", states: "read_write", cells: "read_write" },
  params: { ...params, cells_offset: "u32" },
  workgroups,
});

/** Workgroups up to which the small tiles are preferred: about four for each multiprocessor of a large GPU. */
const MOST_WORKGROUPS = 512;

/** Whether a step is one dispatch; a product of larger tiles is left to {@linkcode matmul}. */
export function fusesSteps(
  device: Device,
  sizes: { readonly batch: number; readonly hidden: number },
): boolean {
  const [x, y] = workgroups(sizes);
  return device.profile === "gpu" && x * y <= MOST_WORKGROUPS;
}
