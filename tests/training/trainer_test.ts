import { type Device, openDevice } from "../../lib/gpu/device.ts";
import { heldOutLoss } from "../../lib/evaluation/held_out.ts";
import { loadModel } from "../../lib/training/checkpoint.ts";
import type { TrainingReport, TrainOptions } from "../../lib/training/options.ts";
import type { TrainingProgress } from "../../lib/training/progress.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { fingerprint, tinyModel, tinyPairs } from "./tiny.ts";
import { SUMS } from "../tolerances.ts";

const pairs = tinyPairs(60);

/** Runs a training to its end. */
async function finish(training: AsyncIterable<TrainingProgress>): Promise<TrainingProgress[]> {
  const reports: TrainingProgress[] = [];
  for await (const progress of training) reports.push(progress);
  return reports;
}

testWithDevice(
  "train() with one seed gives the same bits twice, with another seed others",
  async (device) => {
    const options = { epochs: 3, batch: 8, learningRate: 0.02, valid: pairs.slice(0, 10) };
    const run = async (seed: number, order = seed) => {
      const model = tinyModel(device, { seed, dropout: 0.3 });
      const reports = await finish(train(model, pairs, { ...options, seed: order }));
      const bits = await fingerprint(model);
      model.close();
      const validations = reports.flatMap(({ validation }) => validation ?? []);
      const { trainingLoss: lastLoss } = validations.at(-1)!;
      return { bits, lastLoss, losses: validations.map(({ loss }) => loss) };
    };
    const first = await run(1);
    const again = await run(1);
    assertEquals(again.bits, first.bits);
    assertEquals(again.losses, first.losses);
    // Where the sums of losses are cut into reports depends on the clock, and so does their rounding.
    assert(Math.abs(again.lastLoss - first.lastLoss) < SUMS);
    assert((await run(2)).bits !== first.bits);
    assert((await run(1, 2)).bits !== first.bits, "the order of the batches does not depend on the seed");
  },
);

testWithDevice("train() starts afresh each time, whatever the model has been through", async (device) => {
  const options = { epochs: 1, batch: 8, seed: 3 };
  const used = tinyModel(device);
  await finish(train(used, pairs, options));
  const copy = tinyModel(device);
  copy.parameters.load(await used.parameters.read());
  for (const model of [used, copy]) await finish(train(model, pairs, options));
  assertEquals(await fingerprint(used), await fingerprint(copy));
  used.close();
  copy.close();
});

testWithDevice("train() creates no buffers after the second step, over 1,000", async (device) => {
  const before = device.bufferCount;
  const model = tinyModel(device);
  const counts = new Set<string>();
  const options = { epochs: 1_000, batch: 16, maxSteps: 1_000 };
  let last = 0;
  for await (const { step } of train(model, tinyPairs(640), options)) {
    counts.add(JSON.stringify(device.bufferCount));
    last = step;
  }
  assertEquals(last, 1_000);
  assertEquals(counts.size, 1);
  model.close();
  assertEquals(device.bufferCount, before);
});

testWithDevice(
  "train() creates nothing but command encoders after the second step of each bucket, over 200 steps",
  async () => {
    const device = await openDevice();
    const made = countCreations(device);
    const model = tinyModel(device);
    const many = tinyPairs(640);
    const options = { epochs: 1_000, batch: 16, maxSteps: 300, seed: 1 };
    let report: TrainingReport | undefined;
    const training = train(model, many, { ...options, onReport: (given) => void (report = given) });
    let settled: { step: number; encoders: number; others: Record<string, number> } | undefined;
    for await (const { step } of training) {
      const { createCommandEncoder: encoders = 0, ...others } = Object.fromEntries(made);
      const { buffers, bindGroups, pipelines, shaderModules } = device.created;
      assertEquals(others["createBuffer"], buffers, "a buffer was made behind the device's back");
      assertEquals(others["createBindGroup"], bindGroups);
      assertEquals(others["createComputePipelineAsync"], pipelines);
      assertEquals(others["createShaderModule"], shaderModules);
      if (!settled) {
        // Every epoch ends with a report; after two of them every bucket has had its second step.
        if (step >= 2 * report!.stepsPerEpoch) settled = { step, encoders, others };
        continue;
      }
      assertEquals(others, settled.others);
      // One a step, and one for each report, at least a step apart, to copy the losses.
      const [steps, since] = [step - settled.step, encoders - settled.encoders];
      assert(since > steps && since <= 2 * steps, `${since} encoders in ${steps} steps`);
    }
    assert(report!.buckets >= 3, `there are ${report!.buckets} buckets`);
    assert(options.maxSteps - settled!.step >= 200, `it was watched from step ${settled!.step} on`);
    device.close();
  },
);

