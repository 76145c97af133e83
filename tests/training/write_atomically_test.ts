import { removeUnfinished, writeAtomically, writeBeside } from "../../lib/training/write_atomically.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";

Deno.test("writeAtomically() writes texts and bytes, and replaces what was there", async () => {
  await using folder = await TemporaryFolder.make();
  await writeAtomically(folder.at("a"), "é");
  assertEquals(await Deno.readTextFile(folder.at("a")), "é");
  await writeAtomically(folder.at("a"), Uint8Array.of(1, 2));
  assertEquals(await Deno.readFile(folder.at("a")), Uint8Array.of(1, 2));
  assertEquals(await folder.files(), ["a"]);
});

Deno.test("writeAtomically() leaves nothing behind when it cannot", async () => {
  await using folder = await TemporaryFolder.make();
  await folder.write("old", "old");
  await assertRejects(() => writeAtomically(folder.at("old/new"), "new"));
  await assertRejects(() => writeAtomically(folder.at("missing/new"), "new"), Deno.errors.NotFound);
  assertEquals(await folder.files(), ["old"]);
});

Deno.test("writeBeside() leaves a file beside its place until it is told; unfinished ones can be removed", async () => {
  await using folder = await TemporaryFolder.make();
  const path = await folder.write("weights", "old");
  const [kept, dropped] = [await writeBeside(path, "new"), await writeBeside(path, "newer")];
  assertEquals([(await folder.files()).length, await Deno.readTextFile(path)], [3, "old"]);
  await dropped.discard();
  await kept.commit();
  assertEquals([await folder.files(), await Deno.readTextFile(path)], [["weights"], "new"]);
  await writeBeside(path, "never finished");
  await folder.write("mine.tmp", "");
  await removeUnfinished(folder.path);
  assertEquals(await folder.files(), ["mine.tmp", "weights"]);
});

Deno.test("writeAtomically() leaves the old or the new file, whenever it is killed", async () => {
  await using folder = await TemporaryFolder.make();
  const path = folder.at("weights");
  const size = 4 << 20;
  await Deno.writeFile(path, new Uint8Array(size));
  const module = new URL("../../lib/training/write_atomically.ts", import.meta.url);
  const script = await folder.write(
    "write.ts",
    `import { removeUnfinished, writeAtomically, writeBeside } from ${JSON.stringify(module.href)};
     console.log("ready");
     for (let i = 0;; i = (i + 1) % 256) await writeAtomically(Deno.args[0]!, new Uint8Array(${size}).fill(i));`,
  );
  for (let kill = 0; kill < 6; kill++) {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "-A", script, path],
      stdout: "piped",
      stderr: "null",
    });
    const child = command.spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 20 + 17 * kill));
    child.kill("SIGKILL");
    while (!(await reader.read()).done);
    await child.status;
    const bytes = await Deno.readFile(path);
    assertEquals(bytes.length, size);
    assert(bytes.every((byte) => byte === bytes[0]), "the file is a mixture");
  }
});
