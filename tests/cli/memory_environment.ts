// An environment for the program that remembers what was written to it.

import type { Environment } from "../../lib/cli/environment.ts";

/** An {@linkcode Environment} whose output can be read back. */
export interface MemoryEnvironment extends Environment {
  /** What was written to standard output so far. */
  readonly stdoutText: () => string;
  /** What was written to standard error so far. */
  readonly stderrText: () => string;
}

/** Returns an environment without a terminal, 80 columns wide. */
export function memoryEnvironment(overrides: Partial<Environment> = {}): MemoryEnvironment {
  let out = "";
  let err = "";
  return {
    stdout: { terminal: false, write: (text) => void (out += text) },
    stderr: { terminal: false, write: (text) => void (err += text) },
    color: true,
    columns: 80,
    debug: false,
    invocation: (command) => `run ${command}`,
    ...overrides,
    stdoutText: () => out,
    stderrText: () => err,
  };
}
