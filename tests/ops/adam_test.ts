// The optimizer's step against Adam and the clipping of PyTorch in plain loops, for ten steps.

import type { Device } from "../../lib/gpu/device.ts";
import { type NamedArray, Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { adam, type AdamOptions, CONTROL_SIZE, initialControl, lossScaleOf } from "../../lib/ops/adam.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { assertClose, normals } from "./check.ts";

/** Two parameters, one of them longer than an alignment, whose gradients the host chooses. */
class Optimized {
  readonly parameters: Parameters;
  readonly control: Tensor;
  readonly first = new Map<string, Float32Array>();

  private constructor(readonly device: Device) {
    this.parameters = new Parameters(device);
    this.control = persistent(device, [CONTROL_SIZE], "control");
  }

  plan!: Plan;

  static async create(device: Device, options: AdamOptions, halfPrecision = false): Promise<Optimized> {
    const optimized = new Optimized(device);
    const { parameters, control, first } = optimized;
    for (const [name, shape] of [["short", [3]], ["long", [7, 37]]] as const) {
      parameters.declare(name, shape, (random, size) => {
        const values = normals(random, size);
        first.set(name, values);
        return values;
      });
    }
    parameters.allocate(new Random(11));
    if (halfPrecision) overwrite(device, control, initialControl());
    const tape = new Tape(device, {
      training: false,
      ...(halfPrecision ? { lossScale: lossScaleOf(control) } : {}),
    });
    for (const [name, tensor] of parameters.tensors) {
      copyInto(tape, tape.input(name, tensor.shape, "f32"), tensor.grad);
    }
    adam(tape, parameters.flat, control, options);
    optimized.plan = await Plan.compile(tape);
    return optimized;
  }

  step(gradients: ReadonlyMap<string, Float32Array>, rate: number): void {
    this.plan.run({ ...Object.fromEntries(gradients), learning_rate: Float32Array.of(rate) });
  }

  /** The control record: floating-point numbers, and integers from the fourth on. */
  async readControl(): Promise<
    { norm: number; clip: number; steps: number; skipped: number; norms: number; lossScale: number }
  > {
    const [floats] = await this.plan.read(this.control);
    const integers = new Uint32Array(floats!.buffer);
    return {
      norm: floats![2]!,
      clip: floats![3]!,
      steps: integers[4]!,
      skipped: integers[5]!,
      norms: floats![7]!,
      lossScale: floats![8]!,
    };
  }

  async readAll(): Promise<Map<string, NamedArray>[]> {
    const { parameters } = this;
    return [
      await parameters.read(),
      await parameters.read("firstMoments"),
      await parameters.read("secondMoments"),
    ];
  }

  close(): void {
    this.plan.close();
    this.parameters.close();
    this.device.destroyBuffer(this.control.storage.buffer!);
  }
}

function draw(random: Random, optimized: Optimized): Map<string, Float32Array> {
  return new Map([...optimized.first].map(([name, { length }]) => [name, normals(random, length)]));
}

for (const maxNorm of [1, 15, Infinity]) {
  testEachProfile(`adam() clipping at ${maxNorm} takes PyTorch's steps`, async (device) => {
    const [beta1, beta2, epsilon, rate] = [0.9, 0.98, 1e-3, 0.05];
    const optimized = await Optimized.create(device, { maxNorm, beta1, beta2, epsilon });
    const random = new Random(4);
    const values = new Map([...optimized.first].map(([name, first]) => [name, Float64Array.from(first)]));
    const m = new Map([...values].map(([name, { length }]) => [name, new Float64Array(length)]));
    const v = new Map([...values].map(([name, { length }]) => [name, new Float64Array(length)]));
    let norms = 0;
    for (let t = 1; t <= 10; t++) {
      const gradients = draw(random, optimized);
      optimized.step(gradients, rate / t);
      const squares = [...gradients.values()].flatMap((gradient) => Array.from(gradient, (g) => g * g));
      const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
      norms += norm;
      const clip = Math.min(1, maxNorm / (norm + 1e-6));
      for (const [name, gradient] of gradients) {
        gradient.forEach((value, i) => {
          const g = value * clip;
          const mean = m.get(name)![i] = beta1 * m.get(name)![i]! + (1 - beta1) * g;
          const square = v.get(name)![i] = beta2 * v.get(name)![i]! + (1 - beta2) * g * g;
          const denominator = Math.sqrt(square / (1 - beta2 ** t)) + epsilon;
          values.get(name)![i]! -= rate / t * mean / (1 - beta1 ** t) / denominator;
        });
      }
      const control = await optimized.readControl();
      assertClose([control.norm, control.clip, control.norms], [norm, clip, norms], 1e-6, `step ${t}`);
      assertEquals([control.steps, control.skipped], [t, 0]);
    }
    const actual = await optimized.readAll();
    for (const [index, expected] of [values, m, v].entries()) {
      for (const [name, numbers] of expected) {
        assertClose(
          actual[index]!.get(name)!.data,
          numbers,
          1e-5,
          `${["value", "m", "v"][index]} of ${name}`,
        );
      }
    }
    optimized.close();
  });
}

testEachProfile("adam() skips a step with a gradient that is not finite, and counts it", async (device) => {
  const optimized = await Optimized.create(device, { maxNorm: 1 });
  const random = new Random(6);
  optimized.step(draw(random, optimized), 0.01);
  const before = await optimized.readAll();
  const { steps, norms } = await optimized.readControl();
  for (const [count, bad] of [NaN, Infinity, -Infinity].entries()) {
    const gradients = draw(random, optimized);
    gradients.get("long")![100] = bad;
    optimized.step(gradients, 0.01);
    assertEquals(await optimized.readAll(), before, `a gradient of ${bad} changes something`);
    const control = await optimized.readControl();
    assertEquals([control.steps, control.norms, control.skipped], [steps, norms, count + 1]);
    assertEquals(control.lossScale, 0, "in single precision there is none");
  }
  optimized.step(draw(random, optimized), 0.01);
  const after = await optimized.readAll();
  for (const [, { data }] of after[0]!) assert(data.every(Number.isFinite));
  assert(String(after[0]!.get("short")!.data) !== String(before[0]!.get("short")!.data));
  assertEquals((await optimized.readControl()).steps, steps + 1);
  optimized.close();
});

testEachProfile("adam() in half precision takes the loss scale out of the gradients", async (device) => {
  const options = { maxNorm: 5, scaleGrowthSteps: 3 };
  const [plain, half] = [
    await Optimized.create(device, options),
    await Optimized.create(device, options, true),
  ];
  const random = new Random(8);
  const scales = [];
  for (let step = 0; step < 7; step++) {
    const { lossScale } = await half.readControl();
    scales.push(lossScale);
    const gradients = draw(random, plain);
    plain.step(gradients, 0.01);
    // A power of two: taken out again, it leaves the same bits, but in the norm's last place.
    half.step(
      new Map([...gradients].map(([name, values]) => [name, values.map((g) => g * lossScale)])),
      0.01,
    );
  }
  assertEquals(scales, [4096, 4096, 4096, 8192, 8192, 8192, 16384]);
  const [expected, actual] = [await plain.readAll(), await half.readAll()];
  for (const [index, parameters] of expected.entries()) {
    for (const [name, { data }] of parameters) {
      assertClose(actual[index]!.get(name)!.data, data, 1e-6, name);
    }
  }
  plain.close();
  half.close();
});

testEachProfile(
  "adam() in half precision halves the loss scale where gradients overflow, not below 1",
  async (device) => {
    const half = await Optimized.create(device, { maxNorm: 1, scaleGrowthSteps: 3 }, true);
    const random = new Random(9);
    for (let step = 0; step < 15; step++) {
      const { lossScale } = await half.readControl();
      assertEquals(lossScale, Math.max(1, 4096 / 2 ** step));
      const gradients = draw(random, half);
      gradients.get("short")![1] = Infinity;
      half.step(gradients, 0.01);
    }
    assertEquals((await half.readControl()).skipped, 15);
    half.close();
  },
);
