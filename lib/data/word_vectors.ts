// Word vectors that somebody else has learned, in the text format of word2vec, GloVe and fastText: a word and its numbers a
// line, perhaps behind a line with the number of words and the width.

import { readBytes } from "./file.ts";
import { lineChunks, splitLines } from "./lines.ts";

/** Word vectors, all of one width. */
export interface WordVectors {
  /** How many numbers a vector has. */
  readonly width: number;
  /** The vectors by word. */
  readonly vectors: ReadonlyMap<string, Float32Array>;
  /** Words in the file, those included that were not asked for. */
  readonly words: number;
}

/** What to read of a file. */
export interface WordVectorsOptions {
  /** Which words to keep; all by default. Files have millions, a vocabulary thousands. */
  readonly keep?: (word: string) => boolean;
}

const HEADER = /^\d+ \d+$/;
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
/** The largest files that are published have about 7 GB. */
const MOST_VECTOR_BYTES = 2 ** 34;

/**
 * Reads word vectors from a text file, which may be gzipped (`.vec`, `.txt`, `.vec.gz`). Of a word that comes twice the first
 * vector counts.
 *
 * @param path The file.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {Deno.errors.InvalidData} If it is corrupt, or a line is no word and its numbers; the message has its number.
 *
 * @example
 * ```ts
 * import { loadWordVectors } from "./word_vectors.ts";
 *
 * const path = await Deno.makeTempFile({ suffix: ".vec" });
 * await Deno.writeTextFile(path, "2 3\nkey 0.1 0.2 0.3\nlost -1 0 1\n");
 * const { width, vectors } = await loadWordVectors(path, { keep: (word) => word === "key" });
 * console.log(width, vectors.size, vectors.get("key")); // 3 1 Float32Array(3) [ 0.1, 0.2, 0.3 ]
 * ```
 */
export async function loadWordVectors(path: string, options: WordVectorsOptions = {}): Promise<WordVectors> {
  const { keep = () => true } = options;
  const vectors = new Map<string, Float32Array>();
  let [width, words, line] = [0, 0, 0];
  let promised: number | undefined;
  for await (const chunk of lineChunks(readBytes(path, "word vectors", MOST_VECTOR_BYTES), path)) {
    for (const text of splitLines(chunk)) {
      line++;
      const fields = text.trimEnd().split(" ");
      if (line === 1 && HEADER.test(text.trimEnd())) {
        [promised, width] = fields.map(Number) as [number, number];
        if (width < 1) throw badLine(path, line, text, "the number of words and a width of at least 1");
        continue;
      }
      if (width === 0) width = fields.length - 1;
      // Some words of published files have spaces in them: the numbers are the last fields.
      const word = width === 0 ? "" : fields.slice(0, -width).join(" ");
      words++;
      if (word === "" || word.includes("\ufffd")) {
        throw badLine(path, line, text, `a word and ${width} numbers`);
      }
      if (!keep(word) || vectors.has(word)) continue;
      const numbers = fields.slice(-width);
      const vector = Float32Array.from(numbers, Number);
      if (!numbers.every((number) => NUMBER.test(number)) || !vector.every(Number.isFinite)) {
        throw badLine(path, line, text, `a word and ${width} numbers`);
      }
      vectors.set(word, vector);
    }
  }
  if (words === 0) throw new Deno.errors.InvalidData(`Cannot read ${path}: there are no word vectors in it.`);
  if (promised !== undefined && promised !== words) {
    throw new Deno.errors.InvalidData(
      `Cannot read ${path}: its first line promises ${promised} words, but it has ${words}. Fetch it again.`,
    );
  }
  return { width, vectors, words };
}

function badLine(path: string, line: number, text: string, expected: string): Error {
  const found = JSON.stringify(text.slice(0, 60));
  return new Deno.errors.InvalidData(`Cannot read ${path}: line ${line} is not ${expected}: ${found}.`);
}
