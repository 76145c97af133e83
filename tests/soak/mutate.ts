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

/** Changes numbers and words of a JSON text, and sometimes anything else in it. */
export function mutateJson(text: string, random: Random): string {
  let changed = text;
  for (let changes = 1 + random.integer(2); changes > 0; changes--) {
    const kind = random.integer(5);
    if (kind === 0) {
      changed = new TextDecoder().decode(mutateBytes(new TextEncoder().encode(changed || " "), random));
    } else {
      const [pattern, others] = kind <= 2
        ? [/-?\d+(\.\d+)?/g, [...NUMBERS, String(random.integer(300))]] as const
        : [/(?<=")[^"\\]*(?=")/g, [...WORDS, ...(changed.match(/(?<=")[\w.<>]+(?=")/g) ?? [])]] as const;
      const places = [...changed.matchAll(pattern)];
      if (places.length === 0) continue;
      const { index, 0: { length } } = places[random.integer(places.length)]!;
      changed = changed.slice(0, index) + others[random.integer(others.length)] +
        changed.slice(index + length);
    }
  }
  return changed;
}

function replaced(bytes: Uint8Array, at: number, length: number, by: Uint8Array): Uint8Array<ArrayBuffer> {
  const rest = bytes.subarray(at + length);
  const result = new Uint8Array(at + by.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(by, at);
  result.set(rest, at + by.length);
  return result;
}
