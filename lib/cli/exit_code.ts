// How a command ends: the exit codes of the program, and the errors that choose one.
// The numbers are the shell's and sysexits.h's own, so that scripts can tell the cases apart.

/** The exit codes of the program. */
export const ExitCode = {
  /** All went well. */
  ok: 0,
  /** The command failed; standard error says why. */
  failure: 1,
  /** The command line or the configuration file was wrong. */
  usage: 2,
  /** This machine offers no GPU adapter (EX_UNAVAILABLE). */
  unavailable: 69,
  /** The GPU was lost in the middle; the same command may do, with --resume if it trains (EX_TEMPFAIL). */
  deviceLost: 75,
  /** SIGINT, usually Ctrl-C, ended the command. */
  interrupted: 130,
  /** The reader of standard output went away. */
  brokenPipe: 141,
  /** SIGTERM ended the command. */
  terminated: 143,
} as const;

/**
 * A mistake on the command line or in a configuration file: the program prints the message with a
 * pointer to `--help`, and exits with {@linkcode ExitCode.usage}.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Does what the library does with options, before anything is loaded: what it finds wrong with them is a mistake on the
 * command line.
 */
export function checkUsage(check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/** SIGINT or SIGTERM arrived: the reason of the signal that `context.interruption()` returns. */
export class InterruptionError extends Error {
  override readonly name = "InterruptionError";
  /** The exit code that tells which signal it was. */
  readonly exitCode: number;

  /** Names the operating system's signal that arrived. */
  constructor(readonly signal: Deno.Signal) {
    super(`Interrupted by ${signal}`);
    this.exitCode = signal === "SIGTERM" ? ExitCode.terminated : ExitCode.interrupted;
  }
}

/** Returns the exit code that an error thrown by a command stands for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return ExitCode.usage;
  if (error instanceof InterruptionError) return error.exitCode;
  if (error instanceof Deno.errors.BrokenPipe) return ExitCode.brokenPipe;
  // Told by their names, because importing the classes would load the whole GPU layer for `--help`.
  if (error instanceof Error && error.name === "AdapterNotFoundError") return ExitCode.unavailable;
  if (error instanceof Error && error.name === "DeviceLostError") return ExitCode.deviceLost;
  return ExitCode.failure;
}
