// Turns the bytes of a text file into lines without holding the whole text: a string is limited to half a
// gigabyte, a corpus is not.

/** Whole lines are collected to about this many characters, however small the pieces of the file. */
const CHUNK = 1 << 16;

/** What a text file may hold at most. */
export interface LineLimits {
  /** Characters of a line; a million when omitted, and a longer one means that the file is not text made of lines. */
  readonly length?: number;
  /** Lines; 20 million when omitted. */
  readonly lines?: number;
}

/**
 * Decodes UTF-8 and yields strings made of whole lines, joined by line feeds but without a final one.
 *
 * A byte order mark at the beginning is dropped. Lines end with LF or CRLF: U+2028 and a lone CR are characters like any
 * other. Bytes that are no UTF-8 become U+FFFD, so that a single bad line can be told from the others by it.
 *
 * @param bytes The content of the file, cut anywhere.
 * @param name The file's name, for errors.
 * @param limits What is too much.
 * @throws {Deno.errors.InvalidData} If the file begins with bytes that are no UTF-8, or breaks a limit.
 */
export async function* lineChunks(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  limits: LineLimits = {},
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const counter = new LineCounter(name, limits);
  let rest = "";
  let end = -1; // of the last whole line in it
  for await (const chunk of bytes) {
    const text = decoder.decode(chunk, { stream: true });
    const at = text.lastIndexOf("\n");
    if (at >= 0) end = rest.length + at;
    rest += text;
    if (rest.length < CHUNK) continue;
    if (end >= 0) {
      yield withoutReturn(counter.count(rest.slice(0, end)));
      rest = rest.slice(end + 1);
      end = -1;
    }
    counter.checkLength(rest.length);
  }
  rest += decoder.decode();
  if (rest !== "") yield withoutReturn(counter.count(rest.endsWith("\n") ? rest.slice(0, -1) : rest));
}

/** Cuts what `lineChunks` yields into its lines. */
export function splitLines(chunk: string): string[] {
  return chunk.split(/\r?\n/);
}

/** Counts lines, and refuses what is not text or too much of it. */
class LineCounter {
  #lines = 0;
  readonly #name: string;
  readonly #limits: Required<LineLimits>;

  constructor(name: string, { length = 1 << 20, lines = 20_000_000 }: LineLimits) {
    this.#name = name;
    this.#limits = { length, lines };
  }

  /** Counts the lines of a chunk, and returns it. */
  count(chunk: string): string {
    if (this.#lines === 0 && chunk.startsWith("\ufffd\ufffd")) {
      throw new Deno.errors.InvalidData(
        `Cannot read ${this.#name} as UTF-8 text: it begins with bytes that are none. Convert it, for example with ` +
          `iconv -f utf-16 -t utf-8, or unpack it if it is an archive.`,
      );
    }
    for (let start = 0; start <= chunk.length;) {
      const feed = chunk.indexOf("\n", start);
      const end = feed < 0 ? chunk.length : feed;
      this.checkLength(end - start);
      this.#lines++;
      start = end + 1;
    }
    if (this.#lines > this.#limits.lines) {
      throw new Deno.errors.InvalidData(
        `Cannot read ${this.#name}: it has more than ${this.#limits.lines} lines. Give a part of it.`,
      );
    }
    return chunk;
  }

  /** Refuses the line after those counted if it is too long. */
  checkLength(length: number): void {
    if (length <= this.#limits.length) return;
    throw new Deno.errors.InvalidData(
      `Cannot read ${this.#name}: line ${
        this.#lines + 1
      } is longer than ${this.#limits.length} characters. ` +
        "Is it a text file?",
    );
  }
}

// The line feed after a chunk is dropped, so the carriage return before it has to go here.
function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}
