// Memory that runs out at any moment leaves nothing behind: whatever takes buffers is refused its first one, its second one and
// so on, until it gets all.

import type { Device } from "../../lib/gpu/device.ts";
import { heldOutLoss } from "../../lib/evaluation/held_out.ts";
import { classify } from "../../lib/inference/classify.ts";
import { translate } from "../../lib/inference/translate.ts";
import { profileTraining } from "../../lib/training/profile.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";
import { tinyClassifier, tinyModel, tinyPairs } from "../training/tiny.ts";

/** Lets a device refuse a buffer, the one of this number. */
function refuse(
  device: Device,
  number: number,
): { readonly refused: () => boolean; readonly stop: () => void } {
  const create = device.createBuffer;
  let count = 0;
  device.createBuffer = (...given) => {
    if (count++ === number) {
      throw new RangeError(`Cannot create the buffer "${given[0]}": a test refuses it.`);
    }
    return create.apply(device, given);
  };
  return { refused: () => count > number, stop: () => device.createBuffer = create };
}

/** Takes one more buffer each time, and compares what is left with what there was. */
async function check(device: Device, use: () => Promise<void>): Promise<void> {
  const before = device.bufferCount;
  let number = 0;
  for (let over = false; !over; number++) {
    const { refused, stop } = refuse(device, number);
    try {
      await use();
    } catch (error) {
      if (!(error as Error).message.includes("a test refuses it")) throw error;
    } finally {
      stop();
    }
    assertEquals(device.bufferCount, before, `without buffer ${number}`);
    over = !refused();
  }
  assert(number > 4, `only ${number} buffers are taken`);
}

const pairs = tinyPairs(12);

/** Uses a model, which is freed whatever happens. */
function withModel<M extends { close(): void }>(make: () => M, use: (model: M) => Promise<unknown>) {
  return async () => {
    const model = make();
    try {
      await use(model);
    } finally {
      model.close();
    }
  };
}

testWithDevice("train() frees what it has when a buffer is refused", async (device) => {
  const options = { epochs: 1, batch: 4, accumulation: 2, averageDecay: 0.9, valid: pairs };
  await check(
    device,
    withModel(() => tinyModel(device), async (model) => {
      for await (const _ of train(model, pairs, options));
    }),
  );
});

testWithDevice("heldOutLoss() frees what it has when a buffer is refused", (device) => {
  return check(device, withModel(() => tinyModel(device), (model) => heldOutLoss(model, pairs)));
});

testWithDevice("translate() frees what it has when a buffer is refused", (device) => {
  return check(
    device,
    withModel(() => tinyModel(device), (model) => translate(model, "one two", { beam: 2 })),
  );
});

testWithDevice("classify() frees what it has when a buffer is refused", (device) => {
  return check(device, withModel(() => tinyClassifier(device), (model) => classify(model, "one two")));
});

testWithDevice("profileTraining() frees what it has when a buffer is refused", (device) => {
  const options = { batch: 12, maxSteps: 1 };
  return check(
    device,
    withModel(() => tinyModel(device), (model) => profileTraining(model, pairs, options)),
  );
});
