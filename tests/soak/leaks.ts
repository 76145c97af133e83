// Nothing is kept that is not needed any more: buffers, what else a device makes, and the memory of the process stay as they
// are over many steps, translations and classifications, and over models that come and go. Run by leaks_soak_test.ts.

import { WANTED_FEATURES } from "../../lib/gpu/capabilities.ts";
import { type Device, openDevice } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { classify } from "../../lib/inference/classify.ts";
import { translate } from "../../lib/inference/translate.ts";
import { tanh } from "../../lib/ops/activation.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import type { TrainingReport, TrainOptions } from "../../lib/training/options.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { tinyClassifier, tinyModel, tinyPairs, tinyTexts } from "../training/tiny.ts";
import { Growth } from "./memory.ts";
import { repetitions } from "./repetitions.ts";

/** Counts of a device that must not change. */
type Counts = (device: Device) => unknown;

const everything: Counts = ({ bufferCount, created }) => [bufferCount, created];
/** Where numbers come back to the host, a buffer is made for them and destroyed. */
const allButReadbacks: Counts = (
  { bufferCount, created: { buffers: _, ...others } },
) => [bufferCount, others];
/** Models have plans of their own, whose kernels they share. */
const allButPlans: Counts = ({ bufferCount, created: { pipelines, shaderModules } }) => {
  return [bufferCount, pipelines, shaderModules];
};

/** Trains, and compares counts and the memory with what they were once every bucket had its second step. */
async function checkTraining(device: Device, counts: Counts, options: TrainOptions): Promise<void> {
  const before = device.bufferCount;
  const model = tinyModel(device);
  const maxSteps = repetitions(300, 10_000);
  let report: TrainingReport | undefined;
  const onReport = (given: TrainingReport) => void (report = given);
  const pairs = tinyPairs(640);
  let settled: unknown;
  let last = 0;
  const memory = new Growth();
  for await (
    const { step } of train(model, pairs, { epochs: 1e6, batch: 16, maxSteps, onReport, ...options })
  ) {
    last = step;
    // Every epoch ends with a report, and the first one with the first validation and checkpoint.
    if (step < 2 * report!.stepsPerEpoch) continue;
    await memory.see(); // all along: garbage that piles up would leave gaps behind
    settled ??= counts(device);
    assertEquals(counts(device), settled, `after step ${step}`);
  }
  assertEquals(last, maxSteps);
  assert(report!.buckets >= 3, `there are ${report!.buckets} buckets`);
  memory.assertSteady(`the memory over ${maxSteps} steps`);
  model.close();
  assertEquals(device.bufferCount, before);
}

testWithDevice("train() makes nothing and keeps nothing, over many steps", async (device) => {
  await checkTraining(device, everything, {});
});

testWithDevice("train() with validations and checkpoints keeps nothing, over many steps", async (device) => {
  await using folder = await TemporaryFolder.make();
  await checkTraining(device, allButReadbacks, { valid: tinyPairs(40), folder: folder.path });
});

/** Does something again and again, and compares counts and memory with what they were after a fifth of that. */
async function checkSteady(
  device: Device,
  times: number,
  work: (index: number) => Promise<void>,
  counts = allButReadbacks,
): Promise<void> {
  const settling = Math.ceil(times / 5);
  let settled: unknown;
  const memory = new Growth();
  for (let index = 0; index < times; index++) {
    await work(index);
    if (index < settling) continue;
    if (index % Math.ceil(times / 20) === 0) await memory.see();
    settled ??= counts(device);
    assertEquals(counts(device), settled, `after ${index + 1} of ${times}`);
  }
  await memory.see();
  memory.assertSteady(`the memory over ${times} times`);
}

const LONGEST = 20;
/** A sentence of so many of the tiny task's words. */
const sentenceOf = (length: number) => new Array(length).fill("two").join(" ");

testWithDevice("translate() keeps nothing, of one shape and of many", async (device) => {
  const before = device.bufferCount;
  const model = tinyModel(device);
  const times = repetitions(40, 1_000);
  await checkSteady(
    device,
    times,
    async () => void await translate(model, "one two three", { maxLength: 6 }),
  );
  for (let length = 1; length <= LONGEST; length++) {
    await translate(model, sentenceOf(length), { maxLength: 6 });
  }
  await checkSteady(device, times, async (index) => {
    await translate(model, sentenceOf(1 + 7 * index % LONGEST), { maxLength: 6 });
  });
  model.close();
  assertEquals(device.bufferCount, before);
});

testWithDevice("classify() keeps nothing, of one shape and of many", async (device) => {
  const before = device.bufferCount;
  const model = tinyClassifier(device);
  const times = repetitions(40, 5_000);
  await checkSteady(device, times, async () => void await classify(model, "one two three"));
  for (let length = 1; length <= LONGEST; length++) await classify(model, sentenceOf(length));
  await checkSteady(device, times, async (index) => {
    await classify(model, sentenceOf(1 + 7 * index % LONGEST));
  });
  model.close();
  assertEquals(device.bufferCount, before);
});

