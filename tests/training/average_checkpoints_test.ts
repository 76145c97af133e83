// Means of checkpoints, and what they refuse to be taken of.

import { averageCheckpoints } from "../../lib/training/average_checkpoints.ts";
import { loadModel } from "../../lib/training/checkpoint.ts";
import { decodeSafetensors } from "./safetensors.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { lastCheckpoint, tinyModel, tinyPairs } from "./tiny.ts";
import type { Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import type { Device } from "../../lib/gpu/device.ts";

const pairs = tinyPairs(40);

async function trained(device: Device, folder: string, options: Seq2SeqOptions = {}): Promise<void> {
  const model = tinyModel(device, options);
  const valid = pairs.slice(0, 5);
  for await (
    const _ of train(model, pairs, { epochs: 3, batch: 10, keep: 3, valid, averageDecay: 0.9, folder })
  );
  model.close();
}

testWithDevice("averageCheckpoints() takes the mean of every weight, for loadModel()", async (device) => {
  await using folder = await TemporaryFolder.make();
  const [run, averaged] = [folder.at("run"), folder.at("new/averaged")];
  await trained(device, run);
  const names = [1, 2, 3].map((epoch) => `${run}/epoch-${epoch}.safetensors`);
  await averageCheckpoints(names, averaged);
  const parts = await Promise.all(
    names.map(async (name) => decodeSafetensors(await Deno.readFile(name)).tensors),
  );
  const model = await loadModel(device, averaged);
  for (const [name, { shape, data }] of await model.parameters.read()) {
    const given = parts.map((tensors) => tensors.get(name)!);
    assertEquals(given[0]!.shape, shape);
    const mean = data.map((_, i) => given.reduce((sum, { data }) => sum + Number(data[i]), 0) / 3);
    assertEquals(data, mean, name);
  }
  model.close();

  const one = folder.at("one");
  await averageCheckpoints([run], one); // of a folder, the best one
  const weights = async (path: string) => decodeSafetensors(await Deno.readFile(path)).tensors;
  assertEquals(await weights(`${one}/best.safetensors`), await weights(`${run}/best.safetensors`));
  const last = folder.at("with the last");
  await averageCheckpoints([await lastCheckpoint(run), averaged], last); // whose optimizer is left out
  assertEquals((await weights(`${last}/best.safetensors`)).size, parts[0]!.size);
});

testWithDevice("averageCheckpoints() refuses other models, and to write over a training", async (device) => {
  await using folder = await TemporaryFolder.make();
  const [run, other] = [folder.at("run"), folder.at("other")];
  await trained(device, run);
  await trained(device, other, { hidden: 5 });
  const average = (sources: string[], to = folder.at("to")) => averageCheckpoints(sources, to);
  await assertRejects(() => average([]), RangeError, "Cannot average checkpoints: there are none.");
  await assertRejects(() => average([run], other), RangeError, `"${other}": a training left its model there`);
  const message = `Cannot average with the model in "${other}": its config.json says another model.`;
  await assertRejects(() => average([run, other]), TypeError, message);
  await assertRejects(() => average([run, folder.at("none")]), Deno.errors.NotFound, "it has no config.json");
  await Deno.copyFile(`${other}/best.safetensors`, `${run}/epoch-2.safetensors`);
  await assertRejects(
    () => average([run, `${run}/epoch-2.safetensors`]),
    TypeError,
    `epoch-2.safetensors": its parameter "`,
  );
  await folder.write("run/epoch-3.safetensors", "nonsense");
  await assertRejects(() => average([`${run}/epoch-3.safetensors`]), SyntaxError, "epoch-3.safetensors");
  assertEquals((await folder.files()).filter((name) => name.startsWith("to")), []);
});
