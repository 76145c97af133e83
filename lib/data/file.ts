// Opens a corpus file of this machine as a stream of its unpacked bytes, whatever it is packed with.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { corruptFile } from "./corrupt_file.ts";
import { atMost, MOST_CORPUS_BYTES } from "./limits.ts";
import { readZip } from "./zip.ts";

/**
 * Yields the unpacked content of a plain, gzip or zip file.
 *
 * Zip is told by the name. Gzip is told by its first bytes, because web servers add and remove it: no text
 * begins with them.
 *
 * @param path The file.
 * @param what What it should hold, for messages.
 * @param most The most bytes that it may have, packed or unpacked; 2 GiB when omitted, and always for zip.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {Deno.errors.InvalidData} If it is corrupt or too large. What was yielded before should not be used then.
 */
export async function* readBytes(
  path: string,
  what: string = "corpus",
  most: number = MOST_CORPUS_BYTES,
): AsyncGenerator<Uint8Array> {
  const size = await checkFile(path, what, most);
  if (/\.zip$/i.test(path)) return yield* readZip(path);
  const file = await Deno.open(path);
  const chunks = file.readable.values();
  const first = await chunks.next();
  try {
    if (first.done) return;
    const bytes = withFirst(first.value, chunks);
    if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) return yield* bytes;
    yield* atMost(most, gunzip(bytes, path), path, "gzip", size);
  } finally {
    await chunks.return?.();
  }
}

/** Returns the size of the file. */
async function checkFile(path: string, what: string, most: number): Promise<number> {
  let information: Deno.FileInfo;
  try {
    information = await Deno.stat(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Deno.errors.NotFound(`Cannot read ${what} ${path}: there is no such file. Check the path.`, {
      cause,
    });
  }
  if (!information.isFile) {
    throw new Deno.errors.InvalidData(
      `Cannot read ${what} ${path}: it is not a file. Give the path of a file in it.`,
    );
  }
  if (information.size > most) {
    throw new Deno.errors.InvalidData(
      `Cannot read ${what} ${path}: it has ${information.size} bytes, and ${most} is the limit. Give a part of it.`,
    );
  }
  return information.size;
}

async function* withFirst(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

// Node's, because the web's DecompressionStream refuses files made of several gzip members.
async function* gunzip(bytes: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const unpacked = createGunzip();
  const outcome = pipeline(Readable.from(bytes, { objectMode: false }), unpacked).catch(() => {});
  try {
    for await (const chunk of unpacked) yield chunk;
  } catch (cause) {
    throw corruptFile(path, "gzip", cause);
  } finally {
    unpacked.destroy();
    await outcome;
  }
}
