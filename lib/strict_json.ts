// Layer 0: JSON that comes from strangers: models' folders, headers of weights, configurations. Duplicate keys, hostile
// depth and numbers beyond a double, all of which `JSON.parse()` lets pass, are refused, and every error tells the place.

/** Which rule was broken, `size` for what is too much to read; see {@linkcode StrictJsonError}. */
export type StrictJsonErrorCode = "syntax" | "utf-8" | "duplicate-key" | "depth" | "number" | "size";

/** Thrown for a text that is no JSON, or JSON that means harm; the message names the file, the line and the column. */
export class StrictJsonError extends SyntaxError {
  /** The name of the class. */
  override readonly name = "StrictJsonError";

  /**
   * Creates the error.
   *
   * @param code Which rule was broken.
   * @param reason What is wrong, and where in the text.
   * @param file The file that the text is from, if it is from one.
   * @param options The cause, if another error was.
   */
  constructor(
    readonly code: StrictJsonErrorCode,
    readonly reason: string,
    file?: string,
    options?: ErrorOptions,
  ) {
    const what = file === undefined ? "the text" : JSON.stringify(file);
    super(`Cannot parse ${what} as JSON: ${reason}`, options);
  }
}

/** How strict to be, and what to call the text. */
export interface StrictJsonOptions {
  /** The file that the text is from, for messages. */
  readonly file?: string;
  /** How many objects and arrays may lie in each other; 64 when omitted. */
  readonly depth?: number;
  /** Whether comments and trailing commas are allowed; false when omitted. */
  readonly comments?: boolean;
  /** Whether all numbers must be written as plain non-negative integers; false when omitted. */
  readonly integers?: boolean;
}

/**
 * Parses JSON strictly.
 *
 * Objects have what the text says as properties of their own: a key `__proto__` is one like any other, as a vocabulary may
 * need it, and changes no prototype. A contract that does not know the key refuses it.
 *
 * @param text The JSON. A byte order mark in front of it is passed over, as editors leave one.
 * @throws {StrictJsonError} If it is malformed, has a key twice in an object, too many values or too deep
 * ones, or a number that is beyond 1.8e308 or, with `integers`, not one of those.
 *
 * @example
 * ```ts
 * import { parseStrictJson, StrictJsonError } from "./strict_json.ts";
 *
 * console.assert(JSON.stringify(parseStrictJson('{"__proto__": [1]}')) === '{"__proto__":[1]}');
 * try {
 *   parseStrictJson('{"hidden": 64,\n "hidden": 1e9}', { file: "config.json" });
 * } catch (error) {
 *   if (error instanceof StrictJsonError) console.log(error.message);
 * } // Cannot parse "config.json" as JSON: the key "hidden" is there twice, again on line 2, column 2
 * ```
 */
export function parseStrictJson(text: string, options: StrictJsonOptions = {}): unknown {
  return new Parser(text, options).whole();
}

/**
 * Parses a file's bytes, which must be UTF-8. See {@linkcode parseStrictJson}.
 *
 * @throws {StrictJsonError} If they are not UTF-8, or not JSON.
 */
export function decodeStrictJson(bytes: Uint8Array, options: StrictJsonOptions = {}): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new StrictJsonError("utf-8", "it is not UTF-8", options.file, { cause });
  }
  return parseStrictJson(text, options);
}

/** Shows a value in a message, cut where it is long: a stranger's file may hold a text of megabytes. */
export function excerpt(value: unknown, most = 60): string {
  const json = JSON.stringify(typeof value === "string" ? value.slice(0, most + 1) : value) ?? "nothing";
  return json.length > most ? `${json.slice(0, most)}…` : json;
}

/** An object or array whose end has not been read. */
interface Open {
  readonly values: Map<string, unknown> | unknown[];
  readonly closing: "}" | "]";
  key: string;
}

/** Stands for a value that goes on. */
const OPENED = Symbol("opened");
/** A double has at most 17 digits that count, and 308 before its point. */
const LONGEST_NUMBER = 1000;
/** Ten times those of the largest tokenizer that is read; of more, the smallest ones would take gigabytes. */
const MOST_VALUES = 2 ** 24;

/** Reads one text, from left to right and without recursion, which a hostile text could drive too deep. */
class Parser {
  readonly #text: string;
  readonly #options: StrictJsonOptions;
  readonly #open: Open[] = [];
  #at: number;
  #values = 0;

  constructor(text: string, options: StrictJsonOptions) {
    this.#text = text;
    this.#options = options;
    this.#at = text.startsWith("\ufeff") ? 1 : 0;
  }

