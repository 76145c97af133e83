// Translating on the command line by beam search, at random, and with several models; and what does not go together.

import type { Translation } from "../../lib/inference/translation.ts";
import { testWithAdapter } from "../adapter.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { attend, jsonLines } from "./program.ts";
import { COLORS_TSV, TINY } from "./tiny_corpus.ts";

const folder = await TemporaryFolder.make();
const corpus = await folder.write("colors.tsv", COLORS_TSV);
const models = ["1", "2"].map((seed) => folder.at(`model${seed}`));
Deno.test.afterAll(() => folder[Symbol.asyncDispose]());

/** Trains the models, which differ in their seeds, once. */
let training: Promise<void> | undefined;
function trained(): Promise<void> {
  return training ??= (async () => {
    for (const [index, model] of models.entries()) {
      const split = ["--seed", "1"]; // the vocabularies follow from it
      const args = ["--output", model, "--epochs", `${index + 1}`, ...split, ...TINY];
      const { code, stderr } = await attend(["train", "--corpus", corpus, ...args]);
      assertEquals(code, 0, stderr);
    }
  })();
}

/** What --json says. */
function translations(stdout: string): [Translation, ...Translation[]] {
  return jsonLines(stdout) as unknown as [Translation, ...Translation[]];
}

testWithAdapter(
  "translate shows the best of a beam with their scores, and tells machines all of it",
  async () => {
    await trained();
    const beam = ["translate", "-m", models[0]!, "--beam", "4", "--n-best", "3"];
    const rules = [
      "--length-penalty",
      "1",
      "--coverage-penalty",
      "0.2",
      "--no-repeat-ngram",
      "2",
      "--max-length",
      "6",
    ];
    const { code, stdout, stderr } = await attend([...beam, ...rules, "red cat", "blue dog"]);
    assertEquals(code, 0, stderr);
    const blocks = stdout.trimEnd().split("\n\n").map((block) => block.split("\n"));
    assertEquals(blocks.map(({ length }) => length), [3, 3]);
    const json = await attend([...beam, ...rules, "--json", "red cat", "blue dog"]);
    for (const [index, record] of translations(json.stdout).entries()) {
      const all = [record, ...record.alternatives];
      const lines = all.map(({ text, score }) => `${score.normalized.toFixed(4).padStart(9)}  ${text}`);
      assertEquals(lines.map((line) => line.trimEnd()), blocks[index]!.map((line) => line.trimEnd()));
      assert(all.every(({ target, score }) => target.length <= 6 && score.logProbability < 0));
    }
  },
);

testWithAdapter("translate begins with a prefix, draws with a seed, and takes several models", async () => {
  await trained();
  const translate = ["translate", "-m", models[0]!];
  const prefixed = await attend([...translate, "--beam", "3", "--prefix", "rote rote", "blue dog"]);
  assertEquals(prefixed.code, 0, prefixed.stderr);
  assert(prefixed.stdout.startsWith("rote rote"), prefixed.stdout);

  const draw = [
    ...translate,
    "--sampling",
    "--temperature",
    "2",
    "--top-k",
    "9",
    "--top-p",
    "0.95",
    "--n-best",
    "4",
  ];
  const [one, same, other] = [
    await attend([...draw, "--seed", "1", "red cat"]),
    await attend([...draw, "--seed", "1", "red cat"]),
    await attend([...draw, "--seed", "2", "red cat"]),
  ];
  assertEquals([one.code, one.stdout], [0, same.stdout]);
  assert(one.stdout !== other.stdout, "another seed draws the same");

  const ensemble = [...translate, "--ensemble", models[1]!, "--beam", "2", "--mean", "logarithms"];
  assertEquals((await attend([...ensemble, "red cat"])).code, 0);
  const evaluation = await attend(["evaluate", "-m", models[0]!, "--ensemble", models[1]!, "--beam", "2"]);
  assertEquals(evaluation.code, 0, evaluation.stderr);
  assertStringIncludes(evaluation.stdout, "BLEU ");
});

Deno.test("commands that translate refuse options that do not go together, and say why", async () => {
  for (
    const [args, says] of [
      [
        ["--sampling", "--beam", "4"],
        "Cannot translate with sampling and beam 4: words are either drawn or searched for. Leave one of them out.",
      ],
      [["--top-k", "4"], "Option --top-k is for words that are drawn: give --sampling, too."],
      [["--temperature", "0.5"], "Option --temperature is for words that are drawn: give --sampling, too."],
      [["--top-p", "0.5"], "Option --top-p is for"],
      [["--seed", "3"], "Option --seed is for"],
      [["--n-best", "4", "--beam", "3"], "Cannot translate with nBest 4 and beam 3: a beam finds"],
      [["--min-length", "4", "--max-length", "3"], "minLength 4 and maxLength 3: no translation has both."],
      [["--avoid-unknown", "--replace-unknown"], "avoidUnknown and replaceUnknown: there is no <unk>"],
      [
        ["--length-penalty", "1"],
        "lengthPenalty 1: it ranks the translations of a sentence, and only one is",
      ],
      [["--sampling", "--coverage-penalty", "1"], "set nBest above 1, or leave coveragePenalty out."],
      [["--beam", "33"], "Cannot read --beam as an integer from 1 to 32"],
      [["--sampling", "--top-p", "1.5"], "Cannot read --top-p as a number above 0 and of at most 1"],
      [["--sampling", "--temperature", "0"], "Cannot read --temperature as a number above 0"],
    ] as const
  ) {
    const { code, stderr } = await attend(["translate", "-m", "nowhere", ...args, "red cat"]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, says);
  }
});
