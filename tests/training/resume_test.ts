import type { Device } from "../../lib/gpu/device.ts";
import type { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import type { TrainOptions } from "../../lib/training/options.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { checkpointHash, hashOf, tinyModel, tinyPairs } from "./tiny.ts";

const pairs = tinyPairs(60);
const common = { epochs: 2, batch: 8, learningRate: 0.02, clipNorm: Infinity, valid: pairs.slice(0, 5) };

/** Trains without a break; returns the hash of the whole checkpoint, optimizer and position included. */
async function unbroken(device: Device, options: TrainOptions = {}): Promise<string> {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  for await (const _ of train(model, pairs, { ...common, ...options, folder: folder.path }));
  model.close();
  return await checkpointHash(folder.path);
}

/** Trains with a break, in a model that comes from the checkpoint; returns where it was and the hash at the end. */
async function broken(device: Device, first: TrainOptions, leave = false, options: TrainOptions = {}) {
  await using folder = await TemporaryFolder.make();
  const started = tinyModel(device);
  const given = { ...common, ...options, folder: folder.path };
  for await (const _ of train(started, pairs, { ...given, ...first })) if (leave) break;
  started.close();
  const { model, state } = await loadCheckpoint(device, folder.path);
  for await (const _ of train(model, pairs, { ...given, resume: state! }));
  model.close();
  return { position: state!.position, hash: await checkpointHash(folder.path) };
}

testWithDevice("train() goes on from a checkpoint as if it had never stopped", async (device) => {
  const expected = await unbroken(device);
  assertEquals(await unbroken(device), expected);

  const afterEpoch = await broken(device, { epochs: 1 });
  assertEquals([afterEpoch.position.epoch, afterEpoch.position.stepInEpoch], [1, 0]);
  assertEquals(afterEpoch.hash, expected);

  const afterBreak = await broken(device, {}, true);
  const { epoch, step, stepInEpoch, stepsPerEpoch } = afterBreak.position;
  assertEquals([epoch, step], [0, stepInEpoch]);
  assert(step >= 1 && step < stepsPerEpoch, `it stopped after step ${step} of ${stepsPerEpoch}`);
  assertEquals(afterBreak.hash, expected);
});

testWithDevice("train() records the split, and does not go on with another", async (device) => {
  await using folder = await TemporaryFolder.make();
  const split = "ab".repeat(32);
  const model = tinyModel(device);
  const run = async (options: TrainOptions) => {
    for await (const _ of train(model, pairs, { ...common, epochs: 1, maxSteps: 2, ...options }));
  };
  await run({ folder: folder.path, split });
  assertEquals(JSON.parse(await Deno.readTextFile(folder.at("config.json"))).training.split, split);
  const { model: again, state } = await loadCheckpoint(device, folder.path);
  assertEquals(state!.config.split, split);
  await assertRejects(
    () => run({ resume: state!, split: "cd".repeat(32) }),
    RangeError,
    `the split was ${split}, and now is cdcd`,
  );
  await assertRejects(() => run({ split: "abc" }), RangeError, "what splitHash() returns");
  for (const options of [{ split }, {}]) await run({ ...options, resume: state!, maxSteps: 3 });

  for (const each of [model, again]) each.close();
});

testWithDevice("train() goes on in the middle of the second epoch", async (device) => {
  await using straight = await TemporaryFolder.make();
  await using parts = await TemporaryFolder.make();
  const options = { ...common, valid: [] };
  const model = tinyModel(device);
  for await (const _ of train(model, pairs, { ...options, folder: straight.path }));
  const first = tinyModel(device);
  for await (const _ of train(first, pairs, { ...options, folder: parts.path, maxSteps: 11 }));
  const { model: second, state } = await loadCheckpoint(device, parts.path);
  assertEquals([state!.position.epoch, state!.position.step], [1, 11]);
  for await (const _ of train(second, pairs, { ...options, folder: parts.path, resume: state! }));
  assertEquals(await checkpointHash(parts.path), await checkpointHash(straight.path));
  for (const each of [model, first, second]) each.close();
});

const ways: Record<string, TrainOptions> = {
  "momentum along a cosine": {
    ...{ optimizer: "sgd", momentum: 0.9, schedule: "cosine", warmup: 3, decaySteps: 15 },
  },
  "RMSProp until the loss is level": {
    ...{ optimizer: "rmsprop", schedule: "plateau", decayPatience: 1, learningRate: 0.1 },
  },
  "averages of weights, and several batches a step": { averageDecay: 0.9, accumulation: 3 },
};
for (const [name, options] of Object.entries(ways)) {
  testWithDevice(`train() goes on as if it had never stopped: ${name}`, async (device) => {
    const expected = await unbroken(device, { ...options, epochs: 4 });
    for (const [first, leave] of [[{ epochs: 2 }, false], [{}, true]] as const) {
      const broke = await broken(device, first, leave, { ...options, epochs: 4 });
      assertEquals(broke.hash, expected, JSON.stringify([first, broke.position]));
    }
  });
}

testWithDevice(
  "a training that maxSteps ends in the middle of an epoch is not another one",
  async (device) => {
    // Validations that get worse, of which one too many would lower the rate, or end training, too early.
    const valid = pairs.slice(0, 12).map(({ source }) => ({ source, target: "Z Z" }));
    const options: TrainOptions = {
      ...{ epochs: 5, batch: 8, learningRate: 0.1, valid, samples: 0 },
      ...{ schedule: "plateau", decayPatience: 2, patience: 4 },
    };
    const run = async (limits: readonly (number | undefined)[]) => {
      await using folder = await TemporaryFolder.make();
      const verdicts: [step: number, ...unknown[]][] = [];
      const files: string[][] = [];
      let model = tinyModel(device);
      let state;
      for (const maxSteps of limits) {
        const given = { ...options, folder: folder.path, ...(maxSteps ? { maxSteps } : {}) };
        for await (
          const { step, validation } of train(model, pairs, { ...given, ...(state ? { resume: state } : {}) })
        ) {
          if (validation) verdicts.push([step, validation.best, validation.sinceBest, validation.stops]);
        }
        model.close();
        files.push((await folder.files()).filter((name) => name.startsWith("best")));
        ({ model, state } = await loadCheckpoint(device, folder.path));
      }
      model.close();
      const best = await hashOf(await Deno.readFile(folder.at("best.safetensors")));
      return { verdicts, files, best, last: await checkpointHash(folder.path) };
    };
    const straight = await run([undefined]);
    const broken = await run([5, 11, 21, undefined]);
    const early = [5, 11, 21];
    const shown = broken.verdicts.filter(([step]) => early.includes(step));
    assertEquals(shown.map(([step, best]) => [step, best]), [[5, true], [11, false], [21, false]]);
    assertEquals(broken.verdicts.filter(([step]) => !early.includes(step)), straight.verdicts);
    assert(straight.verdicts.some(([, best]) => !best), "no validation was worse than the one before");
    assertEquals(broken.files.flat().length, 4);
    assertEquals([broken.last, broken.best], [straight.last, straight.best]);
  },
);

testWithDevice("train() refuses to go on with another optimizer", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  for await (const _ of train(model, pairs, { ...common, epochs: 1, folder: folder.path }));
  const { model: loaded, state } = await loadCheckpoint(device, folder.path);
  await assertRejects(
    () => train(loaded, pairs, { ...common, optimizer: "sgd", resume: state! }).next(),
    RangeError,
    "Cannot resume: optimizer was adam, and now is sgd. Give it as it was.",
  );
  for (const each of [model, loaded]) each.close();
});

