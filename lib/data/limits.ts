// How much data a file may hold at most, so that a hostile or mistaken one is refused before it takes the memory.

import { corruptFile } from "./corrupt_file.ts";

/** Bytes of a corpus, packed or unpacked. */
export const MOST_CORPUS_BYTES: number = 2 ** 31;

const HIGHEST_RATIO = 200;
/** Below this size a high ratio is no threat. */
const HARMLESS_BYTES = 1 << 20;

/**
 * Throws unless a size is one that honest data of that packed size may have.
 *
 * @param unpacked How large it is, or claims to be, in bytes.
 * @param packed How large it is packed.
 * @param most The largest size that is allowed.
 * @param what What it is, for the message: it begins it.
 * @throws {Error} That says the size and the limit.
 */
export function checkUnpackedSize(unpacked: number, packed: number, most: number, what: string): void {
  if (unpacked > most) throw new Error(`${what} unpacks to more than ${most} bytes, the limit`);
  if (unpacked > HARMLESS_BYTES && unpacked > packed * HIGHEST_RATIO) {
    throw new Error(`${what} unpacks to more than ${HIGHEST_RATIO} times its size, the limit`);
  }
}

/** Yields what comes until it is more than a limit: then throws the error of a hostile file. */
export async function* atMost(
  most: number,
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  format: string,
  packed = Infinity,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const chunk of chunks) {
    received += chunk.length;
    try {
      checkUnpackedSize(received, packed, most, "it");
    } catch (cause) {
      throw corruptFile(path, format, cause);
    }
    yield chunk;
  }
}
