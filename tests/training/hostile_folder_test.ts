// Model folders that mean harm: each is refused with the name of the file, before memory is taken, and nothing in them
// leads elsewhere.

import { RunLog } from "../../lib/cli/run_folder.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { averageCheckpoints } from "../../lib/training/average_checkpoints.ts";
import { loadCheckpoint, loadModel } from "../../lib/training/checkpoint.ts";
import { decodeSafetensors } from "./safetensors.ts";
import { train } from "../../lib/training/trainer.ts";
import type { TrainingProgress } from "../../lib/training/trainer.ts";
import { sealed } from "./sealed.ts";
import { writeAtomically } from "../../lib/training/write_atomically.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { fingerprint, tinyClassifier, tinyModel, tinyPairs, tinyTexts } from "./tiny.ts";

async function trained(device: Device, folder: string): Promise<string> {
  const model = tinyModel(device);
  for await (const _ of train(model, tinyPairs(20), { epochs: 1, batch: 10, folder }));
  const bits = await fingerprint(model);
  model.close();
  return bits;
}

/** Replaces the first occurrence in a file's text, which has to have one. */
function put(from: string | RegExp, to: string): (text: string) => string {
  return (text) => {
    const changed = text.replace(from, () => to);
    assert(changed !== text, `there is no ${from}`);
    return changed;
  };
}

/** The checkpoint of two steps. */
const LAST = "step-00000002.safetensors";

const HIDDEN = '"hidden": 6,';
const CONFIG = "config.json", WORDS = "target.vocabulary.json";

/** What a file says instead, and what is said about it. */
const HOSTILE: readonly (readonly [file: string, change: (text: string) => string, says: string])[] = [
  [CONFIG, put(HIDDEN, '"hidden": 1e9,'), 'at "model.hidden": Invalid value: Expected <=65536'],
  [CONFIG, put(HIDDEN, '"hidden": 65536,'), "the model that config.json describes has at least"],
  [CONFIG, put(HIDDEN, '"hidden": -6,'), 'at "model.hidden"'],
  [CONFIG, put(HIDDEN, '"hidden": 0,'), 'at "model.hidden"'],
  [CONFIG, put(HIDDEN, '"hidden": 6.5,'), 'at "model.hidden"'],
  [CONFIG, put(HIDDEN, '"hidden": "6",'), 'at "model.hidden"'],
  [CONFIG, put(HIDDEN, '"hidden": [6],'), 'at "model.hidden"'],
  [CONFIG, put(HIDDEN, '"hidden": null,'), 'at "model.hidden"'],
  [CONFIG, put(HIDDEN, '"hidden": NaN,'), "unexpected NaN on line"],
  [CONFIG, put(HIDDEN, '"hidden": 1e999,'), "the number 1e999 is too large on line"],
  [CONFIG, put(HIDDEN, '"hidden": 6, "hidden": 7,'), 'the key "hidden" is there twice, again on line'],
  [CONFIG, put(HIDDEN, '"hidden": 6, "__proto__": {"hidden": 7},'), 'at "model.__proto__"'],
  [CONFIG, put(HIDDEN, '"hidden": 6, "constructor": {},'), 'at "model.constructor"'],
  [CONFIG, put(HIDDEN, '"__proto__": {"hidden": 6},'), 'at "model.'],
  [CONFIG, put('"layers": 1', '"layers": 1000000'), 'at "model.layers": Invalid value: Expected <=8'],
  [CONFIG, put('"embedding": 4', '"embedding": 60000'), "the model that config.json describes has at least"],
  [CONFIG, put('"seed": 1', '"seed": 1e300'), 'at "model.seed"'],
  [CONFIG, put('"dropout": 0.3', '"dropout": 1'), "dropout 1: it must be in [0, 1)"],
  [CONFIG, put('"learningRate": 0.001', '"learningRate": -1'), 'at "training.learningRate"'],
  [CONFIG, put('"cell": "gru"', '"cell": "__proto__"'), 'at "model.cell"'],
  [CONFIG, put('"cell": "gru"', '"cell": "\\u001b[2J"'), 'at "model.cell"'],
  [CONFIG, () => "[".repeat(100_000), "more than 64 objects and lists lie in each other"],
  [CONFIG, () => '{"a":'.repeat(100_000), "more than 64 objects and lists lie in each other"],
  [CONFIG, () => " ".repeat(2 ** 20 + 1), "a file of its kind at most 1048576"],
  [CONFIG, () => "null", 'at "the top"'],
  [CONFIG, () => '"\u001b[2J"', 'unexpected "'],
  [WORDS, put('"z"', '"t"'), '"t", is there twice'],
  [WORDS, put('"z"', '""'), "must be a word"],
  [WORDS, put('"z"', "7"), "must be a word, got 7"],
  [WORDS, put('"<eos>"', '"</s>"'), "token 3 must be <eos>"],
  [WORDS, put('"words"', '"Words"'), 'its kind must be "words"'],
  [WORDS, put('"kind"', '"kind": 1, "kind"'), 'the key "kind" is there twice'],
  [WORDS, put('"kind"', '"__proto__": {}, "kind"'), 'unknown key "__proto__"'],
  [WORDS, put('"vocabulary": [', '"vocabulary": {"length": 1e9}, "other": ['), "Cannot read a tokenizer"],
  [
    WORDS,
    (text) => text.replace(/"vocabulary": \[[^\]]*\]/, '"vocabulary": {"length": 1e9}'),
    "an array of tokens",
  ],
  [
    WORDS,
    (text) => {
      const words = Array.from({ length: 2 ** 20 }, (_, index) => `"w${index}"`);
      return text.replace(/("<eos>",)[^\]]*/, `"<eos>",${words}`);
    },
    "it has 1048580 tokens, and at most 1048576 are read",
  ],
];

