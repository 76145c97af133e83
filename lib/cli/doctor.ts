// `attend doctor`: tells whether this machine can train and on what, and with --fix installs a software
// adapter where there is none.

import { environmentVariable } from "../cache_folder.ts";
import { AdapterNotFoundError, type Device, openDevice } from "../gpu/device.ts";
import { formatBytes } from "../report/format.ts";
import { type AdapterCheck, checkAdapter } from "./adapter_check.ts";
import { type Command, defineCommand } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { hasSlowMesa } from "./mesa.ts";
import type { Output } from "./output.ts";
import { canRepair, repair } from "./repair.ts";
import { detectSystem, isDebianLike, remedyFor, type System } from "./system.ts";

/** `attend doctor`. */
export const command: Command = defineCommand({
  name: "doctor",
  summary: "Check that this machine can train, and repair what is missing",
  description: "Shows the runtime, the GPU adapter with its features and limits, and runs a kernel on it. " +
    "Reads what system it runs on; --fix installs packages on Debian-like systems.",
  examples: [
    { description: "See what training would use", args: "" },
    {
      description: "Install Mesa's software driver where there is no adapter",
      args: "--fix",
      permissions: { set: "repair" },
    },
  ],
  options: {
    fix: { type: "boolean", description: "Install a software adapter where there is none, after saying how" },
  },
  async run({ fix }, { output }) {
    const system = detectSystem();
    reportRuntime(system, output);
    const device = await openDeviceIfAny();
    if (device === undefined) return await withoutAdapter(system, fix, output);
    try {
      const check = await checkAdapter(device);
      reportDevice(device, check, output);
      if (check.wrong > 0) {
        output.notice("The adapter computes wrong numbers: update its driver, or choose another adapter.");
        return ExitCode.failure;
      }
      if (lacksVulkan(device, system)) {
        if (fix) return await replaceSlow(output);
        output.notice(
          `This adapter is an OpenGL substitute without subgroups, which is slow. ${advice(system)}`,
        );
      } else if (fix) output.notice("Nothing is to be done: there is an adapter.");
      if (hasSlowMesa(system)) output.notice(SLOW_MESA);
      return ExitCode.ok;
    } finally {
      device.close();
    }
  },
});

const SLOW_MESA =
  "This is Debian 12's own Mesa 22.3. The one in bookworm-backports trains several times faster: " +
  "add that suite to apt's sources, then `sudo apt-get install -t bookworm-backports mesa-vulkan-drivers`.";

async function openDeviceIfAny(): Promise<Device | undefined> {
  try {
    return await openDevice();
  } catch (error) {
    if (error instanceof AdapterNotFoundError) return undefined;
    throw error;
  }
}

// Where the Vulkan driver is missing but Mesa's OpenGL is there, WebGPU runs on that; it has no subgroups.
function lacksVulkan(device: Device, system: System): boolean {
  return device.software && isDebianLike(system) && system.mesaVersion === undefined &&
    !device.features.has("subgroups");
}

// The machine can train as it is, only slowly: a repair that fails takes nothing away.
async function replaceSlow(output: Output): Promise<number> {
  try {
    return await repair(output);
  } catch (error) {
    output.notice(error instanceof Error ? error.message : String(error));
    output.notice("The adapter of now stays in use: an OpenGL substitute without subgroups, which is slow.");
    return ExitCode.ok;
  }
}

function reportRuntime(system: System, output: Output): void {
  const { deno, v8, typescript } = Deno.version;
  const { os, arch } = Deno.build;
  const name = [system.release?.prettyName, system.wsl ? "inside Windows (WSL)" : ""].filter(Boolean).join(
    ", ",
  );
  output.record({
    event: "runtime",
    deno,
    v8,
    typescript,
    os,
    arch,
    system: name || os,
    mesa: system.mesaVersion,
  });
  row(output, "Runtime", `Deno ${deno}, V8 ${v8}, TypeScript ${typescript}`);
  row(output, "System", `${os} ${arch}${name === "" ? "" : `, ${name}`}`);
}

function reportDevice(device: Device, check: AdapterCheck, output: Output): void {
  const { description, profile, features, limits, software, memoryBudget } = device;
  const shown = {
    maxBufferSize: limits.maxBufferSize,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
  };
  output.record({
    event: "adapter",
    description,
    software,
    profile,
    features: [...features],
    limits: shown,
    memoryBudget,
  });
  row(output, "Adapter", description);
  row(output, "Kernels", profile === "cpu8" ? "cpu8: made for processors" : "gpu: made for graphics cards");
  row(output, "Features", [...features].join(", ") || "none beyond the standard");
  row(
    output,
    "Limits",
    [
      `buffer ${formatBytes(shown.maxBufferSize)}, of which bound ${
        formatBytes(shown.maxStorageBufferBindingSize)
      }`,
      `${shown.maxStorageBuffersPerShaderStage} buffers a kernel`,
      `workgroup ${shown.maxComputeInvocationsPerWorkgroup} wide with ${
        formatBytes(shown.maxComputeWorkgroupStorageSize)
      }`,
      memoryBudget < Infinity
        ? `at most ${formatBytes(memoryBudget)} in all`
        : `in all ${software ? "three quarters of the memory that is free" : "what the driver gives"}`,
    ].join("; "),
  );
  output.record({ event: "kernel", ok: check.wrong === 0, ...check });
  const verdict = check.wrong === 0 ? "right" : `WRONG in ${check.wrong} places`;
  const times = `compiled in ${check.compileTime.toFixed(1)} ms, run and read in ${
    check.runTime.toFixed(1)
  } ms`;
  row(output, "A test", `${check.numbers} numbers, ${verdict}; ${times}`);
}

function row(output: Output, label: string, text: string): void {
  output.line(`${output.bold(label.padEnd(10))}${text}`);
}

async function withoutAdapter(system: System, fix: boolean, output: Output): Promise<number> {
  output.record({ event: "adapter", description: null });
  row(output, "Adapter", "none");
  const hiding = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].filter((name) =>
    environmentVariable(name) !== undefined
  );
  if (hiding.length > 0) {
    output.notice(`Set in the environment, and may hide a driver: ${hiding.join(", ")}.`);
  }
  if (fix) return await repair(output);
  output.notice(advice(system));
  return ExitCode.unavailable;
}

function advice(system: System): string {
  if (system.mesaVersion !== undefined) {
    return `Mesa's Vulkan driver ${system.mesaVersion} is installed and yet offers no adapter: something in the ` +
      "environment hides it, or its description in /usr/share/vulkan/icd.d is damaged. Reinstall the package " +
      "mesa-vulkan-drivers.";
  }
  const automatic = canRepair(system) ? " `attend doctor --fix` does that." : "";
  return `${remedyFor(system)}${automatic}`;
}
