// What of a checkpoint is read, and what its optimizer must be like.

import type { Device } from "../../lib/gpu/device.ts";
import { loadCheckpoint, loadModel } from "../../lib/training/checkpoint.ts";
import type { SafetensorsInput, SafetensorsTensor } from "../../lib/training/safetensors.ts";
import { SafetensorsFile } from "../../lib/training/safetensors_file.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { decodeSafetensors } from "./safetensors.ts";
import { sealed } from "./sealed.ts";
import { lastCheckpoint, tinyModel, tinyPairs } from "./tiny.ts";

async function trained(device: Device, folder: string): Promise<void> {
  const model = tinyModel(device);
  for await (const _ of train(model, tinyPairs(20), { epochs: 1, batch: 10, averageDecay: 0.9, folder }));
  model.close();
}

/** The names of the tensors whose numbers are read meanwhile. */
async function readDuring(use: () => Promise<void>): Promise<string[]> {
  const { read } = SafetensorsFile.prototype;
  const names: string[] = [];
  SafetensorsFile.prototype.read = function (name) {
    names.push(name);
    return read.call(this, name);
  };
  try {
    await use();
  } finally {
    SafetensorsFile.prototype.read = read;
  }
  return names;
}

/** Changes the tensors of the last checkpoint. */
async function change(folder: string, by: (tensors: Map<string, SafetensorsTensor>) => void): Promise<void> {
  const path = await lastCheckpoint(folder);
  const { tensors, metadata } = decodeSafetensors(await Deno.readFile(path));
  const changed = new Map(tensors);
  by(changed);
  await Deno.writeFile(path, sealed(changed as Map<string, SafetensorsInput>, metadata));
}

testWithDevice("loadModel() leaves the optimizer of the last checkpoint where it is", async (device) => {
  await using folder = await TemporaryFolder.make();
  await trained(device, folder.path);
  const load = (which: typeof loadModel | typeof loadCheckpoint) =>
    readDuring(async () => {
      const loaded = await which(device, folder.path, "last");
      ("model" in loaded ? loaded.model : loaded).close();
    });
  const ofOptimizer = (names: string[]) => names.filter((name) => name.startsWith("optimizer."));
  const names = await load(loadModel);
  assertEquals(ofOptimizer(names), []);
  const all = await load(loadCheckpoint);
  assert(ofOptimizer(all).length > 3 * 10 && all.length - ofOptimizer(all).length === names.length);
});

testWithDevice("the optimizer's numbers do not count as weights of a model", async (device) => {
  await using folder = await TemporaryFolder.make();
  await trained(device, folder.path);
  await change(folder.path, (tensors) => {
    for (const name of tensors.keys()) if (!name.startsWith("optimizer.")) tensors.delete(name);
  });
  const message = "it has 0 bytes of weights, and the model that config.json describes has at least";
  await assertRejects(() => loadModel(device, folder.path, "last"), SyntaxError, message);
});

testWithDevice("the optimizer's control record has 11 numbers, or 10 of earlier versions", async (device) => {
  await using folder = await TemporaryFolder.make();
  await trained(device, folder.path);
  const good = await Deno.readFile(await lastCheckpoint(folder.path));
  for (const shape of [[11], [10], [1], [12], [0], [1, 11]]) {
    await Deno.writeFile(await lastCheckpoint(folder.path), good);
    await change(folder.path, (tensors) => {
      const { data } = tensors.get("optimizer.control")!;
      const numbers = new Uint32Array(shape.reduce((product, length) => product * length, 1));
      numbers.set((data as Uint32Array).subarray(0, numbers.length));
      tensors.set("optimizer.control", { dtype: "U32", shape, data: numbers });
    });
    if (shape.length === 1 && shape[0]! >= 10 && shape[0]! <= 11) {
      (await loadCheckpoint(device, folder.path)).model.close();
      continue;
    }
    const message = `Cannot load "optimizer.control" of shape [${shape}]: it has 11 or 10 numbers.`;
    await assertRejects(() => loadCheckpoint(device, folder.path), SyntaxError, message);
  }
});
