// `attend doctor --fix`: carries out the plan of mesa.ts on this machine, and looks at the result.

import { type AptSource, parseAptSources } from "./apt_sources.ts";
import { ExitCode } from "./exit_code.ts";
import { describeSteps, install, planInstallation, type Step } from "./mesa.ts";
import type { Output } from "./output.ts";
import { grantsOf, permissionFlags } from "./permissions.ts";
import { detectSystem, exists, isDebianLike, readIfAllowed, remedyFor, type System } from "./system.ts";

const SOURCES_LIST = "/etc/apt/sources.list";

/** Tells whether {@linkcode repair} can do more than give advice. */
export function canRepair(system: System): boolean {
  return isDebianLike(system) && !system.wsl;
}

/**
 * Installs Mesa's software Vulkan driver, after saying how, and checks the adapter again.
 *
 * @param output Where to tell about it.
 * @returns The exit code of the second check, or that of a machine without an adapter.
 * @throws {Error} When the driver cannot be installed.
 */
export async function repair(output: Output): Promise<number> {
  const system = detectSystem({ ask: true });
  if (!canRepair(system) || !exists("/usr/bin/apt-get", { ask: true })) {
    output.notice(remedyFor(system));
    return ExitCode.unavailable;
  }
  const attempts = planInstallation(system, aptSources(), rootPrefix());
  output.notice("About to run");
  attempts.forEach((attempt, index) => {
    if (index > 0) output.notice("or, should that fail,");
    for (const line of describeSteps(attempt)) output.notice(`  ${line}`);
  });
  await install(attempts, (step) => runStep(step, output.json), (text) => output.notice(text));
  return await checkInNewProcess(output.json);
}

function aptSources(): AptSource[] {
  const folder = `${SOURCES_LIST}.d`;
  const names = exists(folder, { ask: true }) ? [...Deno.readDirSync(folder)].map(({ name }) => name) : [];
  const paths = names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => `${folder}/${name}`);
  return [SOURCES_LIST, ...paths].flatMap((path) =>
    parseAptSources(path, readIfAllowed(path, { ask: true }) ?? "")
  );
}

function rootPrefix(): string[] {
  if (Deno.uid() === 0) return [];
  if (!exists("/usr/bin/sudo", { ask: true })) {
    throw new Error(
      "Cannot install the graphics driver: only root may, and there is no sudo. Run this as root.",
    );
  }
  // Without a person at a terminal, a password prompt would wait forever.
  return Deno.stdin.isTerminal() ? ["sudo"] : ["sudo", "-n"];
}

async function runStep({ command: [program, ...args], input }: Step, quiet: boolean): Promise<number> {
  const child = new Deno.Command(program, {
    args,
    stdin: input === undefined ? "null" : "piped",
    stdout: quiet || input !== undefined ? "null" : "inherit",
    stderr: "inherit",
  }).spawn();
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  }
  return (await child.status).code;
}

// The Vulkan loader looks for drivers once in a process, so this one would not see what was just installed.
async function checkInNewProcess(json: boolean): Promise<number> {
  const program = new URL("../../mod.ts", import.meta.url).href;
  const flags = permissionFlags(grantsOf("doctor"));
  const args = ["run", ...flags, program, "doctor", ...(json ? ["--json"] : [])];
  return (await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status).code;
}
