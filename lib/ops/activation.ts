// Layer 2: elementwise activation functions.

import source from "../../kernels/activation.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** What is applied to each element. */
export type Activation = "none" | "tanh" | "sigmoid" | "relu";

/** The number that stands for each activation in WGSL. */
export const ACTIVATIONS: Readonly<Record<Activation, number>> = { none: 0, tanh: 1, sigmoid: 2, relu: 3 };

const common = {
  name: "activation",
  source,
  params: {
    size: "u32",
    activation: "u32",
    y_offset: "u32",
    dy_offset: "u32",
    dx_offset: "u32",
    accumulate_dx: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ size }: { size: number }) => elementwise(size),
} as const;

const forward = defineKernel({ ...common, entryPoint: "forward", bindings: { x: "read", y: "write" } });
const backward = defineKernel({
  ...common,
  entryPoint: "backward",
  bindings: { y_saved: "read", dy: "read", dx: "accumulate" },
});

/** Records `f(x)`, elementwise. */
export function activate(tape: Tape, x: Tensor, activation: Exclude<Activation, "none">): Tensor {
  const y = tape.tensor(x.shape, `${activation}(${x.label})`);
  const params = { size: y.size, activation: ACTIVATIONS[activation] };
  tape.dispatch(forward, { x, y }, params);
  tape.onBackward(() => activationBackward(tape, y, x.grad, activation));
  return y;
}

/** Records `dx += f'(x) dy` for `y = f(x)`; for operations with an activation built in. */
export function activationBackward(
  tape: Tape,
  y: Tensor,
  dx: Tensor,
  activation: Exclude<Activation, "none">,
): void {
  const params = { size: y.size, activation: ACTIVATIONS[activation] };
  tape.dispatch(backward, { y_saved: y, dy: y.grad, dx }, params);
}

/** Records `tanh(x)`, elementwise. */
export function tanh(tape: Tape, x: Tensor): Tensor {
  return activate(tape, x, "tanh");
}

/** Records `1 / (1 + exp(-x))`, elementwise. */
export function sigmoid(tape: Tape, x: Tensor): Tensor {
  return activate(tape, x, "sigmoid");
}

/** Records `max(x, 0)`, elementwise. */
export function relu(tape: Tape, x: Tensor): Tensor {
  return activate(tape, x, "relu");
}
