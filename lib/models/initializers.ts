// Layer 3: the distributions that parameters are drawn from at the start: PyTorch's defaults.

import type { Initializer } from "../gpu/parameters.ts";

/** Uniform between `-limit` and `limit`. */
export function uniform(limit: number): Initializer {
  return (random, size) => Float32Array.from({ length: size }, () => (2 * random.uniform() - 1) * limit);
}

/** Normal with mean 0 and standard deviation 1, as `nn.Embedding` starts. */
export function standardNormal(): Initializer {
  return (random, size) => Float32Array.from({ length: size }, () => random.normal());
}

/** Uniform up to one over the root of the number of inputs, as weights and biases of `nn.Linear` start. */
export function linearDefault(inputs: number): Initializer {
  return uniform(1 / Math.sqrt(inputs));
}

/** Uniform up to one over the root of the hidden size, as everything in `nn.GRU` and `nn.GRUCell` starts. */
export function recurrentDefault(hidden: number): Initializer {
  return uniform(1 / Math.sqrt(hidden));
}
