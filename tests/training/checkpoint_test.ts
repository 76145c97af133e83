import type { Device } from "../../lib/gpu/device.ts";
import { loadCheckpoint, loadModel, saveCheckpoint } from "../../lib/training/checkpoint.ts";
import { type SafetensorsInput } from "../../lib/training/safetensors.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import { sealed } from "./sealed.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { fingerprint, tinyModel, tinyPairs } from "./tiny.ts";

const LAST = "step-00000002.safetensors";
/** What is read of a folder; for others it has a tokenizer_config.json, too. */
const FILES = ["config.json", "source.tokenizer.json", LAST, "target.tokenizer.json"];

/** Trains for a few steps and saves the last checkpoint; returns the model's fingerprint. */
async function trained(device: Device, folder: string, seed = 1): Promise<string> {
  const model = tinyModel(device, { seed });
  for await (const _ of train(model, tinyPairs(20), { epochs: 1, batch: 10, folder }));
  const bits = await fingerprint(model);
  model.close();
  return bits;
}

testWithDevice(
  "a checkpoint restores weights, optimizer, vocabularies and options, bit by bit",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const path = folder.at("a/b/model");
    const bits = await trained(device, path);
    assertEquals(
      await folder.files(),
      [...FILES, "tokenizer_config.json"].map((name) => `a/b/model/${name}`),
    );

    const { model, state } = await loadCheckpoint(device, path);
    model.parameters.loadMoments("firstMoments", state!.firstMoments);
    model.parameters.loadMoments("secondMoments", state!.secondMoments);
    assertEquals(await fingerprint(model), bits);
    const like = tinyModel(device);
    assertEquals(model.config, like.config);
    assertEquals(JSON.stringify([model.source, model.target]), JSON.stringify([like.source, like.target]));
    assertEquals(state!.position.epoch, 1);
    assertEquals(state!.position.bestLoss, null);
    assertEquals(state!.config.batch, 10);
    assertEquals(state!.control[4], state!.position.step); // Adam's own count

    await saveCheckpoint(folder.at("copy"), "last", model, state!);
    for (const name of FILES) {
      assertEquals(await Deno.readFile(folder.at(`copy/${name}`)), await Deno.readFile(`${path}/${name}`));
    }
    for (const each of [model, like]) each.close();
  },
);

testWithDevice("a best checkpoint has the weights alone, and goes before the last", async (device) => {
  await using folder = await TemporaryFolder.make();
  await trained(device, folder.path);
  const { model, state } = await loadCheckpoint(device, folder.path);
  const other = tinyModel(device);
  other.parameters.load(await model.parameters.read("firstMoments"));
  const weights = async (of: typeof other) => JSON.stringify([...(await of.parameters.read()).values()]);

  const fallback = await loadModel(device, folder.path);
  assertEquals(await weights(fallback), await weights(model));
  await saveCheckpoint(folder.path, "best", other, state!);
  const best = await loadModel(device, folder.path);
  assertEquals(await weights(best), await weights(other));
  assertEquals((await loadCheckpoint(device, folder.path, "best")).state, undefined);
  const last = await loadModel(device, folder.path, "last");
  assertEquals(await weights(last), await weights(model));
  for (const each of [model, other, fallback, best, last]) each.close();
});

testWithDevice("a save that fails leaves the old checkpoint and no litter", async (device) => {
  await using folder = await TemporaryFolder.make();
  const bits = await trained(device, folder.path);
  const { model, state } = await loadCheckpoint(device, folder.path);
  await Deno.mkdir(folder.at("best.safetensors/in the way"), { recursive: true });
  await assertRejects(() => saveCheckpoint(folder.path, "best", model, state!));
  model.close();
  assertEquals(await folder.files(), [...FILES, "tokenizer_config.json"]);
  const again = await loadCheckpoint(device, folder.path);
  again.model.parameters.loadMoments("firstMoments", again.state!.firstMoments);
  again.model.parameters.loadMoments("secondMoments", again.state!.secondMoments);
  assertEquals(await fingerprint(again.model), bits);
  again.model.close();
});

