import { BAD_LINES_KEPT } from "../../lib/data/bad_lines.ts";
import { lineChunks } from "../../lib/data/lines.ts";
import { readTsv, type TsvResult } from "../../lib/data/tsv.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";

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
  const { pairs } = await read("  a \tcafe\u0301\u2028b\rc\n__proto__\tconstructor\n");
  assertEquals(pairs, [{ source: "  a ", target: "cafe\u0301\u2028b\rc" }, {
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

Deno.test("lineChunks() refuses what is not UTF-8 text, also at the very end", async () => {
  const utf16 = new Uint8Array([0xff, 0xfe, 0x41, 0, 0x09, 0]);
  const error = await assertRejects(() => read(utf16), Deno.errors.InvalidData, "test.tsv as UTF-8");
  assertStringIncludes(error.message, "iconv");
  await assertRejects(() => read(new Uint8Array([0x61, 0xc3])), Deno.errors.InvalidData, "UTF-8");
  await assertRejects(() => read("x".repeat(3 << 20)), Deno.errors.InvalidData, "longer than");
});