  whole(): unknown {
    for (;;) {
      let value = this.#begin();
      if (value === OPENED) continue;
      for (;;) { // a value is complete: what holds it goes on, or is complete as well
        const holder = this.#open.at(-1);
        if (holder === undefined) return this.#end(value);
        if (Array.isArray(holder.values)) holder.values.push(value);
        else holder.values.set(holder.key, value);
        if (this.#goesOn(holder)) break;
        value = this.#close();
      }
    }
  }

  /** Reads a value, or of an object or array that is not empty what comes before its first one. */
  #begin(): unknown {
    this.#skip();
    if (++this.#values > MOST_VALUES) this.#fail("size", `there are more than ${MOST_VALUES} values`);
    const character = this.#text[this.#at];
    if (character === "{" || character === "[") return this.#enter(character);
    if (character === '"') return this.#string();
    if (/^[-0-9]$/.test(character ?? "")) return this.#number();
    for (const [word, value] of [["true", true], ["false", false], ["null", null]] as const) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#unexpected();
  }

  #enter(opening: "{" | "["): unknown {
    const { depth = 64 } = this.#options;
    if (this.#open.length >= depth) {
      this.#fail("depth", `more than ${depth} objects and lists lie in each other`);
    }
    this.#open.push(
      opening === "{" ? { values: new Map(), closing: "}", key: "" } : { values: [], closing: "]", key: "" },
    );
    this.#at++;
    this.#skip();
    if (this.#take(this.#open.at(-1)!.closing)) return this.#close();
    if (opening === "{") this.#key();
    return OPENED;
  }

  #close(): unknown {
    const { values } = this.#open.pop()!;
    return Array.isArray(values) ? values : Object.fromEntries(values); // which makes an own property of __proto__
  }

  /** Behind a value: whether another one follows. */
  #goesOn({ values, closing }: Open): boolean {
    this.#skip();
    if (this.#take(closing)) return false;
    if (!this.#take(",")) this.#unexpected();
    this.#skip();
    if (this.#options.comments && this.#take(closing)) return false;
    if (!Array.isArray(values)) this.#key();
    return true;
  }

  #key(): void {
    const start = this.#at;
    if (this.#text[start] !== '"') this.#unexpected();
    const key = this.#string();
    const holder = this.#open.at(-1)!;
    if ((holder.values as Map<string, unknown>).has(key)) {
      this.#fail("duplicate-key", `the key ${excerpt(key)} is there twice, again`, start);
    }
    holder.key = key;
    this.#skip();
    if (!this.#take(":")) this.#unexpected();
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    try {
      const value = JSON.parse(this.#text.slice(start, end + 1)); // a copy, which does not keep the whole text alive
      this.#at = end + 1;
      return value;
    } catch {
      return this.#unexpected();
    }
  }

  #number(): number {
    const start = this.#at;
    let end = start;
    while (end - start <= LONGEST_NUMBER && /[-+.0-9eE]/.test(this.#text[end] ?? "")) end++;
    const digits = this.#text.slice(start, end);
    if (!/^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(digits)) this.#unexpected();
    const value = Number(digits);
    const wrong = (why: string) => this.#fail("number", `the number ${digits.slice(0, 40)} is ${why}`);
    if (!Number.isFinite(value) || digits.length > LONGEST_NUMBER) wrong("too large");
    if (this.#options.integers && !/^(0|[1-9][0-9]*)$/.test(digits)) {
      wrong("not a plain non-negative integer");
    }
    this.#at = end;
    return value;
  }

  #end(value: unknown): unknown {
    this.#skip();
    if (this.#at < this.#text.length) this.#unexpected();
    return value;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  /** Passes over white space, and over comments where they are allowed. */
  #skip(): void {
    for (;;) {
      while (isWhite(this.#text.charCodeAt(this.#at))) this.#at++;
      if (!this.#options.comments) return;
      const opening = this.#text.slice(this.#at, this.#at + 2);
      if (opening !== "//" && opening !== "/*") return;
      const closing = opening === "//" ? "\n" : "*/";
      const end = this.#text.indexOf(closing, this.#at + 2);
      if (end < 0 && opening === "/*") this.#unexpected();
      this.#at = end < 0 ? this.#text.length : end + closing.length;
    }
  }

  #unexpected(): never {
    const rest = this.#text.slice(this.#at, this.#at + 40);
    const [found] = /^("[^"\n]*"?|[\w.+-]+|.)/su.exec(rest) ?? [];
    // Control characters would be obeyed by the terminal that shows the message.
    const what = found === undefined
      ? "the text ends too early"
      : `unexpected ${found.replace(/\p{Cc}/gu, "�")}`;
    return this.#fail("syntax", what);
  }

  #fail(code: StrictJsonErrorCode, what: string, at: number = this.#at): never {
    let line = 1;
    let start = this.#text.startsWith("\ufeff") ? 1 : 0;
    for (let end = this.#text.indexOf("\n"); end >= 0 && end < at; end = this.#text.indexOf("\n", start)) {
      line++;
      start = end + 1;
    }
    const place = `on line ${line}, column ${at - start + 1}`;
    throw new StrictJsonError(code, `${what} ${place}`, this.#options.file);
  }
}

function isWhite(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
