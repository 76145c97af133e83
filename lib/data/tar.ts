// Reads the files inside a tar archive one after the other, without unpacking it to disk. The archive may come from
// anywhere: checksums are checked, and the amount of data is limited.

import { createTarDecoder } from "npm:modern-tar@0.8.6";
import { corruptFile } from "./corrupt_file.ts";
import { readBytes } from "./file.ts";
import { atMost, MOST_CORPUS_BYTES } from "./limits.ts";

/** What an archive may hold at most. */
export interface TarLimits {
  /** Entries of any kind; a million when omitted. */
  readonly entries?: number;
  /** Unpacked bytes, headers included; 2 GiB when omitted. */
  readonly bytes?: number;
  /** Bytes of a file that is wanted; 16 MiB when omitted. */
  readonly fileBytes?: number;
}

/** A file of an archive. */
export interface TarFile {
  /** Its path in the archive. */
  readonly name: string;
  /** What is in it. */
  readonly content: Uint8Array<ArrayBuffer>;
}

/**
 * Yields files of a tar archive, perhaps packed with gzip, in the order of the archive. Links, folders and their like
 * are passed over.
 *
 * @param path The archive.
 * @param isWanted Tells by its path whether a file is to be read.
 * @param limits What is too much.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {Deno.errors.InvalidData} If the archive is damaged, cut short or too large, has a path that leads out of
 *   it, or a wanted file twice. It may come after files that were yielded, so nothing should be used before the end.
 */
export async function* readTar(
  path: string,
  isWanted: (name: string) => boolean,
  limits: TarLimits = {},
): AsyncGenerator<TarFile> {
  const { entries = 1_000_000, bytes = MOST_CORPUS_BYTES, fileBytes = 2 ** 24 } = limits;
  const seen = new Set<string>();
  let count = 0;
  try {
    const unpacked = ReadableStream.from(atMost(bytes, readBytes(path), path, "a tar archive"));
    for await (const { header, body } of unpacked.pipeThrough(createTarDecoder({ strict: true }))) {
      const { name, type, size } = header;
      if (++count > entries) throw new Error(`it has more than ${entries} entries`);
      if (leadsOut(name)) throw new Error(`the path ${JSON.stringify(name)} leads out of it`);
      if (type !== "file" || !isWanted(name)) {
        for await (const _ of body); // to cancel it would tear the next file from its content
        continue;
      }
      if (size > fileBytes) throw new Error(`${name} has ${size} bytes, and ${fileBytes} is the limit`);
      if (seen.has(name)) throw new Error(`${name} is there twice`);
      seen.add(name);
      yield { name, content: await new Response(body).bytes() };
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.InvalidData) throw cause;
    throw corruptFile(path, "a tar archive", cause);
  }
}

/** Whether a path leads out of the folder that an archive would be unpacked to, on any system. */
function leadsOut(name: string): boolean {
  return /^[\\/]|^[a-z]:/i.test(name) || name.split(/[\\/]/).includes("..");
}
