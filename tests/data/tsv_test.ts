import { BAD_LINES_KEPT, MOST_CHARACTERS } from "../../lib/data/bad_lines.ts";
import { lineChunks } from "../../lib/data/lines.ts";
import { readTsv, type TsvResult } from "../../lib/data/tsv.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";

/** Yields bytes cut into pieces of one size. */
async function* cut(content: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  for (let start = 0; start < bytes.length; start += size) {
    yield await Promise.resolve(bytes.slice(start, start + size));
  }
}

const read = async (content: string | Uint8Array, size = 1 << 16): Promise<TsvResult> =>
  await readTsv(lineChunks(cut(content, size), "test.tsv"));

Deno.test("readTsv() reads two columns, wherever the bytes are cut", async () => {
  const content = '\ufeffHi.\tGrüß Gott!\r\nSay "no".\t„Nein“ 😀\nlast\tline';
  for (let size = 1; size < 60; size++) {
    const { pairs, lines, bad } = await read(content, size);
    assertEquals(pairs, [
      { source: "Hi.", target: "Grüß Gott!" },
      { source: 'Say "no".', target: "„Nein“ 😀" },
      { source: "last", target: "line" },
    ], `pieces of ${size} bytes`);
    assertEquals([lines, bad.count], [3, 0]);
  }
});

Deno.test("readTsv() reads a long file in chunks of whole lines", async () => {
  const lines = Array.from({ length: 20_000 }, (_, index) => `source ${index}\tZiel ${index} ä😀`);
  lines[15_000] = "bad";
  for (const size of [1_000, 65_537, 1 << 20]) {
    const { pairs, bad } = await read(lines.join("\r\n"), size);
    assertEquals(pairs.length, 19_999);
    assertEquals(pairs.at(-1), { source: "source 19999", target: "Ziel 19999 ä😀" });
    assertEquals(bad.list, [{ line: 15_001, reason: "1 column instead of 2" }]);
  }
});

Deno.test("readTsv() goes by the columns of most lines, not of the first", async () => {
  for (const size of [1, 1000]) {
    const { pairs, bad } = await read("Title\na\tb\ta\nc\td\ta\ne\tf\n", size);
    assertEquals(pairs.map(({ source }) => source), ["a", "c"]);
    assertEquals(bad.list.map(({ reason }) => reason), ["1 column instead of 3", "2 columns instead of 3"]);
  }
});

Deno.test("readTsv() reads three columns and drops the attribution", async () => {
  const { pairs, bad } = await read("a\tb\tCC-BY 1\nc\td\tCC-BY 2\n");
  assertEquals(pairs, [{ source: "a", target: "b" }, { source: "c", target: "d" }]);
  assertEquals(bad.count, 0);
});

Deno.test("readTsv() counts bad lines and tells their numbers and reasons", async () => {
  const content = "a\tb\nalone\n\nc\td\n\td\nc\t \none\ttwo\tthree\n\t\ne\tf\n";
  for (const size of [1, 7, 1000]) {
    const { pairs, lines, bad } = await read(content, size);
    assertEquals(lines, 9);
    assertEquals(pairs.map(({ source }) => source), ["a", "c", "e"]);
    assertEquals(
      bad.list,
      [
        { line: 2, reason: "1 column instead of 2" },
        { line: 3, reason: "1 column instead of 2" },
        { line: 5, reason: "the source is empty" },
        { line: 6, reason: "the target is empty" },
        { line: 7, reason: "3 columns instead of 2" },
        { line: 8, reason: "the source is empty" },
      ],
    );
  }
});

Deno.test("readTsv() keeps sentences as they stand", async () => {
  const { pairs } = await read("  a \tcafe\u0301\u2028b\n__proto__\tconstructor\n");
  assertEquals(pairs, [{ source: "  a ", target: "cafe\u0301\u2028b" }, {
    source: "__proto__",
    target: "constructor",
  }]);
});

Deno.test("readTsv() keeps the first bad lines only, but counts all", async () => {
  const { bad } = await read("a\tb\n" + "x\n".repeat(500));
  assertEquals([bad.count, bad.list.length], [500, BAD_LINES_KEPT]);
});

