// The program: finds the command, carries it out, and turns whatever it throws into a message and an exit
// code. Commands are loaded when they are called, so that `--help` does not wait for the GPU layer.

import project from "../../deno.json" with { type: "json" };
import { asksForDebug, asksForHelp, type Command, runCommand } from "./command.ts";
import { type Environment, processEnvironment } from "./environment.ts";
import { ExitCode, exitCodeOf, UsageError } from "./exit_code.ts";
import { programHelp } from "./help.ts";
import { permissionAdvice } from "./permissions.ts";
import { suggestion } from "./suggestion.ts";

/** A command that has not been loaded yet. */
interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** The commands of the program by name. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  train: {
    summary: "Train a translator on a corpus of sentence pairs",
    load: async () => (await import("./train.ts")).command,
  },
  translate: {
    summary: "Translate sentences with a trained model",
    load: async () => (await import("./translate.ts")).command,
  },
  evaluate: {
    summary: "Measure a trained model on held-out sentence pairs",
    load: async () => (await import("./evaluate.ts")).command,
  },
  average: {
    summary: "Average the weights of checkpoints of one model",
    load: async () => (await import("./average.ts")).command,
  },
  doctor: {
    summary: "Check that this machine can train, and repair what is missing",
    load: async () => (await import("./doctor.ts")).command,
  },
};

/**
 * Runs the program.
 *
 * @param args The arguments as the shell gives them; the first one names the command.
 * @param environment The surroundings of the program; this process unless told.
 * @returns The exit code, one of {@linkcode ExitCode}.
 */
export async function main(
  args: readonly string[],
  environment: Environment = processEnvironment(),
): Promise<number> {
  const [name = "", ...rest] = args;
  // Not every error comes through a promise that somebody awaits: a lost GPU reports itself from nowhere.
  const stop = (event: ErrorEvent | PromiseRejectionEvent) => {
    event.preventDefault();
    Deno.exit(explain("error" in event ? event.error : event.reason, name, asksForDebug(rest), environment));
  };
  globalThis.addEventListener("error", stop);
  globalThis.addEventListener("unhandledrejection", stop);
  try {
    return await dispatch(name, rest, environment);
  } catch (error) {
    return explain(error, name, asksForDebug(rest), environment);
  } finally {
    globalThis.removeEventListener("error", stop);
    globalThis.removeEventListener("unhandledrejection", stop);
  }
}

async function dispatch(name: string, args: readonly string[], environment: Environment): Promise<number> {
  if (name === "" || name === "help" || asksForHelp([name])) {
    const text = programHelp(
      Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]),
      environment,
    );
    (name === "" ? environment.stderr : environment.stdout).write(text);
    return name === "" ? ExitCode.usage : ExitCode.ok;
  }
  if (name === "--version") {
    environment.stdout.write(
      `attend ${project.version} (deno ${Deno.version.deno}, v8 ${Deno.version.v8})\n`,
    );
    return ExitCode.ok;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    const kind = name.startsWith("-") ? "option" : "command";
    throw new UsageError(`Unknown ${kind} "${name}".${suggestion(name, Object.keys(COMMANDS))}`);
  }
  const command = await COMMANDS[name]!.load();
  return await runCommand(command, args, environment);
}

// Writes what a person needs to know about the error, and returns the exit code it stands for.
function explain(error: unknown, command: string, debug: boolean, environment: Environment): number {
  const code = exitCodeOf(error);
  // Nobody reads any more, or the person who pressed Ctrl-C knows: there is nothing to tell.
  if (code === ExitCode.brokenPipe || code === ExitCode.interrupted || code === ExitCode.terminated) {
    return code;
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = (debug || environment.debug) && error instanceof Error ? error.stack : undefined;
  const name = Object.hasOwn(COMMANDS, command) ? `${command} ` : "";
  const pointer = code === ExitCode.usage ? `\nSee attend ${name}--help.` : "";
  const grant = error instanceof Deno.errors.NotCapable ? permissionAdvice(error.message, command) : "";
  environment.stderr.write(`error: ${stack ?? message}${grant}${pointer}\n`);
  return code;
}
