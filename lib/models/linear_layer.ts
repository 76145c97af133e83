// Layer 3: a fully connected layer with its parameters, named as PyTorch's `nn.Linear`.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Activation } from "../ops/activation.ts";
import { linear } from "../ops/linear.ts";
import { linearDefault } from "./initializers.ts";

/** `y = f(x W^T + b)` */
export class LinearLayer {
  /** [outputs, inputs] */
  readonly weight: Tensor;
  /** [outputs]; absent if the layer has none. */
  readonly bias: Tensor | undefined;

  /** Declares `weight` and, unless `bias` is false, `bias` in `scope`. */
  constructor(
    scope: ParameterScope,
    inputs: number,
    outputs: number,
    options: { readonly bias?: boolean } = {},
  ) {
    const initial = linearDefault(inputs);
    this.weight = scope.declare("weight", [outputs, inputs], initial);
    this.bias = options.bias === false ? undefined : scope.declare("bias", [outputs], initial);
  }

  /** Records the layer; several inputs stand for their concatenation. */
  forward(tape: Tape, x: Tensor | readonly Tensor[], activation: Activation = "none"): Tensor {
    return linear(tape, x, { weight: this.weight, bias: this.bias, activation });
  }
}