testWithDevice("loadModel() says what is missing and what to do", async (device) => {
  await using folder = await TemporaryFolder.make();
  const nowhere = folder.at("nowhere");
  await assertRejects(
    () => loadModel(device, nowhere),
    Deno.errors.NotFound,
    `Cannot load a model from "${nowhere}": it has no config.json. A model folder is what \`train --output\` writes.`,
  );
  await trained(device, folder.path);
  for (const name of FILES) {
    await Deno.rename(folder.at(name), folder.at("away"));
    const error = await assertRejects(() => loadModel(device, folder.path), Deno.errors.NotFound);
    assertStringIncludes(error.message, `it has no ${name === LAST ? "checkpoint" : name}`);
    await Deno.rename(folder.at("away"), folder.at(name));
  }
  (await loadModel(device, folder.path)).close();
});

/** Ways to spoil a file, and what is said about it. */
const spoilt: {
  file: string;
  what: string;
  spoil: (bytes: Uint8Array) => string | Uint8Array;
  says: string;
}[] = [
  { file: "config.json", what: "broken JSON", spoil: () => '{"format": ', says: "JSON" },
  {
    file: "config.json",
    what: "an unknown key",
    spoil: edit((config) => config["training"].lerning = 1),
    says: 'at "training.lerning"',
  },
  {
    file: "config.json",
    what: "a missing key",
    spoil: edit((config) => delete config["model"].hidden),
    says: 'at "model.hidden"',
  },
  {
    file: "config.json",
    what: "a value of the wrong type",
    spoil: edit((config) => config["model"].hidden = "6"),
    says: 'at "model.hidden"',
  },
  {
    file: "config.json",
    what: "a format of the future",
    spoil: edit((config) => config["format"] = "attend 3"),
    says: 'at "format"',
  },
  { file: "source.tokenizer.json", what: "an empty file", spoil: () => "", says: "JSON" },
  {
    file: "target.tokenizer.json",
    what: "no tokenizer",
    spoil: () => "[]",
    says: "Cannot read a tokenizer",
  },
  { file: LAST, what: "a truncated end", spoil: (bytes) => bytes.slice(0, -100), says: "end" },
  {
    file: LAST,
    what: "a truncated header",
    spoil: (bytes) => bytes.slice(0, 50),
    says: "header",
  },
  { file: LAST, what: "nothing", spoil: () => "", says: "safetensors" },
  {
    file: LAST,
    what: "a missing parameter",
    spoil: without("decoder.output.bias"),
    says: '"decoder.output.bias" is missing',
  },
  {
    file: LAST,
    what: "a parameter too many",
    spoil: rebuild((tensors) => tensors.set("surplus", { shape: [1], data: new Float32Array(1) })),
    says: '"surplus"',
  },
  {
    file: LAST,
    what: "a missing moment",
    spoil: without("optimizer.second_moment.decoder.output.bias"),
    says: '"optimizer.second_moment.decoder.output.bias" is missing',
  },
  {
    file: LAST,
    what: "a wrong position",
    spoil: rebuild((_, metadata) => metadata["position"] = '{"epoch": -1}'),
    says: 'at "epoch"',
  },
];

// deno-lint-ignore no-explicit-any -- a test may put anything into the file
function edit(change: (config: any) => void): (bytes: Uint8Array) => string {
  return (bytes) => {
    const config = JSON.parse(new TextDecoder().decode(bytes));
    change(config);
    return JSON.stringify(config);
  };
}

function rebuild(
  change: (tensors: Map<string, SafetensorsInput>, metadata: Record<string, string>) => void,
): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const decoded = decodeSafetensors(bytes);
    const tensors = new Map(
      [...decoded.tensors].map(([name, { shape, data }]) => [name, { shape, data } as SafetensorsInput]),
    );
    const metadata = { ...decoded.metadata };
    change(tensors, metadata);
    return sealed(tensors, metadata);
  };
}

