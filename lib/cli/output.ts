// Where a command's words go: results to standard output, remarks and progress to standard error.
// With --json, standard output carries one JSON object a line and nothing else.

import { Progress } from "../report/progress.ts";

/** A place to write text to: standard output, standard error, or a test's memory. */
export interface Sink {
  /** Whether a person reads along, so that lines may be redrawn. */
  readonly terminal: boolean;
  /** Writes the text as it is. */
  write(text: string): void;
}

/** What an {@linkcode Output} is made of. */
export interface OutputOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Whether standard output carries JSON lines in place of text. */
  readonly json: boolean;
  /** Whether colours are wanted; only a terminal gets them. */
  readonly color: boolean;
  /** The width of the terminal in characters. */
  readonly columns: number;
}

/** The output of one command. */
export class Output {
  /** Whether standard output carries JSON lines in place of text. */
  readonly json: boolean;
  /** Whether colours may be used on standard output. */
  readonly color: boolean;
  /** The width to lay text out for, in characters. */
  readonly columns: number;
  readonly #stdout: Sink;
  readonly #stderr: Sink;
  readonly #options: OutputOptions;
  #progress: Progress | undefined;

  /** Writes to the given places. */
  constructor(options: OutputOptions) {
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#options = options;
    this.json = options.json;
    this.color = options.color && options.stdout.terminal;
    this.columns = options.columns;
  }

  /** Writes a line for people to standard output; nothing with `--json`. */
  line(text = ""): void {
    if (this.json) return;
    if (this.#stdout.terminal) this.#writeAbove(text);
    else this.#stdout.write(`${text}\n`);
  }

  /** Writes an object as one line for machines to standard output; nothing without `--json`. */
  record(record: Readonly<Record<string, unknown>>): void {
    if (this.json) this.#stdout.write(`${JSON.stringify(record)}\n`);
  }

  /** Writes a remark to standard error, with and without `--json`. */
  notice(text: string): void {
    if (this.#stderr.terminal) this.#writeAbove(text, this.#stderr);
    else this.#stderr.write(`${text}\n`);
  }

  /**
   * Returns the progress line of this command, on standard error: redrawn in place on a terminal, otherwise a
   * plain line now and then. With `--json` it is silent unless a person looks on.
   */
  progress(): Progress {
    const { terminal } = this.#stderr;
    const silent = this.json && !terminal;
    this.#progress ??= new Progress({
      terminal,
      columns: this.columns,
      color: this.#options.color && terminal,
      write: (text) => silent || this.#stderr.write(text),
    });
    return this.#progress;
  }

  /** Ends the progress line, so that what follows begins on a line of its own. */
  close(): void {
    this.#progress?.finish();
  }

  /** Returns the text in bold where standard output shows it. */
  bold(text: string): string {
    return this.color ? `\x1b[1m${text}\x1b[22m` : text;
  }

  /** Returns the text dimmed where standard output shows it. */
  dim(text: string): string {
    return this.color ? `\x1b[2m${text}\x1b[22m` : text;
  }

  // Where text and progress share a terminal, the progress line makes room.
  #writeAbove(text: string, sink: Sink = this.#stdout): void {
    if (this.#progress !== undefined && this.#stderr.terminal) this.#progress.log(text);
    else sink.write(`${text}\n`);
  }
}
