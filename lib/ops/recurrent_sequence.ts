// Layer 2: a recurrent layer over a whole sequence in one dispatch, where the adapter is a CPU: what a dispatch
// costs there, some 50 microseconds, is more than a step of a small layer takes.

import { CARRIED, type CellName, recurrentBackward, recurrentForward } from "../../kernels/recurrent_cpu8.ts";
import type { Device } from "../gpu/device.ts";
import { type AnyKernel, defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "./column_sum.ts";
import { copyColumns } from "./concatenate.ts";
import { matmul } from "./matmul.ts";
import type { RecurrentSizes, RecurrentStates } from "./recurrent_states.ts";

const params = {
  first_step: "u32",
  end_step: "u32",
  steps: "u32",
  batch: "u32",
  hidden: "u32",
  reverse: "u32",
  blocks: "u32",
  tiles: "u32",
  weight_offset: "u32",
  weight_stride: "u32",
  input_bias_offset: "u32",
  bias_offset: "u32",
} as const;

/** The kernels of one size of block, each declared at its first use. */
function declare(rows: number, whole: boolean) {
  const common = (cell: CellName) => ({
    name: `recurrent_cpu8(${cell}, ${rows}${whole ? ", whole" : ""})`,
    params,
    subgroups: true,
    workgroups: ({ blocks, tiles }: { blocks: number; tiles: number }) => [blocks, tiles] as const,
  } as const);
  const forward = (
    cell: CellName,
  ) => ({ ...common(cell), source: recurrentForward({ cell, rows, whole }), entryPoint: "forward" } as const);
  const backward = (
    cell: CellName,
  ) => ({
    ...common(cell),
    source: recurrentBackward({ cell, rows, whole }),
    entryPoint: "backward",
  } as const);
  const inputs = {
    weight: "read",
    input_bias: "read",
    bias: "read",
    lengths: "read",
    gates: "read_write",
    states: "read_write",
  } as const;
  const saved = { weight: "read", lengths: "read", gates: "read" } as const;
  return {
    gruForward: defineKernel({ ...forward("gru"), bindings: { ...inputs, candidates: "write" } }),
    lstmForward: defineKernel({ ...forward("lstm"), bindings: { ...inputs, cells: "read_write" } }),
    gruBackward: defineKernel({
      ...backward("gru"),
      bindings: {
        ...saved,
        states: "read",
        candidates: "read",
        dstates: "read_write",
        dgates: "write",
        drecurrent: "write",
        dbias: "read_write",
      },
    }),
    lstmBackward: defineKernel({
      ...backward("lstm"),
      bindings: {
        ...saved,
        cells: "read",
        dstates: "read_write",
        dcells: "read_write",
        dgates: "write",
        dbias: "read_write",
      },
    }),
  };
}

const declared = new Map<string, ReturnType<typeof declare>>();

function kernels({ rows, whole }: Division): ReturnType<typeof declare> {
  const key = `${rows} ${whole}`;
  let found = declared.get(key);
  if (!found) declared.set(key, found = declare(rows, whole));
  return found;
}

/** The kernels of blocks of 32 rows, for tests. */
export const recurrentKernels: readonly AnyKernel[] = [true, false].flatMap((whole) =>
  Object.values(kernels({ rows: 32, blocks: 1, whole }))
);

/** How the rows of a batch are shared out. */
interface Division {
  /** Rows of a block at most: what the kernels are written for. */
  readonly rows: number;
  /** Blocks. */
  readonly blocks: number;
  /** Whether one dispatch takes a block through all steps. */
  readonly whole: boolean;
}

/** Rows of a block at most: with more, the sums of a tile are no longer worth what compiling them takes. */
const ROWS = 64;

/** Rounds up to a multiple. */
const upTo = (multiple: number, x: number) => multiple * Math.ceil(x / multiple);

/**
 * Shares out the rows of a batch.
 *
 * All steps in one dispatch need the states of a block in the memory of its workgroup, and as many blocks as there are
 * cores. They are worth it while blocks have 32 rows, or all rows there are (bench/recurrent_shapes.bench.ts).
 */
function divide({ batch, hidden }: RecurrentSizes, whole?: boolean): Division {
  const half = upTo(8, batch / 2);
  const fit = Math.floor(CARRIED / 2 / Math.ceil(hidden / 4) / 8) * 8;
  const most = Math.min(ROWS, half, fit);
  if (whole ?? most >= Math.min(half, 32)) {
    const blocks = batch <= 8 ? 1 : 2 * Math.ceil(batch / most / 2);
    return { rows: upTo(8, batch / blocks), blocks, whole: true };
  }
  const blocks = Math.ceil(batch / ROWS);
  return { rows: upTo(8, batch / blocks), blocks, whole: false };
}

/** Whether {@linkcode gruSequence} and {@linkcode lstmSequence} are there for this adapter. */
export function takesWholeSequences(device: Device, _sizes: RecurrentSizes): boolean {
  return device.profile === "cpu8";
}

/** A recurrent layer at work. */
export interface RecurrentSequence {
  /** Steps, rows, width and direction. */
  readonly sizes: RecurrentSizes;
  /** [steps, batch, gates x hidden]: the input's projection with its bias, overwritten with the gates. */
  readonly gates: Tensor;
  /** The initial one is written. */
  readonly states: RecurrentStates;
  /** [gates x hidden, hidden] */
  readonly weight: Tensor;
  /** [gates x hidden] */
  readonly bias: Tensor;
  /** [batch] integers: the number of steps of each row. */
  readonly lengths: Tensor;
}

/** An LSTM at work: it carries cells as well. */
export interface LstmSequence extends RecurrentSequence {
  /** Like the states. */
  readonly cells: RecurrentStates;
}

/** What these kernels need beyond that. */
interface Fused {
  /** [gates x hidden]: the bias of the input's projection, which has not been added to `gates` yet. */
  readonly inputBias: Tensor;
  /** Whether one dispatch takes all steps; by default where that is faster. For tests and benches. */
  readonly oneDispatch?: boolean | undefined;
}

/** The weight with rows that begin and end at multiples of four elements: itself, or a copy padded with zeros. */
function inFours(tape: Tape, weight: Tensor): Tensor {
  const { offset, stride, storage, shape: [rows, hidden] } = weight;
  if (offset % 4 === 0 && stride % 4 === 0 && storage.size % 4 === 0 && hidden! % 4 === 0) return weight;
  const padded = tape.tensor([rows!, upTo(4, hidden!)], `${weight.label} in fours`);
  tape.fill(padded, 0);
  copyColumns(tape, weight, padded.columnSlice(0, hidden!));
  return padded;
}

/** The parameters of each dispatch that takes `count` steps, with tiles of `width` units. */
function dispatches(
  { reverse, ...sizes }: RecurrentSizes,
  { blocks, whole }: Division,
  count: number,
  width: number,
) {
  const common = { ...sizes, reverse: reverse ? 1 : 0, blocks };
  if (whole) return [{ ...common, tiles: 1, first_step: 0, end_step: count }];
  const tiles = Math.ceil(sizes.hidden / width);
  return Array.from({ length: count }, (_, i) => ({ ...common, tiles, first_step: i, end_step: i + 1 }));
}

/** Records all steps of a GRU. */
export function gruSequence(tape: Tape, sequence: RecurrentSequence & Fused): void {
  const { sizes, gates, bias, inputBias, lengths } = sequence;
  const { steps, batch, hidden } = sizes;
  const division = divide(sizes, sequence.oneDispatch);
  const { gruForward, gruBackward } = kernels(division);
  const weight = inFours(tape, sequence.weight);
  const states = sequence.states.all;
  const candidates = tape.tensor([steps, batch, hidden], `candidates of ${weight.label}`);
  const inputs = { weight, input_bias: inputBias, bias, lengths };
  for (const params of dispatches(sizes, division, steps, 8)) {
    tape.dispatch(gruForward, { ...inputs, gates, states, candidates }, params);
  }
  tape.onBackward(() => {
    const [dstates, dgates] = [states.grad, gates.grad];
    const padded = tape.tensor(
      [steps, batch, upTo(4, 3 * hidden)],
      `d recurrent projection of ${weight.label}`,
    );
    const dbias = tape.tensor([division.blocks, 4 * hidden], `d biases of ${weight.label}`);
    tape.require(dstates);
    for (const params of dispatches(sizes, division, steps + 1, 32)) {
      const gradients = { dstates, dgates, drecurrent: padded, dbias };
      tape.dispatch(gruBackward, { weight, lengths, gates, states, candidates, ...gradients }, params);
    }
    const drecurrent = padded.columnSlice(0, 3 * hidden);
    matmul(tape, { a: drecurrent, transposeA: true, b: sequence.states.inputs, c: sequence.weight.grad });
    columnSum(tape, dbias.columnSlice(0, 3 * hidden), inputBias.grad);
    columnSum(tape, dbias.columnSlice(0, 2 * hidden), bias.grad.slice(0, 2 * hidden));
    columnSum(tape, dbias.columnSlice(3 * hidden, 4 * hidden), bias.grad.slice(2 * hidden, 3 * hidden));
  });
}

/** Records all steps of an LSTM; the gradient of its weight follows from those of the gates. */
export function lstmSequence(tape: Tape, sequence: LstmSequence & Fused): void {
  const { sizes, gates, bias, inputBias, lengths } = sequence;
  const division = divide(sizes, sequence.oneDispatch);
  const { lstmForward, lstmBackward } = kernels(division);
  const weight = inFours(tape, sequence.weight);
  const [states, cells] = [sequence.states.all, sequence.cells.all];
  const inputs = { weight, input_bias: inputBias, bias, lengths };
  for (const params of dispatches(sizes, division, sizes.steps, 8)) {
    tape.dispatch(lstmForward, { ...inputs, gates, states, cells }, params);
  }
  tape.onBackward(() => {
    const [dstates, dcells, dgates] = [states.grad, cells.grad, gates.grad];
    const dbias = tape.tensor([division.blocks, 4 * sizes.hidden], `d bias of ${weight.label}`);
    tape.require(dstates);
    tape.require(sequence.cells.final.grad);
    for (const params of dispatches(sizes, division, sizes.steps + 1, 32)) {
      const gradients = { dstates, dcells, dgates, dbias };
      tape.dispatch(lstmBackward, { weight, lengths, gates, cells, ...gradients }, params);
    }
    columnSum(tape, dbias, inputBias.grad);
    columnSum(tape, dbias, bias.grad);
  });
}
