// Which checkpoint of a folder counts, and which may go; what is in the files is played.

import { DeviceLostError } from "../../lib/gpu/errors.ts";
import { readPart } from "../../lib/training/checkpoint.ts";
import { fileOf, newestFirst, readNewest, removeOlder } from "../../lib/training/checkpoint_files.ts";
import { SafetensorsError } from "../../lib/training/safetensors_header.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";

const file = (step: number) => fileOf("last", step);

async function folderOf(...steps: number[]): Promise<TemporaryFolder> {
  const folder = await TemporaryFolder.make();
  for (const step of steps) await folder.write(file(step), "");
  return folder;
}

/** Reads the newest where reading that of step 8 fails. */
async function readWhere(folder: string, error: Error) {
  return await readNewest(folder, (name) =>
    readPart(folder, name, () => {
      if (name === file(8)) throw error;
      return name;
    }));
}

Deno.test("readNewest() passes over what is spoilt, and says what without a remedy that is none", async () => {
  await using folder = await folderOf(4, 8);
  for (
    const error of [new SyntaxError("it is."), new TypeError("it is"), new SafetensorsError("file", "it is")]
  ) {
    assertEquals(await readWhere(folder.path, error), {
      value: file(4),
      passedOver: [`Cannot load a model from "${folder.path}/${file(8)}": it is.`],
    });
  }
  const gone = await readWhere(folder.path, new Deno.errors.NotFound()); // removed by a training that goes on
  assertEquals(gone, { value: file(4), passedOver: [] });
});

Deno.test("readNewest() throws what a disk, a GPU or a lack of memory does, which says nothing about a file", async () => {
  await using folder = await folderOf(4, 8);
  const errors = [
    new Deno.errors.PermissionDenied("Permission denied (os error 13)"),
    new Deno.errors.NotCapable("Requires read access"),
    new Error("Input/output error (os error 5)"),
    new Error("Too many open files (os error 24)"),
    new Error("The GPU could not allocate: its memory is full."),
    new RangeError("1e12 bytes do not fit into memory"),
    new DeviceLostError("unknown", "reset"),
  ];
  for (const error of errors) {
    const { message } = error;
    await assertRejects(() => readWhere(folder.path, error), Error, message);
  }
});

Deno.test("removeOlder() leaves no checkpoint that was passed over in place of one that is whole", async () => {
  await using folder = await folderOf(2, 4, 6, 8, 10); // a run went on from 4 and wrote 8; 6 and 10 are spoilt
  await removeOlder(folder.path, 4, new Set([file(8)]), 2);
  assertEquals(await newestFirst(folder.path), [file(8), file(4)]);
  await folder.write(file(12), "");
  await removeOlder(folder.path, 4, new Set([file(8), file(12)]), 2);
  assertEquals(await newestFirst(folder.path), [file(12), file(8)]);
});
