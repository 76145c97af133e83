// Collects the lines of a corpus that are no sentence pair: they are skipped and counted, never hidden. What makes a
// sentence unfit stands here too, because all kinds of files share it.

/** A line that was skipped, and why. */
export interface BadLine {
  /** The number of the line in its file, from 1. */
  readonly line: number;
  /** What is wrong with it, in words. */
  readonly reason: string;
}

/** How many bad lines are kept one by one; the others are only counted. */
export const BAD_LINES_KEPT: number = 100;

/** The most characters that a sentence may have. */
export const MOST_CHARACTERS: number = 1 << 16;

/** The bad lines of one corpus: all are counted, the first ones kept. */
export class BadLines {
  /** The first bad lines, at most `BAD_LINES_KEPT`. */
  readonly list: BadLine[] = [];
  /** How many lines were bad. */
  count: number = 0;

  /** Adds one bad line. */
  add(line: number, reason: string): void {
    this.count++;
    if (this.list.length < BAD_LINES_KEPT) this.list.push({ line, reason });
  }
}

/** What no sentence has: control characters, byte order marks of files put together, and what stands for broken UTF-8. */
// deno-lint-ignore no-control-regex
const UNFIT = /[\x00-\x08\x0a-\x1f\x7f-\x9f\ufeff\ufffd]/;

/**
 * Returns why a pair is unfit, or undefined if it is fit.
 *
 * A side is unfit if it is empty or all white space, longer than `MOST_CHARACTERS`, or has a character that does not
 * belong into a line of text. Quotes, U+2028, marks of direction and, in aligned files such as Multi30k's, tabs do.
 */
export function unfitReason(source: string, target: string): string | undefined {
  return unfitSide("source", source) ?? unfitSide("target", target);
}

function unfitSide(side: string, text: string): string | undefined {
  if (text.trim() === "") return `the ${side} is empty`;
  if (text.length > MOST_CHARACTERS) return `the ${side} is longer than ${MOST_CHARACTERS} characters`;
  const found = UNFIT.exec(text)?.[0];
  if (found === undefined) return undefined;
  if (found === "\ufffd") return `the ${side} has bytes that are no UTF-8, or U+FFFD in their place`;
  const code = `U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  return `the ${side} has a ${found === "\ufeff" ? "byte order mark" : "control character"} (${code}) in it`;
}
