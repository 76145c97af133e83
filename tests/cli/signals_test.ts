// What the operating system may ask of a training: to stop, to stop at once, and to save without stopping.

import { newestFirst } from "../../lib/training/checkpoint_files.ts";
import { testWithAdapter } from "../adapter.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { PROGRAM } from "./program.ts";
import { COLORS_TSV, TINY, TINY_STEPS } from "./tiny_corpus.ts";

/** The promise for a small model, from the signal to the end of the process. */
const MILLISECONDS_TO_STOP = 2_000;

/** A training that would go on for hours, and saves only when it is asked to. */
class Training implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  #text = "";

  constructor(corpus: string, readonly folder: string, given: readonly string[] = TINY) {
    const options = ["--corpus", corpus, "--output", folder, "--epochs", "1000000", "--json", ...given];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", PROGRAM, "train", ...options, "--save-every", "3600"],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(this.#child.stderr).text();
  }

  /** Waits until so many more reports have come. */
  async reports(count: number): Promise<void> {
    await this.records("progress", count);
  }

  /** Waits until so many more records of a type have come. */
  async records(type: string, count: number): Promise<void> {
    await this.text(`"type":"${type}"`, count);
  }

  /** Waits until a text has come so many times more. */
  async text(text: string, count: number): Promise<void> {
    const found = () => this.#text.split(text).length - 1;
    const wanted = found() + count;
    while (found() < wanted) {
      const { done, value } = await this.#lines.read();
      if (done) throw new Error(`The training ended: ${await this.#errors}`);
      this.#text += value;
    }
  }

  send(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end; returns its exit code, what it wrote and complained of, and how long it took. */
  async end(): Promise<{ code: number; text: string; errors: string; milliseconds: number }> {
    const start = performance.now();
    for (let part = await this.#lines.read(); !part.done; part = await this.#lines.read()) {
      this.#text += part.value;
    }
    const { code } = await this.#child.status;
    return { code, text: this.#text, errors: await this.#errors, milliseconds: performance.now() - start };
  }

  /** The checkpoints that it has left, newest first. */
  async checkpoints(): Promise<string[]> {
    return await newestFirst(this.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#lines.cancel().catch(() => {});
    await Promise.all([this.#child.status, this.#errors]);
  }
}

async function withTraining(use: (training: Training) => Promise<void>): Promise<void> {
  await using folder = await TemporaryFolder.make();
  await using training = new Training(await folder.write("colors.tsv", COLORS_TSV), folder.at("run"));
  await use(training);
}

for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  testWithAdapter(
    `train saves a checkpoint and exits with ${expected} within 2 s of ${signal}`,
    () =>
      withTraining(async (training) => {
        await training.reports(2);
        const before = await training.checkpoints();
        training.send(signal);
        const { code, errors, milliseconds } = await training.end();
        assertEquals([code, errors], [expected, ""]);
        const after = await training.checkpoints();
        assert(after[0] !== undefined && after[0] !== before[0], `there is still ${before[0]}`);
        assert(milliseconds < MILLISECONDS_TO_STOP, `it took ${milliseconds.toFixed(0)} ms`);
      }),
  );
}

testWithAdapter("train ends at once at a signal while it reads a corpus, and writes nothing", async () => {
  await using folder = await TemporaryFolder.make();
  const corpus = await folder.write("colors.tsv", COLORS_TSV);
  const valid = await folder.write("long.tsv", "red cat\trote Katze\n".repeat(200_000));
  await using training = new Training(corpus, folder.at("run"), [
    ...TINY_STEPS,
    ...["--test", "8", "--valid-corpus", valid],
  ]);
  await training.records("corpus", 1);
  training.send("SIGINT");
  const { code, text, errors } = await training.end();
  assertEquals([code, errors], [130, ""]);
  assertEquals(text.match(/(?<="type":")\w+/g)!.filter((type) => type !== "corpus"), []);
  assertEquals(await folder.files(), ["colors.tsv", "long.tsv"]);
});

testWithAdapter("train says that nothing was saved where a signal comes before the first step", async () => {
  await using folder = await TemporaryFolder.make();
  const letters = Array.from("abcdefghij");
  const words = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => a + b + c)));
  const pairs = words.map((word) => COLORS_TSV.replace(/(?=[\t\n])/g, ` ${word}`)).join("");
  const corpus = await folder.write("colors.tsv", pairs);
  await using training = new Training(corpus, folder.at("run"), [...TINY, "--no-json", "--summary"]);
  await training.text("trainable", 1); // from here on 80,000 pairs are put into batches, before anything else
  training.send("SIGINT");
  const { code, text } = await training.end();
  assertEquals(code, 130);
  assertStringIncludes(text, "interrupted before the first checkpoint; nothing was saved");
});

testWithAdapter(
  "train ends at once at a second signal, without saving",
  () =>
    withTraining(async (training) => {
      await training.reports(2);
      const before = await training.checkpoints();
      for (const signal of ["SIGTERM", "SIGINT"] as const) training.send(signal); // faster than anybody could save
      const { code, milliseconds } = await training.end();
      assert([130, 143].includes(code), `it ended with ${code}`);
      assert(milliseconds < MILLISECONDS_TO_STOP, `it took ${milliseconds.toFixed(0)} ms`);
      assertEquals(await training.checkpoints(), before);
    }),
);

testWithAdapter("train saves a checkpoint at SIGUSR1 and goes on", () =>
  withTraining(async (training) => {
    await training.reports(2);
    const before = await training.checkpoints();
    training.send("SIGUSR1");
    await training.reports(3);
    const after = await training.checkpoints();
    assert(after[0] !== undefined && after[0] !== before[0], `there is still ${before[0]}`);
    await training.reports(2); // asked once, saved once
    assertEquals(await training.checkpoints(), after);
  }));
