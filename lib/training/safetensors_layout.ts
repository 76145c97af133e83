// What the header of a safetensors file says of its tensors, and that it can be so: names, types, shapes, spans.

import { excerpt } from "../strict_json.ts";
import { parseHeader, SafetensorsError } from "./safetensors_header.ts";
import {
  arrays,
  type SafetensorsDtype,
  type SafetensorsLayout,
  type SafetensorsSpan,
} from "./safetensors_types.ts";

/** The key that is no tensor. */
export const METADATA_KEY = "__metadata__";

/**
 * Reads a header, and checks every rule of the format.
 *
 * @param bytes The header, without its length.
 * @param dataLength How many bytes follow it.
 * @throws {SafetensorsError} If a rule is broken; its `code` says which.
 */
export function readLayout(bytes: Uint8Array, dataLength: number): SafetensorsLayout {
  const { [METADATA_KEY]: texts, ...infos } = parseHeader(bytes);
  const metadata = readMetadata(texts);
  const tensors = new Map(Object.entries(infos).map(([name, info]) => [name, readSpan(name, info)]));
  checkCoverage(tensors, dataLength);
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
        `Cannot read safetensors: the metadata ${excerpt(key)} is not a string`,
      );
    }
    checkText(key);
    checkText(text);
    metadata[key] = text;
  }
  return metadata;
}

/** Refuses the half of a surrogate pair, which JSON can spell, but UTF-8 cannot. */
function checkText(text: string): void {
  if (text.isWellFormed()) return;
  throw new SafetensorsError(
    "name",
    `Cannot read safetensors: ${excerpt(text)} in the header holds half a surrogate pair`,
  );
}

/** Reads where a tensor lies, using own properties only: a key `__proto__` must not supply any. */
function readSpan(name: string, info: unknown): SafetensorsSpan {
  checkText(name);
  const fields = new Map(isObject(info) ? Object.entries(info) : []);
  const [dtype, shape, offsets] = ["dtype", "shape", "data_offsets"].map((field) => fields.get(field));
  if (typeof dtype !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw new SafetensorsError(
      "tensor-info",
      `Cannot read tensor ${excerpt(name)}: it needs a text "dtype", and "shape" and two "data_offsets" of ` +
        "integers from 0 to 2^53 - 1",
    );
  }
  if (!isDtype(dtype)) {
    throw new SafetensorsError(
      "dtype",
      `Cannot read tensor ${excerpt(name)}: its element type is ${excerpt(dtype)}, but known are ${
        Object.keys(arrays).join(", ")
      }`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const size = sizeOf(name, shape) * arrays[dtype].BYTES_PER_ELEMENT;
  if (end - begin !== size) {
    throw new SafetensorsError(
      "shape",
      `Cannot read tensor ${excerpt(name)}: ${dtype} of shape ${
        excerpt(shape)
      } takes ${size} bytes, but its ` +
        `offsets ${begin} to ${end} span ${end - begin}`,
    );
  }
  return { dtype, shape, begin, end };
}

/** Multiplies the sizes; like the original it refuses a product that overflows before a later size of 0. */
export function sizeOf(name: string, shape: readonly number[]): number {
  return shape.reduce((product, size) => {
    if (!isSize(size)) {
      throw new SafetensorsError(
        "shape",
        `Cannot write tensor ${excerpt(name)}: its shape ${excerpt(shape)} is not one of sizes`,
      );
    }
    // Eight bytes is the largest element, so that the size in bytes stays exact as well.
    if (product * size > Number.MAX_SAFE_INTEGER / 8) {
      throw new SafetensorsError(
        "overflow",
        `Cannot use tensor ${excerpt(name)}: its shape ${excerpt(shape)} gives 2^50 elements or more`,
      );
    }
    return product * size;
  }, 1);
}

/** Refuses holes, overlaps and bytes that belong to no tensor. */
function checkCoverage(tensors: ReadonlyMap<string, SafetensorsSpan>, length: number): void {
  let position = 0;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== position) {
      throw new SafetensorsError(
        "offsets",
        `Cannot read tensor ${excerpt(name)}: it begins at byte ${begin}, but the tensors before it end at ` +
          `${position}`,
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
