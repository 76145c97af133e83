// A GPU that is lost in the middle: nothing hangs, nothing that was saved is touched, and training can go on as if nothing
// had happened.

import { type Device, DeviceLostError, openDevice } from "../../lib/gpu/device.ts";
import { Pace } from "../../lib/gpu/pace.ts";
import { translate } from "../../lib/inference/translate.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import { type DeviceLoss, trainThroughDeviceLosses } from "../../lib/training/device_losses.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { fingerprint, tinyModel, tinyPairs } from "./tiny.ts";

const pairs = tinyPairs(60);
/** A checkpoint after each report, of which the first comes after two steps. */
const common = {
  saveEvery: 0,
  epochs: 3,
  batch: 8,
  learningRate: 0.02,
  averageDecay: 0.9,
  valid: pairs.slice(0, 5),
};

/** Runs with a device of its own that somebody destroys; fails if it takes half a minute. */
async function loses(run: (device: Device) => Promise<unknown>): Promise<void> {
  const device = await openDevice();
  let timer;
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it hangs")), 30_000);
  });
  try {
    const { message } = await assertRejects(() => Promise.race([run(device), patience]), DeviceLostError);
    assert(message.startsWith("The GPU was lost (destroyed): "), message);
  } finally {
    clearTimeout(timer);
    device.close();
    assertEquals(device.bufferCount, { buffers: 0, bytes: 0 });
    await new Promise((resolve) => setTimeout(resolve, 100)); // what was abandoned settles
  }
}

testWithDevice(
  "train() ends at once when the device is lost between two steps, and frees its buffers",
  () =>
    loses(async (device) => {
      const model = tinyModel(device);
      const before = device.bufferCount;
      try {
        for await (const { step } of train(model, pairs, { ...common, saveEvery: undefined, valid: [] })) {
          if (step > 2) device.gpu.destroy();
        }
      } finally {
        assertEquals(device.bufferCount, before);
      }
    }),
);

testWithDevice("train() ends at once when the device is lost while it waits", () =>
  loses(async (device) => {
    const model = tinyModel(device);
    const before = device.bufferCount;
    const timer = setTimeout(() => device.gpu.destroy(), 200); // it waits most of the time
    try {
      for await (
        const _ of train(model, pairs, { ...common, saveEvery: undefined, epochs: 10_000, valid: [] })
      );
    } finally {
      clearTimeout(timer);
      assertEquals(device.bufferCount, before);
    }
  }));

testWithDevice(
  "a training that sleeps while the GPU works is woken when the device is lost",
  () =>
    loses(async (device) => {
      const pace = new Pace(device);
      pace.count(1);
      await pace.rest(() => new Promise((resolve) => setTimeout(resolve, 10)));
      pace.count(1e6); // hours, as it seems
      setTimeout(() => device.gpu.destroy(), 10);
      await pace.rest(() => Promise.resolve());
    }),
);

testWithDevice("a save that the device is lost in leaves the checkpoint before it", async () => {
  await using folder = await TemporaryFolder.make();
  const saved: number[] = [];
  await loses(async (device) => {
    const model = tinyModel(device);
    const read = model.parameters.read.bind(model.parameters);
    let saves = 0;
    model.parameters.read = (which) => {
      if (which === "secondMoments" && ++saves === 2) device.gpu.destroy();
      return read(which);
    };
    const onSave = ({ step }: { step: number }) => void saved.push(step);
    for await (const _ of train(model, pairs, { ...common, folder: folder.path, onSave }));
  });
  assertEquals(saved.length, 1);
  const device = await openDevice();
  const { state, passedOver } = await loadCheckpoint(device, folder.path);
  assertEquals([state!.position.step, passedOver], [saved[0], []]);
  device.close();
});

testWithDevice(
  "train() whose device is lost before it has saved anything leaves an earlier model alone",
  async () => {
    await using folder = await TemporaryFolder.make();
    await folder.write("best.safetensors", "of an earlier training");
    await loses(async (device) => {
      const options = { ...common, folder: folder.path };
      for await (const _ of train(tinyModel(device), pairs, options)) device.gpu.destroy();
    });
    assertEquals(await folder.files(), ["best.safetensors"]);
  },
);

testWithDevice("translate() ends at once when the device is lost", () =>
  loses(async (device) => {
    const model = tinyModel(device);
    const timer = setTimeout(() => device.gpu.destroy(), 100);
    try {
      for (let seed = 0;; seed++) {
        await translate(model, pairs.map(({ source }) => source), { sampling: { seed }, maxLength: 100 });
      }
    } finally {
      clearTimeout(timer);
    }
  }));