Deno.test("readTsv() of nothing is nothing", async () => {
  const { pairs, lines, bad } = await read("");
  assertEquals([pairs.length, lines, bad.count], [0, 0, 0]);
});

/** Kinds of line that are no pair, after one that is; each with the reason that is told. */
const badLines: Readonly<Record<string, readonly [line: string | readonly number[], reason: string]>> = {
  "nothing": ["", "1 column instead of 2"],
  "blanks": ["  ", "1 column instead of 2"],
  "no tab": ["Hi. Hallo!", "1 column instead of 2"],
  "a comma for a tab": ['"Hi.","Hallo!"', "1 column instead of 2"],
  "a written tab": ["Hi.\\tHallo!", "1 column instead of 2"],
  "a tab at the end": ["Hi.\tHallo!\t", "3 columns instead of 2"],
  "a tab at the beginning": ["\tHi.\tHallo!", "3 columns instead of 2"],
  "four columns": ["a\tb\tc\td", "4 columns instead of 2"],
  "a thousand tabs": ["\t".repeat(1000), "1001 columns instead of 2"],
  "one tab only": ["\t", "the source is empty"],
  "no source": ["\tHallo!", "the source is empty"],
  "no target": ["Hi.\t", "the target is empty"],
  "blanks for a source": ["\u00a0 \u3000\tHallo!", "the source is empty"],
  "blanks for a target": ["Hi.\t \u2028", "the target is empty"],
  "NUL": ["Hi.\0\tHallo!", "the source has a control character (U+0000) in it"],
  "the command of a terminal": ["Hi.\t\x1b[2J", "the target has a control character (U+001B) in it"],
  "a control character of Latin-1": ["Hi.\t\x9b2J", "the target has a control character (U+009B) in it"],
  "DEL": ["\x7fHi.\tHallo!", "the source has a control character (U+007F) in it"],
  "a lone carriage return": ["Hi.\tHal\rlo!", "the target has a control character (U+000D) in it"],
  "two carriage returns": ["Hi.\tHallo!\r\r", "the target has a control character (U+000D) in it"],
  "a form feed": ["Hi.\tHal\flo!", "the target has a control character (U+000C) in it"],
  "a byte order mark": ["\ufeffHi.\tHallo!", "the source has a byte order mark (U+FEFF) in it"],
  "Latin-1": [
    [0x48, 0x69, 9, 0x47, 0x72, 0xfc, 0xdf],
    "the target has bytes that are no UTF-8, or U+FFFD in their place",
  ],
  "half of a character": [
    [0x48, 0xe2, 0x82, 9, 0x48],
    "the source has bytes that are no UTF-8, or U+FFFD in their place",
  ],
  "an overlong slash": [
    [0xc0, 0xaf, 9, 0x48],
    "the source has bytes that are no UTF-8, or U+FFFD in their place",
  ],
  "half of a surrogate pair": [
    [0x48, 9, 0xed, 0xa0, 0x80],
    "the target has bytes that are no UTF-8, or U+FFFD in their place",
  ],
  "U+FFFD": ["Hi.\tHall\ufffd!", "the target has bytes that are no UTF-8, or U+FFFD in their place"],
  "a book": [
    `Hi.\t${"x".repeat(MOST_CHARACTERS + 1)}`,
    `the target is longer than ${MOST_CHARACTERS} characters`,
  ],
};

/** Kinds of line that look odd, and are a pair. */
const oddLines: readonly (readonly [source: string, target: string])[] = [
  ['"Hi.', "Hallo!"],
  ['Say "no".', 'Sag "nein".'],
  ['""', '"'],
  ["'", "a,b;c|d"],
  ["\\", "\\n"],
  ["a\u2028b", "c\u2029d"],
  ["\u202eabc\u202c", "\u2066abc\u2069\u200f"],
  ["a\u200bb", "e\u0301"],
  ["😀", "\u{10ffff}"],
  ["__proto__", "null"],
  ["x".repeat(MOST_CHARACTERS), "#"],
];

