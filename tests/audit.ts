// Runs the program under a permission set of deno.json and tells which permissions it asked for, from Deno's own log.

import { join, resolve } from "node:path";
import { type Ended, PROGRAM, runDeno } from "./cli/program.ts";
import { TemporaryFolder } from "./data/temporary_folder.ts";

const root = new URL("../", import.meta.url);

/** What a permission set may grant of one kind. */
export type Granted = true | readonly string[];

/** The permission sets of deno.json. */
export const SETS: Readonly<Record<string, Readonly<Record<string, Granted>>>> = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", root)),
).permissions;

/** One permission that was asked for: a kind such as `read`, and a path, a variable or a host. */
export interface Asked {
  readonly permission: string;
  readonly value: string;
}

/** How a run ended, and what it asked for. */
export interface Audited extends Ended {
  readonly asked: readonly Asked[];
}

/** A folder with the project's deno.json in which commands run, so that its relative paths are in there. */
export class AuditedProject implements AsyncDisposable {
  #logs = 0;

  private constructor(readonly folder: TemporaryFolder) {}

  static async make(): Promise<AuditedProject> {
    const folder = await TemporaryFolder.make();
    for (const name of ["deno.json", "deno.lock", "examples/demo.json"]) {
      await Deno.mkdir(join(folder.at(name), ".."), { recursive: true });
      await Deno.copyFile(new URL(name, root), folder.at(name));
    }
    await Deno.mkdir(folder.at("data"));
    return new AuditedProject(folder);
  }

  /** Runs the program with flags such as `-P=train`; whatever is not granted is refused without a question. */
  async run(
    flags: readonly string[],
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<Audited> {
    const log = this.folder.at(`audit-${this.#logs++}.jsonl`);
    const ended = await runDeno(["run", "--no-prompt", "--config", "deno.json", ...flags, PROGRAM, ...args], {
      cwd: this.folder.path,
      env: { DENO_AUDIT_PERMISSIONS: log, ...env },
    });
    // A program that starts Deno again would lose its log to it: such a run writes it to standard error.
    const text = env["DENO_AUDIT_PERMISSIONS"] ? ended.stderr : await Deno.readTextFile(log).catch(() => "");
    const lines = text.split("\n").filter((line) => line.startsWith('{"v":'));
    return { ...ended, asked: lines.map((line) => JSON.parse(line)) };
  }

  /** Tells whether one entry of a set, such as the folder `runs`, covers what was asked for. */
  covers(entry: string, { permission, value }: Asked): boolean {
    if (permission === "net" && URL.canParse(value)) return new URL(value).host === entry;
    if (permission !== "read" && permission !== "write") return value === entry;
    const path = resolve(this.folder.path, value);
    const granted = resolve(this.folder.path, entry);
    return path === granted || path.startsWith(`${granted}/`) || path.startsWith(`${granted}\\`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}
