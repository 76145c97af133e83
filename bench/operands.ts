// What benchmarks have in common: operands, gradients of operations, training steps of models.

import { type Device, Parameters, Plan, type PlanInputs, Random, Tape, type Tensor } from "../mod.ts";
import { persistent } from "../lib/gpu/tensor.ts";
import { TOTALS } from "../lib/models/model.ts";
import { CONTROL_SIZE, optimizerStep } from "../lib/ops/optimizer.ts";
import { replays, type Run } from "./sampling.ts";

/** Parameters of small normal numbers. */
export function parametersOf<Name extends string>(
  device: Device,
  shapes: Readonly<Record<Name, readonly number[]>>,
): Record<Name, Tensor> {
  const parameters = new Parameters(device);
  for (const [name, shape] of Object.entries<readonly number[]>(shapes)) {
    parameters.declare(name, shape, normals);
  }
  parameters.allocate(new Random(1));
  return Object.fromEntries(parameters.tensors) as Record<Name, Tensor>;
}

/** Small normal numbers. */
export function normals(random: Random, size: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: size }, () => random.normal() / 8);
}

/** Random integers below `limit`. */
export function integers(count: number, limit: number): Uint32Array<ArrayBuffer> {
  const random = new Random(1);
  return Uint32Array.from({ length: count }, () => random.integer(limit));
}

/**
 * Runs of an operation and of the gradients of all its operands.
 *
 * @param record Records the operation; if it returns a tensor, the gradient of that is all ones.
 */
export async function gradients(
  device: Device,
  operands: Readonly<Record<string, Tensor>>,
  record: (tape: Tape) => Tensor | void,
  inputs: PlanInputs = {},
): Promise<Run> {
  const tape = new Tape(device, { training: true });
  const y = record(tape);
  if (y) tape.fill(y.grad, 1);
  const tensors = Object.values(operands);
  tape.backward(tensors);
  return replays(await Plan.compile(tape), tensors.at(-1)!.grad, inputs);
}

/**
 * Training steps of a model: loss, gradients, clipping and Adam.
 *
 * @param record Records the loss, which is added to the totals that it is given.
 */
export async function trainingSteps(
  { parameters }: { readonly parameters: Parameters },
  record: (tape: Tape, totals: Tensor) => void,
  inputs: PlanInputs,
): Promise<Run> {
  const { device } = parameters;
  const totals = persistent(device, [TOTALS], "losses");
  const control = persistent(device, [CONTROL_SIZE], "state of Adam");
  const tape = new Tape(device, { training: true });
  record(tape, totals);
  tape.backward(parameters.tensors.values());
  optimizerStep(tape, parameters.flat, control, { maxNorm: 1 });
  return replays(await Plan.compile(tape), control, { ...inputs, learning_rate: Float32Array.of(0.001) });
}
