// A training that a signal ends at a validation, and what becomes of that validation.

import { HeldOut } from "../../lib/evaluation/held_out.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import type { TrainOptions } from "../../lib/training/options.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { checkpointHash, hashOf, tinyModel, tinyPairs } from "./tiny.ts";

const pairs = tinyPairs(60);
const common: TrainOptions = {
  epochs: 3,
  batch: 8,
  learningRate: 0.02,
  valid: pairs.slice(0, 20),
  samples: 1,
};
const EPOCH = 8; // steps

/** When the signal is aborted: as a step is handed over, or in the measurement of a validation. */
type When = { readonly step: number } | { readonly validation: number };

/** Trains, aborted each time that is said, and goes on until the end; returns all there is to compare. */
async function trained(device: Device, aborts: readonly When[], options: TrainOptions = {}) {
  await using folder = await TemporaryFolder.make();
  const validations: unknown[] = [];
  let model = tinyModel(device);
  let state;
  const positions: [epoch: number, stepInEpoch: number][] = [];
  for (const when of [...aborts, undefined]) {
    const interruption = new AbortController();
    const undo = when && abortAt(interruption, model, when, state?.position.step ?? 0);
    const { signal } = interruption;
    const given = { ...common, ...options, folder: folder.path, signal, ...(state ? { resume: state } : {}) };
    for await (const { step, loss, learningRate, secondsLeft, validation } of train(model, pairs, given)) {
      assert([loss, learningRate, secondsLeft].every(Number.isFinite), "a figure is none");
      if (validation) validations.push({ step, ...validation });
    }
    undo?.();
    model.close();
    ({ model, state } = await loadCheckpoint(device, folder.path));
    positions.push([state!.position.epoch, state!.position.stepInEpoch]);
  }
  model.close();
  const best = await hashOf(await Deno.readFile(folder.at("best.safetensors")));
  return { validations, best, last: await checkpointHash(folder.path), positions };
}

/** Aborts when it is time; returns what ends the watch. */
function abortAt(
  interruption: AbortController,
  model: ReturnType<typeof tinyModel>,
  when: When,
  taken: number,
): () => void {
  if ("step" in when) {
    const { inputs } = model;
    model.inputs = function (batch) {
      if (batch.bucket.rows === 8 && ++taken === when.step) interruption.abort();
      return inputs.call(this, batch);
    };
    return () => {};
  }
  const { measure } = HeldOut.prototype;
  let count = 0;
  HeldOut.prototype.measure = function (signal) {
    const { inputs } = model;
    if (++count === when.validation) {
      model.inputs = function (batch) {
        interruption.abort();
        return inputs.call(this, batch);
      };
    }
    return measure.call(this, signal);
  };
  return () => void (HeldOut.prototype.measure = measure);
}

const ways: Record<string, TrainOptions> = {
  "the loss": {},
  "averages, and weights that are kept": { averageDecay: 0.9, keep: 1 },
  "a plateau, early": {
    ...{ schedule: "plateau", decayPatience: 1, patience: 2, epochs: 9, learningRate: 0.1 },
    valid: pairs.slice(0, 12).map(({ source }) => ({ source, target: "Z Z" })),
  },
};
for (const [name, options] of Object.entries(ways)) {
  testWithDevice(`a signal at a validation puts it off, and nothing changes: ${name}`, async (device) => {
    const { positions: _, ...expected } = await trained(device, [], options);
    const { positions, ...broken } = await trained(
      device,
      [{ step: EPOCH }, { validation: 2 }, { validation: 1 }],
      options,
    );
    assertEquals(positions.slice(0, 3), [[0, EPOCH], [1, EPOCH], [1, EPOCH]]);
    assertEquals(broken, expected);
  });
}

testWithDevice("a signal at the last validation of all puts that off, too", async (device) => {
  const { positions: _, ...expected } = await trained(device, [], { epochs: 1 });
  const { positions, ...broken } = await trained(device, [{ validation: 1 }], { epochs: 1 });
  assertEquals(positions, [[0, EPOCH], [1, 0]]);
  assertEquals(broken, expected);
});

testWithDevice("train() with an aborted signal takes no step and compiles nothing", async (device) => {
  const model = tinyModel(device);
  const before = device.bufferCount;
  const compiled = device.created.pipelines;
  for await (const _ of train(model, pairs, { ...common, signal: AbortSignal.abort() })) {
    throw new Error("it reports");
  }
  assertEquals([device.bufferCount, device.created.pipelines], [before, compiled]);
  model.close();
});
