// Safetensors files in one piece, for tests: the program itself reads and writes them a part at a time.

import { encodeSafetensorsParts, type SafetensorsInput, tensorOf } from "../../lib/training/safetensors.ts";
import { headerLength, LENGTH_BYTES } from "../../lib/training/safetensors_header.ts";
import { readLayout } from "../../lib/training/safetensors_layout.ts";
import type { SafetensorsTensor } from "../../lib/training/safetensors_types.ts";

/** What a file holds. */
export interface Safetensors {
  /** The tensors by name, in the order of the header. */
  readonly tensors: Map<string, SafetensorsTensor>;
  /** The free texts that travel with the tensors; an object without prototype. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Encodes tensors as a safetensors file.
 *
 * Equal input gives equal bytes, whatever the order of the map: names and metadata are sorted by UTF-16 code
 * units, and the numbers start at a multiple of eight bytes, behind a header padded with spaces.
 *
 * @param tensors The tensors by name.
 * @param metadata Free texts to travel with them, such as the version of the program.
 * @returns The bytes of the file.
 * @throws {SafetensorsError} If a shape does not give the number of elements, a name cannot be written, or the
 * header exceeds 100,000,000 bytes.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsInput>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const parts = encodeSafetensorsParts(tensors, metadata);
  const bytes = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/**
 * Decodes a safetensors file, refusing whatever the format does not allow.
 *
 * Checked are the header's length, encoding and JSON, duplicate keys, names of element types, sizes beyond
 * 2^53, and that the tensors fill the rest of the file without hole or overlap. Every tensor is copied, so the
 * bytes may be dropped afterwards.
 *
 * @param bytes The whole file.
 * @returns The tensors and the metadata.
 * @throws {SafetensorsError} If the bytes break a rule; its `code` says which.
 */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const dataStart = LENGTH_BYTES + headerLength(bytes, bytes.length);
  const layout = readLayout(bytes.subarray(LENGTH_BYTES, dataStart), bytes.length - dataStart);
  const tensors = new Map([...layout.tensors].map(([name, span]) => {
    // A copy, because nothing promises that a tensor starts at a multiple of its item size.
    const { buffer } = new Uint8Array(bytes.subarray(dataStart + span.begin, dataStart + span.end));
    return [name, tensorOf(span, buffer)];
  }));
  return { tensors, metadata: layout.metadata };
}