/** Counts every call of a device's `create…`, whoever makes it. */
function countCreations({ gpu }: Device): Map<string, number> {
  const counts = new Map<string, number>();
  const methods = gpu as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of Object.getOwnPropertyNames(GPUDevice.prototype).filter((name) => /^create/.test(name))) {
    const create = methods[name]!.bind(gpu);
    methods[name] = (...args) => {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return create(...args);
    };
  }
  return counts;
}

testWithDevice("train() creates no buffers after the first validation", async (device) => {
  const model = tinyModel(device);
  const counts = new Set<number>();
  for await (const { validation } of train(model, pairs, { epochs: 5, batch: 8, valid: pairs.slice(0, 9) })) {
    if (validation) counts.add(device.bufferCount.buffers);
  }
  assertEquals(counts.size, 1);
  model.close();
});

testWithDevice("train() tells what it will take before it takes it", async (device) => {
  const model = tinyModel(device);
  const before = device.bufferCount.bytes;
  const reports: (TrainingReport & { bytes: number })[] = [];
  const onReport = (report: TrainingReport) => {
    reports.push({ ...report, bytes: device.bufferCount.bytes });
  };
  await finish(train(model, pairs, { epochs: 1, batch: 8, onReport }));
  assertEquals(reports.length, 1);
  const [{ bytes, activationBytes, ...report }] = reports as [typeof reports[0]];
  assert(bytes - before < 1_000, `${bytes - before} bytes were taken before the report`);
  assertEquals(report.pairs, 60);
  assertEquals(report.dropped, 0);
  assertEquals(report.parameters, model.parameters.count);
  assertEquals(report.parameterBytes, model.parameters.bytes);
  assert(report.stepsPerEpoch >= 8 && report.buckets >= 1 && report.dispatches > 20);
  assert(report.padding > 0 && report.padding < 1);

  let during = 0;
  for await (const _ of train(model, pairs, { epochs: 1, batch: 8 })) during ||= device.bufferCount.bytes;
  assert(during - before > activationBytes && activationBytes > 1_000);
  model.close();
});

testWithDevice("train() keeps to the memory budget, and leaves nothing behind when it cannot", async () => {
  const device = await openDevice({ memoryBudget: 200_000 });
  try {
    const model = tinyModel(device);
    const before = device.bufferCount;
    const reports: TrainingReport[] = [];
    await assertRejects(
      () => finish(train(model, pairs, { batch: 60, onReport: (report) => reports.push(report) })),
      RangeError,
      "memory budget of 200000 bytes",
    );
    assertEquals(reports.length, 1);
    assertEquals(device.bufferCount, before);
  } finally {
    device.close();
  }
});

testWithDevice("train() reports progress step by step", async (device) => {
  const model = tinyModel(device);
  const reports = await finish(train(model, pairs, { epochs: 2, batch: 8 }));
  const steps = reports.map(({ step }) => step);
  assertEquals(steps, steps.toSorted((a, b) => a - b));
  assertEquals(reports[0]!.epoch, 1);
  const { epoch, step, steps: all, secondsLeft, skipped, loss, gradientNorm, tokensPerSecond } = reports.at(
    -1,
  )!;
  assertEquals({ epoch, secondsLeft, skipped }, { epoch: 2, secondsLeft: 0, skipped: 0 });
  assertEquals(step, all);
  assert(loss > 0 && loss < 5 && gradientNorm > 0 && tokensPerSecond > 0);
  model.close();
});

