// Layer 2: a recurrent layer over a whole sequence in one dispatch, where the adapter is a CPU: what a dispatch
// costs there, some 50 microseconds, is more than a step of a small layer takes.

import { CARRIED, type CellName, recurrentForward } from "../../kernels/recurrent_cpu8.ts";
import { recurrentBackward } from "../../kernels/recurrent_cpu8_backward.ts";
import type { Device } from "../gpu/device.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "./column_sum.ts";
import { copyColumns } from "./concatenate.ts";
import { matmul } from "./matmul.ts";
import type { RecurrentSizes, RecurrentStates } from "./recurrent_states.ts";

const params = {
  steps: "u32",
  batch: "u32",
  hidden: "u32",
  reverse: "u32",
  blocks: "u32",
  weight_offset: "u32",
  weight_stride: "u32",
  input_bias_offset: "u32",
  bias_offset: "u32",
} as const;

/** The kernels for blocks of at most `rows`. */
function declare(rows: number) {
  const common = (cell: CellName) => ({
    name: `recurrent_cpu8(${cell}, ${rows})`,
    params,
    subgroups: true,
    workgroups: ({ blocks }: { blocks: number }) => [blocks] as const,
  } as const);
  const forward = (
    cell: CellName,
  ) => ({ ...common(cell), source: recurrentForward(cell, rows), entryPoint: "forward" } as const);
  const backward = (
    cell: CellName,
  ) => ({ ...common(cell), source: recurrentBackward(cell, rows), entryPoint: "backward" } as const);
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
    gruForward: defineKernel({ ...forward("gru"), bindings: { ...inputs, candidates: "read_write" } }),
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

const declared = new Map<number, ReturnType<typeof declare>>();

/** The kernels for blocks of at most `rows`, declared at the first call. */
function kernels(rows: number): ReturnType<typeof declare> {
  let found = declared.get(rows);
  if (!found) declared.set(rows, found = declare(rows));
  return found;
}

/** How the rows of a batch are shared out. */
interface Division {
  /** Rows of a block at most: what the kernels are written for. */
  readonly rows: number;
  /** Blocks. */
  readonly blocks: number;
}

/** Rows of a block at most, forward and back: what a kernel takes to compile grows with them, to 1.5 s with these. */
const [ROWS, ROWS_BACK] = [56, 32];

/** Rounds up to a multiple. */
const upTo = (multiple: number, x: number) => multiple * Math.ceil(x / multiple);

/** The most rows of which the states before and after a step fit into the memory of a workgroup, in eights. */
const fit = (hidden: number) => Math.min(ROWS, 8 * Math.floor(CARRIED / 4 / upTo(4, hidden)));

/** Shares rows out evenly, in blocks of even number where there is more than one: software adapters have cores in pairs. */
function divide(batch: number, most: number): Division {
  const blocks = batch <= 8 ? 1 : 2 * Math.ceil(batch / most / 2);
  return { rows: upTo(8, batch / blocks), blocks };
}

/** The widest layers for which one dispatch is faster than two a step: of any batch, and of batches of two blocks. */
const [WIDEST, WIDEST_OF_TWO] = [128, 192];

/** Whether {@linkcode gruSequence} and {@linkcode lstmSequence} can take a layer of these sizes. */
export function fitsWholeSequences(device: Device, { hidden }: RecurrentSizes): boolean {
  return device.profile === "cpu8" && fit(hidden) > 0;
}

/** Whether they are the faster way (bench/recurrent_shapes.ts). */
export function takesWholeSequences(device: Device, sizes: RecurrentSizes): boolean {
  const { batch, hidden } = sizes;
  const widest = batch <= 2 * fit(hidden) ? WIDEST_OF_TWO : WIDEST;
  return fitsWholeSequences(device, sizes) && hidden <= widest;
}

/** A recurrent layer at work. */
export interface RecurrentSequence {
  /** Steps, rows, width and direction. */
  readonly sizes: RecurrentSizes;
  /** [steps, batch, gates x hidden]: the input's projection, with its bias or without, overwritten with the gates. */
  readonly gates: Tensor;
  /** The initial one is written. */
  readonly states: RecurrentStates;
  /** [gates x hidden, hidden] */
  readonly weight: Tensor;
  /** [gates x hidden]: the bias of the input's projection. */
  readonly inputBias: Tensor;
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

/** The weight with rows that begin and end at multiples of four elements: itself, or a copy padded with zeros. */
function inFours(tape: Tape, weight: Tensor): Tensor {
  const { offset, stride, storage, shape: [rows, hidden] } = weight;
  if (offset % 4 === 0 && stride % 4 === 0 && storage.size % 4 === 0 && hidden! % 4 === 0) return weight;
  const padded = tape.tensor([rows!, upTo(4, hidden!)], `${weight.label} in fours`);
  tape.fill(padded, 0);
  copyColumns(tape, weight, padded.columnSlice(0, hidden!));
  return padded;
}

const parameters = ({ reverse, ...sizes }: RecurrentSizes, { blocks }: Division) => ({
  ...sizes,
  reverse: reverse ? 1 : 0,
  blocks,
});

/** Records all steps of a GRU, from projections without bias. */
export function gruSequence(tape: Tape, sequence: RecurrentSequence): void {
  const { sizes, gates, bias, inputBias, lengths } = sequence;
  const { steps, batch, hidden } = sizes;
  const forward = divide(batch, fit(hidden));
  const weight = inFours(tape, sequence.weight);
  const states = sequence.states.all;
  const candidates = tape.tensor([steps, batch, hidden], `candidates of ${weight.label}`);
  const inputs = { weight, input_bias: inputBias, bias, lengths };
  tape.dispatch(
    kernels(forward.rows).gruForward,
    { ...inputs, gates, states, candidates },
    parameters(sizes, forward),
  );
  tape.onBackward(() => {
    const backward = divide(batch, Math.min(fit(hidden), ROWS_BACK));
    const [dstates, dgates] = [states.grad, gates.grad];
    const padded = tape.tensor(
      [steps, batch, upTo(4, 3 * hidden)],
      `d recurrent projection of ${weight.label}`,
    );
    const dbias = tape.tensor([backward.blocks, 4 * hidden], `d biases of ${weight.label}`);
    tape.require(dstates);
    const gradients = { dstates, dgates, drecurrent: padded, dbias };
    tape.dispatch(kernels(backward.rows).gruBackward, {
      weight,
      lengths,
      gates,
      states,
      candidates,
      ...gradients,
    }, parameters(sizes, backward));
    const drecurrent = padded.columnSlice(0, 3 * hidden);
    matmul(tape, { a: drecurrent, transposeA: true, b: sequence.states.inputs, c: sequence.weight.grad });
    columnSum(tape, dbias.columnSlice(0, 3 * hidden), inputBias.grad);
    columnSum(tape, dbias.columnSlice(0, 2 * hidden), bias.grad.slice(0, 2 * hidden));
    columnSum(tape, dbias.columnSlice(3 * hidden, 4 * hidden), bias.grad.slice(2 * hidden, 3 * hidden));
  });
}

/** Records all steps of an LSTM, from projections without bias; the gradient of its weight follows from those of the gates. */
export function lstmSequence(tape: Tape, sequence: LstmSequence): void {
  const { sizes, gates, bias, inputBias, lengths } = sequence;
  const { batch, hidden } = sizes;
  const forward = divide(batch, fit(hidden));
  const weight = inFours(tape, sequence.weight);
  const [states, cells] = [sequence.states.all, sequence.cells.all];
  const inputs = { weight, input_bias: inputBias, bias, lengths };
  tape.dispatch(
    kernels(forward.rows).lstmForward,
    { ...inputs, gates, states, cells },
    parameters(sizes, forward),
  );
  tape.onBackward(() => {
    const backward = divide(batch, Math.min(fit(hidden), ROWS_BACK));
    const [dstates, dcells, dgates] = [states.grad, cells.grad, gates.grad];
    const dbias = tape.tensor([backward.blocks, 4 * hidden], `d bias of ${weight.label}`);
    tape.require(dstates);
    tape.require(sequence.cells.final.grad);
    const gradients = { dstates, dcells, dgates, dbias };
    tape.dispatch(
      kernels(backward.rows).lstmBackward,
      { weight, lengths, gates, cells, ...gradients },
      parameters(sizes, backward),
    );
    columnSum(tape, dbias, inputBias.grad);
    columnSum(tape, dbias, bias.grad);
  });
}