/** The lives of models, each of which must leave the device as it was. */
const lives: Readonly<Record<string, (device: Device) => Promise<void>>> = {
  "a model that translates": async (device) => {
    const model = tinyModel(device);
    await translate(model, ["one", "two three"], { beam: 2, maxLength: 4 });
    model.close();
  },
  "a training that is left": async (device) => {
    const model = tinyModel(device, { cell: "lstm" });
    for await (const _ of train(model, tinyPairs(8), { batch: 4 })) break;
    model.close();
  },
  "a training whose loop throws": async (device) => {
    const model = tinyModel(device);
    const training = async () => {
      for await (const _ of train(model, tinyPairs(8), { batch: 4 })) throw new RangeError("enough");
    };
    await assertRejects(training, RangeError, "enough");
    model.close();
  },
  "a training that cannot be": async (device) => {
    const model = tinyModel(device);
    await assertRejects(async () => void await train(model, [], {}).next(), RangeError, "none of 0 pairs");
    model.close();
  },
  "a translation that cannot be": async (device) => {
    const model = tinyModel(device);
    await assertRejects(() => translate(model, "one", { prefix: "ONE" }), RangeError, "does not know");
    model.close();
  },
  "a model that cannot be": async (device) => {
    await assertRejects(async () => void await Promise.resolve(tinyModel(device, { hidden: 0 })), RangeError);
  },
  "two models that translate together, closed in turn": async (device) => {
    const [one, other] = [tinyModel(device), tinyModel(device, { seed: 2 })];
    await translate([one, other], "one two", { maxLength: 4 });
    one.close();
    await translate(other, "one two", { maxLength: 4 });
    other.close();
  },
  "a classifier": async (device) => {
    const model = tinyClassifier(device);
    for await (const _ of train(model, tinyTexts(8), { batch: 4, epochs: 1, valid: tinyTexts(4) }));
    await classify(model, "one two");
    model.close();
  },
};

testWithDevice("models come and go and leave nothing behind", async (device) => {
  const before = device.bufferCount;
  const each = async () => {
    for (const [name, live] of Object.entries(lives)) {
      await live(device);
      assertEquals(device.bufferCount, before, name);
    }
  };
  await checkSteady(device, repetitions(3, 125), each, allButPlans); // eight or so models each time
});

testWithDevice("models that are not used leave nothing behind", async (device) => {
  const use = () => Promise.resolve(tinyModel(device, { embedding: 64, hidden: 64 }).close());
  await checkSteady(device, repetitions(60, 1_000), use, allButPlans);
});

/** How much the memory grows over some cycles. */
async function growthOver(cycles: number, cycle: () => Promise<void>): Promise<number> {
  const memory = new Growth();
  for (let index = 0; index <= cycles; index++) {
    await cycle();
    await memory.see(); // and collects: a device that waits for that holds 9 MB
  }
  return memory.bytes;
}

/** Opens a device as openDevice() does, but without it. */
async function bareDevice(): Promise<void> {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await adapter!.requestDevice();
  gpu.destroy();
  await gpu.lost;
}

async function usedDevice(): Promise<void> {
  const device = await openDevice({ tuning: false });
  const tape = new Tape(device, { training: false });
  const y = tape.kept([3], "y");
  copyInto(tape, tanh(tape, tape.input("x", [3], "f32")), y);
  const plan = await Plan.compile(tape);
  plan.run({ x: Float32Array.of(1, 2, 3) });
  await plan.read(y);
  device.close();
  await device.gpu.lost;
}

testWithDevice("devices come and go and keep no more than WebGPU's own do", async () => {
  const cycles = repetitions(10, 1_000);
  // The driver itself keeps some 40 MB more after thirty devices than after one, and 30 kB a device later on.
  const bare = await growthOver(cycles, bareDevice);
  const own = await growthOver(cycles, usedDevice);
  const [mostly, actually] = [bare, own].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`);
  assert(own < bare + 20 * 2 ** 20, `${cycles} devices keep ${actually}, WebGPU's own ${mostly}`);
});

testWithDevice(
  "openDevice() opens no device that it throws away, where the adapter grants all features",
  async () => {
    const { requestDevice } = GPUAdapter.prototype;
    let requests = 0;
    GPUAdapter.prototype.requestDevice = function (...given) {
      requests++;
      return requestDevice.apply(this, given);
    };
    try {
      const device = await openDevice();
      const all = WANTED_FEATURES.every((feature) => device.features.has(feature));
      if (all) assertEquals(requests, 1);
      device.close();
    } finally {
      GPUAdapter.prototype.requestDevice = requestDevice;
    }
  },
);
