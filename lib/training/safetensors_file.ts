// Reads safetensors from a file a tensor at a time, so that it may be far larger than memory.

import { headerLength, LENGTH_BYTES, SafetensorsError } from "./safetensors_header.ts";
import { readLayout } from "./safetensors_layout.ts";
import { tensorOf } from "./safetensors.ts";
import type { SafetensorsLayout, SafetensorsSpan, SafetensorsTensor } from "./safetensors_types.ts";

/** How much of a file is read at once where all of it is. */
const PIECE_BYTES = 2 ** 20;

/** A safetensors file that is open. */
export class SafetensorsFile implements Disposable, SafetensorsLayout {
  /** What the tensors are and where they lie, by name. */
  readonly tensors: ReadonlyMap<string, SafetensorsSpan>;
  /** The free texts that travel with the tensors; an object without prototype. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #file: Deno.FsFile;
  readonly #dataStart: number;
  readonly #size: number;

  /** Checks all of the file's header; see {@linkcode openSafetensors}. */
  constructor(readonly path: string, file: Deno.FsFile) {
    this.#file = file;
    const { size } = file.statSync();
    const length = headerLength(this.#readAt(0, Math.min(size, LENGTH_BYTES)), size);
    this.#dataStart = LENGTH_BYTES + length;
    this.#size = size;
    const layout = readLayout(this.#readAt(LENGTH_BYTES, length), size - this.#dataStart);
    this.tensors = layout.tensors;
    this.metadata = layout.metadata;
  }

  /**
   * Reads one tensor. It blocks, so that a tensor can be read at the moment at which it is needed, and dropped after it.
   *
   * @throws {SafetensorsError} If there is none of the name, or the file has been cut since.
   * @throws {RangeError} If memory does not suffice.
   */
  read(name: string): SafetensorsTensor {
    const span = this.tensors.get(name);
    if (span === undefined) {
      throw new SafetensorsError(
        "file",
        `Cannot read tensor ${JSON.stringify(name)}: the file has none of that name`,
      );
    }
    return tensorOf(span, this.#readAt(this.#dataStart + span.begin, span.end - span.begin).buffer);
  }

  /** The bytes before the numbers of the tensors. */
  header(): Uint8Array<ArrayBuffer> {
    return this.#readAt(0, this.#dataStart);
  }

  /** The bytes behind the header, a piece at a time. */
  *pieces(): Generator<Uint8Array<ArrayBuffer>> {
    for (let at = this.#dataStart; at < this.#size; at += PIECE_BYTES) {
      yield this.#readAt(at, Math.min(PIECE_BYTES, this.#size - at));
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  #readAt(position: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = allocate(length);
    this.#file.seekSync(position, Deno.SeekMode.Start);
    for (let at = 0; at < length;) {
      const count = this.#file.readSync(bytes.subarray(at));
      if (count === null) {
        throw new SafetensorsError(
          "file",
          "Cannot read safetensors: the file was cut short while it was open",
        );
      }
      at += count;
    }
    return bytes;
  }
}

/**
 * Opens a safetensors file, refusing whatever the format does not allow. Only the header is read, and no memory is taken
 * for it before its length has been compared with that of the file.
 *
 * @param path Where.
 * @returns The file; `using file = …` closes it.
 * @throws {SafetensorsError} If it breaks a rule (its `code` says which), or is no file but a folder, a pipe or a device.
 * @throws {Deno.errors.NotFound} If there is none.
 *
 * @example
 * ```ts
 * import { encodeSafetensorsParts } from "./safetensors.ts";
 * import { openSafetensors } from "./safetensors_file.ts";
 *
 * const path = await Deno.makeTempFile();
 * const bias = { shape: [2], data: new Float32Array([0.5, -1]) };
 * await Deno.writeFile(path, new Blob(encodeSafetensorsParts(new Map([["bias", bias]]))).stream());
 * {
 *   using file = await openSafetensors(path);
 *   console.log(file.tensors.get("bias")?.shape, file.read("bias").data); // [ 2 ] Float32Array(2) [ 0.5, -1 ]
 * }
 * await Deno.remove(path);
 * ```
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  if (!(await Deno.stat(path)).isFile) { // to open a pipe would wait for a writer
    throw new SafetensorsError("file", `Cannot read safetensors: ${JSON.stringify(path)} is not a file`);
  }
  const file = await Deno.open(path);
  try {
    return new SafetensorsFile(path, file);
  } catch (error) {
    file.close();
    throw error;
  }
}

function allocate(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new RangeError(`Cannot read safetensors: ${length} bytes do not fit into memory`, { cause });
  }
}
