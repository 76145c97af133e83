// Options of models through the whole program: what is read, what is refused before anything is replaced, what is averaged.

import { testWithAdapter } from "../adapter.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { attend } from "./program.ts";
import { COLORS_TSV, TINY, TINY_STEPS } from "./tiny_corpus.ts";

testWithAdapter("train begins with word vectors, freezes them, and validates on other pairs", async () => {
  await using folder = await TemporaryFolder.make();
  const corpus = await folder.write("colors.tsv", COLORS_TSV);
  const vector = Array.from({ length: 8 }, (_, i) => i / 8).join(" ");
  const vectors = await folder.write("source.vec", `2 8\nred ${vector}\nunheard ${vector}\n`);
  const output = folder.at("run");
  const { code, stdout, stderr } = await attend([
    ...[
      "train",
      "--corpus",
      corpus,
      "--valid-corpus",
      corpus,
      "--output",
      output,
      ...TINY_STEPS,
      "--test",
      "8",
    ],
    ...["--source-vectors", vectors, "--frozen", "source", "--decoder", "luong", "--cell", "lstm"],
    ...["--teacher-forcing", "constant", "--epochs", "1"],
  ]);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^source {6}1 of \d+ words begin with given vectors$/m);
  const { model, training } = JSON.parse(await Deno.readTextFile(`${output}/config.json`));
  assertEquals([model.decoder, model.cell, model.frozen], ["luong", "lstm", "source"]);
  assertEquals(training.teacherForcing, { name: "constant", teacherShare: 0.5 });
});

testWithAdapter("train refuses what contradicts itself before it replaces anything", async () => {
  await using folder = await TemporaryFolder.make();
  const corpus = await folder.write("colors.tsv", COLORS_TSV);
  const output = folder.at("run");
  const train = ["train", "--corpus", corpus, "--output", output, ...TINY, "--epochs", "1"];
  assertEquals((await attend(train)).code, 0);
  const files = async () => {
    const names = [...Deno.readDirSync(output)].map(({ name }) => name).sort();
    return await Promise.all(
      names.map(async (name) => [name, String(await Deno.readFile(`${output}/${name}`))]),
    );
  };
  const before = await files();
  for (
    const [message, ...options] of [
      [
        "a copied word has no other words to share its probability with",
        "--copy",
        "--label-smoothing",
        "0.1",
      ],
      ["it attends; for none take", "--attention", "none"],
      ["no tokenizer of the model has merges", "--merge-dropout", "0.1"],
    ] as const
  ) {
    const { code, stderr } = await attend([...train, ...options]);
    assert(code !== 0);
    assertStringIncludes(stderr, message);
    assertEquals(await files(), before);
  }
});

testWithAdapter(
  "average takes models of byte pairs, and leaves no tokenizers of an earlier average",
  async () => {
    await using folder = await TemporaryFolder.make();
    const corpus = await folder.write("colors.tsv", COLORS_TSV);
    const averaged = folder.at("averaged");
    for (const tokenizer of [["--tokenizer", "bpe", "--merges", "20"], []]) {
      const output = folder.at(`run${tokenizer.length}`);
      const train = ["train", "--corpus", corpus, "--output", output, ...TINY, ...tokenizer, "--keep", "2"];
      const trained = await attend([...train, "--epochs", "2"]);
      assertEquals(trained.code, 0, trained.stderr);
      const epochs = [1, 2].map((epoch) => `${output}/epoch-${epoch}.safetensors`);
      const average = await attend(["average", "--output", averaged, ...epochs]);
      assertEquals([average.code, average.stderr], [0, ""]);
      const { code, stderr } = await attend(["translate", "--model", averaged, "red cat"]);
      assertEquals(code, 0, stderr);
    }
    const kept = await Deno.readTextFile(`${averaged}/source.tokenizer.json`);
    assertEquals(JSON.parse(kept).model.type, "WordLevel");
  },
);
