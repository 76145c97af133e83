// Layer 2: a gated recurrent unit over a sequence, step by step. The input projection is one product before the
// steps; the weight gradient is one product after them.

import source from "../../kernels/gru.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { columnSum } from "./column_sum.ts";
import { linear } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { RecurrentStates } from "./recurrent_states.ts";
import { fusedGruSteps, fusedStep, fusesSteps } from "./recurrent_step.ts";
import { recurrentVariant } from "./recurrent_variants.ts";

const common = {
  name: "gru",
  source,
  params: {
    batch: "u32",
    hidden: "u32",
    step: "u32",
    previous: "u32",
    current: "u32",
    projection_offset: "u32",
    recurrent_offset: "u32",
    states_offset: "u32",
    gates_offset: "u32",
    dstates_offset: "u32",
    dprojection_offset: "u32",
    drecurrent_offset: "u32",
    accumulate_dprojection: "u32",
    accumulate_dstates: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ batch, hidden }: { batch: number; hidden: number }) => elementwise(batch * hidden),
} as const;

const forward = defineKernel({
  ...common,
  entryPoint: "forward",
  bindings: {
    projection: "read",
    recurrent: "read",
    lengths: "read",
    states: "read_write",
    gates: "read_write",
  },
});
const backward = defineKernel({
  ...common,
  entryPoint: "backward",
  bindings: {
    states_saved: "read",
    gates_saved: "read",
    lengths: "read",
    recurrent_saved: "read",
    dstates: "accumulate",
    dprojection: "accumulate",
    drecurrent: "write",
  },
});

/** What a recurrence is made of. */
export interface GruOptions {
  /** [steps, batch, 3 hidden]: the input's projection, bias included; gates in the order reset, update, new. */
  readonly projection: Tensor;
  /** [3 hidden, hidden] */
  readonly weight: Tensor;
  /** [3 hidden] */
  readonly bias: Tensor;
  /** [batch, hidden], the state before the first step; zeros if left out. */
  readonly initial?: Tensor | undefined;
  /** [batch] integers: rows keep their state from this step on (or, in reverse, up to it). */
  readonly lengths: Tensor;
  /** Whether to go from the last step to the first. */
  readonly reverse?: boolean;
}

/**
 * The recurrence of a GRU (Cho et al. 2014) in the reset-after form of cuDNN and PyTorch:
 * `r, z = sigmoid(x + W h + b)`, `n = tanh(x_n + r (W_n h + b_n))`, `h' = (1 - z) n + z h`.
 *
 * For layers whose input depends on the state, such as a decoder with attention, steps are recorded one by one
 * with {@linkcode GruRecurrence.step}; {@linkcode gru} records them all.
 */
export class GruRecurrence {
  /** [steps, batch, hidden]: the state after each step; rows that are over repeat their last. */
  readonly outputs: Tensor;
  /** [batch, hidden]: the state after all steps, in reverse the one at step 0. */
  readonly final: Tensor;

  #states: RecurrentStates;
  #recurrent: Tensor;
  #gates: Tensor;

