// Makes sure that a file is the one that was meant, bit for bit.

import { createHash } from "node:crypto";

/** Throws a `TypeError` unless a text is a SHA-256 in hexadecimal digits. */
export function checkSha256Format(text: string): void {
  if (/^[0-9a-f]{64}$/i.test(text)) return;
  throw new TypeError(
    `Cannot use "${text}" as a SHA-256: expected its 64 hexadecimal digits, as sha256sum prints them.`,
  );
}

/**
 * Compares the SHA-256 of a file.
 *
 * @param path The file.
 * @param expected The digits, in either case.
 * @throws {Deno.errors.InvalidData} If it is another, with both.
 */
export async function verifySha256(path: string, expected: string): Promise<void> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  const found = hash.digest("hex");
  if (found === expected.toLowerCase()) return;
  throw new Deno.errors.InvalidData(
    `Cannot use ${path}: its SHA-256 is ${found}, not ${expected.toLowerCase()}. It is another version of the file, or damaged.`,
  );
}
