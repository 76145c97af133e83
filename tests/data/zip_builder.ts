// Builds zip archives byte by byte for the tests, also such as no honest program would write.

import { crc32, deflateRawSync } from "node:zlib";

/** One file to put in the archive; what is given beside the content is written as it stands, true or not. */
export interface ZipEntry {
  readonly name: string | Uint8Array;
  readonly content: Uint8Array | string;
  readonly crc?: number;
  readonly claimedSize?: number;
  readonly packedSize?: number;
  readonly flags?: number;
  /** 8, deflated, if not told; 0 is stored; others are stored too. */
  readonly method?: number;
  readonly attributes?: number;
  readonly offset?: number;
  readonly comment?: string;
  readonly extra?: Uint8Array;
  /** What the header before the file says, where that is something else. */
  readonly local?: Partial<ZipEntry>;
}

/** What is written of the archive as a whole. */
export interface ZipEnd {
  readonly count?: number;
  readonly size?: number;
  readonly offset?: number;
  readonly comment?: string;
  readonly disk?: number;
  /** Whether to write the records of large archives, and the offset that their locator tells. */
  readonly zip64?: { readonly offset?: number; readonly count?: number };
}

/** Returns the bytes of a zip archive. */
export function buildZip(entries: readonly ZipEntry[], end: ZipEnd = {}): Uint8Array<ArrayBuffer> {
  const locals: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const packed = pack(entry);
    const inner: ZipEntry = { ...entry, ...entry.local };
    const extra = entry.extra ?? new Uint8Array();
    const local = concat([
      u32(0x04034b50),
      ...header(inner, packed, extra),
      bytesOf(inner.name),
      extra,
      packed,
    ]);
    const comment = bytesOf(entry.comment ?? "");
    central.push(concat([
      ...[u32(0x02014b50), u16(0x314), ...header(entry, packed, extra), u16(comment.length), u16(0), u16(0)],
      ...[u32(entry.attributes ?? 0), u32(entry.offset ?? offset), bytesOf(entry.name), extra, comment],
    ]));
    locals.push(local);
    offset += local.length;
  }
  const directory = concat(central);
  const tail = endOf(entries.length, directory.length, offset, end);
  return concat([...locals, directory, ...tail]);
}

function pack({ content, method = 8 }: ZipEntry): Uint8Array {
  return method === 8 ? new Uint8Array(deflateRawSync(bytesOf(content))) : bytesOf(content);
}

/** What the headers before a file and in the directory have in common. */
function header(entry: ZipEntry, packed: Uint8Array, extra: Uint8Array): Uint8Array[] {
  const content = bytesOf(entry.content);
  return [
    ...[u16(20), u16(entry.flags ?? 0), u16(entry.method ?? 8), u16(0), u16(0x4ca1)],
    ...[u32(entry.crc ?? crc32(content)), u32(entry.packedSize ?? packed.length)],
    ...[u32(entry.claimedSize ?? content.length), u16(bytesOf(entry.name).length), u16(extra.length)],
  ];
}

function endOf(entries: number, size: number, offset: number, end: ZipEnd): Uint8Array[] {
  const { zip64, comment = "", disk = 0 } = end;
  const count = end.count ?? entries;
  const large = zip64 === undefined ? [] : [
    ...[u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), u64(zip64.count ?? count)],
    ...[u64(zip64.count ?? count), u64(size), u64(offset)],
    ...[u32(0x07064b50), u32(0), u64(zip64.offset ?? offset + size), u32(1)],
  ];
  const small = zip64 === undefined
    ? [u16(count), u16(count), u32(end.size ?? size), u32(end.offset ?? offset)]
    : [u16(0xffff), u16(0xffff), u32(0xffffffff), u32(0xffffffff)];
  return [...large, u32(0x06054b50), u16(disk), u16(disk), ...small, u16(comment.length), bytesOf(comment)];
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
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

function u64(value: number): Uint8Array {
  return concat([u32(value % 2 ** 32), u32(Math.floor(value / 2 ** 32))]);
}
