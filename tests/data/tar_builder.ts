// Packs tar archives for the tests, with gzip or without.

import { gzipSync } from "node:zlib";
import { packTar } from "npm:modern-tar@0.8.6";

type Entries = Parameters<typeof packTar>[0];

/** Returns the bytes of an archive with files of the given contents, and with other entries before them. */
export async function buildTar(
  files: readonly (readonly [name: string, content: string | Uint8Array])[],
  others: Entries = [],
): Promise<Uint8Array<ArrayBuffer>> {
  return await packTar([
    ...others,
    ...files.map(([name, content]) => {
      const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
      return { header: { name, size: body.length }, body };
    }),
  ]);
}

/** Returns the bytes packed with gzip. */
export function gzip(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(bytes));
}