testWithDevice("translate() that has no room for what is asked leaves the model as it was", async () => {
  const device = await openDevice({ memoryBudget: 4_000_000, tuning: false });
  const model = tinyModel(device);
  const before = await translate(model, "one two three");
  const { bufferCount } = device;
  const enormous = () => translate(model, pairs.map(({ source }) => source), { beam: 16, maxLength: 2000 });
  await assertRejects(enormous, RangeError, "of the memory budget of 4000000 bytes");
  assertEquals(device.bufferCount, bufferCount);
  assertEquals(await translate(model, "one two three"), before);
  device.close();
});

testWithDevice("loadCheckpoint() blames no file for a device that is lost", async (device) => {
  await using folder = await TemporaryFolder.make();
  const options = { ...common, maxSteps: 3, folder: folder.path };
  for await (const _ of train(tinyModel(device), pairs, options));
  await loses(async (device) => {
    device.gpu.destroy();
    await device.gpu.lost;
    await loadCheckpoint(device, folder.path);
  });
});

/** Trains through losses after these steps; returns what came of it. */
async function trained(lossesAfter: readonly number[]) {
  await using folder = await TemporaryFolder.make();
  const devices = [await openDevice()];
  const told: DeviceLoss[] = [];
  const open = async () => devices[devices.push(await openDevice()) - 1]!;
  let saved: number | undefined;
  const onSave = ({ step }: { step: number }) => void (saved = step);
  const options = { ...common, folder: folder.path, onSave };
  const left = [...lossesAfter];
  const onLoss = (loss: DeviceLoss) => {
    assertEquals(loss.saved?.step, saved);
    told.push(loss);
  };
  const wentOn: (number | undefined)[] = [];
  const onGoOn = ({ step }: { step: number | undefined }) => void wentOn.push(step);
  const model = tinyModel(devices[0]!);
  const weights = await model.parameters.read(); // other ones than those that the seed draws
  model.parameters.load(
    new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.map((x) => x / 2) }])),
  );
  /** The first steps told of by each device. */
  const firsts: number[] = [];
  for await (const { step } of trainThroughDeviceLosses(model, pairs, options, { open, onLoss, onGoOn })) {
    firsts[devices.length - 1] ??= step;
    if (left.length === 0 || step < left[0]!) continue;
    left.shift();
    devices.at(-1)!.gpu.destroy();
  }
  const { model: last, state } = await loadCheckpoint(devices.at(-1)!, folder.path);
  const hash = await fingerprint(last);
  for (const device of devices) device.close();
  assertEquals(told.map(({ saved }) => saved?.step), wentOn);
  return { hash, position: state!.position, told, firsts };
}

testWithDevice("trainThroughDeviceLosses() comes to the same bits as a training without a loss", async () => {
  const expected = await trained([]);
  assertEquals(expected.told, []);
  // Before the first checkpoint, in the second epoch and in the third.
  const { stepsPerEpoch } = expected.position;
  const { hash, position, told, firsts } = await trained([1, stepsPerEpoch + 1, 2 * stepsPerEpoch + 1]);
  assertEquals([hash, position], [expected.hash, expected.position]);
  assertEquals(told[0]!.saved, undefined);
  assert(told[1]!.saved!.step >= stepsPerEpoch && told[2]!.saved!.step >= 2 * stepsPerEpoch);
  assertEquals(told.map(({ losses }) => losses), [1, 1, 1]);
  const began = [0, ...told.map(({ saved }) => saved?.step ?? 0)];
  assertEquals(firsts, began.map((step) => step + 2), "it began elsewhere");
});

testWithDevice("trainThroughDeviceLosses() gives up when devices are lost again and again", async () => {
  await using folder = await TemporaryFolder.make();
  const devices = [await openDevice()];
  const open = async () => {
    devices.push(await openDevice());
    devices.at(-1)!.gpu.destroy();
    return devices.at(-1)!;
  };
  const model = tinyModel(devices[0]!);
  const losing = trainThroughDeviceLosses(model, pairs, { ...common, folder: folder.path }, {
    open,
    mostLosses: 2,
  });
  await assertRejects(async () => {
    for await (const _ of losing) devices[0]!.gpu.destroy();
  }, DeviceLostError);
  assertEquals(devices.length, 3, "it opened another number of devices than two");
  assertEquals(await folder.files(), []);
  for (const device of devices) device.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
});
