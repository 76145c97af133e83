// A training that is killed again and again, inside a save too: its last checkpoint always loads, and what comes of it in
// the end has the bits of a training that was never killed.

import { Random } from "../../lib/random.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import { newestFirst } from "../../lib/training/checkpoint_files.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";
import { attend, jsonLines, PROGRAM } from "../cli/program.ts";
import { COLORS_TSV, TINY } from "../cli/tiny_corpus.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { checkpointHash } from "../training/tiny.ts";
import { repetitions } from "./repetitions.ts";

const SEED = Date.now() % 1_000_000;

/** Starts the program, waits for its first report, and kills it after so many milliseconds. */
async function killed(args: readonly string[], delay: number): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, "train", "--json", ...args],
    stdout: "piped",
    stderr: "null",
  });
  const child = command.spawn();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let written = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    written += text;
    if (timer === undefined && written.includes('"type":"progress"')) {
      timer = setTimeout(() => child.kill("SIGKILL"), delay);
    }
  }
  const { signal } = await child.status;
  clearTimeout(timer);
  assertEquals(signal, "SIGKILL", `it ended by itself: ${written.slice(-300)}`);
}

testWithDevice(`a training that is killed loses nothing, seed ${SEED}`, async (device) => {
  await using folder = await TemporaryFolder.make();
  const random = new Random(SEED);
  const corpus = await folder.write("colors.tsv", COLORS_TSV);
  const [run, whole] = [folder.at("run"), folder.at("whole")];
  const options = ["--corpus", corpus, ...TINY, "--epochs", "100000", "--save-every", "0"];
  let step = 0;
  let litter = 0;
  for (let kill = 0; kill < repetitions(4, 200); kill++) {
    const isBegun = (await newestFirst(run)).length > 0;
    await killed(
      isBegun ? ["--resume", run] : [...options, "--output", run],
      random.integer(600),
    );
    litter += (await namesIn(run)).filter((name) => name.endsWith(".tmp")).length;
    if ((await newestFirst(run)).length === 0) continue; // killed before its first checkpoint
    const { model, state, passedOver } = await loadCheckpoint(device, run);
    model.close();
    assertEquals(passedOver, [], `after kill ${kill}, seed ${SEED}`);
    assert(state!.position.step >= step, `step ${state!.position.step} after ${step}, seed ${SEED}`);
    step = state!.position.step;
  }
  assert(step > 0, "every run was killed before its first checkpoint");
  const end = ["--max-steps", String(step + 5)];
  for (const args of [["--resume", run, ...end], [...options, "--output", whole, ...end]]) {
    const { code, stderr } = await attend(["train", ...args]);
    assertEquals(code, 0, stderr);
  }
  assertEquals(await checkpointHash(run), await checkpointHash(whole), `seed ${SEED}`);
  const [resumed, unbroken] = await Promise.all([run, whole].map(losses));
  assertEquals(resumed, unbroken, `seed ${SEED}`);
  console.log(`      ${repetitions(4, 200)} kills up to step ${step}, ${litter} inside a save`);
});

/** The names in a folder, if there is one. */
async function namesIn(folder: string): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).catch(() => []);
}

/** What the log says of each epoch that does not depend on time. */
async function losses(run: string): Promise<unknown[]> {
  return jsonLines(await Deno.readTextFile(`${run}/log.jsonl`)).filter(({ validation }) => validation)
    .map(({ epoch, step, gradientNorm, validation }) => ({ epoch, step, gradientNorm, validation }));
}
