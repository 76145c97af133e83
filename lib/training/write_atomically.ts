// Training: writing files so that a crash leaves the old one or the new one, never half of one.

/**
 * Writes a file completely or not at all: to a temporary file beside it, flushed to disk, then renamed.
 *
 * @param path Where; replaced if it exists.
 * @param contents Text or bytes.
 */
export async function writeAtomically(path: string, contents: string | Uint8Array): Promise<void> {
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true });
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
    await file.sync();
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(path.replace(/[/\\]?[^/\\]*$/, "") || ".");
}

/** Makes a rename durable; where folders cannot be opened, as on Windows, the system sees to it itself. */
async function syncFolder(folder: string): Promise<void> {
  try {
    using handle = await Deno.open(folder);
    await handle.sync();
  } catch {
    // Not every file system lets a folder be synced.
  }
}
