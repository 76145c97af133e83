// Writes safetensors, the format of a checkpoint's weights: eight bytes with the length of a JSON header, the header, then
// the numbers, little-endian as on every machine that Deno runs on. safetensors_file.ts reads them.

import { excerpt } from "../strict_json.ts";
import { checkHeaderLength, LENGTH_BYTES, SafetensorsError } from "./safetensors_header.ts";
import { METADATA_KEY, sizeOf } from "./safetensors_layout.ts";
import { arrays, type SafetensorsSpan, type SafetensorsTensor } from "./safetensors_types.ts";

export type {
  SafetensorsArrays,
  SafetensorsDtype,
  SafetensorsSpan,
  SafetensorsTensor,
} from "./safetensors_types.ts";
export { SafetensorsError, type SafetensorsErrorCode } from "./safetensors_header.ts";

/** A tensor to be written: `Float32Array` becomes `F32`, `Uint32Array` becomes `U32`. */
export interface SafetensorsInput {
  /** The sizes, outermost first; empty for a single number. */
  readonly shape: readonly number[];
  /** The elements in row-major order. */
  readonly data: Float32Array | Uint32Array;
}

/**
 * Encodes tensors as the parts of a safetensors file, one after the other. All is checked before the first part comes. The
 * parts of the tensors are views of their numbers, so that writing them takes no memory beyond the header.
 *
 * Equal input gives equal bytes, whatever the order of the map: names and metadata are sorted by UTF-16 code
 * units, and the numbers start at a multiple of eight bytes, behind a header padded with spaces.
 *
 * @param tensors The tensors by name.
 * @param metadata Free texts to travel with them, such as the version of the program.
 * @throws {SafetensorsError} If a shape does not give the number of elements, a name cannot be written, or the
 * header exceeds 100,000,000 bytes.
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

/** Makes a tensor of a span and its bytes. */
export function tensorOf({ dtype, shape }: SafetensorsSpan, buffer: ArrayBuffer): SafetensorsTensor {
  return { dtype, shape, data: new arrays[dtype](buffer) } as SafetensorsTensor;
}
