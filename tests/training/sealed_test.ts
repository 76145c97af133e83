import type { SafetensorsInput } from "../../lib/training/safetensors.ts";
import { encodeSafetensors } from "./safetensors.ts";
import { encodeSealed, openSealed } from "../../lib/training/sealed.ts";
import { sealed } from "./sealed.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";

const tensors = new Map<string, SafetensorsInput>([
  ["ä", { shape: [3], data: Float32Array.of(1, -2, 3) }],
  ["crc32", { shape: [1], data: Uint32Array.of(7) }],
]);
const metadata = { a: '"crc32":"00000000"', step: "12" };

/** What {@linkcode openSealed} makes of these bytes. */
async function opened(folder: TemporaryFolder, bytes: Uint8Array) {
  const path = folder.at("sealed.safetensors");
  await Deno.writeFile(path, bytes);
  using file = await openSealed(path);
  const read = new Map([...file.tensors.keys()].map((name) => [name, file.read(name)]));
  return { tensors: read, metadata: file.metadata };
}

Deno.test("openSealed() reads what encodeSealed() wrote, and files without a checksum", async () => {
  await using folder = await TemporaryFolder.make();
  const { tensors: read, metadata: texts } = await opened(folder, sealed(tensors, metadata));
  assertEquals(read.get("ä")!.data, tensors.get("ä")!.data);
  assertEquals({ ...texts }, { ...metadata, crc32: texts["crc32"]! });
  assertEquals((await opened(folder, encodeSafetensors(tensors))).metadata["crc32"], undefined);
});

Deno.test("openSealed() finds every flipped bit", async () => {
  await using folder = await TemporaryFolder.make();
  const bytes = sealed(tensors, metadata);
  const expected = await opened(folder, bytes);
  const key = new TextDecoder("latin1").decode(bytes).indexOf('"crc32":"') + 1;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const spoilt = bytes.slice();
    spoilt[bit >> 3]! ^= 1 << (bit & 7);
    if (bit >> 3 < key || bit >> 3 >= key + "crc32".length) {
      await assertRejects(() => opened(folder, spoilt), Error);
      continue;
    }
    try { // one in the checksum's own name hides the checksum, and harms nothing else
      assertEquals((await opened(folder, spoilt)).tensors, expected.tensors);
    } catch (error) {
      assert(error instanceof Error);
    }
  }
});

Deno.test("openSealed() says what the checksum is, and what it should be", async () => {
  await using folder = await TemporaryFolder.make();
  const bytes = sealed(tensors, metadata);
  bytes[bytes.length - 1]! ^= 1;
  await assertRejects(() => opened(folder, bytes), TypeError, "their CRC-32 is ");
});

Deno.test("openSealed() finds damage in the second piece of a long file", async () => {
  await using folder = await TemporaryFolder.make();
  const data = new Float32Array(300_000); // 1.2 MB, and files are read a MiB at a time
  const bytes = sealed(new Map([["long", { shape: [data.length], data }]]), {});
  assertEquals((await opened(folder, bytes)).tensors.get("long")!.data, data);
  bytes[bytes.length - 1]! ^= 1;
  await assertRejects(() => opened(folder, bytes), TypeError, "their CRC-32 is ");
});

Deno.test("encodeSealed() copies no numbers", () => {
  const [, ...parts] = encodeSealed(tensors, metadata);
  assertEquals(parts.length, tensors.size);
  for (const { buffer } of parts) assert([...tensors.values()].some(({ data }) => data.buffer === buffer));
});
