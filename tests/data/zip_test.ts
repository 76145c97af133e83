import { readZip, verifyZip } from "../../lib/data/zip.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "./temporary_folder.ts";
import { buildZip, type ZipEntry } from "./zip_builder.ts";

async function read(path: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of readZip(path)) text += decoder.decode(chunk, { stream: true });
  return text;
}

const about: ZipEntry = { name: "_about.txt", content: "about" };

Deno.test("readZip() reads the only corpus file of an archive", async () => {
  await using folder = await TemporaryFolder.make();
  const content = "Hi.\tHallo!\n".repeat(10_000);
  const others = [about, { name: "__MACOSX/._deu.txt", content: "x" }, { name: "readme.md", content: "x" }];
  for (const name of ["deu.txt", "some folder/deu.TSV"]) {
    const path = await folder.write("a.zip", buildZip([...others, { name, content }]));
    assertEquals(await read(path), content);
    await verifyZip(path);
  }
});

Deno.test("readZip() names the entries when it cannot tell which one is meant", async () => {
  await using folder = await TemporaryFolder.make();
  const several = buildZip([about, { name: "a.txt", content: "x" }, { name: "b.tsv", content: "y" }]);
  const path = await folder.write("a.zip", several);
  await assertRejects(
    () => read(path),
    Deno.errors.InvalidData,
    "found 2. It holds _about.txt, a.txt, b.tsv",
  );
  const none = await folder.write("b.zip", buildZip([{ name: "a.jpg", content: "x" }]));
  await assertRejects(() => read(none), Deno.errors.InvalidData, "found 0. It holds a.jpg");
});

const text = "Hi.\tHallo!\n".repeat(100);
const good: ZipEntry = { name: "deu.txt", content: text };
const honest = buildZip([good, about]);
const FIRST = 30 + "deu.txt".length; // where the packed data of the first entry begins
const END = honest.length - 22;
const zeros = new Uint8Array(20 << 20);
const bytes = (...parts: (string | Uint8Array)[]): Uint8Array =>
  new Uint8Array(
    parts.flatMap((part) => [...(typeof part === "string" ? new TextEncoder().encode(part) : part)]),
  );
const named = (name: string | Uint8Array): Uint8Array => buildZip([{ ...good, name }]);

/** Archives to be refused, each with what the error names. */
const hostile: Readonly<Record<string, readonly [archive: Uint8Array, says: RegExp]>> = {
  "a wrong checksum": [buildZip([{ ...good, crc: 12345 }]), /checksum|signature|crc/i],
  "a wrong checksum in another entry": [buildZip([good, { ...about, crc: 1 }]), /checksum|signature|crc/i],
  "a changed byte of data": [honest.with(FIRST + 5, honest[FIRST + 5]! ^ 4), /./],
  "a path that climbs out": [named("../../deu.txt"), /Unsafe filename \("\.\.\/\.\.\/deu\.txt"\)/],
  "a path that climbs out later": [named("a/../../deu.txt"), /Unsafe filename/],
  "a path that climbs out by backslashes": [named("..\\deu.txt"), /Unsafe filename/],
  "an absolute path": [named("/etc/deu.txt"), /Unsafe filename \("\/etc\/deu\.txt"\)/],
  "a drive letter": [named("C:/deu.txt"), /Unsafe filename/],
  "a network path": [named("\\\\host\\deu.txt"), /Unsafe filename/],
  "NUL in a name": [named("deu.txt\0.exe"), /Unsafe filename/],
  "an empty name": [named(""), /./],
  "a symbolic link": [buildZip([{ ...good, attributes: 0xa1ff0000 }]), /deu\.txt is a link/],
  "a bomb": [buildZip([{ name: "deu.txt", content: zeros }]), /more than 200 times its size/],
  "a bomb beside the text": [buildZip([good, { name: "a.bin", content: zeros }]), /a\.bin unpacks to more/],
  "a bomb that claims to be small": [buildZip([{ ...good, content: zeros, claimedSize: 1000 }]), /./],
  "a size smaller than the content": [buildZip([{ ...good, claimedSize: 500 }]), /./],
  "a size larger than the content": [buildZip([{ ...good, claimedSize: 5000 }]), /./],
  "a size beyond the limit": [buildZip([{ ...good, claimedSize: 0xfffffffe }]), /more than 2147483648 bytes/],
  "a packed size beyond its end": [buildZip([{ ...good, packedSize: 100_000 }]), /./],
  "a packed size too small": [buildZip([{ ...good, packedSize: 5 }]), /./],
  "sizes that add up beyond the limit": [
    buildZip(
      ["a", "b", "c"].map((name) => ({ name, content: "", claimedSize: 2 ** 30, packedSize: 2 ** 29 })),
    ),
    /all of it unpacks to more than 2147483648 bytes/,
  ],
  "one name twice": [buildZip([good, good]), /[Dd]uplicate/],
  "entries over each other": [
    buildZip([good, { ...good, name: "b.md", offset: 0 }]),
    /deu\.txt and b\.md overlap/,
  ],
  "encryption": [buildZip([{ ...good, flags: 1 }]), /deu\.txt is encrypted/],
  "an unknown method": [buildZip([{ ...good, method: 99 }]), /./],
  "another name before the file": [buildZip([{ ...good, local: { name: "dev.txt" } }]), /./],
  "another method before the file": [buildZip([{ ...good, local: { method: 0 } }]), /./],
  "another size before the file": [buildZip([{ ...good, local: { claimedSize: 7 } }]), /./],
  "another checksum before the file": [buildZip([{ ...good, local: { crc: 7 } }]), /./],
  "too many entries": [
    buildZip(Array.from({ length: 1001 }, (_, index) => ({ name: `${index}.txt`, content: "" }))),
    /more than 1000 entries/,
  ],
  "more entries promised than there are": [buildZip([good], { count: 2 }), /./],
  "fewer entries promised than there are": [buildZip([good, about], { count: 1 }), /./],
  "a directory elsewhere": [buildZip([good, about], { offset: 3 }), /./],
  "a larger directory": [buildZip([good, about], { size: 1000 }), /./],
  "another disk": [buildZip([good], { disk: 1 }), /[Ss]plit/],
  "no end record": [honest.slice(0, END), /End of central directory not found/],
  "its end cut off": [honest.slice(0, -10), /./],
  "its directory cut off": [bytes(honest.slice(0, END - 60), honest.slice(END)), /./],
  "its data cut off": [honest.slice(0, FIRST + 10), /./],
  "its beginning cut off": [honest.slice(50), /./],
  "something before it": [bytes("#!/bin/sh\n", honest), /[Aa]mbiguous archive/],
  "something behind it": [bytes(honest, "more"), /[Aa]mbiguous archive/],
  "two end records": [bytes(honest, honest.slice(END)), /./],
  "an archive in its comment": [
    bytes(honest.slice(0, -2), [honest.length & 255, honest.length >> 8] as never, honest),
    /./,
  ],
  "large records that lie about their place": [buildZip([good], { zip64: { offset: 5 } }), /./],
  "large records that lie about the entries": [buildZip([good], { zip64: { count: 2 ** 40 } }), /./],
  "nothing in it": [new Uint8Array(), /./],
  "text in it": [bytes("<!doctype html><p>Not found"), /End of central directory not found/],
};

