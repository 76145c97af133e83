// Files packed with gzip, honest and otherwise.

import { readBytes } from "../../lib/data/file.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { gzip } from "./tar_builder.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const TEXT = Array.from({ length: 300 }, (_, index) => `line ${index}\tZeile ${index * 31 % 100}\n`).join("");
const encode = (text: string) => new TextEncoder().encode(text);
const packed = gzip(encode(TEXT));
const join = (...parts: ArrayLike<number>[]) => new Uint8Array(parts.flatMap((part) => Array.from(part)));
const flip = (at: number) => packed.with(at, packed.at(at)! ^ 1);

async function read(path: string, most?: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of readBytes(path, "corpus", most)) text += decoder.decode(chunk, { stream: true });
  return text;
}

const hostile: Readonly<
  Record<string, { readonly bytes: Uint8Array; readonly most?: number; readonly says?: string }>
> = {
  "its head alone": { bytes: packed.slice(0, 10) },
  "half of its head": { bytes: packed.slice(0, 5) },
  "half of it": { bytes: packed.slice(0, packed.length / 2) },
  "its checksum cut off": { bytes: packed.slice(0, -8) },
  "its last byte cut off": { bytes: packed.slice(0, -1) },
  "a wrong checksum": { bytes: flip(-8) },
  "a wrong size": { bytes: flip(-1) },
  "a changed byte": { bytes: flip(200) },
  "another method": { bytes: packed.with(2, 7) },
  "reserved flags": { bytes: packed.with(3, 0xe0) },
  "text behind it": { bytes: join(packed, encode("more")) },
  "half a member behind it": { bytes: join(packed, packed.slice(0, 50)) },
  "a damaged member behind it": { bytes: join(packed, flip(-8)) },
  "a bomb in it": { bytes: gzip(new Uint8Array(20 << 20)), says: "unpacks to more than 200 times its size" },
  "a bomb of members": {
    bytes: join(...Array.from({ length: 20 }, () => gzip(new Uint8Array(1 << 20)))),
    says: "unpacks to more than 200 times its size",
  },
  "more than is allowed": { bytes: packed, most: 4_000, says: "unpacks to more than 4000 bytes" },
};

for (const [what, { bytes, most, says = "" }] of Object.entries(hostile)) {
  Deno.test(`readBytes() refuses gzip with ${what}`, async () => {
    await using folder = await TemporaryFolder.make();
    const path = await folder.write("a.txt.gz", bytes);
    const error = await assertRejects(
      () => read(path, most),
      Deno.errors.InvalidData,
      `Cannot read ${path} as gzip`,
    );
    assertStringIncludes(error.message, says);
  });
}

Deno.test("readBytes() refuses a file that is larger than allowed before it reads it", async () => {
  await using folder = await TemporaryFolder.make();
  const path = folder.at("a.txt");
  using file = await Deno.open(path, { write: true, create: true });
  await file.truncate(2 ** 31 + 1); // it takes no room on the disk
  const message = `Cannot read corpus ${path}: it has 2147483649 bytes, and 2147483648 is the limit`;
  await assertRejects(() => read(path), Deno.errors.InvalidData, message);
});

Deno.test("readBytes() reads gzip with a name and comment, of several members, and of nothing", async () => {
  await using folder = await TemporaryFolder.make();
  const named = join(packed.with(3, 0x18).slice(0, 10), encode("a.txt\0a comment\0"), packed.slice(10));
  for (
    const [bytes, text] of [[named, TEXT], [join(packed, packed), TEXT + TEXT], [
      gzip(encode("")),
      "",
    ]] as const
  ) {
    assertEquals(await read(await folder.write("a.txt.gz", bytes)), text);
  }
});
