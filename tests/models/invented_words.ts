// Tokenizers for models whose words do not matter.

import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { assertEquals } from "../assert.ts";

/** A tokenizer whose vocabulary has the given size, the four special words included. */
export function inventedWords(size: number): Tokenizer {
  const tokenizer = Tokenizer.words([Array.from({ length: size - 4 }, (_, i) => `word${i}`).join(" ")]);
  assertEquals(tokenizer.vocabulary.size, size);
  return tokenizer;
}
