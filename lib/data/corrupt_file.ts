// What is said of a packed file that cannot be trusted.

/** What to do about it; a download that is thrown away at once leaves it out. */
export const CORRUPT_REMEDY: string = "Delete it and fetch or pack it again.";

/**
 * Makes the error for a packed file that is damaged or hostile.
 *
 * @param path The file.
 * @param format What it was read as, such as `gzip`.
 * @param reason What is wrong: words, or an error.
 */
export function corruptFile(path: string, format: string, reason: unknown): Error {
  const words = reason instanceof Error ? reason.message : String(reason);
  return new Deno.errors.InvalidData(`Cannot read ${path} as ${format}: ${words}. ${CORRUPT_REMEDY}`, {
    cause: reason,
  });
}
