// Layer 2: a recurrent layer over a whole sequence in one dispatch, where the adapter is a GPU: a workgroup takes one
// row through all steps with the recurrent weights in registers. What decides is whether they fit.

import {
  persistentBackward,
  persistentForward,
  type PersistentShape,
} from "../../kernels/recurrent_persistent.ts";
import type { CellName } from "../../kernels/recurrent_cpu8.ts";
import type { Device } from "../gpu/device.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import { columnSum } from "./column_sum.ts";
import { oneARow } from "./lanes.ts";
import { matmul } from "./matmul.ts";
import type { LstmSequence, RecurrentSequence } from "./recurrent_sequence.ts";
import type { RecurrentSizes } from "./recurrent_states.ts";

export type { CellName };

/** The most weights of an invocation: with what else it keeps, they stay below the 255 registers that NVIDIA allows. */
const WEIGHTS = 128;
/** Registers of an invocation besides its weights: sums, the state, what is on its way from memory. An estimate. */
const OTHERS = 40;
/** The registers of a multiprocessor of NVIDIA's since Kepler, all of which one workgroup may have. */
const REGISTERS = 65536;

const roundedUp = (x: number, unit: number) => Math.ceil(x / unit) * unit;

/**
 * How a layer is spread over a workgroup; undefined if its recurrent weights do not fit into registers (LSTMs of more
 * than 104 units, GRUs of more than 120), or the adapter allows no such workgroup. Workgroup memory takes 16 bytes an
 * invocation, which is always less than the 16 KiB that WebGPU promises.
 */
export function persistentShape(device: Device, cell: CellName, hidden: number): PersistentShape | undefined {
  const padded = roundedUp(hidden, 4);
  const weights = (cell === "gru" ? 3 : 4) * padded;
  const parts = ([1, 2, 4] as const).find((parts) => weights / parts <= WEIGHTS);
  if (parts === undefined) return undefined;
  const invocations = padded * parts;
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = device.limits;
  const most = Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX);
  // Handed out to 32 invocations at once, to each of them by eights.
  const registers = roundedUp(invocations, 32) * roundedUp(weights / parts + OTHERS, 8);
  return invocations <= most && registers <= REGISTERS ? { hidden: padded, parts } : undefined;
}

const common = (cell: CellName, { hidden }: PersistentShape) => ({
  name: `recurrent_persistent(${cell}, ${hidden})`,
  params: {
    steps: "u32",
    batch: "u32",
    hidden: "u32",
    reverse: "u32",
    weight_offset: "u32",
    bias_offset: "u32",
  },
  workgroups: ({ batch }: { batch: number }) => oneARow(batch),
} as const);

const inputs = {
  weight: "read",
  bias: "read",
  lengths: "read",
  gates: "read_write",
  states: "read_write",
} as const;
const saved = { weight: "read", lengths: "read", gates: "read" } as const;

/** Defines the kernels of a cell, once for each shape that is asked for. */
function perShape<K>(define: (shape: PersistentShape) => K): (shape: PersistentShape) => K {
  const defined = new Map<number, K>();
  return (shape) => {
    let kernels = defined.get(shape.hidden);
    if (!kernels) defined.set(shape.hidden, kernels = define(shape));
    return kernels;
  };
}

const gruKernels = perShape((shape) => ({
  forward: defineKernel({
    ...common("gru", shape),
    source: persistentForward("gru", shape),
    entryPoint: "forward",
    bindings: { ...inputs, candidates: "read_write" }, // rows that are over leave theirs as they are
  }),
  backward: defineKernel({
    ...common("gru", shape),
    source: persistentBackward("gru", shape),
    entryPoint: "backward",
    bindings: {
      ...saved,
      states: "read",
      candidates: "read",
      dstates: "read_write",
      dgates: "write",
      drecurrent: "write",
    },
  }),
}));

const lstmKernels = perShape((shape) => ({
  forward: defineKernel({
    ...common("lstm", shape),
    source: persistentForward("lstm", shape),
    entryPoint: "forward",
    bindings: { ...inputs, cells: "read_write" },
  }),
  backward: defineKernel({
    ...common("lstm", shape),
    source: persistentBackward("lstm", shape),
    entryPoint: "backward",
    bindings: { ...saved, cells: "read", dstates: "read_write", dcells: "read_write", dgates: "write" },
  }),
}));

const parameters = (sizes: RecurrentSizes) => ({ ...sizes, reverse: sizes.reverse ? 1 : 0 });

/** Records all steps of a GRU whose {@linkcode persistentShape} there is. */
export function persistentGru(tape: Tape, sequence: RecurrentSequence): void {
  const { sizes, gates, weight, bias, lengths } = sequence;
  const { steps, batch, hidden } = sizes;
  const { forward, backward } = gruKernels(persistentShape(tape.device, "gru", hidden)!);
  const params = parameters(sizes);
  const states = sequence.states.all;
  const candidates = tape.tensor([steps, batch, hidden], `candidates of ${weight.label}`);
  tape.dispatch(forward, { weight, bias, lengths, gates, states, candidates }, params);
  tape.onBackward(() => {
    const [dstates, dgates] = [states.grad, gates.grad];
    const drecurrent = tape.tensor(gates.shape, `d recurrent projection of ${weight.label}`);
    tape.require(dstates);
    const gradients = { dstates, dgates, drecurrent };
    tape.dispatch(backward, { weight, lengths, gates, states, candidates, ...gradients }, params);
    matmul(tape, { a: drecurrent, transposeA: true, b: sequence.states.inputs, c: weight.grad });
    columnSum(tape, drecurrent, bias.grad);
  });
}

/** Records all steps of an LSTM; the gradients of its weight and bias follow from those of the gates. */
export function persistentLstm(tape: Tape, sequence: LstmSequence): void {
  const { sizes, gates, weight, bias, lengths } = sequence;
  const { forward, backward } = lstmKernels(persistentShape(tape.device, "lstm", sizes.hidden)!);
  const params = parameters(sizes);
  const [states, cells] = [sequence.states.all, sequence.cells.all];
  tape.dispatch(forward, { weight, bias, lengths, gates, states, cells }, params);
  tape.onBackward(() => {
    const [dstates, dcells, dgates] = [states.grad, cells.grad, gates.grad];
    tape.require(dstates);
    tape.require(sequence.cells.final.grad); // lstm() gives out no other cells
    tape.dispatch(backward, { weight, lengths, gates, cells, dstates, dcells, dgates }, params);
  });
}
