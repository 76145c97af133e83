// Turns the bytes of a text file into lines without holding the whole text: a string is limited to half a
// gigabyte, a corpus is not.

/** Whole lines are collected to about this many characters, however small the pieces of the file. */
const CHUNK = 1 << 16;

/** No sentence is this long; a longer line means that the file is not text made of lines. */
const LONGEST_LINE = 1 << 20;

/**
 * Decodes UTF-8 and yields strings made of whole lines, joined by line feeds but without a final one.
 *
 * A byte order mark is dropped. Lines end with LF or CRLF, as in Python's text files: U+2028 and a lone CR are
 * characters like any other.
 *
 * @param bytes The content of the file, cut anywhere.
 * @param name The file's name, for errors.
 * @throws {Deno.errors.InvalidData} If the bytes are not UTF-8 or a line is longer than a million characters.
 */
export async function* lineChunks(bytes: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of bytes) {
    rest += decode(decoder, chunk, name);
    if (rest.length < CHUNK) continue;
    const end = rest.lastIndexOf("\n");
    if (end >= 0) {
      yield withoutReturn(rest.slice(0, end));
      rest = rest.slice(end + 1);
    }
    if (rest.length > LONGEST_LINE) {
      throw new Deno.errors.InvalidData(
        `Cannot read ${name}: a line is longer than ${LONGEST_LINE} characters. Is it a text file?`,
      );
    }
  }
  rest += decode(decoder, undefined, name);
  if (rest !== "") yield withoutReturn(rest.endsWith("\n") ? rest.slice(0, -1) : rest);
}

/** Cuts what `lineChunks` yields into its lines. */
export function splitLines(chunk: string): string[] {
  return chunk.split(/\r?\n/);
}

function decode(decoder: TextDecoder, chunk: Uint8Array | undefined, name: string): string {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined });
  } catch (cause) {
    throw new Deno.errors.InvalidData(
      `Cannot read ${name} as UTF-8 text: it has bytes that are none. Convert it, for example with ` +
        `iconv -f utf-16 -t utf-8, or unpack it if it is an archive.`,
      { cause },
    );
  }
}

// The line feed after a chunk is dropped, so the carriage return before it has to go here.
function withoutReturn(text: string): string {
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}
