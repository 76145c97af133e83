// Training: safetensors files with a checksum inside, so that a flipped bit does not pass for a weight.

import { crc32 } from "node:zlib";
import { encodeSafetensorsParts, type SafetensorsInput } from "./safetensors.ts";
import { openSafetensors, type SafetensorsFile } from "./safetensors_file.ts";

/** The checksum's place in the metadata: the CRC-32 of the whole file, as it is with zeros in that place. */
const KEY = "crc32";
const ZEROS = "00000000";

/**
 * Encodes tensors as the parts of a safetensors file, with a checksum of the whole file among the metadata. But for the
 * header they are views of the numbers; see {@linkcode encodeSafetensorsParts}.
 */
export function encodeSealed(
  tensors: ReadonlyMap<string, SafetensorsInput>,
  metadata: Readonly<Record<string, string>>,
): [header: Uint8Array<ArrayBuffer>, ...tensors: Uint8Array<ArrayBuffer>[]] {
  const parts = encodeSafetensorsParts(tensors, { ...metadata, [KEY]: ZEROS });
  const [header] = parts;
  const sum = parts.reduce((sum, part) => crc32(part, sum), 0);
  header.set(new TextEncoder().encode(hexadecimal(sum)), placeOf(header, ZEROS));
  return parts;
}

/**
 * Opens a file that {@linkcode encodeSealed} made, or one that has no checksum, as those of other programs. All of it is
 * read once, a piece at a time, for the checksum.
 *
 * @throws {SafetensorsError} If it breaks a rule of the format.
 * @throws {TypeError} If the checksum is another one.
 */
export async function openSealed(path: string): Promise<SafetensorsFile> {
  const file = await openSafetensors(path);
  try {
    const expected = file.metadata[KEY];
    const found = expected === undefined ? expected : checksumOf(file, expected);
    if (found === expected) return file;
    throw new TypeError(
      `Its bytes are not those that were written: their CRC-32 is ${found}, not ${expected}.`,
    );
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

/** The checksum of a file, as it is with zeros in the place of `digits`. */
function checksumOf(file: SafetensorsFile, digits: string): string {
  const header = file.header();
  header.set(new TextEncoder().encode(ZEROS), placeOf(header, digits));
  let sum = crc32(header);
  for (const piece of file.pieces()) sum = crc32(piece, sum);
  return hexadecimal(sum);
}

/** Where the digits stand. An unescaped `"` begins a key or a text, so nothing else in the header looks like this. */
function placeOf(bytes: Uint8Array, digits: string): number {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = new TextDecoder("latin1").decode(bytes.subarray(8, 8 + length)); // a character a byte
  const entry = header.indexOf(`"${KEY}":"${digits}"`);
  if (entry < 0) throw new TypeError(`Its metadata "${KEY}" is not as it was written.`);
  return 8 + entry + KEY.length + 4;
}

function hexadecimal(checksum: number): string {
  return checksum.toString(16).padStart(ZEROS.length, "0");
}
