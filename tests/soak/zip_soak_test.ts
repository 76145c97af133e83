// Archives with random damage: what comes out is the very text that was packed, or an error that says so, and never
// anything else.

import { loadCorpus } from "../../lib/data/corpus.ts";
import { readTar } from "../../lib/data/tar.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals } from "../assert.ts";
import { buildTar, gzip } from "../data/tar_builder.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { buildZip } from "../data/zip_builder.ts";
import { repetitions } from "./repetitions.ts";

const TEXT = Array.from({ length: 120 }, (_, index) => `line ${index}\tZeile ${index * 7919 % 1000} ä😀\n`)
  .join("");
const about = { name: "_about.txt", content: "about", comment: "a comment" };
const decoder = new TextDecoder();

/** Changes, removes, repeats or inserts bytes, one to three times. */
function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let result = bytes;
  for (let count = 1 + random.integer(3); count > 0; count--) {
    const at = random.integer(result.length);
    const end = Math.min(result.length, at + 1 + random.integer(20));
    const splice = (middle: Uint8Array, from: number) =>
      new Uint8Array([...result.subarray(0, at), ...middle, ...result.subarray(from)]);
    const noise = Uint8Array.from({ length: 1 + random.integer(8) }, () => random.integer(256));
    const kinds = [
      () => result.with(at, result[at]! ^ (1 << random.integer(8))),
      () => result.with(at, [0, 1, 0x7f, 0x80, 0xff][random.integer(5)]!),
      () => splice(noise, at + noise.length),
      () => splice(noise, at),
      () => splice(new Uint8Array(), end),
      () => splice(result.subarray(at, end), at),
      () => result.slice(0, Math.max(1, at)),
    ];
    result = kinds[random.integer(kinds.length)]!();
    if (result.length === 0) return bytes.slice(0, 1);
  }
  return result;
}

interface Kind {
  readonly name: string;
  readonly file: string;
  readonly archive: Uint8Array;
  readonly read: (path: string) => Promise<string>;
  readonly count: number;
}

/** Reads a corpus, which also refuses what is no text: gzip with a damaged beginning is not known as such. */
async function readText(path: string): Promise<string> {
  const pairs = await loadCorpus(path);
  return pairs.map(({ source, target }) => `${source}\t${target}\n`).join("");
}

async function readOnlyFile(path: string): Promise<string> {
  const texts: string[] = [];
  for await (const { content } of readTar(path, () => true)) texts.push(decoder.decode(content));
  assertEquals(texts.length, 1);
  return texts[0]!;
}

const packed = gzip(new TextEncoder().encode(TEXT));
const kinds: readonly Kind[] = [
  {
    name: "zip",
    file: "a.zip",
    archive: buildZip([{ name: "deu.txt", content: TEXT }, about]),
    read: readText,
    count: repetitions(300, 10_000),
  },
  { name: "gzip", file: "a.txt.gz", archive: packed, read: readText, count: repetitions(100, 3_000) },
  {
    name: "tar.gz",
    file: "a.tar.gz",
    archive: gzip(await buildTar([["a.txt", TEXT]])),
    read: readOnlyFile,
    count: repetitions(100, 3_000),
  },
];

for (const { name, file, archive, read, count } of kinds) {
  Deno.test(`${count} damaged ${name} archives give the right text or an error`, async () => {
    await using folder = await TemporaryFolder.make();
    assertEquals(await read(await folder.write(file, archive)), TEXT);
    let refused = 0;
    for (let seed = 1; seed <= count; seed++) {
      const path = await folder.write(file, mutate(archive, new Random(seed)));
      let text: string;
      try {
        text = await read(path);
      } catch (error) {
        assert(error instanceof Deno.errors.InvalidData, `seed ${seed}: ${error}`);
        assert(
          /^Cannot (read|load the corpus) /.test(error.message) && error.message.includes(path),
          `seed ${seed}: ${error.message}`,
        );
        refused++;
        continue;
      }
      assert(
        text === TEXT,
        `seed ${seed} gave ${text.length} other characters: ${JSON.stringify(text.slice(0, 80))}`,
      );
    }
    assert(refused > count / 2, `${refused} of ${count} were refused`);
  });
}