function without(name: string): (bytes: Uint8Array) => Uint8Array {
  return rebuild((tensors) => assert(tensors.delete(name), `there is no ${name}`));
}

testWithDevice("loadCheckpoint() says which file is spoilt and what to do", async (device) => {
  await using folder = await TemporaryFolder.make();
  await trained(device, folder.path);
  const before = device.bufferCount;
  for (const { file, what, spoil, says } of spoilt) {
    const good = await Deno.readFile(folder.at(file));
    await folder.write(file, spoil(good));
    const error = await assertRejects(() => loadCheckpoint(device, folder.path), SyntaxError);
    assertStringIncludes(error.message, `Cannot load a model from "${folder.at(file)}": `, what);
    assertStringIncludes(error.message, says, what);
    assertStringIncludes(error.message, " Restore the file from a copy, or train the model again.", what);
    await folder.write(file, good);
  }
  assertEquals(device.bufferCount, before);
});

testWithDevice(
  "loadModel() refuses weights beside another model's parts, and names what differs",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    await trained(device, folder.path);
    const cases = {
      "target.tokenizer.json": ({ model: { vocab } }: { model: { vocab: Record<string, number> } }) =>
        vocab["surplus"] = Object.keys(vocab).length,
      "config.json": (json: { model: { hidden: number } }) => json.model.hidden = 7,
    };
    const says = [
      /^Cannot load another model's weights: the tokenizer "target" has the SHA-256 \w{64} in the checkpoint and \w{64} in the folder\./,
      /^Cannot load another model's weights: the model's hidden is 6 in the checkpoint and 7 in the folder\./,
    ];
    for (const [index, [name, change]] of Object.entries(cases).entries()) {
      const good = await Deno.readTextFile(folder.at(name));
      const json = JSON.parse(good);
      change(json);
      await folder.write(name, JSON.stringify(json));
      const { message } = await assertRejects(() => loadModel(device, folder.path), SyntaxError);
      const [start, reason] = message.split(/(?<=safetensors": )/);
      assertEquals(start, `Cannot load a model from "${folder.at(LAST)}": `);
      assertMatch(reason!, says[index]!);
      await folder.write(name, good);
    }
  },
);

testWithDevice("a folder of earlier versions is loaded, and training goes on in it", async (device) => {
  await using folder = await TemporaryFolder.make();
  const bits = await trained(device, folder.path);
  await folder.write("last.safetensors", earlier(await Deno.readFile(folder.at(LAST))));
  await Deno.remove(folder.at(LAST));
  const config = JSON.parse(await Deno.readTextFile(folder.at("config.json")));
  delete config.training.split; // as in the folders of yet earlier versions
  await folder.write("config.json", JSON.stringify(config));

  const { model, state } = await loadCheckpoint(device, folder.path);
  assertEquals([state!.config.split, state!.identity, state!.position.losses], [null, undefined, []]);
  model.parameters.loadMoments("firstMoments", state!.firstMoments);
  model.parameters.loadMoments("secondMoments", state!.secondMoments);
  assertEquals(await fingerprint(model), bits);
  const options = { epochs: 3, batch: 10, folder: folder.path, saveEvery: 0, resume: state! };
  for await (const _ of train(model, tinyPairs(20), options));
  assertEquals((await folder.files()).filter((name) => name.endsWith("safetensors")), [
    "step-00000004.safetensors",
    "step-00000006.safetensors",
  ]);
  model.close();
});

/** The same as earlier versions wrote it: no checksum, and of the metadata only the position. */
function earlier(bytes: Uint8Array): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { epoch, stepInEpoch, step, stepsPerEpoch, bestLoss } = JSON.parse(metadata["position"]!);
  const position = JSON.stringify({ epoch, stepInEpoch, step, stepsPerEpoch, bestLoss });
  return encodeSafetensors(tensors as Map<string, SafetensorsInput>, { position });
}