  /**
   * Prepares to record steps.
   *
   * @throws {RangeError} If the shapes do not fit.
   */
  constructor(readonly tape: Tape, readonly options: GruOptions) {
    const { projection, weight, bias, initial, lengths, reverse = false } = options;
    const [steps, batch, gates] = projection.shape as [number, number, number];
    const hidden = weight.columns;
    if (weight.rows !== gates || gates !== 3 * hidden || bias.size !== gates || lengths.size !== batch) {
      throw new RangeError(
        `Cannot record a GRU of projection [${projection.shape}], weight [${weight.shape}], bias [${bias.shape}] ` +
          `and lengths [${lengths.shape}]: expected [steps, batch, 3 hidden], [3 hidden, hidden], [3 hidden] and [batch].`,
      );
    }
    const label = `states of ${weight.label}`;
    this.#states = new RecurrentStates(tape, { steps, batch, hidden, reverse }, initial, label);
    this.#recurrent = tape.tensor([steps, batch, gates], `recurrent projection of ${weight.label}`);
    this.#gates = tape.tensor([steps, batch, gates], `gates of ${weight.label}`);
    this.outputs = this.#states.outputs;
    this.final = this.#states.final;
    tape.onBackward(() => this.#weightGradients());
  }

  /** [batch, hidden]: the state before step `t` is taken. */
  before(t: number): Tensor {
    return this.#states.before(t);
  }

  /** [steps, batch, hidden]: the states before each step. */
  get inputs(): Tensor {
    return this.#states.inputs;
  }

  /** Records step `t`: from its projection and the state before it to the state after it. */
  step(t: number): void {
    const { tape } = this;
    const { projection, weight, bias, lengths } = this.options;
    const [, batch, hidden] = this.#states.all.shape as [number, number, number];
    const before = this.before(t);
    const after = this.#states.after(t);
    const recurrent = this.#recurrent.at(t);
    const gates = this.#gates.at(t);
    const params = { batch, hidden, step: t, previous: before.offset, current: after.offset };
    const bindings = { projection: projection.at(t), recurrent, lengths, states: after, gates };
    if (fusesSteps(tape.device, "gru", params)) {
      const all = { weight, bias, ...bindings };
      tape.dispatch(fusedStep(fusedGruSteps, params, all), all, params);
    } else {
      matmul(tape, { a: before, b: weight, transposeB: true, bias, c: recurrent });
      tape.dispatch(forward, bindings, params);
    }
    tape.onBackward(() => {
      tape.require(after.grad);
      tape.dispatch(backward, {
        states_saved: this.#states.all,
        gates_saved: gates,
        lengths,
        recurrent_saved: recurrent,
        dstates: before.grad,
        dprojection: projection.grad.at(t),
        drecurrent: recurrent.grad,
      }, params);
      matmul(tape, { a: recurrent.grad, b: weight, c: before.grad });
    });
  }

  #weightGradients(): void {
    const { tape } = this;
    const { weight, bias } = this.options;
    matmul(tape, { a: this.#recurrent.grad, transposeA: true, b: this.inputs, c: weight.grad });
    columnSum(tape, this.#recurrent.grad, bias.grad);
  }
}

/** A GRU layer's parameters, named and shaped as PyTorch's, and what it runs over. */
export interface GruLayerOptions {
  /** [3 hidden, inputs] */
  readonly weightIh: Tensor;
  /** [3 hidden, hidden] */
  readonly weightHh: Tensor;
  /** [3 hidden] */
  readonly biasIh: Tensor;
  /** [3 hidden] */
  readonly biasHh: Tensor;
  /** [batch, hidden]; zeros if left out. */
  readonly initial?: Tensor | undefined;
  /** [batch] integers: the number of steps of each row. */
  readonly lengths: Tensor;
  /** Whether to read the sequence from its end. */
  readonly reverse?: boolean;
  /** Whether one kernel runs the whole sequence, if one can; by default where that is faster. For tests and benches. */
  readonly wholeSequence?: boolean;
}

/**
 * Records a GRU layer over a padded sequence.
 *
 * @param x [steps, batch, inputs], or several that stand for their concatenation; rows are padded at their end.
 * @returns The outputs [steps, batch, hidden] and the final state [batch, hidden]. Beyond its length a row's output
 *   is its last state (in reverse: the initial one), where PyTorch's packed sequences have zeros.
 */
export function gru(
  tape: Tape,
  x: Tensor | readonly Tensor[],
  options: GruLayerOptions,
): { readonly outputs: Tensor; readonly final: Tensor } {
  const { weightIh, biasIh, weightHh: weight, biasHh: bias, initial, lengths, reverse = false } = options;
  const [steps, batch] = (x instanceof Array ? x[0]! : x as Tensor).shape as [number, number];
  const sizes = { steps, batch, hidden: weight.columns, reverse };
  const variant = recurrentVariant(tape.device, "gru", sizes, options.wholeSequence);
  const projection = linear(tape, x, {
    weight: weightIh,
    bias: variant?.takesBiases ? undefined : biasIh,
    label: `gates of ${weight.label}`,
  });
  if (variant) {
    const states = new RecurrentStates(tape, sizes, initial, `states of ${weight.label}`);
    variant.gru(tape, { sizes, gates: projection, states, weight, inputBias: biasIh, bias, lengths });
    return { outputs: states.outputs, final: states.final };
  }
  const recurrence = new GruRecurrence(tape, { projection, weight, bias, initial, lengths, reverse });
  for (let i = 0; i < steps; i++) recurrence.step(reverse ? steps - 1 - i : i);
  return recurrence;
}
