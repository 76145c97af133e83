// What the program knows of the process it runs in. Everything that a permission guards may be missing:
// the program then does without it, and never makes Deno ask a question.

import { environmentVariable } from "../cache_folder.ts";
import type { Sink } from "./output.ts";
import { grantsOf, permissionFlags, type Permissions } from "./permissions.ts";

/** The surroundings of the program; a test passes its own. */
export interface Environment {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Whether colours are wanted, as NO_COLOR tells. */
  readonly color: boolean;
  /** The width of the terminal in characters. */
  readonly columns: number;
  /** Whether errors are shown with their stack. */
  readonly debug: boolean;
  /** How a person starts a command: what the examples of the help begin with. */
  readonly invocation: (command: string, permissions?: Permissions) => string;
}

/** Returns the surroundings of this process. */
export function processEnvironment(): Environment {
  return {
    stdout: sinkOf(Deno.stdout),
    stderr: sinkOf(Deno.stderr),
    color: !Deno.noColor,
    columns: consoleColumns(),
    debug: !["0", undefined].includes(environmentVariable("ATTEND_DEBUG")),
    invocation,
  };
}

function consoleColumns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

// Permission sets belong to the deno.json beside a module on disk, so a program loaded by URL has none.
function invocation(command: string, { set = command, also = {} }: Permissions = {}): string {
  const remote = /^https?:/.test(Deno.mainModule);
  const flags = remote
    ? permissionFlags({ ...grantsOf(set), ...also })
    : [`-P=${set}`, ...permissionFlags(also)];
  return ["deno run", ...flags, remote ? Deno.mainModule : "mod.ts", command].join(" ");
}

function sinkOf(stream: typeof Deno.stdout | typeof Deno.stderr): Sink {
  const encoder = new TextEncoder();
  return {
    terminal: stream.isTerminal(),
    write(text: string): void {
      let rest = encoder.encode(text);
      while (rest.length > 0) rest = rest.subarray(writeSome(stream, rest));
    },
  };
}

const pause = new Int32Array(new SharedArrayBuffer(4));

// A pipe shared with Node.js (npx starts Deno that way) does not block: when it is full, wait for its reader.
function writeSome(stream: typeof Deno.stdout | typeof Deno.stderr, bytes: Uint8Array): number {
  try {
    return stream.writeSync(bytes);
  } catch (error) {
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    Atomics.wait(pause, 0, 0, 5);
    return 0;
  }
}
