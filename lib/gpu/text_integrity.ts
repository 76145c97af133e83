// Layer 1: texts that came by URL are those that the project was made with. A lock file has hashes of modules, but
// none of texts that modules import; so a module has the hashes of the texts, and the lock file has that module.

import { createHash } from "node:crypto";

/** The name of a text, the text that was imported, and the hash of the right one, as {@linkcode textHash} makes it. */
export type HashedText = readonly [name: string, text: string, hash: string];

/** Returns the SHA-256 of a text in UTF-8, in base64. */
export function textHash(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

/**
 * Refuses texts that are not the right ones. Files on disk may be changed at will: their owner is who runs them.
 *
 * @param folder The address of the folder that they came from.
 * @param texts What came.
 * @throws {Deno.errors.InvalidData} If one that did not come from a disk has another hash.
 */
export function checkTexts(folder: URL, texts: readonly HashedText[]): void {
  if (folder.protocol === "file:") return;
  for (const [name, text, hash] of texts) {
    if (textHash(text) === hash) continue;
    throw new Deno.errors.InvalidData(
      `Cannot use ${new URL(
        name,
        folder,
      )}: it is not the text that this version of attend was made with, so it was ` +
        "changed or damaged on its way. Load it anew with `deno run --reload`; if that does not help, do not trust the server.",
    );
  }
}
