// Seeded damage, as disks, networks and attackers do it. The same random numbers make the same damage.

import type { Random } from "../../lib/random.ts";

const SYNTAX = new TextEncoder().encode('{}[]",:\\0123456789-.eE+ \n\0');
const NUMBERS = [
  "0",
  "1",
  "-1",
  "0.5",
  "1e9",
  "4294967296",
  "9007199254740993",
  "18446744073709551616",
  "1e999",
  "null",
];
const WORDS = [
  "__proto__",
  "constructor",
  "toString",
  "__metadata__",
  "dtype",
  "hidden",
  "",
  "\\ud800",
  "<pad>",
  "é",
];

/** Does one to three kinds of damage to bytes, of which there have to be some. */
export function mutateBytes(original: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let bytes = new Uint8Array(original);
  for (let changes = 1 + random.integer(3); changes > 0; changes--) {
    const at = random.integer(bytes.length + 1);
    const byte = random.integer(2) === 0 ? random.integer(256) : SYNTAX[random.integer(SYNTAX.length)]!;
    const length = random.integer(random.integer(2) === 0 ? 8 : 200);
    const chunk = bytes.subarray(at, at + length);
    switch (random.integer(7)) {
      case 0: // a bit flips
        if (at < bytes.length) bytes[at]! ^= 1 << random.integer(8);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = byte;
        break;
      case 2:
        bytes = replaced(bytes, at, 0, Uint8Array.of(byte));
        break;
      case 3:
        bytes = replaced(bytes, at, length, new Uint8Array(0));
        break;
      case 4: // a piece comes twice
        bytes = replaced(bytes, at, 0, chunk);
        break;
      case 5: // or overwrites another
        bytes = replaced(bytes, random.integer(bytes.length + 1), length, chunk);
        break;
      case 6:
        bytes = bytes.slice(0, Math.max(at, 1));
    }
  }
  return bytes;
}

const ENTRY = /"([^"\\]*)"\s*:\s*(?:"[^"\\]*"|\{[^{}]*\}|\[[^[\]]*\]|[^"{}[\],\s]+)/g;
const VALUES = [null, true, 0, -1, "", [], {}, [0], [null], { length: 1e9 }, [[[[[]]]]]];

/** Changes numbers, words, values and entries of a JSON text, and sometimes anything else in it. */
export function mutateJson(text: string, random: Random): string {
  let changed = text;
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
  const put = (pattern: RegExp, by: (found: string, name: string) => string) => {
    const places = [...changed.matchAll(pattern)];
    if (places.length === 0) return;
    const { index, 0: found, 1: name = "" } = pick(places);
    changed = changed.slice(0, index) + by(found, name) + changed.slice(index + found.length);
  };
  for (let changes = 1 + random.integer(2); changes > 0; changes--) {
    switch (random.integer(8)) {
      case 0:
        changed = new TextDecoder().decode(mutateBytes(new TextEncoder().encode(changed || " "), random));
        break;
      case 1: // another number
        put(/-?\d+(\.\d+)?/g, () => pick([...NUMBERS, String(random.integer(300))]));
        break;
      case 2: // the same number, in other words
        put(/(?<=[:[,]\s*)\d+(?=\s*[,\]}])/g, (digits) => digits + pick([".0", "e0", "E-0"]));
        break;
      case 3: // another word, from elsewhere in the text or from none
        put(/(?<=")[^"\\]*(?=")/g, () => pick([...WORDS, ...(changed.match(/(?<=")[\w.<>]+(?=")/g) ?? [])]));
        break;
      case 4: // another value
        changed = withOtherValue(changed, pick(VALUES), random);
        break;
      case 5: // an entry twice, also under another name
        put(ENTRY, (entry, name) => `${entry},${pick([entry, entry.replace(name, () => `${name}~`)])}`);
        break;
      case 6: // an entry less
        put(ENTRY, () => "");
        break;
      case 7: // the number after it instead
        put(/(?<=[:[,]\s*)\d+(?=\s*[,\]}])/g, (digits) => String(Number(digits) + 1));
    }
  }
  return changed;
}

/** Puts a value in the place of another one, from the whole down to a leaf. */
function withOtherValue(text: string, value: unknown, random: Random): string {
  let holder: object;
  try {
    holder = { whole: JSON.parse(text) };
  } catch {
    return text; // earlier damage
  }
  const whole = holder as { readonly whole: unknown };
  for (let key = "whole";;) {
    const child: unknown = (holder as Record<string, unknown>)[key];
    const keys = typeof child === "object" && child !== null ? Object.keys(child) : [];
    if (keys.length === 0 || random.integer(4) === 0) {
      Object.defineProperty(holder, key, { value, enumerable: true });
      return JSON.stringify(whole.whole);
    }
    holder = child as object;
    key = keys[random.integer(keys.length)]!;
  }
}

function replaced(bytes: Uint8Array, at: number, length: number, by: Uint8Array): Uint8Array<ArrayBuffer> {
  const rest = bytes.subarray(at + length);
  const result = new Uint8Array(at + by.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(by, at);
  result.set(rest, at + by.length);
  return result;
}
