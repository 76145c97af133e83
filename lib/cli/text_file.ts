// Files of lines that commands are given, one thing a line.

/**
 * Reads a text file.
 *
 * @param what What is in it, for the message: "the sentences".
 * @throws {Deno.errors.NotFound} If there is no such file.
 */
export async function readText(path: string, what: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(`Cannot read ${what} in "${path}": there is no such file.`);
  }
}

/** The lines of a text; a line break at its end begins no further one. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
