// train --resume <folder>: a run goes on with the options that it had, and refuses others by name.

import { newestFirst } from "../../lib/training/checkpoint_files.ts";
import { testWithAdapter } from "../adapter.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { checkpointHash } from "../training/tiny.ts";
import { attend, jsonLines } from "./program.ts";
import { COLORS_TSV, TINY } from "./tiny_corpus.ts";

/** Trains for two epochs, and leaves every checkpoint. */
async function trained(folder: TemporaryFolder): Promise<{ corpus: string; run: string }> {
  const corpus = await folder.write("colors.tsv", COLORS_TSV);
  const run = folder.at("run");
  const saving = ["--save-every", "0", "--checkpoints", "100", "--epochs", "2"];
  const ended = await attend(["train", "--corpus", corpus, "--output", run, ...TINY, ...saving]);
  assertEquals(ended.code, 0, ended.stderr);
  return { corpus, run };
}

/** What the log says that does not depend on time. */
async function losses(run: string): Promise<unknown[]> {
  return jsonLines(await Deno.readTextFile(`${run}/log.jsonl`)).filter(({ validation }) => validation)
    .map(({ epoch, step, learningRate, gradientNorm, skipped, validation }) => {
      return { epoch, step, learningRate, gradientNorm, skipped, validation };
    });
}

testWithAdapter(
  "train --resume alone goes on with the run's options, to the same bits and losses",
  async () => {
    await using folder = await TemporaryFolder.make();
    const { run } = await trained(folder);
    const expected = [
      await checkpointHash(run),
      await losses(run),
      await Deno.readTextFile(`${run}/test.tsv`),
    ];
    assertEquals((expected[1] as unknown[]).length, 2);
    // As a run that was killed after the checkpoint of step 2 and wrote on into its log, with half a line at the end.
    for (const name of await newestFirst(run)) {
      if (name !== "step-00000002.safetensors") await Deno.remove(`${run}/${name}`);
    }
    await Deno.writeTextFile(`${run}/log.jsonl`, '{"epoch":2,"step":9', { append: true });
    await Deno.writeTextFile(`${run}/best.safetensors.1b671a64-40d5-491e-99b0-da01ff1f3341.tmp`, "half");

    const resumed = await attend(["train", "--resume", run, "--json"]);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertEquals(jsonLines(resumed.stdout).find(({ type }) => type === "resume")!["step"], 2);
    const found = [await checkpointHash(run), await losses(run), await Deno.readTextFile(`${run}/test.tsv`)];
    assertEquals(found, expected);
    const steps = jsonLines(await Deno.readTextFile(`${run}/log.jsonl`)).map(({ step }) => Number(step));
    assertEquals(steps, [...new Set(steps)].sort((a, b) => a - b));
    assert(![...Deno.readDirSync(run)].some(({ name }) => name.endsWith(".tmp")), "litter is left");

    const longer = await attend(["train", "--resume", run, "--epochs", "3", "--learning-rate", "0.005"]);
    assertEquals(longer.code, 0, longer.stderr);
    assertEquals((await losses(run)).length, 3);
    const { epochs, learningRate, hidden } = JSON.parse(await Deno.readTextFile(`${run}/run.json`));
    assertEquals([epochs, learningRate, hidden], [3, 0.005, 8]);
  },
);

testWithAdapter("train --resume refuses what differs, by name and with both values", async () => {
  await using folder = await TemporaryFolder.make();
  const { corpus, run } = await trained(folder);
  const before = [await checkpointHash(run), await Deno.readTextFile(`${run}/test.tsv`)];
  const refuses = async (args: string[], code: number, ...says: string[]) => {
    const ended = await attend(["train", "--resume", run, ...args]);
    assertEquals(ended.code, code, ended.stderr);
    for (const text of says) assertStringIncludes(ended.stderr, text);
  };
  await refuses(
    ["--hidden", "9", "--merges", "50", "--epochs", "9"],
    2,
    `error: Cannot resume: --merges is not set in ${run} and 50 here; --hidden is 8 in ${run} and 9 here. `,
    "Leave it out, or train into another folder.",
  );
  await refuses(["--seed", "2"], 2, `--seed is 1 in ${run} and 2 here`);
  await refuses(["--output", folder.at("other")], 2, "a run goes on in its own folder");
  await Deno.writeTextFile(corpus, COLORS_TSV.replace("red cat", "pink cat"));
  await refuses(["--epochs", "3"], 1, "Cannot resume: the split was ", ", and now is ");
  await folder.write("run/run.json", '{"hiden": 8}');
  await refuses([], 2, `Unknown key "hiden" in "${run}/run.json". Did you mean "hidden"?`);
  assertEquals([await checkpointHash(run), await Deno.readTextFile(`${run}/test.tsv`)], before);

  const bare = await attend(["train", "--resume"]);
  assertEquals([bare.code, bare.stderr.includes("Option --resume needs a value")], [2, true], bare.stderr);
});
