// Word vectors from text files.

import { gzipSync } from "node:zlib";
import { loadWordVectors } from "../../lib/data/word_vectors.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

async function load(text: string | Uint8Array, options = {}) {
  await using folder = await TemporaryFolder.make();
  const path = `${folder.path}/vectors.vec`;
  await Deno.writeFile(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
  return await loadWordVectors(path, options);
}

const TEXT = "der 1 2.5 -3e-2\nHaus 0 0 1\nNew York 4 5 6\nHaus 9 9 9\n";
const VECTORS = new Map([
  ["der", Float32Array.of(1, 2.5, -0.03)],
  ["Haus", Float32Array.of(0, 0, 1)],
  ["New York", Float32Array.of(4, 5, 6)],
]);

Deno.test("loadWordVectors() reads GloVe's format; of a word that comes twice the first counts", async () => {
  assertEquals(await load(TEXT.replace("New York 4 5 6\n", "")), {
    width: 3,
    words: 3,
    vectors: new Map([...VECTORS].filter(([word]) => word !== "New York")),
  });
});

Deno.test("loadWordVectors() reads fastText's format, gzipped and with words of two parts", async () => {
  assertEquals(await load(gzipSync(`4 3\n${TEXT}`)), { width: 3, words: 4, vectors: VECTORS });
  assertEquals(await load(`4 3\r\n${TEXT.replaceAll("\n", " \r\n")}`), {
    width: 3,
    words: 4,
    vectors: VECTORS,
  });
});

Deno.test("loadWordVectors() keeps the words it is told to", async () => {
  const { vectors, words } = await load(`4 3\n${TEXT}`, { keep: (word: string) => word === "der" });
  assertEquals([...vectors.keys(), words], ["der", 4]);
});

Deno.test("loadWordVectors() names the line that is wrong", async () => {
  const refused = async (text: string, message: string) =>
    await assertRejects(() => load(text), Deno.errors.InvalidData, message);
  await refused("der 1 2 3\ndas 1 2\n", 'line 2 is not a word and 3 numbers: "das 1 2"');
  await refused("2 3\nder 1 2 x\n", 'line 2 is not a word and 3 numbers: "der 1 2 x"');
  await refused("der 1 2 NaN\n", "line 1");
  await refused("2 3\n", "there are no word vectors in it");
  await refused("", "there are no word vectors in it");
  await refused("justaword\n", "line 1");
  await refused("der 1 2 3\nund 1  3\n", "line 2 is not a word and 3 numbers"); // two spaces are no 0
  await refused("der 1 2\nund 1 0x10\n", "line 2");
  await refused("der 1 2\nund 1 1e39\n", "line 2"); // no 32-bit number
  await refused("der 1 2\nund 1 -Infinity\n", "line 2");
  await refused("der 1 2\n\nund 1 2\n", "line 2");
  await refused("2 0\nder\nund\n", "line 1 is not the number of words and a width of at least 1");
  await refused("1 99999999999\nder 1\n", "line 2");
  await refused("3 2\nder 1 2\nund 3 4\n", "its first line promises 3 words, but it has 2. Fetch it again.");
  await refused("1 2\nder 1 2\nund 3 4\n", "its first line promises 1 words, but it has 2");
});

Deno.test("loadWordVectors() names the line that is no UTF-8, and refuses endless ones", async () => {
  const refused = async (text: Uint8Array, message: string) =>
    await assertRejects(() => load(text), Deno.errors.InvalidData, message);
  await refused(new Uint8Array([100, 32, 49, 10, 0xfc, 32, 49, 10]), "line 2 is not a word and 1 numbers");
  await refused(new Uint8Array((1 << 20) + 1).fill(49), "line 1 is longer than");
});

Deno.test("loadWordVectors() says that there is no such file of word vectors", async () => {
  const message = "Cannot read word vectors nowhere.vec: there is no such file. Check the path.";
  await assertRejects(() => loadWordVectors("nowhere.vec"), Deno.errors.NotFound, message);
});
