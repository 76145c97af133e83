// Layer 0: reading files of strangers that are to be small, without taking memory for those that are not.

import { decodeStrictJson, StrictJsonError, type StrictJsonOptions } from "./strict_json.ts";

/**
 * Reads a file of JSON. See {@linkcode parseStrictJson}.
 *
 * @param path Where.
 * @param most How many bytes it may have; more are not read.
 * @throws {StrictJsonError} If it is larger, no file, not UTF-8, or not JSON.
 * @throws {Deno.errors.NotFound} If there is none.
 */
export async function readStrictJson(
  path: string,
  most: number,
  options: StrictJsonOptions = {},
): Promise<unknown> {
  return decodeStrictJson(await readBounded(path, most), { file: path, ...options });
}

/**
 * Reads a file that is to be small, without taking memory for one that is not.
 *
 * @param path Where.
 * @param most How many bytes it may have.
 * @throws {StrictJsonError} If it is larger, or no file but a folder, a pipe or a device, which may never end.
 * @throws {Deno.errors.NotFound} If there is none.
 */
export async function readBounded(path: string, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const fail = (why: string): never => {
    throw new StrictJsonError("size", why, path);
  };
  if (!(await Deno.stat(path)).isFile) fail("it is not a file"); // to open a pipe would wait for a writer
  using file = await Deno.open(path);
  const { size } = await file.stat();
  if (size > most) fail(`it has ${size} bytes, and a file of its kind at most ${most}`);
  const bytes = new Uint8Array(size);
  let length = 0;
  while (length < size) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return bytes.subarray(0, length);
}
