// Layer 2: where a recurrence keeps what it carries from step to step: one tensor, bound once, indexed by step.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { copyInto } from "./concatenate.ts";

/** The sizes of a recurrence, and its direction. */
export interface RecurrentSizes {
  /** Time steps. */
  readonly steps: number;
  /** Rows. */
  readonly batch: number;
  /** Width of the state. */
  readonly hidden: number;
  /** Whether it goes from the last step to the first. */
  readonly reverse: boolean;
}

/** The states of a recurrence before, between and after its steps. */
export class RecurrentStates {
  /** [steps + 1, batch, hidden]: the state before step `t` at `t`, in reverse at `t + 1`. */
  readonly all: Tensor;

  #steps: number;
  #reverse: boolean;

  /** Records the initial state, zeros if left out. */
  constructor(tape: Tape, sizes: RecurrentSizes, initial: Tensor | undefined, label: string) {
    const { steps, batch, hidden, reverse } = sizes;
    this.#steps = steps;
    this.#reverse = reverse;
    this.all = tape.tensor([steps + 1, batch, hidden], label);
    const first = this.all.at(reverse ? steps : 0);
    if (initial) copyInto(tape, initial, first);
    else tape.fill(first, 0);
  }

  /** [batch, hidden]: the state before step `t` is taken. */
  before(t: number): Tensor {
    return this.all.at(this.#reverse ? t + 1 : t);
  }

  /** [batch, hidden]: the state after step `t`. */
  after(t: number): Tensor {
    return this.all.at(this.#reverse ? t : t + 1);
  }

  /** [steps, batch, hidden]: the states before each step. */
  get inputs(): Tensor {
    return this.#reverse ? this.all.slice(1, this.#steps + 1) : this.all.slice(0, this.#steps);
  }

  /** [steps, batch, hidden]: the states after each step. */
  get outputs(): Tensor {
    return this.#reverse ? this.all.slice(0, this.#steps) : this.all.slice(1, this.#steps + 1);
  }

  /** [batch, hidden]: the state after all steps, in reverse the one at step 0. */
  get final(): Tensor {
    return this.all.at(this.#reverse ? 0 : this.#steps);
  }
}
