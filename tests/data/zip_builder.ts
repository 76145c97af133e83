// Builds zip archives byte by byte for the tests, also such as no honest program would write.

import { crc32, deflateRawSync } from "node:zlib";

/** One file to put in the archive; what is given beside the content is written as it stands, true or not. */
export interface ZipEntry {
  readonly name: string;
  readonly content: Uint8Array | string;
  readonly crc?: number;
  readonly claimedSize?: number;
  readonly flags?: number;
}

/** Returns the bytes of a zip archive with deflated entries. */
export function buildZip(entries: readonly ZipEntry[]): Uint8Array<ArrayBuffer> {
  const locals: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = new TextEncoder().encode(entry.name);
    const content = typeof entry.content === "string"
      ? new TextEncoder().encode(entry.content)
      : entry.content;
    const packed = new Uint8Array(deflateRawSync(content));
    const common = [
      ...[u16(20), u16(entry.flags ?? 0), u16(8), u16(0), u16(0x4ca1)],
      ...[u32(entry.crc ?? crc32(content)), u32(packed.length), u32(entry.claimedSize ?? content.length)],
      ...[u16(name.length), u16(0)],
    ];
    const local = concat([u32(0x04034b50), ...common, name, packed]);
    central.push(concat([
      ...[u32(0x02014b50), u16(20), ...common, u16(0), u16(0), u16(0), u32(0), u32(offset), name],
    ]));
    locals.push(local);
    offset += local.length;
  }
  const directory = concat(central);
  const count = u16(entries.length);
  const end = [u32(0x06054b50), u16(0), u16(0), count, count, u32(directory.length), u32(offset), u16(0)];
  return concat([...locals, directory, ...end]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function u16(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8]);
}

function u32(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8, value >>> 16, value >>> 24]);
}
