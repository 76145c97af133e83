// Reads and writes safetensors, the format of a checkpoint's weights: eight bytes with the length of a JSON
// header, the header, then the numbers. Files come from strangers, so every rule of the format is enforced.
// Numbers are little-endian in the file, and so is every machine that Deno runs on.

import { arrays, type SafetensorsDtype, type SafetensorsTensor } from "./safetensors_types.ts";
import { checkHeaderLength, headerLength, parseHeader, SafetensorsError } from "./safetensors_header.ts";

export type { SafetensorsArrays, SafetensorsDtype, SafetensorsTensor } from "./safetensors_types.ts";
export { SafetensorsError, type SafetensorsErrorCode } from "./safetensors_header.ts";

const METADATA_KEY = "__metadata__";

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
  return assemble(`{${entries.join()}}`, sorted.map(([, tensor]) => tensor.data), end);
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
      `Cannot write tensor "${name}": its shape [${shape}] gives ${size} elements, but it has ${data.length}`,
    );
  }
}

function assemble(
  header: string,
  data: readonly (Float32Array | Uint32Array)[],
  size: number,
): Uint8Array<ArrayBuffer> {
  const encoded = new TextEncoder().encode(header);
  const padded = Math.ceil(encoded.length / 8) * 8;
  checkHeaderLength(padded);
  const bytes = new Uint8Array(8 + padded + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.fill(0x20, 8, 8 + padded).set(encoded, 8);
  let offset = 8 + padded;
  for (const { buffer, byteOffset, byteLength } of data) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    offset += byteLength;
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
  const dataStart = 8 + headerLength(bytes);
  const header = parseHeader(bytes.subarray(8, dataStart));
  const metadata = readMetadata(header[METADATA_KEY]);
  const spans = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, info]) => readSpan(name, info));
  checkCoverage(spans, bytes.length - dataStart);
  const tensors = new Map(spans.map(({ name, dtype, shape, begin, end }) => {
    // A copy, because nothing promises that a tensor starts at a multiple of its item size.
    const { buffer } = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    return [name, { dtype, shape, data: new arrays[dtype](buffer) } as SafetensorsTensor];
  }));
  return { tensors, metadata };
}

function readMetadata(value: unknown): Record<string, string> {
  // Without a prototype, so that a key `__proto__` is a key like any other.
  const metadata: Record<string, string> = Object.create(null);
  if (value === undefined) return metadata;
  if (!isObject(value)) {
    throw new SafetensorsError("metadata", `Cannot read safetensors: "${METADATA_KEY}" is not an object`);
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new SafetensorsError(
        "metadata",
        `Cannot read safetensors: the metadata "${key}" is not a string`,
      );
    }
    metadata[key] = text;
  }
  return metadata;
}

interface Span {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Reads where a tensor lies, using own properties only: a key `__proto__` must not supply any. */
function readSpan(name: string, info: unknown): Span {
  const fields = new Map(isObject(info) ? Object.entries(info) : []);
  const [dtype, shape, offsets] = ["dtype", "shape", "data_offsets"].map((field) => fields.get(field));
  if (typeof dtype !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw new SafetensorsError(
      "tensor-info",
      `Cannot read tensor "${name}": it needs a text "dtype", and "shape" and two "data_offsets" of integers ` +
        "from 0 to 2^53 - 1",
    );
  }
  if (!isDtype(dtype)) {
    throw new SafetensorsError(
      "dtype",
      `Cannot read tensor "${name}": its element type is "${dtype}", but known are ${
        Object.keys(arrays).join(", ")
      }`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const size = sizeOf(name, shape) * arrays[dtype].BYTES_PER_ELEMENT;
  if (end - begin !== size) {
    throw new SafetensorsError(
      "shape",
      `Cannot read tensor "${name}": ${dtype} of shape [${shape}] takes ${size} bytes, but its offsets ` +
        `${begin} to ${end} span ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

/** Multiplies the sizes; like the original it refuses a product that overflows before a later size of 0. */
function sizeOf(name: string, shape: readonly number[]): number {
  return shape.reduce((product, size) => {
    if (!isSize(size)) {
      throw new SafetensorsError(
        "shape",
        `Cannot write tensor "${name}": its shape [${shape}] is not one of sizes`,
      );
    }
    // Eight bytes is the largest element, so that the size in bytes stays exact as well.
    if (product * size > Number.MAX_SAFE_INTEGER / 8) {
      throw new SafetensorsError(
        "overflow",
        `Cannot use tensor "${name}": its shape [${shape}] gives more than 2^50 elements`,
      );
    }
    return product * size;
  }, 1);
}

/** Refuses holes, overlaps and bytes that belong to no tensor. */
function checkCoverage(spans: readonly Span[], length: number): void {
  let position = 0;
  for (const { name, begin, end } of spans.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) {
      throw new SafetensorsError(
        "offsets",
        `Cannot read tensor "${name}": it begins at byte ${begin}, but the tensors before it end at ${position}`,
      );
    }
    position = end;
  }
  if (position !== length) {
    throw new SafetensorsError(
      "offsets",
      `Cannot read safetensors: the tensors end at byte ${position}, but ${length} bytes follow the header` +
        (position > length ? "; the file may be cut short" : ""),
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}

function isDtype(value: string): value is SafetensorsDtype {
  return Object.hasOwn(arrays, value);
}