/** A tokenizer of words as earlier versions stored it, a list, which is read still. */
async function earlierList(path: string): Promise<string> {
  const vocabulary = Object.keys(JSON.parse(await Deno.readTextFile(path)).model.vocab);
  return JSON.stringify({ kind: "words", punctuation: false, lowerCase: true, vocabulary }, null, 1);
}

testWithDevice(
  "a hostile model folder is refused by the file's name, before memory is taken",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    await trained(device, folder.path);
    await folder.write(WORDS, await earlierList(folder.at("target.tokenizer.json")));
    await Deno.remove(folder.at("target.tokenizer.json"));
    const before = device.bufferCount;
    for (const [file, change, says] of HOSTILE) {
      const good = await Deno.readTextFile(folder.at(file));
      await folder.write(file, change(good));
      const error = await assertRejects(() => loadModel(device, folder.path), SyntaxError);
      assertStringIncludes(error.message, `Cannot load a model from "${folder.path}/`, says);
      assertStringIncludes(error.message, says);
      assert(error.message.length < 1_000 && !error.message.includes("\u001b"), says);
      await folder.write(file, good);
    }
    assertEquals(device.bufferCount, before);
    (await loadModel(device, folder.path)).close();
  },
);

testWithDevice("a classifier's config.json is bounded as well", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyClassifier(device);
  for await (const _ of train(model, tinyTexts(20), { epochs: 1, batch: 10, folder: folder.path }));
  const of = model.constructor as never;
  model.close();
  const good = await Deno.readTextFile(folder.at("config.json"));
  const layers = /"layers": \[[^\]]*\]/;
  for (
    const [text, says] of [
      ['"layers": [65536]', "has at least"],
      [`"layers": [${Array(65).fill(1)}]`, 'at "model.layers"'],
      ['"layers": []', 'at "model.layers"'],
      ['"layers": [1e9]', 'at "model.layers.0"'],
    ] as const
  ) {
    await folder.write("config.json", put(layers, text)(good));
    await assertRejects(() => loadModel(device, folder.path, "last", of), SyntaxError, says);
  }
});

testWithDevice("weights and moments of another element type or shape are named", async (device) => {
  await using folder = await TemporaryFolder.make();
  await trained(device, folder.path);
  const { tensors, metadata } = decodeSafetensors(await Deno.readFile(folder.at(LAST)));
  for (
    const [name, says] of [
      ["decoder.output.bias", "it is U32, and has to be F32"],
      ["optimizer.first_moment.decoder.output.bias", "U32 of shape"],
      ["optimizer.second_moment.decoder.output.bias", "U32 of shape"],
    ] as const
  ) {
    const changed = new Map(tensors as Map<string, never>);
    const { shape, data } = tensors.get(name)!;
    changed.set(name, { shape, data: new Uint32Array(data.length) } as never);
    await folder.write(LAST, sealed(changed, metadata));
    const error = await assertRejects(() => loadCheckpoint(device, folder.path), SyntaxError, says);
    assertStringIncludes(error.message, name);
  }
});

