// Sentence pairs from two text files of which line n of one is the translation of line n of the other.

import { BadLines, unfitReason } from "./bad_lines.ts";
import { readBytes } from "./file.ts";
import { lineChunks, splitLines } from "./lines.ts";
import type { Pair } from "./pair.ts";
import type { TsvResult } from "./tsv.ts";

/**
 * Reads sentence pairs from two aligned files.
 *
 * @param sourcePath The file with the sentences to be translated, perhaps gzipped.
 * @param targetPath The file with their translations.
 * @throws {Deno.errors.InvalidData} If they have different numbers of lines, with both.
 */
export async function readAligned(sourcePath: string, targetPath: string): Promise<TsvResult> {
  const [sources, targets] = await Promise.all([readLines(sourcePath), readLines(targetPath)]);
  if (sources.length !== targets.length) {
    throw new Deno.errors.InvalidData(
      `Cannot align ${sourcePath} and ${targetPath}: the first has ${sources.length} lines, the second ` +
        `${targets.length}. Line n of one must be the translation of line n of the other.`,
    );
  }
  const pairs: Pair[] = [];
  const bad = new BadLines();
  for (const [index, source] of sources.entries()) {
    const target = targets[index]!;
    const reason = unfitReason(source, target);
    if (reason === undefined) pairs.push({ source, target });
    else bad.add(index + 1, reason);
  }
  return { pairs, lines: sources.length, bad };
}

async function readLines(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const chunk of lineChunks(readBytes(path), path)) {
    for (const line of splitLines(chunk)) lines.push(line);
  }
  return lines;
}