Deno.test("there are at least 30 kinds of bad archive", () => assert(Object.keys(hostile).length >= 30));

for (const [what, [archive, says]] of Object.entries(hostile)) {
  Deno.test(`verifyZip() and readZip() refuse an archive with ${what}`, async () => {
    await using folder = await TemporaryFolder.make();
    const path = await folder.write("bad.zip", archive);
    for (
      const read_ of what.includes("another entry") || what.includes("beside")
        ? [verifyZip]
        : [verifyZip, read]
    ) {
      const error = await assertRejects(() => read_(path), Deno.errors.InvalidData, `Cannot read ${path}`);
      if (read_ === verifyZip) {
        assert(says.test(error.message), error.message);
        assert(error.message.endsWith("Delete it and fetch or pack it again."), error.message);
      }
    }
  });
}

/** Archives that are odd, but can be read in one way only. */
const odd: Readonly<Record<string, Uint8Array>> = {
  "a stored entry": buildZip([{ ...good, method: 0 }]),
  "a comment": buildZip([{ ...good, comment: "of the entry" }], { comment: "of the archive" }),
  "a name in UTF-8": buildZip([{ ...good, name: "deutsch/Sätze 😀.txt", flags: 0x800 }]),
  "a name in no encoding": named(bytes(new Uint8Array([0x84, 0xff]), ".txt")),
  "a folder": buildZip([{ name: "deu/", content: "", method: 0 }, { ...good, name: "deu/deu.txt" }]),
  "an empty file": buildZip([good, { name: "empty.md", content: "" }]),
  "records for large archives": buildZip([good], { zip64: {} }),
  "a field that is unknown": buildZip([{ ...good, extra: new Uint8Array([0x99, 0x99, 2, 0, 1, 2]) }]),
};

for (const [what, archive] of Object.entries(odd)) {
  Deno.test(`readZip() reads an archive with ${what}`, async () => {
    await using folder = await TemporaryFolder.make();
    const path = await folder.write("odd.zip", archive);
    assertEquals(await read(path), text);
    await verifyZip(path);
  });
}

Deno.test("readZip() finds no text in archives of folders, archives and nothing", async () => {
  await using folder = await TemporaryFolder.make();
  for (
    const archive of [
      buildZip([{ name: "a.txt/", content: "", method: 0 }]),
      buildZip([{ name: "inner.zip", content: honest }]),
      buildZip([]),
    ]
  ) {
    const path = await folder.write("a.zip", archive);
    await assertRejects(() => read(path), Deno.errors.InvalidData, "found 0");
  }
});

Deno.test("readZip() stops cleanly when the reader has seen enough", async () => {
  await using folder = await TemporaryFolder.make();
  const random = crypto.getRandomValues(new Uint8Array(60_000));
  const content = new Uint8Array(600_000).map((_, index) => 65 + random[index % 60_000]! % 26);
  const path = await folder.write("a.zip", buildZip([{ name: "a.txt", content }]));
  for await (const chunk of readZip(path)) {
    assert(chunk.length > 0);
    break;
  }
});