testWithDevice("words such as __proto__ and constructor are words of a stored model", async (device) => {
  await using folder = await TemporaryFolder.make();
  const text = "__proto__ constructor prototype toString hasOwnProperty";
  for (const source of [Tokenizer.words([text]), Tokenizer.bpe([text], { minFrequency: 1 })]) {
    const model = tinyModel(device, { source, target: source } as never);
    const pairs = Array.from({ length: 4 }, () => ({ source: text, target: text }));
    for await (const _ of train(model, pairs, { epochs: 1, folder: folder.path }));
    const copy = await loadModel(device, folder.path, "last");
    assertEquals(copy.source.encode(text), source.encode(text));
    assertEquals(copy.source.vocabulary.tokens, source.vocabulary.tokens);
    for (const each of [model, copy]) each.close();
  }
});

testWithDevice(
  "links in a model folder are read, but neither written through nor copied from",
  async (device) => {
    if (Deno.build.os === "windows") return;
    await using folder = await TemporaryFolder.make();
    const secret = await folder.write("secret", "a secret\n");
    const run = folder.at("run");
    const bits = await trained(device, run);

    await Deno.rename(`${run}/config.json`, folder.at("elsewhere.json"));
    await Deno.symlink(folder.at("elsewhere.json"), `${run}/config.json`);
    const model = await loadModel(device, run, "last"); // as models lie in stores of content
    model.close();
    await assertRejects(
      () => averageCheckpoints([run], folder.at("to")),
      SyntaxError,
      'config.json": it is a link',
    );
    await Deno.remove(`${run}/config.json`);
    await Deno.rename(folder.at("elsewhere.json"), `${run}/config.json`);

    await Deno.symlink(secret, `${run}/other.vocabulary.json`);
    await assertRejects(() => averageCheckpoints([run], folder.at("to")), SyntaxError, "it is a link");
    await Deno.remove(`${run}/other.vocabulary.json`);

    await Deno.symlink(secret, `${run}/log.jsonl`);
    await Deno.symlink(secret, `${run}/epoch-1.safetensors`);
    await writeAtomically(`${run}/epoch-1.safetensors`, "weights");
    const log = new RunLog(run, 0);
    await log.begin();
    await log.add({ step: 1, loss: 1 } as TrainingProgress);
    assertEquals(await Deno.readTextFile(secret), "a secret\n");
    assert((await Deno.lstat(`${run}/log.jsonl`)).isFile, "the link was written through");

    const again = folder.at("again"); // and nothing was left where the average should have gone
    assertEquals(await trained(device, again), bits);
    assertEquals((await folder.files()).filter((name) => name.startsWith("to/")), []);
  },
);

testWithDevice("no name in a model's files is taken for a path", async (device) => {
  await using folder = await TemporaryFolder.make();
  const run = folder.at("a/run");
  const model = tinyModel(device, {
    source: Tokenizer.characters(["ab"]),
    target: Tokenizer.characters(["ab"]),
  } as never);
  for await (const _ of train(model, [{ source: "ab", target: "ba" }], { epochs: 1, folder: run }));
  model.close();
  const before = await folder.files();
  const outside = {
    tokenizer_file: "../../b",
    vocab_file: "/etc/passwd",
    auto_map: "../x.py",
    _name_or_path: "/",
  };
  await Deno.writeTextFile(`${run}/tokenizer_config.json`, JSON.stringify(outside));
  (await loadModel(device, run, "last")).close(); // which does not read it
  await averageCheckpoints([run], folder.at("a/mean"));
  assertEquals((await folder.files()).filter((name) => !name.startsWith("a/mean/")), before);
  const config = JSON.parse(await Deno.readTextFile(`${run}/config.json`));
  await Deno.writeTextFile(`${run}/config.json`, JSON.stringify({ ...config, kind: "../../evil" }));
  await assertRejects(() => loadModel(device, run, "last"), SyntaxError, 'at "kind"');
});
