// Layer 2: a recurrent layer over a whole sequence in one dispatch, where the adapter is a CPU: what a dispatch
// costs there, some 50 microseconds, is more than a step of a small layer takes.

import { type CellName, recurrentBackward, recurrentForward } from "../../kernels/recurrent_cpu8.ts";
import type { Device } from "../gpu/device.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "./column_sum.ts";
import { matmul } from "./matmul.ts";
import type { RecurrentSizes, RecurrentStates } from "./recurrent_states.ts";

/** Rows of a workgroup. */
const ROWS = 32;

const common = (cell: CellName) => ({
  name: `recurrent_cpu8(${cell})`,
  params: {
    steps: "u32",
    batch: "u32",
    hidden: "u32",
    reverse: "u32",
    weight_offset: "u32",
    bias_offset: "u32",
  },
  subgroups: true,
  workgroups: ({ batch }: { batch: number }) => [2 * Math.ceil(batch / ROWS / 2)] as const,
} as const);

const inputs = {
  weight: "read",
  bias: "read",
  lengths: "read",
  gates: "read_write",
  states: "read_write",
} as const;
const saved = { weight: "read", lengths: "read", gates: "read" } as const;

const gruForward = defineKernel({
  ...common("gru"),
  source: recurrentForward("gru", ROWS),
  entryPoint: "forward",
  bindings: { ...inputs, candidates: "write" },
});
const gruBackward = defineKernel({
  ...common("gru"),
  source: recurrentBackward("gru", ROWS),
  entryPoint: "backward",
  bindings: {
    ...saved,
    states: "read",
    candidates: "read",
    dstates: "read_write",
    dgates: "write",
    drecurrent: "write",
  },
});
const lstmForward = defineKernel({
  ...common("lstm"),
  source: recurrentForward("lstm", ROWS),
  entryPoint: "forward",
  bindings: { ...inputs, cells: "read_write" },
});
const lstmBackward = defineKernel({
  ...common("lstm"),
  source: recurrentBackward("lstm", ROWS),
  entryPoint: "backward",
  bindings: { ...saved, cells: "read", dstates: "read_write", dcells: "read_write", dgates: "write" },
});

/** The widest layer for which one dispatch is faster than two a step (bench/recurrent.bench.ts). */
const WIDEST = 128;

/** Whether {@linkcode gruSequence} and {@linkcode lstmSequence} are the faster way for a layer of these sizes. */
export function takesWholeSequences(device: Device, { hidden }: RecurrentSizes): boolean {
  return device.profile === "cpu8" && hidden <= WIDEST;
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

const parameters = (sizes: RecurrentSizes) => ({ ...sizes, reverse: sizes.reverse ? 1 : 0 });

/** Records all steps of a GRU. */
export function gruSequence(
  tape: Tape,
  { sizes, gates, weight, bias, lengths, ...rest }: RecurrentSequence,
): void {
  const { steps, batch, hidden } = sizes;
  const params = parameters(sizes);
  const states = rest.states.all;
  const candidates = tape.tensor([steps, batch, hidden], `candidates of ${weight.label}`);
  tape.dispatch(gruForward, { weight, bias, lengths, gates, states, candidates }, params);
  tape.onBackward(() => {
    const [dstates, dgates] = [states.grad, gates.grad];
    const drecurrent = tape.tensor(gates.shape, `d recurrent projection of ${weight.label}`);
    tape.require(dstates);
    const gradients = { dstates, dgates, drecurrent };
    tape.dispatch(gruBackward, { weight, lengths, gates, states, candidates, ...gradients }, params);
    matmul(tape, { a: drecurrent, transposeA: true, b: rest.states.inputs, c: weight.grad });
    columnSum(tape, drecurrent, bias.grad);
  });
}

/** Records all steps of an LSTM; the gradients of its weight and bias follow from those of the gates. */
export function lstmSequence(
  tape: Tape,
  { sizes, gates, weight, bias, lengths, ...rest }: LstmSequence,
): void {
  const params = parameters(sizes);
  const [states, cells] = [rest.states.all, rest.cells.all];
  tape.dispatch(lstmForward, { weight, bias, lengths, gates, states, cells }, params);
  tape.onBackward(() => {
    const [dstates, dcells, dgates] = [states.grad, cells.grad, gates.grad];
    tape.require(dstates);
    tape.require(dcells);
    tape.dispatch(lstmBackward, { weight, lengths, gates, cells, dstates, dcells, dgates }, params);
  });
}
