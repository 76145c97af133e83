import { SafetensorsError } from "../../lib/training/safetensors.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { openSafetensors } from "../../lib/training/safetensors_file.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";

const HUGE = 2 ** 33;

/** Writes a file of a huge tensor of holes and a small one behind it; false where the disk would have to hold the holes. */
async function writeSparse(path: string): Promise<boolean> {
  const info = (shape: number[], begin: number, end: number) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  const header = new TextEncoder().encode(JSON.stringify({
    huge: info([HUGE / 4], 0, HUGE),
    wanted: info([2, 2], HUGE, HUGE + 16),
  }));
  using file = await Deno.open(path, { write: true, createNew: true });
  const write = (bytes: Uint8Array) => file.writeSync(bytes);
  write(new Uint8Array(new BigUint64Array([BigInt(header.length)]).buffer));
  write(header);
  try {
    await file.truncate(8 + header.length + HUGE + 16);
  } catch {
    return false; // the file system has no files of that size
  }
  await file.seek(-16, Deno.SeekMode.End);
  write(new Uint8Array(new Float32Array([1, -2, 3.5, 0]).buffer));
  const { blocks } = await file.stat();
  return blocks !== null && blocks * 512 < 2 ** 20;
}

Deno.test("one tensor of a file of 8 GB is read, and nothing else", async (t) => {
  await using folder = await TemporaryFolder.make();
  const path = folder.at("huge.safetensors");
  const isSparse = await writeSparse(path);
  await t.step({
    name: isSparse ? "memory does not grow" : "[skipped: the file system stores holes]",
    ignore: !isSparse,
    fn: async () => {
      const before = Deno.memoryUsage().rss;
      using file = await openSafetensors(path);
      const { dtype, shape, data } = file.read("wanted");
      assertEquals([dtype, shape, [...data]], ["F32", [2, 2], [1, -2, 3.5, 0]]);
      assertEquals(file.tensors.get("huge"), { dtype: "F32", shape: [HUGE / 4], begin: 0, end: HUGE });
      const grown = Deno.memoryUsage().rss - before;
      assert(grown < 64 * 2 ** 20, `the process grew by ${grown} bytes`); // of 8,192 MiB
    },
  });
});

Deno.test("a file says which tensors it has, and gives each when asked, as often as asked", async () => {
  await using folder = await TemporaryFolder.make();
  const tensors = new Map([
    ["a", { shape: [2, 1], data: new Float32Array([1, 2]) }],
    ["b", { shape: [], data: new Uint32Array([7]) }],
    ["c", { shape: [0], data: new Float32Array(0) }],
  ]);
  const path = await folder.write("a.safetensors", encodeSafetensors(tensors, { note: "kept" }));
  using file = await openSafetensors(path);
  for (const name of ["c", "b", "a", "b"]) {
    const { shape, data } = file.read(name);
    assertEquals<unknown>({ shape, data }, tensors.get(name));
  }
  assertEquals({ ...file.metadata }, { note: "kept" });
  assertEquals([...file.tensors.keys()], ["a", "b", "c"]);
  const error = assertThrows(() => file.read("__proto__"), SafetensorsError, "none of that name");
  assertEquals(error.code, "file");
});

Deno.test("what cannot be read is refused by name, and the file closed", async () => {
  await using folder = await TemporaryFolder.make();
  await assertRejects(() => openSafetensors(folder.at("none")), Deno.errors.NotFound);
  await assertRejects(() => openSafetensors(folder.path), SafetensorsError, "is not a file");
  const bytes = encodeSafetensors(new Map([["a", { shape: [1000], data: new Float32Array(1000) }]]));
  const path = await folder.write("cut.safetensors", bytes);
  using file = await openSafetensors(path);
  await Deno.truncate(path, bytes.length - 1);
  assertThrows(() => file.read("a"), SafetensorsError, "was cut short while it was open");
  const error = await assertRejects(() => openSafetensors(path), SafetensorsError);
  assertStringIncludes(error.message, "may be cut short");
});

Deno.test("a pipe is refused without waiting for somebody to write to it", async () => {
  if (Deno.build.os === "windows") return;
  await using folder = await TemporaryFolder.make();
  const path = folder.at("pipe");
  assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
  await assertRejects(() => openSafetensors(path), SafetensorsError, "is not a file");
});
