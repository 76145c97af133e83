// Training: writing files so that a crash leaves the old one or the new one, never half of one.

import { syncFolder } from "../data/sync_folder.ts";

/** A file that lies complete beside its place. */
export interface WrittenBeside {
  /** Puts it into its place, where it replaces what is there. */
  commit(): Promise<void>;
  /** Removes it. */
  discard(): Promise<void>;
}

/** Text, bytes, or bytes in parts, one after the other. */
export type Contents = string | Uint8Array | readonly Uint8Array[];

/** What unfinished files end in, behind a random name. */
const UNFINISHED = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/**
 * Writes a file completely or not at all: to a temporary file beside it, flushed to disk, then renamed.
 *
 * @param path Where; replaced if it exists.
 * @param contents Text or bytes.
 */
export async function writeAtomically(path: string, contents: Contents): Promise<void> {
  await (await writeBeside(path, contents)).commit();
}

/**
 * Writes a file beside its place and flushes it to disk.
 *
 * @param path Its place; the folder must exist.
 * @param contents Text or bytes.
 */
export async function writeBeside(path: string, contents: Contents): Promise<WrittenBeside> {
  const whole = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
  const parts = whole instanceof Uint8Array ? [whole] : whole;
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  const discard = () => Deno.remove(temporary).catch(() => {});
  const orDiscard = async (act: () => Promise<void>) => {
    try {
      await act();
    } catch (error) {
      await discard();
      throw error;
    }
  };
  await orDiscard(async () => {
    using file = await Deno.open(temporary, { write: true, createNew: true });
    for (const bytes of parts) {
      for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
    }
    await file.sync();
  });
  const commit = () =>
    orDiscard(async () => {
      await Deno.rename(temporary, path);
      await syncFolder(path.replace(/[/\\]?[^/\\]*$/, "") || ".");
    });
  return { commit, discard };
}

/** Removes what writers that were killed left unfinished in a folder. */
export async function removeUnfinished(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (UNFINISHED.test(name)) await Deno.remove(`${folder}/${name}`);
  }
}