testWithDevice("train() validates after each epoch and keeps the best", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device, { dropout: 0 });
  // The right words here are those that training teaches to avoid: the better it learns, the worse this gets.
  const valid = pairs.slice(0, 12).map(({ source, target }) => ({
    source,
    target: target.replaceAll(/\w/g, (letter) => letter === "Z" ? "O" : "Z"),
  }));
  const options = { epochs: 6, batch: 8, learningRate: 0.05, valid, samples: 2, folder: folder.path };
  const reports = await finish(train(model, pairs, options));
  const validations = reports.flatMap(({ validation }) => validation ?? []);
  assertEquals(validations.length, 6);
  let lowest = Infinity;
  for (const { loss, perplexity, best, samples, trainingLoss } of validations) {
    assertEquals(perplexity, Math.exp(loss));
    assertEquals(best, loss < lowest);
    lowest = Math.min(lowest, loss);
    assert(trainingLoss > 0);
    assertEquals(samples.map(({ source, target }) => ({ source, target })), valid.slice(0, 2));
  }
  assert(validations.some(({ best }) => !best), "no validation was worse than the one before");

  const best = await loadModel(device, folder.path);
  const last = await loadModel(device, folder.path, "last");
  assertEquals((await heldOutLoss(best, valid, { batch: 8 })).loss, lowest);
  assertEquals((await heldOutLoss(last, valid, { batch: 8 })).loss, validations.at(-1)!.loss);
  for (const each of [model, best, last]) each.close();
});

testWithDevice("train() does not leave the best of an earlier run beside its own last", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  const options = { epochs: 1, batch: 30, folder: folder.path };
  await finish(train(model, pairs, { ...options, valid: pairs }));
  assert((await folder.files()).includes("best.safetensors"));
  await finish(train(model, pairs, options));
  assert(!(await folder.files()).includes("best.safetensors"));
  model.close();
});

testWithDevice("train() refuses options that cannot be, by name", async (device) => {
  const model = tinyModel(device);
  const before = device.bufferCount;
  const wrong: Record<string, TrainOptions[]> = {
    epochs: [{ epochs: 0 }, { epochs: 1.5 }],
    batch: [{ batch: 0 }, { batch: NaN }],
    batchTokens: [{ batchTokens: -1 }],
    learningRate: [{ learningRate: 0 }, { learningRate: Infinity }, { learningRate: NaN }],
    clipNorm: [{ clipNorm: 0 }, { clipNorm: NaN }],
    labelSmoothing: [{ labelSmoothing: 1 }, { labelSmoothing: -0.1 }],
    maxLength: [{ maxLength: 1 }, { maxLength: 10.5 }],
    seed: [{ seed: 0.5 }],
    maxSteps: [{ maxSteps: 0 }, { maxSteps: NaN }],
    samples: [{ samples: -1 }],
  };
  for (const [name, cases] of Object.entries(wrong)) {
    for (const options of cases) {
      const value = options[name as keyof TrainOptions];
      await assertRejects(
        () => finish(train(model, pairs, options)),
        RangeError,
        `Cannot train with ${name} ${value}: it must be`,
      );
    }
  }
  assertEquals(device.bufferCount, before);
  model.close();
});

testWithDevice("train() leaves out pairs that are too long, and says how many", async (device) => {
  const model = tinyModel(device);
  const short = pairs.filter(({ source }) => source.split(" ").length <= 3);
  let seen: TrainingReport | undefined;
  await finish(train(model, pairs, { epochs: 1, maxLength: 5, onReport: (report) => void (seen = report) }));
  assertEquals([seen?.pairs, seen?.dropped], [short.length, pairs.length - short.length]);
  await assertRejects(
    () => finish(train(model, pairs, { maxLength: 2 })),
    RangeError,
    "Cannot train: none of 60 pairs has at most 2 words on both sides, <sos> and <eos> included.",
  );
  await assertRejects(() => finish(train(model, [])), RangeError, "none of 0 pairs");
  model.close();
});

testWithDevice("train() gives up when gradients are not finite, and frees its memory", async (device) => {
  const model = tinyModel(device);
  const before = device.bufferCount;
  await assertRejects(
    () => finish(train(model, pairs, { epochs: 50, batch: 8, learningRate: 1e30 })),
    Error,
    "the gradients of 10 steps in a row were not finite",
  );
  assertEquals(device.bufferCount, before);
  model.close();
});
