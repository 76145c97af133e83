// A GPU that is missing, too small, or lost, as a person meets it: a sentence to act on, and an exit code that is not 0.

import { deviceOptionsOf } from "../../lib/cli/device_options.ts";
import { UsageError } from "../../lib/cli/exit_code.ts";
import { testWithAdapter } from "../adapter.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { checkpointHash, lastCheckpoint } from "../training/tiny.ts";
import { attend, type Ended, jsonLines, refuses, runDeno } from "./program.ts";
import { COLORS_TSV, TINY } from "./tiny_corpus.ts";

const folder = await TemporaryFolder.make();
const corpus = await folder.write("colors.tsv", COLORS_TSV);
Deno.test.afterAll(() => folder[Symbol.asyncDispose]());

/** The arguments of a training into a folder. */
function training(output: string, ...more: string[]): string[] {
  return ["train", "--corpus", corpus, "--output", folder.at(output), ...TINY, ...more];
}

Deno.test("--memory-budget takes decimal and binary sizes, and refuses what is none", () => {
  const budget = (memoryBudget: string) => deviceOptionsOf({ memoryBudget }).memoryBudget;
  assertEquals(["2GB", "512 MiB", "1.5kb", "100B"].map(budget), [2e9, 2 ** 29, 1500, 100]);
  assertEquals(deviceOptionsOf({ memoryBudget: undefined }), {});
  for (const wrong of ["2", "much", "-1GB", "0GB", "2XB"]) {
    assertThrows(
      () => budget(wrong),
      UsageError,
      `--memory-budget "${wrong}": a size is wanted, such as 2GB`,
    );
  }
});

testWithAdapter("commands keep to --memory-budget, and say what to use less of", async () => {
  const says = [
    "Cannot allocate ",
    "of the memory budget of 60000 bytes are in use",
    "Use a smaller batch, maxLength",
  ];
  await refuses(training("never", "--memory-budget", "60kB"), 1, says);
  assertEquals(await Deno.stat(folder.at("never")).catch(() => undefined), undefined, "it left a folder");
  await refuses(training("never", "--memory-budget", "2"), 2, ["a size is wanted"]);

  const model = folder.at("small");
  const trained = await attend(training("small", "--max-steps", "1", "--memory-budget", "1GB"));
  assertEquals(trained.code, 0, trained.stderr);
  assertStringIncludes(trained.stdout, "for activations, of a budget of 954 MiB");
  const less = ["--memory-budget", "60kB"];
  const over = ["of the memory budget of 60000 bytes are in use", "Use a smaller batch"];
  await refuses(["translate", "--model", model, "--beam", "30", ...less, "red cat"], 1, over);
  await refuses(["evaluate", "--model", model, "--beam", "30", ...less], 1, over);
});

Deno.test({
  name: "evaluate exits with 69 where there is no adapter, as train and translate do",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const says = ["this machine has no WebGPU adapter. Install", "doctor --fix"];
    const env = { DENO_WEBGPU_BACKEND: "dx12" }; // there is none but on Windows
    await refuses(training("never"), 69, says, { env });
    for (const command of ["translate", "evaluate"]) {
      await refuses([command, "--model", folder.at("nowhere")], 69, says, { env, stdin: "red cat\n" });
    }
  },
});

testWithAdapter("train refuses half precision on an adapter that has none", async () => {
  const env = { DENO_WEBGPU_BACKEND: "gl" }; // OpenGL has no 16-bit floats
  const { code } = await runDeno(["eval", "Deno.exit(await navigator.gpu.requestAdapter() ? 0 : 1)"], {
    env,
  });
  if (code !== 0) return; // nor has every machine OpenGL
  const says = ["Cannot train in half precision: the adapter ", "has no 16-bit floats. Leave precision out"];
  await refuses(training("never", "--precision", "f16"), 1, says, { env });
});

/**
 * Trains in a process whose GPU is lost so often, each time once the log has one more validation than when it was opened: by
 * then there are steps after the last checkpoint.
 */
async function losing(times: number, args: readonly string[], output: string): Promise<Ended> {
  const code = `
    const { requestDevice } = GPUAdapter.prototype;
    let device, seen;
    const validations = () => {
      try {
        return Deno.readTextFileSync(${JSON.stringify(`${output}/log.jsonl`)}).split('"validation":').length;
      } catch {
        return 1; // there is none yet
      }
    };
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const made = await requestDevice.call(this, descriptor);
      if (descriptor.label === "attend") [device, seen] = [made, validations()];
      return made;
    };
    let left = ${times};
    setInterval(() => {
      if (left === 0 || device === undefined || validations() <= seen) return;
      left--;
      const lost = device;
      device = undefined;
      lost.destroy();
    }, 1);
    const { main } = await import("${new URL("../../lib/cli/main.ts", import.meta.url)}");
    Deno.exit(await main(${JSON.stringify(args)}));
  `;
  return await runDeno(["eval", code]);
}

const EPOCHS = ["--epochs", "8"];

testWithAdapter(
  "train whose GPU is lost exits with 75, and says what is saved and how to go on",
  async () => {
    const output = folder.at("lost");
    const { code, stderr } = await losing(1, training("lost", ...EPOCHS), output);
    assertEquals(code, 75, stderr);
    const [, told, step] =
      /The checkpoint in (.+) is of step (\d+); at least \d+ steps since are lost/.exec(stderr) ?? [];
    assertEquals(told, output, stderr);
    assertStringIncludes(await lastCheckpoint(output), `step-${step!.padStart(8, "0")}`);
    assertStringIncludes(
      stderr,
      `train --resume ${output} goes on from it; with --on-device-lost resume it does`,
    );
    assertStringIncludes(stderr, "error: The GPU was lost (destroyed): ");

    const resumed = await attend(["train", "--resume", output, "--on-device-lost", "resume"]);
    assertEquals(resumed.code, 0, resumed.stderr);
    await sameAsUnbroken("lost");
  },
);

testWithAdapter(
  "train --on-device-lost resume goes on by itself, to the same bits and the same log",
  async () => {
    const args = training("through", ...EPOCHS, "--on-device-lost", "resume");
    const { code, stdout, stderr } = await losing(2, args, folder.at("through"));
    assertEquals(code, 0, stderr);
    assertEquals(stderr.match(/^The GPU was lost \(destroyed\)/gm)?.length, 2, stderr);
    assertStringIncludes(stderr, "Opening the GPU again to go on (1 of 3 times without a new checkpoint).");
    assertStringIncludes(stdout, "trained in ");
    await sameAsUnbroken("through");
  },
);

/** What a run leaves, as far as it does not depend on time. */
async function left(output: string) {
  const run = folder.at(output);
  const log = jsonLines(await Deno.readTextFile(`${run}/log.jsonl`));
  const steps = log.map(({ step }) => Number(step));
  assertEquals(steps, [...new Set(steps)].sort((a, b) => a - b), "a step stands twice in the log");
  const { onDeviceLost: _, ...options } = JSON.parse(await Deno.readTextFile(`${run}/run.json`));
  return {
    checkpoint: await checkpointHash(run),
    log: log.filter(({ validation }) => validation)
      .map(({ epoch, step, gradientNorm, validation }) => ({ epoch, step, gradientNorm, validation })),
    test: await Deno.readTextFile(`${run}/test.tsv`),
    options,
  };
}

let unbroken: ReturnType<typeof left> | undefined;

/** Fails unless a training left what one without a loss leaves. */
async function sameAsUnbroken(output: string): Promise<void> {
  unbroken ??= attend(training("unbroken", ...EPOCHS)).then(() => left("unbroken"));
  assertEquals(await left(output), await unbroken);
}
