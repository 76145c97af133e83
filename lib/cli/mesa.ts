// Puts Mesa's software Vulkan driver onto a Debian-like machine: first the plan, which can be shown and
// tested, then the commands. On Debian 12 the driver comes from backports, where it is much faster.

import { type AptSource, offersSuite, sourceBeside } from "./apt_sources.ts";
import type { System } from "./system.ts";

/** One command, with what it reads from standard input. */
export interface Step {
  readonly command: readonly [string, ...string[]];
  readonly input?: string;
}

/** One way to install the driver. */
export interface Attempt {
  /** What is about to be done, in one sentence for people. */
  readonly description: string;
  readonly steps: readonly Step[];
  /** What takes the steps back when one of them fails. */
  readonly undo: readonly Step[];
}

/** Carries out one command and returns its exit code. */
export type RunStep = (step: Step) => Promise<number>;

/** Debian 12, the one release whose own driver is much slower than the one in its backports. */
const SLOW_RELEASE = "bookworm";
const PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"];
const SOURCE_FILE = "/etc/apt/sources.list.d/attend-backports.sources";

/** Tells whether the machine is a Debian 12 whose own driver leaves much speed unused. */
export function hasSlowMesa({ release, mesaVersion }: System): boolean {
  return release?.codename === SLOW_RELEASE && mesaVersion !== undefined && /^22\./.test(mesaVersion);
}

/**
 * Returns the ways to install the driver, the best one first.
 *
 * @param system The machine.
 * @param sources Its package sources, which tell the mirror that serves it.
 * @param prefix What makes a command run as root: empty, or `["sudo"]`.
 */
export function planInstallation(
  system: System,
  sources: readonly AptSource[],
  prefix: readonly string[],
): Attempt[] {
  const asRoot = (command: string, ...args: string[]): Step["command"] => {
    const [first = command, ...rest] = [...prefix, command, ...args];
    return [first, ...rest];
  };
  const quietly = (...command: string[]): Step => ({
    command: asRoot("env", "DEBIAN_FRONTEND=noninteractive", ...command),
  });
  const apt = (...args: string[]) => quietly("apt-get", "-o", "DPkg::Lock::Timeout=120", ...args);
  // apt-get refuses to work while an installation that was interrupted is unfinished.
  const finishOthers = quietly("dpkg", "--configure", "-a");
  const plain: Attempt = {
    description: `Install ${PACKAGES.join(" and ")} with apt-get.`,
    steps: [finishOthers, apt("update"), apt("install", "-y", "--no-install-recommends", ...PACKAGES)],
    undo: [],
  };
  if (system.release?.id !== "debian" || system.release.codename !== SLOW_RELEASE) return [plain];

  const suite = `${SLOW_RELEASE}-backports`;
  const configured = offersSuite(sources, suite);
  const source = configured ? undefined : sourceBeside(sources, SLOW_RELEASE, suite);
  if (!configured && source === undefined) return [plain];
  const added = source === undefined
    ? ""
    : `Add ${suite} from this machine's own mirror in ${SOURCE_FILE}, then install `;
  const backports: Attempt = {
    description: `${added || "Install "}${
      PACKAGES.join(" and ")
    } from ${suite}, which is faster than Debian 12's own.`,
    steps: [
      ...(source === undefined ? [] : [{ command: asRoot("tee", SOURCE_FILE), input: source }]),
      finishOthers,
      apt("update"),
      apt("install", "-y", "--no-install-recommends", "-t", suite, ...PACKAGES),
    ],
    undo: source === undefined ? [] : [{ command: asRoot("rm", "-f", SOURCE_FILE) }],
  };
  return [backports, plain];
}

/** Returns the steps of an attempt as a person would type them. */
export function describeSteps({ steps }: Attempt): string[] {
  return steps.map(({ command, input }) => (input === undefined ? "" : "… | ") + command.join(" "));
}

/**
 * Carries out the attempts until one succeeds.
 *
 * @param attempts The ways to install, the best one first.
 * @param run Carries out one command.
 * @param notice Is told what is being done.
 * @throws {Error} When none succeeded.
 */
export async function install(
  attempts: readonly Attempt[],
  run: RunStep,
  notice: (text: string) => void,
): Promise<void> {
  let failed = "there is no way to do so";
  for (const attempt of attempts) {
    notice(attempt.description);
    const step = await firstFailure(attempt.steps, run);
    if (step === undefined) return;
    failed = `\`${step.command.join(" ")}\` failed`;
    notice(`That did not work: ${failed}.`);
    await firstFailure(attempt.undo, run);
  }
  throw new Error(`Cannot install the graphics driver: ${failed}. Its own messages above tell why.`);
}

async function firstFailure(steps: readonly Step[], run: RunStep): Promise<Step | undefined> {
  for (const step of steps) {
    if (await run(step) !== 0) return step;
  }
  return undefined;
}
