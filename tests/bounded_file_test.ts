import { readBounded, readStrictJson } from "../lib/bounded_file.ts";
import { StrictJsonError, type StrictJsonErrorCode } from "../lib/strict_json.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { TemporaryFolder } from "./data/temporary_folder.ts";

Deno.test("files are named, and read only if they are small and files", async () => {
  await using folder = await TemporaryFolder.make();
  const path = await folder.write("a.json", '\ufeff{"a": 1}');
  assertEquals(await readStrictJson(path, 100), { a: 1 });
  const refused = async (path: string, code: StrictJsonErrorCode, what: string) => {
    const error = await assertRejects(() => readStrictJson(path, 100), StrictJsonError, what);
    assertEquals(error.code, code);
    assert(error.message.includes(JSON.stringify(path)), error.message);
  };
  await refused(await folder.write("b.json", "["), "syntax", "ends too early on line 1, column 2");
  await refused(await folder.write("c.json", new Uint8Array([0x22, 0xff, 0x22])), "utf-8", "it is not UTF-8");
  await refused(folder.path, "size", "it is not a file");
  await assertRejects(() => readBounded(folder.at("none"), 1), Deno.errors.NotFound);
  const large = await folder.write("large.json", "[]");
  await Deno.truncate(large, 2 ** 33); // a hole: takes no room on the disk
  await refused(large, "size", "it has 8589934592 bytes, and a file of its kind at most 100");
});
