// The loss of coverage, by the operation, which begins its own backward pass, and by a function of plain loops.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { assertClose, normals, type Numbers, type Shape } from "./check.ts";

/** What the loss is multiplied by. */
export const FACTOR = 1.5;
const SCALE = 0.125;

/** What a loss is computed from. */
export interface Case {
  /** The shapes of the parameters. */
  readonly shapes: Readonly<Record<string, Shape>>;
  /** The lengths that the plan is given. */
  readonly lengths: Readonly<Record<string, readonly number[]>>;
  /** Records the loss. */
  readonly record: (tape: Tape, tensors: Readonly<Record<string, Tensor>>, totals: Tensor) => void;
  /** The loss in plain loops. */
  readonly reference: (inputs: Readonly<Record<string, Numbers>>) => number;
}

/** The equation of the paper, times the factor. */
export function lossOf(
  weights: Numbers,
  coverage: Numbers,
  source: number,
  lengths: readonly number[],
): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const row = Math.floor(i / source);
    const counts = Math.floor(row / lengths.length) < lengths[row % lengths.length]!;
    if (counts) sum += FACTOR * Math.min(weights[i]!, coverage[i]!);
  }
  return sum;
}

/** The loss begins its own backward pass, so it is recorded here as training records it. */
export async function check(device: Device, { shapes, lengths, record, reference }: Case): Promise<void> {
  const inputs: Record<string, Float32Array> = {};
  const parameters = new Parameters(device);
  for (const [name, shape] of Object.entries(shapes)) {
    parameters.declare(name, shape, (random, size) => inputs[name] = normals(random, size));
  }
  parameters.allocate(new Random(3));
  const totals = persistent(device, [2], "totals");
  overwrite(device, totals, Float32Array.of(0.5, 0.25));
  const tape = new Tape(device, { training: true });
  const tensors = Object.fromEntries(parameters.tensors);
  for (const [name, values] of Object.entries(lengths)) {
    tensors[name] = tape.input(name, [values.length], "u32");
  }
  record(tape, tensors, totals);
  tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  const integers = Object.entries(lengths).map(([name, values]) => [name, Uint32Array.from(values)]);
  plan.run({ scale: Float32Array.of(SCALE), ...Object.fromEntries(integers) });
  const [sums] = await plan.read(totals);
  const gradients = await parameters.read("gradients");
  plan.close();
  parameters.close();
  device.destroyBuffer(totals.storage.buffer!);
  assertClose([sums![0]! - 0.5], [reference(inputs)], 1e-5, "the loss");
  assertEquals(sums![1], 0.25, "the second total is not this loss's");
  for (const [name, { data }] of gradients) {
    const expected = Array.from(inputs[name]!, (value, element) => {
      const [above, below] = [1e-5, -1e-5].map((change) => {
        const changed = Float64Array.from(inputs[name]!);
        changed[element] = value + change;
        return reference({ ...inputs, [name]: changed });
      });
      return SCALE * (above! - below!) / 2e-5;
    });
    assertClose(data, expected, 1e-4, `d ${name}`);
  }
}
