// Collects the lines of a corpus that are no sentence pair: they are skipped and counted, never hidden.

/** A line that was skipped, and why. */
export interface BadLine {
  /** The number of the line in its file, from 1. */
  readonly line: number;
  /** What is wrong with it, in words. */
  readonly reason: string;
}

/** How many bad lines are kept one by one; the others are only counted. */
export const BAD_LINES_KEPT: number = 100;

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
