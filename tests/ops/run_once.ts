// Runs operations that have no gradient: numbers in, numbers out.

import type { Device } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { assertEquals } from "../assert.ts";

/** A tensor that an operation is given: a typed array's type is the tensor's. */
export interface Given {
  readonly shape: readonly number[];
  readonly values: Float32Array | Uint32Array;
}

/** A tensor of floats. */
export function floats(shape: readonly number[], values: ArrayLike<number>): Given {
  return { shape, values: Float32Array.from(values) };
}

/** A tensor of integers. */
export function integers(shape: readonly number[], values: ArrayLike<number>): Given {
  return { shape, values: Uint32Array.from(values) };
}

/**
 * Records, runs twice, which must not change a bit, and reads.
 *
 * @param record Gets copies of the given tensors, which may be overwritten.
 * @returns The elements of each result.
 */
export async function runOnce<G extends Record<string, Given>, R extends Record<string, Tensor>>(
  device: Device,
  given: G,
  record: (tape: Tape, tensors: { readonly [K in keyof G]: Tensor }) => R,
): Promise<{ readonly [K in keyof R]: number[] }> {
  const tape = new Tape(device, { training: false });
  const tensors = Object.entries(given).map(([name, { shape, values }]) => {
    const type = values instanceof Uint32Array ? "u32" : "f32";
    const copy = tape.tensor(shape, name, type);
    copyInto(tape, tape.input(name, shape, type), copy);
    return [name, copy];
  });
  const results = Object.entries(record(tape, Object.fromEntries(tensors)));
  const kept = results.map(([name, result]) => {
    const copy = tape.kept(result.shape, name, result.storage.type);
    copyInto(tape, result, copy);
    return copy;
  });
  const plan = await Plan.compile(tape);
  const inputs = Object.fromEntries(Object.entries(given).map(([name, { values }]) => [name, values]));
  plan.run(inputs);
  const arrays = await plan.read(...kept);
  plan.run(inputs);
  assertEquals(await plan.read(...kept), arrays, "a second run gives other numbers");
  plan.close();
  return Object.fromEntries(results.map(([name], index) => [name, [...arrays[index]!]])) as never;
}
