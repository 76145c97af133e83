// Runs the program as a user does: another process, told apart by its exit code and what it wrote.

import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

/** The path of the program. */
export const PROGRAM: string = fileURLToPath(new URL("../../mod.ts", import.meta.url));

/** How a process ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a process is given besides its arguments. */
export interface Surroundings {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** Runs the program to its end. */
export async function attend(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  return await runDeno(["run", "-A", PROGRAM, ...args], surroundings);
}

/** Runs Deno to its end. */
export async function runDeno(args: readonly string[], surroundings: Surroundings = {}): Promise<Ended> {
  const { stdin, env = {}, cwd } = surroundings;
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NO_COLOR: "1", ...env },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs the program; checks that it fails in so many words, without a stack. */
export async function refuses(
  args: readonly string[],
  code: number,
  says: readonly string[],
  more: Surroundings = {},
) {
  const ended = await attend(args, more);
  assertEquals(ended.code, code, ended.stderr);
  assert(/^error: [A-Z]/m.test(ended.stderr), ended.stderr);
  assert(!/^ +at /m.test(ended.stderr), `there is a stack in ${ended.stderr}`);
  for (const text of says) assertStringIncludes(ended.stderr, text);
}

/** Parses the lines that `--json` writes. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
