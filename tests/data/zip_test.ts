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

const good: ZipEntry = { name: "deu.txt", content: "Hi.\tHallo!\n".repeat(100) };
const hostile: Readonly<Record<string, Uint8Array>> = {
  "a wrong checksum": buildZip([{ ...good, crc: 12345 }]),
  "a wrong checksum in another entry": buildZip([good, { ...about, crc: 1 }]),
  "a path that climbs out": buildZip([{ ...good, name: "../../deu.txt" }]),
  "a path that climbs out by backslashes": buildZip([{ ...good, name: "..\\deu.txt" }]),
  "an absolute path": buildZip([{ ...good, name: "/etc/deu.txt" }]),
  "a drive letter": buildZip([{ ...good, name: "C:/deu.txt" }]),
  "a bomb": buildZip([{ name: "deu.txt", content: new Uint8Array(20 << 20) }]),
  "a bomb that claims to be small": buildZip([{
    name: "deu.txt",
    content: new Uint8Array(20 << 20),
    claimedSize: 1000,
  }]),
  "a size larger than the content": buildZip([{ ...good, claimedSize: 5000 }]),
  "a size beyond the limit": buildZip([{ ...good, claimedSize: 0xfffffffe }]),
  "one name twice": buildZip([good, good]),
  "encryption": buildZip([{ ...good, flags: 1 }]),
  "too many entries": buildZip(
    Array.from({ length: 1001 }, (_, index) => ({ name: `${index}.txt`, content: "" })),
  ),
  "its end cut off": buildZip([good]).slice(0, -10),
  "its beginning cut off": buildZip([good, about]).slice(50),
  "nothing in it": new Uint8Array(),
  "text in it": new TextEncoder().encode("<!doctype html><p>Not found"),
};

for (const [what, bytes] of Object.entries(hostile)) {
  Deno.test(`verifyZip() refuses an archive with ${what}`, async () => {
    await using folder = await TemporaryFolder.make();
    const path = await folder.write("bad.zip", bytes);
    const error = await assertRejects(
      () => verifyZip(path),
      Deno.errors.InvalidData,
      `Cannot read ${path} as a zip`,
    );
    assert(/Delete it and fetch or pack it again/.test(error.message));
  });
}

Deno.test("verifyZip() accepts an honest archive with an empty file", async () => {
  await using folder = await TemporaryFolder.make();
  await verifyZip(await folder.write("a.zip", buildZip([good, { name: "empty.txt", content: "" }])));
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
