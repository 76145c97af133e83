// Sentence pairs from tab-separated lines: source, target and perhaps an attribution, as manythings.org has
// them. The lines are read by tsv-parse; a CSV parser would stumble over every sentence with a bare quote.

// @ts-types="./tsv_parse.d.ts"
import { parse, type Row } from "npm:tsv-parse@1.3.3";
import { BadLines, unfitReason } from "./bad_lines.ts";
import { splitLines } from "./lines.ts";
import type { Pair } from "./pair.ts";

/** What a line of a corpus file must look like, for errors. */
export const TSV_FORMAT: string = "source TAB target, or source TAB target TAB attribution, in UTF-8";

/** The pairs of a TSV file, and what could not be used of it. */
export interface TsvResult {
  /** The sentence pairs in the order of the lines. */
  readonly pairs: Pair[];
  /** How many lines there are. */
  readonly lines: number;
  /** Those that are no pair. */
  readonly bad: BadLines;
}

/**
 * Reads sentence pairs from tab-separated lines.
 *
 * Whether the lines have two or three columns is what most lines of the first chunk have; every line with
 * another number of columns, or with a side that `unfitReason` refuses, is bad. Sentences are taken as they stand: not
 * trimmed, and not normalised.
 *
 * @param chunks Strings of whole lines, as `lineChunks` yields them.
 */
export async function readTsv(chunks: AsyncIterable<string>): Promise<TsvResult> {
  const pairs: Pair[] = [];
  const bad = new BadLines();
  let lines = 0;
  let header: readonly string[] | undefined;
  for await (const chunk of chunks) {
    header ??= headerOf(chunk);
    for (const row of rowsOf(chunk, header)) {
      lines++;
      if (row.error) {
        bad.add(lines, columnsReason(row.errorMessage, header));
        continue;
      }
      const { source, target } = row.parsedLine;
      const reason = unfitReason(source, target);
      if (reason === undefined) pairs.push({ source, target });
      else bad.add(lines, reason);
    }
  }
  return { pairs, lines, bad };
}

function headerOf(chunk: string): readonly string[] {
  let balance = 0;
  for (const line of splitLines(chunk)) {
    const columns = line.split("\t", 4).length;
    if (columns === 2) balance--;
    if (columns === 3) balance++;
  }
  return balance > 0 ? ["source", "target", "attribution"] : ["source", "target"];
}

function rowsOf(chunk: string, header: readonly string[]): readonly Row[] {
  // Blank rows are kept, because dropping them would shift every line number after them.
  const options = { headerRow: true, ignoreBlankRows: false, ignoreBlankHeaderlessData: false };
  return parse(`${header.join("\t")}\n${chunk}`, options).lines;
}

function columnsReason(message: string, header: readonly string[]): string {
  const columns = /has (\d+) values/.exec(message)?.[1];
  if (columns === undefined) return message;
  return `${columns} ${columns === "1" ? "column" : "columns"} instead of ${header.length}`;
}
