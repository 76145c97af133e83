// The log of a run, where a disk is full or cannot be read.

import { RunLog } from "../../lib/cli/run_folder.ts";
import type { TrainingProgress } from "../../lib/training/trainer.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";

const report = (step: number) => ({ step, loss: 1 }) as TrainingProgress;

Deno.test("a line that a full disk cut short takes no other line with it", async () => {
  await using folder = await TemporaryFolder.make();
  const log = new RunLog(folder.path);
  await log.begin();
  await log.add(report(1));
  const { writeTextFile } = Deno;
  Deno.writeTextFile = async (path, text, options) => {
    await writeTextFile(path, String(text).slice(0, 5), options);
    throw new Error("No space left on device");
  };
  try {
    await assertRejects(() => log.add(report(2)), Error, "No space left on device");
  } finally {
    Deno.writeTextFile = writeTextFile;
  }
  await log.add(report(3));
  await log.add(report(4));
  await new RunLog(folder.path, 3).begin();
  assertEquals(await Deno.readTextFile(folder.at("log.jsonl")), '{"step":1,"loss":1}\n{"step":3,"loss":1}\n');
});

Deno.test("a log that cannot be read is not replaced by an empty one", async () => {
  await using folder = await TemporaryFolder.make();
  await new RunLog(folder.path, 3).begin(); // there is none yet
  await folder.write("log.jsonl", '{"step":1,"loss":1}\n');
  const { readTextFile } = Deno;
  Deno.readTextFile = () => Promise.reject(new Error("Input/output error"));
  try {
    await assertRejects(() => new RunLog(folder.path, 3).begin(), Error, "Input/output error");
  } finally {
    Deno.readTextFile = readTextFile;
  }
  assertEquals(await Deno.readTextFile(folder.at("log.jsonl")), '{"step":1,"loss":1}\n');
});