testWithDevice("train() refuses to go on without the averages that it began", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  const options = { ...common, epochs: 1, averageDecay: 0.9, folder: folder.path };
  for await (const _ of train(model, pairs, options));
  const { model: loaded, state } = await loadCheckpoint(device, folder.path);
  await assertRejects(
    () => train(loaded, pairs, { ...common, resume: state! }).next(),
    RangeError,
    "Cannot resume: averageDecay was 0.9, and now is not set. Give it as it was.",
  );
  for (const each of [model, loaded]) each.close();
});

testWithDevice("train() has nothing to do when the checkpoint is at the end", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  for await (const _ of train(model, pairs, { ...common, folder: folder.path }));
  const { model: loaded, state } = await loadCheckpoint(device, folder.path);
  for await (const { step } of train(loaded, pairs, { ...common, resume: state! })) {
    throw new Error(`it took step ${step}`);
  }
  for (const each of [model, loaded]) each.close();
});

testWithDevice("train() refuses to go on with other data", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  for await (const _ of train(model, pairs, { ...common, epochs: 1, folder: folder.path }));
  const { model: loaded, state } = await loadCheckpoint(device, folder.path);
  const before = device.bufferCount;
  await assertRejects(
    async () => {
      for await (const _ of train(loaded, pairs.slice(30), { ...common, resume: state! }));
    },
    RangeError,
    "Cannot resume: an epoch had",
  );
  assertEquals(device.bufferCount, before);
  for (const each of [model, loaded]) each.close();
});

testWithDevice("train() names what differs from the checkpoint, as it was and as it is", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  for await (const _ of train(model, pairs, { ...common, maxSteps: 2, folder: folder.path }));
  const { model: loaded, state } = await loadCheckpoint(device, folder.path);
  const other = tinyModel(device, { dropout: 0.1 });
  const cases: [Seq2Seq, TrainOptions, string][] = [
    [loaded, { seed: 5 }, "seed was 1, and now is 5. Give it as it was."],
    [loaded, { batch: 7 }, "batch was 8, and now is 7."],
    [loaded, { accumulation: 2 }, "accumulation was 1, and now is 2."],
    [loaded, { labelSmoothing: 0.1 }, "labelSmoothing was 0, and now is 0.1."],
    [loaded, { clipNorm: 5 }, "clipNorm was Infinity, and now is 5."],
    [loaded, { clipValue: 5, clipNorm: undefined! }, "clipValue was not set, and now is 5."],
    [loaded, { beta1: 0.8 }, "beta1 was 0.9, and now is 0.8."],
    [loaded, { schedule: "halving" }, "schedule was constant, and now is halving."],
    [loaded, { warmup: 7 }, "warmup was 0, and now is 7."],
    [loaded, { averageDecay: 0.99 }, "averageDecay was not set, and now is 0.99."],
    [loaded, { bestBy: "bleu" }, "bestBy was loss, and now is bleu."],
    [
      loaded,
      { teacherForcing: "constant", teacherShare: 0.7 },
      "teacherForcing was always, and now is constant.",
    ],
    [other, {}, "the model's dropout is 0.3 in the checkpoint and 0.1 here. Train the model that was saved."],
  ];
  for (const [trained, options, says] of cases) {
    const run = () => train(trained, pairs, { ...common, ...options, resume: state! }).next();
    await assertRejects(run, RangeError, `Cannot resume: ${says}`);
  }
  const changed = { epochs: 3, patience: 5, learningRate: 0.01, keep: 1, checkpoints: 3, anomaly: true };
  for await (
    const _ of train(loaded, pairs, {
      ...common,
      ...changed,
      maxSteps: 3,
      folder: folder.path,
      resume: state!,
    })
  );
  for (const each of [model, loaded, other]) each.close();
});
