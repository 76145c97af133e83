import { readTar, type TarLimits } from "../../lib/data/tar.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { buildTar, gzip } from "./tar_builder.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

/** Reads the `.txt` files of an archive as [name, text]. */
async function read(path: string, limits?: TarLimits): Promise<[string, string][]> {
  const files: [string, string][] = [];
  for await (const { name, content } of readTar(path, (name) => name.endsWith(".txt"), limits)) {
    files.push([name, new TextDecoder().decode(content)]);
  }
  return files;
}

const files: [string, string][] = [
  ["b.txt", "of\nB"],
  [`${"long/".repeat(60)}a.txt`, "x".repeat(100_000)],
  ["empty.txt", ""],
];
const others = [
  { header: { name: "folder/", size: 0, type: "directory" as const } },
  { header: { name: "link.txt", size: 0, type: "symlink" as const, linkname: "/etc/passwd" } },
];
const small = await buildTar([["a.txt", "abc"]]);
const good = await buildTar([["unwanted.md", "y"], ...files], others);

Deno.test("readTar() yields the wanted files in the order of the archive, and no links", async () => {
  await using folder = await TemporaryFolder.make();
  assertEquals(await read(await folder.write("a.tar", good)), files);
  assertEquals(await read(await folder.write("a.tar.gz", gzip(good))), files);
});

Deno.test("readTar() can be left before the end", async () => {
  await using folder = await TemporaryFolder.make();
  const path = await folder.write("a.tar.gz", gzip(good));
  for await (const { name } of readTar(path, () => true)) {
    assertEquals(name, "unwanted.md");
    break;
  }
});

Deno.test("readTar() passes over unwanted files of any size", async () => {
  await using folder = await TemporaryFolder.make();
  const sizes = [1, 511, 512, 513, 20_000, 65_536, 0, 200_000];
  const many = sizes.flatMap((size, i): [string, string][] => [
    [`${i}.md`, "n".repeat(size)],
    [`${i}.txt`, "y".repeat(sizes.at(-1 - i)!)],
  ]);
  const path = await folder.write("a.tar.gz", gzip(await buildTar(many)));
  assertEquals(await read(path), many.filter(([name]) => name.endsWith(".txt")));
});

/** Returns an archive with a byte of its first header changed. */
function damaged(position: number): Uint8Array<ArrayBuffer> {
  const bytes = good.slice();
  bytes[position]! ^= 1;
  return bytes;
}

/** Returns an archive of one file whose header has another size, with the checksum that belongs to it. */
function withSize(size: string): Uint8Array<ArrayBuffer> {
  const bytes = small.slice();
  bytes.set(Array.from(size, (character) => character.charCodeAt(0)), 124);
  bytes.fill(32, 148, 156);
  const sum = bytes.subarray(0, 512).reduce((sum, byte) => sum + byte, 0);
  bytes.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return bytes;
}

const packed = gzip(good);
const hostile: Readonly<Record<string, { bytes: Uint8Array; limits?: TarLimits; says: string }>> = {
  "a changed name": { bytes: damaged(0), says: "checksum" },
  "a changed size": { bytes: damaged(130), says: "checksum" },
  "its end cut off": { bytes: good.slice(0, -1024 - 512), says: "truncated" },
  "half of it": { bytes: good.slice(0, good.length / 2), says: "truncated" },
  "text": { bytes: new TextEncoder().encode("no archive ".repeat(100)), says: "tar" },
  "its packed end cut off": { bytes: packed.slice(0, -20), says: "gzip" },
  "a changed packed byte": { bytes: packed.with(packed.length - 6, packed.at(-6)! ^ 1), says: "gzip" },
  "a path that climbs out": {
    bytes: await buildTar([["../a.txt", "x"]]),
    says: 'the path "../a.txt" leads out',
  },
  "a path that climbs out later": { bytes: await buildTar([["a/../../a.txt", "x"]]), says: "leads out" },
  "a path that climbs out by backslashes": { bytes: await buildTar([["..\\a.txt", "x"]]), says: "leads out" },
  "an absolute path": { bytes: await buildTar([["/etc/a.txt", "x"]]), says: "leads out" },
  "a drive letter": { bytes: await buildTar([["C:/a.txt", "x"]]), says: "leads out" },
  "an unwanted path that climbs out": {
    bytes: await buildTar([["../a.md", "x"], files[0]!]),
    says: "leads out",
  },
  "a huge size": { bytes: withSize("77777777777\0"), says: "" },
  "a size that is no number": { bytes: withSize("zzzzzzzzzzz\0"), says: "" },
  "a negative size": { bytes: withSize("-0000000001\0"), says: "" },
  "a negative size in base 256": { bytes: withSize("\xff".repeat(12)), says: "" },
  "a huge size in base 256": { bytes: withSize(`\x80${"\x7f".repeat(11)}`), says: "" },
  "a size larger than the file": { bytes: withSize("00000077777\0"), says: "" },
  "one name twice": { bytes: await buildTar([files[0]!, files[0]!]), says: "b.txt is there twice" },
  "too many entries": { bytes: good, limits: { entries: 5 }, says: "more than 5 entries" },
  "a file too large": {
    bytes: good,
    limits: { fileBytes: 1000 },
    says: "100000 bytes, and 1000 is the limit",
  },
  "a bomb": {
    bytes: gzip(await buildTar([["unwanted.md", new Uint8Array(1 << 20)]])),
    limits: { bytes: 1 << 19 },
    says: "unpacks to more than 524288 bytes",
  },
};

for (const [what, { bytes, limits, says }] of Object.entries(hostile)) {
  Deno.test(`readTar() refuses ${what}`, async () => {
    await using folder = await TemporaryFolder.make();
    const path = await folder.write("a.tar", bytes);
    const error = await assertRejects(
      () => read(path, limits),
      Deno.errors.InvalidData,
      `Cannot read ${path} as `,
    );
    assertStringIncludes(error.message, says);
    assertStringIncludes(error.message, "Delete it and fetch or pack it again.");
  });
}

Deno.test("readTar() gives right files or an error for archives with random damage to a header", async () => {
  await using folder = await TemporaryFolder.make();
  const random = new Random(1);
  const small = await buildTar([["a.txt", "first"], ["b.txt", "second"]]);
  let refused = 0;
  for (let i = 0; i < 300; i++) {
    const bytes = small.slice();
    const header = 1024 * random.integer(2);
    const at = header + random.integer(345); // what follows are padding and the prefix
    const value = random.integer(256);
    if (bytes[at] === value) continue;
    bytes[at] = value;
    const path = await folder.write("a.tar", bytes);
    const error = await assertRejects(() => read(path), Deno.errors.InvalidData);
    assertStringIncludes(error.message, path);
    refused++;
  }
  assert(refused > 250);
});

Deno.test("readTar() says when there is no such file", async () => {
  await assertRejects(() => read("no/such.tar.gz"), Deno.errors.NotFound, "no/such.tar.gz");
});
