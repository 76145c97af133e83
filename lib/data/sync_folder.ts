// Makes renames last, also through a loss of power.

/**
 * Flushes a folder's entries to disk; where folders cannot be opened, as on Windows, the system sees to it itself. Whoever
 * may only write there is not asked for more: it is left to the system.
 */
export async function syncFolder(folder: string): Promise<void> {
  if (Deno.permissions.querySync({ name: "read", path: folder }).state !== "granted") return;
  try {
    using handle = await Deno.open(folder);
    await handle.sync();
  } catch {
    // Not every file system lets a folder be synced.
  }
}
