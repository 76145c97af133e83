// The header of a safetensors file, as it comes from strangers: its length, its text, its JSON.

import { decodeStrictJson, StrictJsonError, type StrictJsonErrorCode } from "../strict_json.ts";

const HEADER_LIMIT = 100_000_000;
/** `{"name": {"shape": […]}}`: nothing in a header lies deeper. */
const DEPTH = 3;
/** The bytes of the header's length. */
export const LENGTH_BYTES = 8;

/** Which rule of the format was broken; see {@linkcode SafetensorsError}. */
export type SafetensorsErrorCode =
  | "header-length"
  | "header-too-large"
  | "header-start"
  | "header-utf8"
  | "header-json"
  | "duplicate-key"
  | "metadata"
  | "tensor-info"
  | "dtype"
  | "shape"
  | "overflow"
  | "offsets"
  | "name"
  | "file";

/** Thrown for bytes that are no valid safetensors file, or tensors that cannot be written as one. */
export class SafetensorsError extends Error {
  /** The name of the class. */
  override readonly name = "SafetensorsError";
  /** Which rule was broken. */
  readonly code: SafetensorsErrorCode;

  /**
   * Creates the error.
   *
   * @param code Which rule was broken.
   * @param message What was wrong, with names and numbers.
   * @param options The cause, if another error was.
   */
  constructor(code: SafetensorsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Reads how long the header is, and checks that it can be, before anybody takes memory for it.
 *
 * @param start The first eight bytes, or all if there are fewer.
 * @param size The bytes of the whole file.
 */
export function headerLength(start: Uint8Array, size: number): number {
  if (size < LENGTH_BYTES) {
    throw new SafetensorsError(
      "header-length",
      `Cannot read safetensors: the file has ${size} bytes, fewer than the 8 of the header's length`,
    );
  }
  const length = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  checkHeaderLength(length);
  if (length > size - LENGTH_BYTES) {
    throw new SafetensorsError(
      "header-length",
      `Cannot read safetensors: the header is said to have ${length} bytes, but ${size - LENGTH_BYTES} ` +
        "follow; the file may be cut short",
    );
  }
  return length;
}

/** Refuses a header longer than the format allows. */
export function checkHeaderLength(length: number): void {
  if (length > HEADER_LIMIT) {
    throw new SafetensorsError(
      "header-too-large",
      `Cannot use a safetensors header of ${length} bytes: at most ${HEADER_LIMIT} are allowed`,
    );
  }
}

const CODES: Readonly<Partial<Record<StrictJsonErrorCode, SafetensorsErrorCode>>> = {
  "utf-8": "header-utf8",
  "duplicate-key": "duplicate-key",
};

/** Parses the header, strictly; numbers must be plain integers, as 1.0 and -0 would pass for sizes. */
export function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) {
    throw new SafetensorsError("header-start", 'Cannot read safetensors: the header does not start with "{"');
  }
  try {
    return decodeStrictJson(bytes, { depth: DEPTH, integers: true }) as Record<string, unknown>;
  } catch (cause) {
    if (!(cause instanceof StrictJsonError)) throw cause;
    const code = CODES[cause.code] ?? "header-json";
    throw new SafetensorsError(code, `Cannot read the header of safetensors: ${cause.reason}`, { cause });
  }
}
