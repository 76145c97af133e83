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
import { type RecurrentSizes, RecurrentStates } from "./recurrent_states.ts";
import { fusedLstmSteps, fusedStep, fusesSteps } from "./recurrent_step.ts";
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

/** What an LSTM recurrence is made of. */
export interface LstmOptions {
  /** [steps, batch, 4 hidden]: the input's projection, bias included; the gates take its place. */
  readonly projection: Tensor;
  /** [4 hidden, hidden] */
  readonly weight: Tensor;
  /** [4 hidden] */
  readonly bias: Tensor;
  /** [batch, hidden], the state before the first step; zeros if left out. */
  readonly initial?: Tensor | undefined;
  /** [batch, hidden], the memory cells before the first step; zeros if left out. */
  readonly initialCells?: Tensor | undefined;
  /** [batch] integers: rows keep their state from this step on (or, in reverse, up to it). */
  readonly lengths: Tensor;
  /** Whether to go from the last step to the first. */
  readonly reverse?: boolean;
}

/**
 * The recurrence of an LSTM (Hochreiter & Schmidhuber 1997, as PyTorch has it):
 * `i, f, o = sigmoid(x + R h + b)`, `g = tanh(x_g + R_g h + b_g)`, `c' = f c + i g`, `h' = o tanh(c')`.
 *
 * Steps are recorded one by one with {@linkcode LstmRecurrence.step}, as those of `GruRecurrence`; {@linkcode lstm}
 * records them all.
 */
export class LstmRecurrence {
  /** [steps, batch, hidden]: the state after each step; rows that are over repeat their last. */
  readonly outputs: Tensor;
  /** [batch, hidden]: the state after all steps, in reverse the one at step 0. */
  readonly final: Tensor;
  /** [batch, hidden]: the memory cells that belong to `final`. */
  readonly finalCells: Tensor;

  #states: RecurrentStates;
  #cells: RecurrentStates;

  /**
   * Prepares to record steps.
   *
   * @throws {RangeError} If the shapes do not fit.
   */
  constructor(readonly tape: Tape, readonly options: LstmOptions) {
    const { projection, weight, initial, initialCells } = options;
    const sizes = sizesOf(projection.shape, options);
    this.#states = new RecurrentStates(tape, sizes, initial, `states of ${weight.label}`);
    this.#cells = new RecurrentStates(tape, sizes, initialCells, `cells of ${weight.label}`);
    this.outputs = this.#states.outputs;
    this.final = this.#states.final;
    this.finalCells = this.#cells.final;
    tape.onBackward(() => {
      matmul(tape, { a: projection.grad, transposeA: true, b: this.inputs, c: weight.grad });
      columnSum(tape, projection.grad, options.bias.grad);
    });
  }

  /** [batch, hidden]: the state before step `t` is taken. */
  before(t: number): Tensor {
    return this.#states.before(t);
  }

  /** [steps, batch, hidden]: the states before each step. */
  get inputs(): Tensor {
    return this.#states.inputs;
  }

  /** Records step `t`: a product, then the gates, on GPUs both at once. */
  step(t: number): void {
    const { tape } = this;
    const { projection, weight, bias, lengths } = this.options;
    const gates = projection.at(t);
    const [before, states] = [this.before(t), this.#states.after(t)];
    const [cellsBefore, cells] = [this.#cells.before(t), this.#cells.after(t)];
    const [, batch, hidden] = this.#states.all.shape as [number, number, number];
    const params = { batch, hidden, step: t, previous: before.offset, current: states.offset };
    if (fusesSteps(tape.device, "lstm", params)) {
      const all = { weight, bias, lengths, gates, states, cells };
      tape.dispatch(fusedStep(fusedLstmSteps, params, all), all, params);
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
        cells_saved: this.#cells.all,
        dstates: before.grad,
        dcells: cellsBefore.grad,
        dgates: gates.grad,
      }, params);
      matmul(tape, { a: gates.grad, b: weight, c: before.grad });
    });
  }
}

/** The sizes of a recurrence, or an error where its shapes do not fit. */
function sizesOf(projection: readonly number[], options: Omit<LstmOptions, "projection">): RecurrentSizes {
  const { weight, bias, lengths, reverse = false } = options;
  const [steps, batch, gates] = projection as [number, number, number];
  const hidden = weight.columns;
  if (weight.rows !== gates || gates !== 4 * hidden || bias.size !== gates || lengths.size !== batch) {
    throw new RangeError(
      `Cannot record an LSTM of projection [${projection}], recurrent weight [${weight.shape}], bias [${bias.shape}] ` +
        `and lengths [${lengths.shape}]: expected [steps, batch, 4 hidden], [4 hidden, hidden], [4 hidden] and [batch].`,
    );
  }
  return { steps, batch, hidden, reverse };
}

/**
 * Records an LSTM layer over a padded sequence; see {@linkcode LstmRecurrence}.
 *
 * @param x [steps, batch, inputs], or several that stand for their concatenation; rows are padded at their end.
 * @throws {RangeError} If the shapes do not fit.
 */
export function lstm(tape: Tape, x: Tensor | readonly Tensor[], options: LstmLayerOptions): LstmOutput {
  const { weightIh, weightHh: weight, biasIh, biasHh: bias, initial, initialCells, lengths } = options;
  const [steps, batch] = (x instanceof Array ? x[0]! : x as Tensor).shape as [number, number];
  const carried = { weight, bias, initial, initialCells, lengths, reverse: options.reverse ?? false };
  const sizes = sizesOf([steps, batch, weightIh.rows], carried);
  const variant = recurrentVariant(tape.device, "lstm", sizes, options.wholeSequence);
  const projection = linear(tape, x, {
    weight: weightIh,
    bias: variant?.takesBiases ? undefined : biasIh,
    label: `gates of ${weight.label}`,
  });
  if (!variant) {
    const cells = new LstmRecurrence(tape, { projection, ...carried });
    for (let i = 0; i < steps; i++) cells.step(sizes.reverse ? steps - 1 - i : i);
    const { outputs, final, finalCells } = cells;
    return { outputs, final, finalCells };
  }
  const states = new RecurrentStates(tape, sizes, initial, `states of ${weight.label}`);
  const cells = new RecurrentStates(tape, sizes, initialCells, `cells of ${weight.label}`);
  tape.onBackward(() => {
    matmul(tape, { a: projection.grad, transposeA: true, b: states.inputs, c: weight.grad });
    if (!variant.takesBiases) columnSum(tape, projection.grad, bias.grad);
  });
  variant.lstm(tape, { sizes, gates: projection, states, cells, weight, inputBias: biasIh, bias, lengths });
  return { outputs: states.outputs, final: states.final, finalCells: cells.final };
}
