import type { SafetensorsInput } from "../../lib/training/safetensors.ts";
import { encodeSafetensors } from "../../lib/training/safetensors.ts";
import { decodeSealed, encodeSealed } from "../../lib/training/sealed.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const tensors = new Map<string, SafetensorsInput>([
  ["ä", { shape: [3], data: Float32Array.of(1, -2, 3) }],
  ["crc32", { shape: [1], data: Uint32Array.of(7) }],
]);
const metadata = { a: '"crc32":"00000000"', step: "12" };

Deno.test("decodeSealed() reads what encodeSealed() wrote, and files without a checksum", () => {
  const { tensors: read, metadata: texts } = decodeSealed(encodeSealed(tensors, metadata));
  assertEquals(read.get("ä")!.data, tensors.get("ä")!.data);
  assertEquals({ ...texts }, { ...metadata, crc32: texts["crc32"]! });
  assertEquals(decodeSealed(encodeSafetensors(tensors)).metadata["crc32"], undefined);
});

Deno.test("decodeSealed() finds every flipped bit", () => {
  const bytes = encodeSealed(tensors, metadata);
  const expected = decodeSealed(bytes);
  const key = new TextDecoder("latin1").decode(bytes).indexOf('"crc32":"') + 1;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const spoilt = bytes.slice();
    spoilt[bit >> 3]! ^= 1 << (bit & 7);
    if (bit >> 3 < key || bit >> 3 >= key + "crc32".length) {
      assertThrows(() => decodeSealed(spoilt), Error);
      continue;
    }
    try { // one in the checksum's own name hides the checksum, and harms nothing else
      assertEquals(decodeSealed(spoilt).tensors, expected.tensors);
    } catch (error) {
      assert(error instanceof Error);
    }
  }
});

Deno.test("decodeSealed() says what the checksum is, and what it should be", () => {
  const bytes = encodeSealed(tensors, metadata);
  bytes[bytes.length - 1]! ^= 1;
  assertThrows(() => decodeSealed(bytes), TypeError, "their CRC-32 is ");
});
