import fc from "npm:fast-check@4.10.2";
import { joinPieces, pieces, words } from "../../lib/data/words.ts";
import { assert, assertEquals } from "../assert.ts";
import python from "../fixtures/words_python.json" with { type: "json" };

const inRanges = (ranges: readonly (readonly number[])[]): Set<number> => {
  const codes = new Set<number>();
  for (const [first, last] of ranges) for (let code = first!; code <= last!; code++) codes.add(code);
  return codes;
};

Deno.test("words() cuts tricky texts as Python's re.findall does", () => {
  for (const { text, words: expected } of python.texts) {
    assertEquals(words(text).map((word) => word.toLowerCase()), expected, JSON.stringify(text));
  }
});

Deno.test("words() and Python agree on every character that Python's Unicode has assigned", () => {
  const word = inRanges(python.word);
  const different: string[] = [];
  for (const code of inRanges(python.assigned)) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const isWord = words(String.fromCodePoint(code)).length === 1;
    if (isWord !== word.has(code)) different.push(code.toString(16));
  }
  assertEquals(different, []);
});

Deno.test("toLowerCase() and Python's lower() agree on every character that Python's Unicode has assigned", () => {
  const lower: Readonly<Record<string, string>> = python.lower;
  const different: string[] = [];
  for (const code of inRanges(python.assigned)) {
    const character = String.fromCodePoint(code);
    if (character.toLowerCase() !== (lower[character] ?? character)) different.push(code.toString(16));
  }
  assertEquals(different, []);
});

Deno.test("pieces() marks on which sides punctuation touches", () => {
  assertEquals(pieces("Hi, Tom!"), ["Hi", "￭,", "Tom", "￭!"]);
  assertEquals(pieces('He said "(no)".'), ["He", "said", '"', "￭(￭", "no", "￭)", '￭"', "￭."]);
  assertEquals(pieces("don't - 3.14"), ["don", "￭'￭", "t", "-", "3", "￭.￭", "14"]);
  assertEquals(pieces(" a \u00a0 b,\n-\ufeff"), ["a", "b", "￭,", "-"]);
  assertEquals(pieces("a ￭ b￭"), ["a", "■", "b", "￭■"]);
  assertEquals(pieces("हिन्दी।"), ["हिन्दी", "￭।"]);
  assertEquals(pieces(""), []);
});

/** A text as pieces can restore it: white space is that of JavaScript, and U+0085. */
const restorable = (text: string) =>
  text.replaceAll(/[\s\u0085]+/g, " ").replace(/^ | $/g, "").replaceAll("￭", "■");

Deno.test("joinPieces(pieces(text)) is the text, whatever it is, but for white space and joiners", () => {
  const characters = [..."abÄ1_.,'\"()￭\\ uffed\t\n\u00a0\u0301\u0939\u093f日😀!?-"];
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom(...characters), maxLength: 30 }),
    fc.string({ unit: "binary", maxLength: 30 }),
  );
  fc.assert(fc.property(text, (text) => joinPieces(pieces(text)) === restorable(text)), { numRuns: 3000 });
});

Deno.test("pieces() gives a word one form wherever it stands", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    for (const piece of pieces(text)) {
      if (/[\p{L}\p{N}]/u.test(piece)) assert(!piece.includes("￭"), piece);
    }
  }));
});
