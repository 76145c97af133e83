// The output layer with its loss, by the operation and in plain loops with PyTorch's label smoothing. The operation begins its
// own backward pass, so it is recorded here as training records it.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent } from "../../lib/gpu/tensor.ts";
import { crossEntropy } from "../../lib/ops/cross_entropy.ts";
import { Random } from "../../lib/random.ts";
import { assertClose, normals, type Numbers } from "./check.ts";

/** A case of the operation. */
export interface Case {
  readonly rows: number;
  readonly width: number;
  readonly classes: number;
  readonly targets: readonly number[];
  readonly smoothing?: number;
  readonly logitsBytes?: number;
  readonly training?: boolean;
  /** What the normal inputs are multiplied by. */
  readonly size?: number;
}

/** What has a gradient. */
export interface Inputs {
  readonly x: Numbers;
  readonly weight: Numbers;
  readonly bias: Numbers;
}

/** The target that does not count. */
export const IGNORED = 0;

/** The sums over the rows that count: the loss, and -log p[target]. */
export function reference({ x, weight, bias }: Inputs, options: Case): [number, number] {
  const { rows, width, classes, targets, smoothing = 0 } = options;
  let loss = 0;
  let surprises = 0;
  for (let i = 0; i < rows; i++) {
    if (targets[i] === IGNORED) continue;
    const logits = Array.from(bias, (b, v) => {
      for (let k = 0; k < width; k++) b += x[i * width + k]! * weight[v * width + k]!;
      return b;
    });
    const largest = Math.max(...logits);
    const normalizer = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
    const surprise = normalizer - logits[targets[i]!]!;
    const mean = logits.reduce((sum, logit) => sum + normalizer - logit, 0) / classes;
    loss += (1 - smoothing) * surprise + smoothing * mean;
    surprises += surprise;
  }
  return [loss, surprises];
}

/** Runs the operation; `inputs` are what it drew. */
export async function run(device: Device, options: Case) {
  const { rows, width, classes, targets, smoothing = 0, logitsBytes, training = true, size = 1 } = options;
  const inputs: Record<string, Float32Array> = {};
  const parameters = new Parameters(device);
  const declare = (name: string, shape: number[]) =>
    parameters.declare(name, shape, (random, length) => {
      return inputs[name] = normals(random, length).map((value) => value * size);
    });
  const [x, weight, bias] = [
    declare("x", [rows, width]),
    declare("weight", [classes, width]),
    declare("bias", [classes]),
  ];
  parameters.allocate(new Random(5));
  const totals = persistent(device, [2], "totals");
  const before = [0.5, 0.25];
  overwrite(device, totals, Float32Array.from(before));

  const tape = new Tape(device, { training });
  crossEntropy(tape, x!, {
    weight: weight!,
    bias: bias!,
    targets: tape.input("targets", [rows], "u32"),
    ignored: IGNORED,
    smoothing,
    totals,
    ...(logitsBytes ? { logitsBytes } : {}),
  });
  if (training) tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  const counted = targets.filter((target) => target !== IGNORED).length;
  const scale = counted === 0 ? 0 : 1 / counted;
  plan.run({ targets: Uint32Array.from(targets), scale: Float32Array.of(scale) });
  const [sums] = await plan.read(totals);
  const gradients = await parameters.read("gradients");
  plan.close();
  parameters.close();
  device.destroyBuffer(totals.storage.buffer!);
  const added = Array.from(sums!, (sum, i) => sum - before[i]!);
  return { added, gradients, inputs: inputs as unknown as Inputs, scale, plan };
}

/** Compares the operation and all its gradients with the loops. */
export async function check(device: Device, options: Case): Promise<void> {
  const { added, gradients, inputs, scale } = await run(device, options);
  const name = JSON.stringify(options);
  assertClose(added, reference(inputs, options), 1e-5, `the losses of ${name}`);
  const step = 1e-5;
  for (const key of ["x", "weight", "bias"] as const) {
    const expected = Array.from(inputs[key], (_, element) => {
      const [above, below] = [step, -step].map((change) => {
        const changed = Float64Array.from(inputs[key]);
        changed[element]! += change;
        return reference({ ...inputs, [key]: changed }, options)[0];
      });
      return scale * (above! - below!) / (2 * step);
    });
    assertClose(gradients.get(key)!.data, expected, 1e-4, `d ${key} of ${name}`);
  }
}
