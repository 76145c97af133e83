import { ExitCode, exitCodeOf, InterruptionError, UsageError } from "../../lib/cli/exit_code.ts";
import { AdapterNotFoundError, DeviceLostError } from "../../lib/gpu/device.ts";
import { assertEquals, assertStringIncludes } from "../assert.ts";

const CLI = new URL("../../lib/cli/", import.meta.url).href;
const isWindows = Deno.build.os === "windows";

/** Starts a program of its own, because a signal and an adapter belong to a whole process. */
function start(code: string, env: Record<string, string> = {}): Deno.ChildProcess {
  const args = ["eval", code];
  return new Deno.Command(Deno.execPath(), { args, env, stdin: "null", stdout: "piped", stderr: "piped" })
    .spawn();
}

const PATIENT = `
  import { defineCommand, runCommand } from "${CLI}command.ts";
  import { processEnvironment } from "${CLI}environment.ts";
  const command = defineCommand({
    name: "wait", summary: "", examples: [], options: {},
    async run(_options, { output, interruption }) {
      const signal = interruption();
      const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve));
      const timer = setTimeout(() => {}, 20_000);
      output.line("ready");
      await stopped;
      clearTimeout(timer);
      output.line("saved");
      return 0;
    },
  });
  Deno.exit(await runCommand(command, [], processEnvironment()));
`;

Deno.test("exitCodeOf() tells usage, missing and lost GPUs, signals and other failures apart", () => {
  assertEquals(exitCodeOf(new UsageError("")), 2);
  assertEquals(exitCodeOf(new AdapterNotFoundError("")), 69);
  assertEquals(exitCodeOf(new DeviceLostError("unknown", "")), 75);
  assertEquals(exitCodeOf(new InterruptionError("SIGINT")), 130);
  assertEquals(exitCodeOf(new InterruptionError("SIGTERM")), 143);
  assertEquals(exitCodeOf(new Deno.errors.BrokenPipe("")), 141);
  assertEquals(exitCodeOf(new TypeError("")), 1);
  assertEquals(exitCodeOf("text"), 1);
});

for (const [signal, code] of [["SIGINT", ExitCode.interrupted], ["SIGTERM", ExitCode.terminated]] as const) {
  Deno.test({
    name: `interruption() lets a command save its work on ${signal}, then it exits with ${code}`,
    ignore: isWindows,
    async fn() {
      await using child = start(PATIENT);
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let text = (await reader.read()).value ?? "";
      child.kill(signal);
      for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
      const errors = await new Response(child.stderr).text();
      assertEquals([text, errors, (await child.status).code], ["ready\nsaved\n", "", code]);
    },
  });
}

Deno.test({
  name: "doctor exits with 69 and a remedy where drivers are out of sight",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = start(`Deno.exit(await (await import("${CLI}main.ts")).main(["doctor"]));`, {
      VK_DRIVER_FILES: "/nonexistent",
      VK_ICD_FILENAMES: "/nonexistent",
      __EGL_VENDOR_LIBRARY_FILENAMES: "/nonexistent",
    });
    const { code, stdout, stderr } = await child.output();
    assertStringIncludes(new TextDecoder().decode(stdout), "Adapter   none");
    assertStringIncludes(new TextDecoder().decode(stderr), "VK_DRIVER_FILES");
    assertEquals(code, 69);
  },
});
