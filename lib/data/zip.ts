// Reads the one corpus file inside a zip archive. The archive may come from anywhere, so nothing that it says
// about itself is believed: names, sizes and checksums are checked, and the amount of data is limited.

import { configure, type FileEntry, Uint8ArrayReader, ZipReader } from "npm:@zip.js/zip.js@2.24.0";
import { corruptFile } from "./corrupt_file.ts";
import { checkUnpackedSize, MOST_CORPUS_BYTES } from "./limits.ts";

// A worker would need a permission, and outlive the call.
configure({ useWebWorkers: false });

const MOST_ENTRIES = 1_000;
/** Bytes before the name of a file, which stands before its data. */
const LOCAL_HEADER = 30;

/**
 * Yields the content of the corpus file in a zip archive: its only `.txt` or `.tsv` but for `_about.txt`.
 *
 * @param path The archive.
 * @throws {Deno.errors.InvalidData} If the archive is corrupt, hostile or ambiguous; also at the end of the
 * iteration, where the checksum is compared, so nothing may be used before that.
 */
export async function* readZip(path: string): AsyncGenerator<Uint8Array> {
  const entries = await openZip(path);
  yield* inflate(corpusEntry(entries, path), path);
}

/**
 * Checks every entry of a zip archive: names, sizes, overlaps and checksums.
 *
 * @param path The archive.
 * @throws {Deno.errors.InvalidData} If anything is wrong, naming it.
 */
export async function verifyZip(path: string): Promise<void> {
  for (const entry of await openZip(path)) {
    for await (const _ of inflate(entry, path));
  }
}

async function openZip(path: string): Promise<FileEntry[]> {
  const { size } = await Deno.stat(path);
  if (size > MOST_CORPUS_BYTES) {
    throw refusal(path, new Error(`it has ${size} bytes, and ${MOST_CORPUS_BYTES} is the limit`));
  }
  const bytes = await Deno.readFile(path);
  const reader = new ZipReader(new Uint8ArrayReader(bytes), {
    strictness: "strict",
    checkOverlappingEntry: true,
  });
  const files: FileEntry[] = [];
  let count = 0;
  try {
    for await (const entry of reader.getEntriesGenerator()) {
      if (++count > MOST_ENTRIES) throw new Error(`it has more than ${MOST_ENTRIES} entries`);
      if (!entry.directory) files.push(entry);
    }
  } catch (cause) {
    throw refusal(path, cause);
  }
  checkEntries(files, path);
  return files;
}

/** Refuses what no corpus needs, by what the archive says of its entries; that it lies is found out when they are read. */
function checkEntries(entries: readonly FileEntry[], path: string): void {
  let total = 0;
  try {
    for (const { filename, uncompressedSize, compressedSize, encrypted, symlink } of entries) {
      if (encrypted) throw new Error(`${filename} is encrypted`);
      if (symlink) throw new Error(`${filename} is a link`);
      checkUnpackedSize(uncompressedSize, compressedSize, MOST_CORPUS_BYTES, filename);
      total += uncompressedSize;
    }
    checkUnpackedSize(total, total, MOST_CORPUS_BYTES, "all of it");
    checkOverlaps(entries);
  } catch (cause) {
    throw refusal(path, cause);
  }
}

/** Refuses entries that share bytes; zip.js would see it in the second one that is read, and perhaps only one is. */
function checkOverlaps(entries: readonly FileEntry[]): void {
  const ordered = entries.toSorted((a, b) => a.offset - b.offset);
  for (const [index, { filename, offset, rawFilename, compressedSize }] of ordered.entries()) {
    const next = ordered[index + 1];
    if (next === undefined || offset + LOCAL_HEADER + rawFilename.length + compressedSize <= next.offset) {
      continue;
    }
    throw new Error(`${filename} and ${next.filename} overlap`);
  }
}

function corpusEntry(entries: readonly FileEntry[], path: string): FileEntry {
  const texts = entries.filter(({ filename }) =>
    /\.(txt|tsv)$/i.test(filename) && !/(^|\/)(_about\.txt$|\.|__MACOSX\/)/i.test(filename)
  );
  if (texts.length === 1) return texts[0]!;
  const names = entries.slice(0, 20).map((entry) => entry.filename).join(", ") || "nothing";
  throw new Deno.errors.InvalidData(
    `Cannot read ${path}: expected one .txt or .tsv file in it besides _about.txt, found ${texts.length}. ` +
      `It holds ${names}. Unpack it and give the path of the file wanted.`,
  );
}

async function* inflate(entry: FileEntry, path: string): AsyncGenerator<Uint8Array> {
  let fail: (error: unknown) => void;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    start: (controller) => void (fail = (error) => controller.error(error)),
  });
  const outcome = entry.getData(writable, { checkCrc32: true }).then(
    () => undefined,
    (error: unknown) => {
      fail(error); // zip.js leaves the stream open if it fails before the first byte, and its reader would wait for ever
      return { error };
    },
  );
  let received = 0;
  try {
    for await (const chunk of readable) {
      received += chunk.length;
      if (received > entry.uncompressedSize) throw new Error(`${entry.filename} is larger than it claims`);
      yield chunk;
    }
  } catch (cause) {
    await outcome;
    throw refusal(path, cause);
  }
  const failure = await outcome;
  if (failure) throw refusal(path, failure.error);
}

function refusal(path: string, reason: unknown): Error {
  // zip.js says which name is unsafe, and which readings of an ambiguous archive disagree, in properties of their own.
  const { message, filename, reason: detail } = reason as Error & { filename?: string; reason?: string };
  const details = [filename && JSON.stringify(filename), detail].filter(Boolean).join(", ");
  return corruptFile(
    path,
    "a zip archive",
    details ? new Error(`${message} (${details})`, { cause: reason }) : reason,
  );
}
