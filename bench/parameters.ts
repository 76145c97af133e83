// Operands for benchmarks that have no model.

import { type Device, Parameters, Random, type Tensor } from "../mod.ts";

/** Tensors of small normal numbers, with gradients. */
export function parametersOf<Name extends string>(
  device: Device,
  shapes: Readonly<Record<Name, readonly number[]>>,
): Record<Name, Tensor> {
  const parameters = new Parameters(device);
  for (const [name, shape] of Object.entries<readonly number[]>(shapes)) {
    parameters.declare(name, shape, (random, size) => {
      return Float32Array.from({ length: size }, () => random.normal() / 8);
    });
  }
  parameters.allocate(new Random(1));
  return Object.fromEntries(parameters.tensors) as Record<Name, Tensor>;
}
