// Opens a corpus file of this machine as a stream of its unpacked bytes, whatever it is packed with.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { corruptFile } from "./corrupt_file.ts";
import { readZip } from "./zip.ts";

/**
 * Yields the unpacked content of a plain, gzip or zip file.
 *
 * Zip is told by the name. Gzip is told by its first bytes, because web servers add and remove it: no text
 * begins with them.
 *
 * @param path The file.
 * @param what What it should hold, for messages.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {Deno.errors.InvalidData} If it is corrupt.
 */
export async function* readBytes(path: string, what: string = "corpus"): AsyncGenerator<Uint8Array> {
  await checkFile(path, what);
  if (/\.zip$/i.test(path)) return yield* readZip(path);
  const file = await Deno.open(path);
  const chunks = file.readable.values();
  const first = await chunks.next();
  try {
    if (first.done) return;
    const bytes = withFirst(first.value, chunks);
    yield* first.value[0] === 0x1f && first.value[1] === 0x8b ? gunzip(bytes, path) : bytes;
  } finally {
    await chunks.return?.();
  }
}

async function checkFile(path: string, what: string): Promise<void> {
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
