// Every way of reading against files that break one rule each, and against odd ones that break none.

import { SafetensorsError } from "../../lib/training/safetensors.ts";
import { decodeSafetensors } from "./safetensors.ts";
import { openSafetensors } from "../../lib/training/safetensors_file.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { BAD_FILES, ODD_FILES } from "./safetensors_files.ts";

for (const { what, code, says, bytes } of BAD_FILES) {
  Deno.test(`safetensors are refused: ${what}`, async () => {
    await using folder = await TemporaryFolder.make();
    const path = await folder.write("bad.safetensors", bytes);
    const errors = [
      assertThrows(() => decodeSafetensors(bytes), SafetensorsError),
      await assertRejects(() => openSafetensors(path), SafetensorsError),
    ];
    for (const error of errors) {
      assertEquals(error.code, code, error.message);
      assertStringIncludes(error.message, "Cannot ");
      assertStringIncludes(error.message, says);
      assert(error.message.length < 500, "the message is as long as the file makes it");
    }
  });
}

Deno.test(`safetensors are read, however odd: ${ODD_FILES.length} files`, async () => {
  await using folder = await TemporaryFolder.make();
  for (const { what, names, bytes } of ODD_FILES) {
    const { tensors, metadata } = decodeSafetensors(bytes);
    assertEquals([...tensors.keys()], [...names], what);
    using file = await openSafetensors(await folder.write("odd.safetensors", bytes));
    assertEquals([...file.tensors.keys()], [...names], what);
    assertEquals({ ...file.metadata }, { ...metadata }, what);
    for (const name of names.slice(0, 3)) assertEquals(file.read(name), tensors.get(name)!, what);
  }
});

Deno.test("metadata is what the header says, letter by letter", () => {
  const { bytes } = ODD_FILES.find(({ what }) => what === "syntax in texts")!;
  const { metadata } = decodeSafetensors(bytes);
  assertEquals({ ...metadata }, { "a": '"b":1 {', "c": '"1e5 [[[[', '"b"': "-0" });
  assertEquals(Object.getPrototypeOf(metadata), null);
});
