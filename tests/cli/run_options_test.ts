// What a run keeps of its options, and what holds for one call alone.

import type { Options } from "../../lib/cli/option.ts";
import { resumedOptions, writeRunOptions } from "../../lib/cli/run_options.ts";
import { UsageError } from "../../lib/cli/exit_code.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";

const description = "";
const text = { type: "string", description } as const;
const flag = { type: "boolean", description } as const;
const number = { type: "number", description } as const;
const options: Options = {
  ...{ output: text, hidden: number, sha256: text, maxSteps: number, saveEvery: number },
  ...{ anomaly: flag, offline: flag, memoryBudget: text, onDeviceLost: text },
};

const given = {
  ...{ hidden: 8, sha256: "ab", maxSteps: 3, saveEvery: 1, anomaly: true, offline: true },
  ...{ memoryBudget: "1GB", onDeviceLost: "resume" },
};
const free = {
  ...{
    hidden: 8,
    sha256: undefined,
    maxSteps: undefined,
    saveEvery: undefined,
    anomaly: false,
    offline: false,
  },
  ...{ memoryBudget: undefined, onDeviceLost: undefined },
};

Deno.test("what holds for one call is not kept for the next, nor taken from a run.json that has it", async () => {
  await using folder = await TemporaryFolder.make();
  const { path } = folder;
  await writeRunOptions(path, given);
  assertEquals(JSON.parse(await Deno.readTextFile(folder.at("run.json"))), { hidden: 8 });
  await folder.write("run.json", JSON.stringify(given)); // as earlier versions wrote it
  assertEquals<unknown>(await resumedOptions(path, options, {}), { ...free, output: path });
  assertEquals<unknown>(await resumedOptions(path, options, { maxSteps: 7 }), {
    ...free,
    output: path,
    maxSteps: 7,
  });
});

Deno.test("run.json is read as other configurations are", async () => {
  await using folder = await TemporaryFolder.make();
  await folder.write("run.json", `{"hidden": 8}${" ".repeat(2 ** 20)}`);
  await assertRejects(() => resumedOptions(folder.path, options, {}), UsageError, "at most 1048576");
  await Deno.remove(folder.at("run.json"));
  await assertRejects(
    () => resumedOptions(folder.path, options, {}),
    Deno.errors.NotFound,
    "it has no run.json",
  );
});
