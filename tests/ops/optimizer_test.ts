// The optimizer's step against PyTorch's optimizers, and what it does where gradients are not finite.

import type { Device } from "../../lib/gpu/device.ts";
import { type NamedArray, Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import {
  CONTROL_SIZE,
  initialControl,
  lossScaleOf,
  optimizerStep,
  type OptimizerStepOptions,
} from "../../lib/ops/optimizer.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { Random } from "../../lib/random.ts";
import { decodeSafetensors } from "../training/safetensors.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { assertClose, normals } from "./check.ts";
import { FEW_ROUNDINGS } from "../tolerances.ts";

interface Case extends Omit<OptimizerStepOptions, "maxNorm" | "maxValue"> {
  readonly learningRate: number;
  readonly clipNorm?: number;
  readonly clipValue?: number;
}

const fixtures = new URL("../fixtures/", import.meta.url);
/** Written by tests/oracle/optimizer_fixture.py, in 64 bits. */
const oracle: { readonly steps: number; readonly cases: Record<string, Case> } = JSON.parse(
  await Deno.readTextFile(new URL("optimizer.json", fixtures)),
);
const { tensors } = decodeSafetensors(await Deno.readFile(new URL("optimizer.safetensors", fixtures)));

/** PyTorch's own error in 32 bits is up to 3.1e-7 after ten steps; WGSL lets a division or root be off by 2 to 3 ULP. */
const TOLERANCE = 2e-6;

/** The fixture's tensors whose names begin with a prefix, without it. */
function named(prefix: string): Map<string, NamedArray> {
  const chosen = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(chosen.map(([name, { shape, data }]) => {
    return [name.slice(prefix.length), { shape, data: data as Float32Array<ArrayBuffer> }];
  }));
}

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

  static async create(
    device: Device,
    options: OptimizerStepOptions,
    halfPrecision = false,
  ): Promise<Optimized> {
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
    optimizerStep(tape, parameters.flat, control, options);
    optimized.plan = await Plan.compile(tape);
    return optimized;
  }

  step(gradients: ReadonlyMap<string, Float32Array>, rate: number): void {
    this.plan.run({ ...Object.fromEntries(gradients), learning_rate: Float32Array.of(rate) });
  }

  /** The control record: floating-point numbers, and integers from the fourth on. */
  async readControl(): Promise<
    {
      norm: number;
      clip: number;
      steps: number;
      skipped: number;
      norms: number;
      lossScale: number;
      inARow: number;
    }
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
      inARow: integers[10]!,
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

for (const [name, { learningRate, clipNorm, clipValue, ...settings }] of Object.entries(oracle.cases)) {
  testEachProfile(`optimizerStep() takes PyTorch's steps: ${name}`, async (device) => {
    const options = { ...settings, maxNorm: clipNorm, maxValue: clipValue };
    const optimized = await Optimized.create(device, options);
    optimized.parameters.load(named("value."));
    for (let t = 1; t <= oracle.steps; t++) {
      const gradients = named(`gradient.${t - 1}.`);
      optimized.step(new Map([...gradients].map(([name, { data }]) => [name, data])), learningRate / t);
    }
    const actual = await optimized.readAll();
    for (const [index, kept] of ["value", "first", "second"].entries()) {
      for (const [parameter, { data }] of named(`${name}.${kept}.`)) {
        // Adadelta's running mean of steps is far below one, and so is what it may be off by.
        const largest = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        const relative = (numbers: Float32Array) => Float64Array.from(numbers, (number) => number / largest);
        assertClose(
          relative(actual[index]!.get(parameter)!.data),
          relative(data),
          TOLERANCE,
          `${kept} of ${parameter}`,
        );
      }
    }
    optimized.close();
  });
}

for (const maxNorm of [1, 15, Infinity]) {
  testEachProfile(`optimizerStep() tells norm and clipping factor at ${maxNorm}`, async (device) => {
    const optimized = await Optimized.create(device, { maxNorm });
    const random = new Random(4);
    let norms = 0;
    for (let t = 1; t <= 3; t++) {
      const gradients = draw(random, optimized);
      optimized.step(gradients, 0.05);
      const squares = [...gradients.values()].flatMap((gradient) => Array.from(gradient, (g) => g * g));
      const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
      norms += norm;
      const clip = Math.min(1, maxNorm / (norm + 1e-6));
      const control = await optimized.readControl();
      assertClose(
        [control.norm, control.clip, control.norms],
        [norm, clip, norms],
        FEW_ROUNDINGS,
        `step ${t}`,
      );
      assertEquals([control.steps, control.skipped], [t, 0]);
    }
    optimized.close();
  });
}

testEachProfile(
  "optimizerStep() skips a step with a gradient that is not finite, and counts it",
  async (device) => {
    const optimized = await Optimized.create(device, { maxNorm: 1 });
    const random = new Random(6);
    optimized.step(draw(random, optimized), 0.01);
    const before = await optimized.readAll();
    const { steps, norms } = await optimized.readControl();
    // The square of the last is no number of 32 bits.
    for (const [count, bad] of [NaN, Infinity, -Infinity, 1e25].entries()) {
      const gradients = draw(random, optimized);
      gradients.get(count % 2 ? "short" : "long")![count % 2 ? 2 : 100] = bad;
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
  },
);

testEachProfile(
  "optimizerStep() in half precision takes the loss scale out of the gradients",
  async (device) => {
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
        assertClose(actual[index]!.get(name)!.data, data, FEW_ROUNDINGS, name);
      }
    }
    plain.close();
    half.close();
  },
);

testEachProfile(
  "optimizerStep() in half precision halves the loss scale where gradients overflow, not below 1",
  async (device) => {
    const half = await Optimized.create(device, { maxNorm: 1, scaleGrowthSteps: 3 }, true);
    const random = new Random(9);
    for (let step = 0; step < 15; step++) {
      const { lossScale } = await half.readControl();
      assertEquals(lossScale, Math.max(1, 4096 / 2 ** step));
      // Looking for the right scale ends no training: what counts is what happens at a scale of one.
      assertEquals((await half.readControl()).inARow, Math.max(0, step - 12));
      const gradients = draw(random, half);
      gradients.get("short")![1] = Infinity;
      half.step(gradients, 0.01);
    }
    assertEquals((await half.readControl()).skipped, 15);
    half.close();
  },
);

testEachProfile("optimizerStep() takes no step any more after ten left out in a row", async (device) => {
  for (const [bad, inARow, steps] of [[9, 0, 2], [10, 11, 1]] as const) {
    const optimized = await Optimized.create(device, { maxValue: 0.5 });
    const random = new Random(12);
    optimized.step(draw(random, optimized), 0.01);
    const before = await optimized.readAll();
    for (let step = 0; step < bad; step++) {
      const gradients = draw(random, optimized);
      gradients.get("short")![0] = NaN;
      optimized.step(gradients, 0.01);
    }
    assertEquals(await optimized.readAll(), before);
    optimized.step(draw(random, optimized), 0.01);
    const control = await optimized.readControl();
    assertEquals([control.inARow, control.steps], [inARow, steps]);
    assertEquals(
      String((await optimized.readAll())[0]!.get("short")!.data) === String(before[0]!.get("short")!.data),
      bad === 10,
    );
    optimized.close();
  }
});
