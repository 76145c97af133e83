// Layer 2: a long short-term memory over a sequence, step by step. The input projection is one product before the
// steps; the recurrent product of a step adds to it, and the gates take its place.

import source from "../../kernels/lstm.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "./column_sum.ts";
import { linear } from "./linear.ts";
import { matmul } from "./matmul.ts";
import type { LstmSequence } from "./recurrent_sequence.ts";
import { RecurrentStates } from "./recurrent_states.ts";
import { fusedLstmStep, fusesSteps } from "./recurrent_step.ts";
import { recurrentVariant } from "./recurrent_variants.ts";

const common = {
  name: "lstm",
  source,
  params: {
    batch: "u32",
    hidden: "u32",
    step: "u32",
    previous: "u32",
    current: "u32",
    gates_offset: "u32",
    states_offset: "u32",
    cells_offset: "u32",
    dstates_offset: "u32",
    dcells_offset: "u32",
    dgates_offset: "u32",
    accumulate_dstates: "u32",
    accumulate_dcells: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ batch, hidden }: { batch: number; hidden: number }) => elementwise(batch * hidden),
} as const;

const forward = defineKernel({
  ...common,
  entryPoint: "forward",
  bindings: { gates: "read_write", lengths: "read", states: "read_write", cells: "read_write" },
});
const backward = defineKernel({
  ...common,
  entryPoint: "backward",
  bindings: {
    gates_saved: "read",
    lengths: "read",
    cells_saved: "read",
    dstates: "accumulate",
    dcells: "accumulate",
    dgates: "write",
  },
});

/** An LSTM layer's parameters, named and shaped as PyTorch's, and what it runs over. */
export interface LstmLayerOptions {
  /** [4 hidden, inputs]; gates in the order input, forget, cell, output. */
  readonly weightIh: Tensor;
  /** [4 hidden, hidden] */
  readonly weightHh: Tensor;
  /** [4 hidden] */
  readonly biasIh: Tensor;
  /** [4 hidden] */
  readonly biasHh: Tensor;
  /** [batch, hidden]; zeros if left out. */
  readonly initial?: Tensor | undefined;
  /** [batch, hidden]: the memory cells before the first step; zeros if left out. */
  readonly initialCells?: Tensor | undefined;
  /** [batch] integers: the number of steps of each row. */
  readonly lengths: Tensor;
  /** Whether to read the sequence from its end. */
  readonly reverse?: boolean;
  /** Whether one kernel runs the whole sequence, if one can; by default where that is faster. For tests and benches. */
  readonly wholeSequence?: boolean;
}

/** What an LSTM layer leaves behind. */
export interface LstmOutput {
  /** [steps, batch, hidden]; rows that are over repeat their last state (in reverse: the initial one). */
  readonly outputs: Tensor;
  /** [batch, hidden]: the state after all steps, in reverse the one at step 0. */
  readonly final: Tensor;
  /** [batch, hidden]: the memory cells that belong to `final`. */
  readonly finalCells: Tensor;
}

/**
 * Records an LSTM layer over a padded sequence (Hochreiter & Schmidhuber 1997, as PyTorch has it):
 * `i, f, o = sigmoid(W x + R h + b)`, `g = tanh(W_g x + R_g h + b_g)`, `c' = f c + i g`, `h' = o tanh(c')`.
 *
 * @param x [steps, batch, inputs]; rows are padded at their end.
 * @throws {RangeError} If the shapes do not fit.
 */
export function lstm(tape: Tape, x: Tensor, options: LstmLayerOptions): LstmOutput {
  const { weightIh, weightHh: weight, biasIh, biasHh: bias, initial, initialCells, lengths } = options;
  const [steps, batch] = x.shape as [number, number];
  const hidden = weight.columns;
  if (weight.rows !== 4 * hidden || bias.size !== 4 * hidden || lengths.size !== batch) {
    throw new RangeError(
      `Cannot record an LSTM over [${x.shape}] with recurrent weight [${weight.shape}], bias [${bias.shape}] and ` +
        `lengths [${lengths.shape}]: expected [4 hidden, hidden], [4 hidden] and [batch].`,
    );
  }
  const sizes = { steps, batch, hidden, reverse: options.reverse ?? false };
  const variant = recurrentVariant(tape.device, "lstm", sizes, options.wholeSequence);
  const gates = linear(tape, x, {
    weight: weightIh,
    bias: variant?.takesBiases ? undefined : biasIh,
    label: `gates of ${weight.label}`,
  });
  const states = new RecurrentStates(tape, sizes, initial, `states of ${weight.label}`);
  const cells = new RecurrentStates(tape, sizes, initialCells, `cells of ${weight.label}`);
  tape.onBackward(() => {
    matmul(tape, { a: gates.grad, transposeA: true, b: states.inputs, c: weight.grad });
    if (!variant?.takesBiases) columnSum(tape, gates.grad, bias.grad);
  });
  const sequence = { sizes, gates, states, cells, weight, inputBias: biasIh, bias, lengths };
  if (variant) variant.lstm(tape, sequence);
  else for (let i = 0; i < steps; i++) step(tape, sequence, sizes.reverse ? steps - 1 - i : i);
  return { outputs: states.outputs, final: states.final, finalCells: cells.final };
}

/** Records step `t`: a product, then the gates, on GPUs both at once. */
function step(tape: Tape, { sizes, weight, bias, lengths, ...rest }: LstmSequence, t: number): void {
  const { batch, hidden } = sizes;
  const gates = rest.gates.at(t);
  const [before, states] = [rest.states.before(t), rest.states.after(t)];
  const [cellsBefore, cells] = [rest.cells.before(t), rest.cells.after(t)];
  const params = { batch, hidden, step: t, previous: before.offset, current: states.offset };
  if (fusesSteps(tape.device, params)) {
    tape.dispatch(fusedLstmStep, { weight, bias, lengths, gates, states, cells }, params);
  } else {
    matmul(tape, { a: before, b: weight, transposeB: true, bias, c: gates });
    tape.dispatch(forward, { gates, lengths, states, cells }, params);
  }
  tape.onBackward(() => {
    tape.require(states.grad);
    tape.require(cells.grad);
    tape.dispatch(backward, {
      gates_saved: gates,
      lengths,
      cells_saved: rest.cells.all,
      dstates: before.grad,
      dcells: cellsBefore.grad,
      dgates: gates.grad,
    }, params);
    matmul(tape, { a: gates.grad, b: weight, c: before.grad });
  });
}
