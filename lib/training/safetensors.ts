// Reads and writes safetensors, the format of a checkpoint's weights: eight bytes with the length of a JSON
// header, the header, then the numbers. Files come from strangers, so every rule of the format is enforced.
// Numbers are little-endian in the file, and so is every machine that Deno runs on.

import { excerpt } from "../strict_json.ts";
import { checkHeaderLength, headerLength, LENGTH_BYTES, SafetensorsError } from "./safetensors_header.ts";
import { METADATA_KEY, readLayout, sizeOf } from "./safetensors_layout.ts";
import { arrays, type SafetensorsSpan, type SafetensorsTensor } from "./safetensors_types.ts";

export type {
  SafetensorsArrays,
  SafetensorsDtype,
  SafetensorsSpan,
  SafetensorsTensor,
} from "./safetensors_types.ts";
export { SafetensorsError, type SafetensorsErrorCode } from "./safetensors_header.ts";

/** What a file holds. */
export interface Safetensors {
  /** The tensors by name, in the order of the header. */
  readonly tensors: Map<string, SafetensorsTensor>;
  /** The free texts that travel with the tensors; an object without prototype. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor to be written: `Float32Array` becomes `F32`, `Uint32Array` becomes `U32`. */
export interface SafetensorsInput {
  /** The sizes, outermost first; empty for a single number. */
  readonly shape: readonly number[];
  /** The elements in row-major order. */
  readonly data: Float32Array | Uint32Array;
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
 *
 * @example
 * ```ts
 * import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
 *
 * const bias = { shape: [2], data: new Float32Array([0.5, -1]) };
 * const bytes = encodeSafetensors(new Map([["bias", bias]]), { step: "100" });
 * console.log(decodeSafetensors(bytes).tensors.get("bias")?.data); // Float32Array(2) [ 0.5, -1 ]
 * ```
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsInput>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const parts = [...encodeSafetensorsParts(tensors, metadata)];
  const bytes = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/**
 * Encodes tensors as the parts of a safetensors file, one after the other: what {@linkcode encodeSafetensors} puts
 * together. All is checked before the first part comes. The parts of the tensors are views of their numbers, so that
 * writing them takes no memory beyond the header.
 *
 * @example
 * ```ts
 * import { encodeSafetensorsParts } from "./safetensors.ts";
 *
 * const bias = { shape: [2], data: new Float32Array([0.5, -1]) };
 * const [header, numbers] = encodeSafetensorsParts(new Map([["bias", bias]]));
 * console.assert(header.length % 8 === 0 && numbers?.buffer === bias.data.buffer);
 * ```
 */
export function encodeSafetensorsParts(
  tensors: ReadonlyMap<string, SafetensorsInput>,
  metadata: Readonly<Record<string, string>> = {},
): [header: Uint8Array<ArrayBuffer>, ...tensors: Uint8Array<ArrayBuffer>[]] {
  const sorted = [...tensors].sort(([left], [right]) => left < right ? -1 : 1);
  // Composed as text: an object would put names such as "10" first and lose `__proto__`.
  const entries: string[] = [];
  const texts = Object.keys(metadata).sort().map((key) => jsonEntry(key, jsonText(metadata[key]!)));
  if (texts.length > 0) entries.push(jsonEntry(METADATA_KEY, `{${texts.join()}}`));
  let end = 0;
  for (const [name, { shape, data }] of sorted) {
    checkInput(name, shape, data);
    const begin = end;
    end += data.byteLength;
    const dtype = data instanceof Float32Array ? "F32" : "U32";
    entries.push(jsonEntry(name, JSON.stringify({ dtype, shape, data_offsets: [begin, end] })));
  }
  const views = sorted.map(([, { data: { buffer, byteOffset, byteLength } }]) => {
    return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  });
  return [encodeHeader(`{${entries.join()}}`), ...views];
}

function jsonEntry(key: string, json: string): string {
  return `${jsonText(key)}:${json}`;
}

function jsonText(text: string): string {
  const json = JSON.stringify(text);
  if (text.isWellFormed()) return json;
  throw new SafetensorsError("name", `Cannot write ${json} to safetensors: it holds half a surrogate pair`);
}

function checkInput(name: string, shape: readonly number[], data: Float32Array | Uint32Array): void {
  if (name === METADATA_KEY) {
    throw new SafetensorsError(
      "name",
      `Cannot write a tensor named "${METADATA_KEY}": the format reserves the name`,
    );
  }
  const size = sizeOf(name, shape);
  if (size !== data.length) {
    throw new SafetensorsError(
      "shape",
      `Cannot write tensor ${
        excerpt(name)
      }: its shape [${shape}] gives ${size} elements, but it has ${data.length}`,
    );
  }
}

/** The header with its length, padded with spaces to a multiple of eight bytes. */
function encodeHeader(header: string): Uint8Array<ArrayBuffer> {
  const encoded = new TextEncoder().encode(header);
  const padded = Math.ceil(encoded.length / 8) * 8;
  checkHeaderLength(padded);
  const bytes = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(encoded, LENGTH_BYTES);
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
 *
 * @example
 * ```ts
 * import { decodeSafetensors, SafetensorsError } from "./safetensors.ts";
 *
 * try {
 *   decodeSafetensors(new TextEncoder().encode("no tensors"));
 * } catch (error) {
 *   if (error instanceof SafetensorsError) console.log(error.code); // header-too-large
 * }
 * ```
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

/** Makes a tensor of a span and its bytes. */
export function tensorOf({ dtype, shape }: SafetensorsSpan, buffer: ArrayBuffer): SafetensorsTensor {
  return { dtype, shape, data: new arrays[dtype](buffer) } as SafetensorsTensor;
}