const bytesOf = (line: string | readonly number[]): Uint8Array =>
  typeof line === "string" ? new TextEncoder().encode(line) : Uint8Array.from(line);

for (const [what, [line, reason]] of Object.entries(badLines)) {
  Deno.test(`readTsv() counts a line with ${what} as bad, by its number`, async () => {
    const text = new TextEncoder();
    for (const end of ["\n", "\r\n", ""]) { // the last one is at the end of the file
      const good = `a\tb${end || "\n"}`;
      const after = end === "" ? "" : `${end}c\td${end}`;
      const content = [...text.encode(good.repeat(2)), ...bytesOf(line), ...text.encode(after)];
      if (end === "" && (line === "" || what === "two carriage returns")) continue; // there, no line and one of them
      for (const size of [3, 1 << 16]) {
        const { pairs, lines, bad } = await read(new Uint8Array(content), size);
        assertEquals(bad.list, [{ line: 3, reason }]);
        assertEquals([pairs.length, lines, bad.count], end === "" ? [2, 3, 1] : [3, 4, 1]);
      }
    }
  });
}

Deno.test("readTsv() counts all kinds of bad line of one file, and takes the odd ones that are pairs", async () => {
  const kinds = Object.values(badLines);
  assert(kinds.length >= 20);
  const feed = [10];
  const rows = kinds.flatMap(([line], index) => {
    const odd = oddLines[index % oddLines.length]!;
    return [[...bytesOf(odd.join("\t")), ...feed], [...bytesOf(line), ...feed]];
  });
  const { pairs, lines, bad } = await read(new Uint8Array(rows.flat()));
  assertEquals([pairs.length, lines, bad.count], [kinds.length, 2 * kinds.length, kinds.length]);
  assertEquals(bad.list, kinds.map(([, reason], index) => ({ line: 2 * index + 2, reason })));
  assertEquals(
    pairs,
    kinds.map((_, index) => {
      const [source, target] = oddLines[index % oddLines.length]!;
      return { source, target };
    }),
  );
});

Deno.test("lineChunks() refuses a file that is not UTF-8 from its beginning", async () => {
  const utf16 = new Uint8Array([0xff, 0xfe, 0x41, 0, 0x09, 0]);
  for (const size of [1, 100]) {
    const error = await assertRejects(() => read(utf16, size), Deno.errors.InvalidData, "test.tsv as UTF-8");
    assertStringIncludes(error.message, "iconv");
  }
});

Deno.test("lineChunks() refuses a line that is too long by its number, wherever the bytes are cut", async () => {
  for (const size of [1 << 10, 1 << 16, 1 << 23]) {
    const long = "x".repeat((1 << 20) + 1);
    for (const content of [`a\tb\n${long}`, `a\tb\n${long}\nc\td`]) {
      const message = "Cannot read test.tsv: line 2 is longer than 1048576 characters. Is it a text file?";
      await assertRejects(() => read(content, size), Deno.errors.InvalidData, message);
    }
    const { bad } = await read(`a\tb\n${long.slice(1)}\n`, size);
    assertEquals(bad.list, [{ line: 2, reason: "1 column instead of 2" }]);
  }
});

Deno.test("lineChunks() stops taking bytes when a line is too long", async () => {
  let taken = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (; taken < 1 << 28; taken += 1 << 16) yield await Promise.resolve(new Uint8Array(1 << 16).fill(0x78));
  }
  await assertRejects(
    () => readTsv(lineChunks(endless(), "test.tsv")),
    Deno.errors.InvalidData,
    "line 1 is longer",
  );
  assert(taken <= 1 << 21, `${taken} bytes were taken`);
});

Deno.test("lineChunks() refuses more lines than the limit", async () => {
  const lines = async (count: number) =>
    await readTsv(lineChunks(cut("a\tb\n".repeat(count), 1000), "test.tsv", { lines: 50_000 }));
  assertEquals((await lines(50_000)).pairs.length, 50_000);
  const message = "Cannot read test.tsv: it has more than 50000 lines. Give a part of it.";
  await assertRejects(() => lines(50_001), Deno.errors.InvalidData, message);
});
