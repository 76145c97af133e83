// Layer 2: a step of a recurrent layer in one dispatch, product and gates together, where the adapter is a GPU. The way
// back is two dispatches, those of gru.ts and lstm.ts (docs/decisions/0011-recurrent-layers-on-gpus.md).

import type { CellName } from "../../kernels/recurrent_cpu8.ts";
import { recurrentStep, type StepTile, stepTileBytes } from "../../kernels/recurrent_step.ts";
import type { Device } from "../gpu/device.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";

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
const inputs = { weight: "read", bias: "read", lengths: "read" } as const;

/** What decides which kernel is taken. */
export interface StepSizes {
  /** Rows. */
  readonly batch: number;
  /** Units. */
  readonly hidden: number;
}

/** The tiles, large ones first: those load less for each number they compute, smaller ones busy more of a GPU. */
export const stepTiles: readonly StepTile[] = [
  { rows: 32, units: 16, own: 4, inner: 64 },
  { rows: 16, units: 16, own: 4, inner: 64 },
  { rows: 16, units: 8, own: 4, inner: 128 },
  { rows: 16, units: 4, own: 2, inner: 128 },
];

/** What the kernels of both cells have in common. */
const common = (cell: CellName, tile: StepTile, fours: boolean) => ({
  name: `recurrent_step(${cell}, ${tile.rows}, ${tile.units}${fours ? ", 4" : ""})`,
  source: recurrentStep(cell, tile, fours),
  entryPoint: "forward",
  workgroups: (sizes: StepSizes) => workgroups(tile, sizes),
} as const);

const workgroups = ({ rows, units }: StepTile, { batch, hidden }: StepSizes) =>
  [Math.ceil(hidden / units), Math.ceil(batch / rows)] as const;

/** The kernel for each tile, with and without numbers in fours. */
const eachTile = <K>(define: (tile: StepTile, fours: boolean) => K) =>
  stepTiles.map((tile) => ({ tile, single: define(tile, false), fours: define(tile, true) }));

/** A GRU's steps forward: bindings as those of gru.wgsl, with the weight and bias that make `recurrent`. */
export const fusedGruSteps = eachTile((tile, fours) =>
  defineKernel({
    ...common("gru", tile, fours),
    bindings: {
      ...inputs,
      projection: "read",
      states: "read_write",
      gates: "read_write",
      recurrent: "read_write",
    },
    params: { ...params, projection_offset: "u32", recurrent_offset: "u32" },
  })
);

/** An LSTM's steps forward: bindings as those of lstm.wgsl, with the weight and bias that are added to the gates. */
export const fusedLstmSteps = eachTile((tile, fours) =>
  defineKernel({
    ...common("lstm", tile, fours),
    bindings: { ...inputs, gates: "read_write", states: "read_write", cells: "read_write" },
    params: { ...params, cells_offset: "u32" },
  })
);

/** Workgroups that busy a large GPU: one for nearly each multiprocessor. */
const ENOUGH_WORKGROUPS = 96;
/** Workgroups of the largest tiles up to which a step is one dispatch: about four for each multiprocessor of a large GPU. */
const MOST_WORKGROUPS = 512;

/** Whether a step is one dispatch; a product of larger tiles is left to {@linkcode matmul}. */
export function fusesSteps(device: Device, cell: CellName, sizes: StepSizes): boolean {
  const [x, y] = workgroups(stepTiles[0]!, sizes);
  return device.profile === "gpu" && x * y <= MOST_WORKGROUPS &&
    stepTiles.every((tile) => stepTileBytes(cell, tile) <= device.limits.maxComputeWorkgroupStorageSize);
}

/**
 * The kernel for a step: of those whose tiles are enough to busy a GPU the one with the largest.
 *
 * @param steps {@linkcode fusedGruSteps} or {@linkcode fusedLstmSteps}.
 * @param tensors What the kernel will read and write.
 */
export function fusedStep<K>(
  steps: readonly { readonly tile: StepTile; readonly single: K; readonly fours: K }[],
  sizes: StepSizes,
  tensors: Readonly<Record<string, Tensor>>,
): K {
  const { single, fours } = steps.find(({ tile }) => {
    const [x, y] = workgroups(tile, sizes);
    return x * y >= ENOUGH_WORKGROUPS;
  }) ?? steps.at(-1)!;
  const numbers = Object.entries(tensors).filter(([name]) => name !== "lengths").map(([, tensor]) => tensor);
  const inFours = numbers.every(({ offset, storage }) => offset % 4 === 0 && storage.size % 4 === 0);
  return inFours && sizes.hidden % 4 === 0 ? fours : single;
}
