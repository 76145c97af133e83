// What the program shows while it trains or downloads: one line redrawn in place on a terminal, and now and then
// a plain line where there is none, so that a log file stays readable.

import { textWidth, truncate } from "./text_width.ts";

const REDRAW_MILLISECONDS = 100;
const PLAIN_MILLISECONDS = 10_000;
const CLEAR_TO_END = "\x1b[K";

/** Where and how `Progress` writes. */
export interface ProgressOptions {
  /** Whether `write` leads to a terminal; without one nothing is redrawn. */
  readonly terminal: boolean;
  /** The width of the terminal; 80 by default. */
  readonly columns?: number;
  /** Whether the bar may be coloured; `false` by default. */
  readonly color?: boolean;
  /** Takes each piece of text, line ends included. */
  readonly write: (text: string) => void;
  /** The clock, in milliseconds; `performance.now` by default. */
  readonly now?: () => number;
  /** The least time between two drawings, in milliseconds; 100 on a terminal, else 10,000. */
  readonly interval?: number;
}

/** What one progress line says. */
export interface ProgressLine {
  /** What is going on, as in `epoch 2`. */
  readonly label: string;
  /** How much is done, from 0 to 1; without it there is no bar. */
  readonly fraction?: number;
  /** Further facts, as in `loss 2.31`. */
  readonly fields: readonly string[];
}

/**
 * Reports progress on one line.
 *
 * Calls may come as often as the work goes on; drawing is limited by time. The first line is drawn at once, and
 * `finish()` draws the last one, so the end is always seen.
 *
 * @example
 * ```ts
 * import { Progress } from "./progress.ts";
 *
 * const lines: string[] = [];
 * const progress = new Progress({ terminal: false, write: (text) => lines.push(text) });
 * progress.update({ label: "epoch 1", fraction: 0.5, fields: ["loss 2.31", "1,200 tokens/s"] });
 * progress.finish();
 * console.log(lines); // [ "epoch 1  50%  loss 2.31  1,200 tokens/s\n" ]
 * ```
 */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #interval: number;
  #latest: ProgressLine | undefined;
  #isDrawn = true;
  #nextDrawing = -Infinity;

  /**
   * Creates a progress line that is not yet drawn.
   *
   * @param options Where and how to write.
   */
  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#interval = options.interval ?? (options.terminal ? REDRAW_MILLISECONDS : PLAIN_MILLISECONDS);
  }

  /**
   * Replaces the line, and draws it if the last drawing is long enough ago.
   *
   * @param line What to say.
   */
  update(line: ProgressLine): void {
    this.#latest = line;
    this.#isDrawn = false;
    const now = (this.#options.now ?? (() => performance.now()))();
    if (now < this.#nextDrawing) return;
    this.#nextDrawing = now + this.#interval;
    this.#draw();
  }

  /**
   * Writes a line that stays, above the progress line.
   *
   * @param text The line, without its end.
   */
  log(text: string): void {
    if (!this.#options.terminal) return this.#options.write(`${text}\n`);
    this.#options.write(`\r${CLEAR_TO_END}${text}\n`);
    if (this.#latest !== undefined) this.#draw();
  }

  /** Draws the last line if it is not yet seen, and ends it; a later `update()` begins anew. */
  finish(): void {
    if (this.#latest === undefined) return;
    if (!this.#isDrawn) this.#draw();
    if (this.#options.terminal) this.#options.write("\n");
    this.#latest = undefined;
    this.#nextDrawing = -Infinity;
  }

  #draw(): void {
    const { terminal, columns = 80, color = false, write } = this.#options;
    const line = this.#latest!;
    this.#isDrawn = true;
    if (!terminal) return write(`${compose(line)}\n`);
    // The last column stays free: a full line would wrap in some terminals.
    write(`\r${composeWithBar(line, columns - 1, color)}${CLEAR_TO_END}`);
  }
}

function compose({ label, fraction, fields }: ProgressLine): string {
  const percent = fraction === undefined ? [] : [`${String(percentage(fraction)).padStart(2)}%`];
  return [label, ...percent, ...fields].map(toOneLine).join("  ");
}

/** Puts a bar behind the label if at least ten columns are left for it; the words come first. */
function composeWithBar(line: ProgressLine, width: number, color: boolean): string {
  const words = compose(line);
  const room = Math.min(width - textWidth(words) - 2, 30);
  if (line.fraction === undefined || room < 10) return truncate(words, width);
  const filled = Math.round(percentage(line.fraction) / 100 * room);
  const done = "━".repeat(filled);
  const rest = color ? "━".repeat(room - filled) : "─".repeat(room - filled);
  const bar = color ? `\x1b[36m${done}\x1b[90m${rest}\x1b[39m` : done + rest;
  const label = toOneLine(line.label);
  return `${label}  ${bar}${words.slice(label.length)}`;
}

function percentage(fraction: number): number {
  // Rounded down: 100 % means that nothing is left to do.
  return Math.floor(Math.min(Math.max(fraction || 0, 0), 1) * 100);
}

/** Replaces control characters: a file name must not end the line or command the terminal. */
function toOneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ");
}
