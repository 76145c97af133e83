// The header of a safetensors file, as it comes from strangers: its length, its text, its JSON.

const HEADER_LIMIT = 100_000_000;
/** `{"name": {"shape": […]}}`: nothing in a header lies deeper. */
const DEPTH_LIMIT = 3;

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
  | "name";

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

/** Reads how long the header is, and checks that it can be. */
export function headerLength(bytes: Uint8Array): number {
  if (bytes.length < 8) {
    throw new SafetensorsError(
      "header-length",
      `Cannot read safetensors: the file has ${bytes.length} bytes, fewer than the 8 of the header's length`,
    );
  }
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  checkHeaderLength(length);
  if (length > bytes.length - 8) {
    throw new SafetensorsError(
      "header-length",
      `Cannot read safetensors: the header is said to have ${length} bytes, but ${
        bytes.length - 8
      } follow; ` +
        "the file may be cut short",
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

/** Parses the header; every rule of JSON that `JSON.parse()` is lax about is enforced. */
export function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  if (bytes[0] !== 0x7b) {
    throw new SafetensorsError("header-start", 'Cannot read safetensors: the header does not start with "{"');
  }
  let code: SafetensorsErrorCode = "header-utf8";
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    code = "header-json";
    checkJson(text);
    return JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SafetensorsError) throw cause;
    const expected = code === "header-utf8" ? "UTF-8" : "JSON";
    throw new SafetensorsError(code, `Cannot read safetensors: the header is not valid ${expected}`, {
      cause,
    });
  }
}

/** Finds what `JSON.parse()` hides: duplicate keys, numbers that it would round, and hostile depth. */
function checkJson(text: string): void {
  const open: Set<string>[] = [];
  const token = /["{}[\]]|-?[0-9][0-9.eE+-]*/g;
  const colon = /[ \t\r\n]*:/y;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match;
    if (found === '"') {
      const end = stringEnd(text, match.index);
      token.lastIndex = colon.lastIndex = end;
      if (colon.test(text)) addKey(open.at(-1), JSON.parse(text.slice(match.index, end)));
    } else if (found === "{" || found === "[") {
      if (open.push(new Set()) > DEPTH_LIMIT) throw badHeader("is nested too deeply");
    } else if (found === "}" || found === "]") {
      open.pop();
    } else if (!/^(0|[1-9][0-9]*)$/.test(found)) {
      throw badHeader(`holds the number ${found.slice(0, 40)}, not a plain non-negative integer`);
    }
  }
}

/** The index behind the string that opens at `start`. A loop: a pattern would exhaust the stack on 100 MB. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function addKey(keys: Set<string> | undefined, key: string): void {
  if (keys?.has(key)) {
    throw new SafetensorsError(
      "duplicate-key",
      `Cannot read safetensors: the header has the key ${JSON.stringify(key)} twice`,
    );
  }
  keys?.add(key);
}

function badHeader(what: string): SafetensorsError {
  return new SafetensorsError("header-json", `Cannot read safetensors: the header ${what}`);
}
