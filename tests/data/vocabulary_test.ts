import { EOS, MOST_TOKENS, PAD, SOS, UNK, Vocabulary } from "../../lib/data/vocabulary.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

Deno.test("Vocabulary.from() orders by frequency, then by code point", () => {
  const text = [["b", "a", "ﬁ", "😀", "c"], ["c", "b"], ["c"]];
  assertEquals(Vocabulary.from(text).tokens.slice(4), ["c", "b", "a", "ﬁ", "😀"]);
  assertEquals(Vocabulary.from(text.toReversed()).tokens, Vocabulary.from(text).tokens);
  assertEquals(Vocabulary.from([["ab", "a", "abc"]]).tokens.slice(4), ["a", "ab", "abc"]);
});

Deno.test("Vocabulary.from() takes counts as well as sequences", () => {
  const counts = new Map([["x", 1], ["y", 5]]);
  assertEquals(Vocabulary.from(counts).tokens, ["<pad>", "<unk>", "<sos>", "<eos>", "y", "x"]);
});

Deno.test("Vocabulary.from() leaves out rare words and stops at its size limit", () => {
  const text = [["a", "a", "a", "b", "b", "c"]];
  assertEquals(Vocabulary.from(text, { minFrequency: 2 }).tokens.slice(4), ["a", "b"]);
  const limited = Vocabulary.from(text, { maxSize: 5 });
  assertEquals([limited.size, limited.id("a"), limited.id("b")], [5, 4, UNK]);
  assertThrows(() => Vocabulary.from(text, { minFrequency: 0 }), RangeError, "minFrequency");
  assertThrows(() => Vocabulary.from(text, { maxSize: 4 }), RangeError, "above 4");
});

Deno.test("Vocabulary numbers the special tokens 0 to 3 and no text can spell them", () => {
  assertEquals([PAD, UNK, SOS, EOS], [0, 1, 2, 3]);
  const vocabulary = Vocabulary.from([["<unk>", "<eos>", "<eos>", "word", ""]]);
  assertEquals(vocabulary.tokens, ["<pad>", "<unk>", "<sos>", "<eos>", "word"]);
  assertEquals(vocabulary.id("<eos>"), UNK);
  assert(!vocabulary.has("<eos>") && vocabulary.has("word"));
  assertEquals(vocabulary.id("__proto__"), UNK);
  assertEquals(vocabulary.token(EOS), "<eos>");
});

Deno.test("Vocabulary.token() refuses a number that is none", () => {
  const vocabulary = Vocabulary.from([["a"]]);
  for (const id of [-1, 5, 0.5, NaN]) assertThrows(() => vocabulary.token(id), RangeError, "0 to 4");
});

Deno.test("Vocabulary.coverage() counts tokens and types", () => {
  const vocabulary = Vocabulary.from([["a", "b"]]);
  assertEquals(vocabulary.coverage([["a", "a", "x"], ["b", "x", "y"]]), {
    tokens: 6,
    known: 3,
    fraction: 0.5,
    types: 4,
    knownTypes: 2,
    unknown: [{ token: "x", count: 2 }, { token: "y", count: 1 }],
  });
  assertEquals(vocabulary.coverage([]), {
    ...{ tokens: 0, known: 0, fraction: 1, types: 0, knownTypes: 0, unknown: [] },
  });
});

Deno.test("Vocabulary.coverage() names the ten unknown tokens that are most frequent", () => {
  const { unknown, knownTypes } = Vocabulary.from([["a"]]).coverage([
    ["<unk>", "a", ...Array.from({ length: 12 }, (_, index) => `w${String(index).padStart(2, "0")}`)],
    ["w11", "w11", "w05"],
  ]);
  assertEquals([unknown.length, knownTypes], [10, 1]);
  assertEquals(unknown.slice(0, 4), [
    { token: "w11", count: 3 },
    { token: "w05", count: 2 },
    { token: "<unk>", count: 1 }, // a text that spells it does not mean it
    { token: "w00", count: 1 },
  ]);
});

Deno.test("Vocabulary survives JSON", () => {
  const vocabulary = Vocabulary.from([["a", "__proto__", "ä", "😀", "a"]]);
  const copy = Vocabulary.fromJSON(JSON.parse(JSON.stringify(vocabulary)));
  assertEquals(copy.tokens, vocabulary.tokens);
  assertEquals(copy.id("__proto__"), vocabulary.id("__proto__"));
});

Deno.test("Vocabulary.fromJSON() refuses what is no vocabulary", () => {
  const specials = ["<pad>", "<unk>", "<sos>", "<eos>"];
  const hostile: [json: unknown, message: string][] = [
    [null, "array"],
    [{ length: 4 }, "array"],
    [[], "token 0 must be <pad>"],
    [["<pad>", "<sos>", "<unk>", "<eos>"], "token 1 must be <unk>"],
    [[...specials, "a", "b", "a"], 'token 6, "a", is there twice'],
    [[...specials, "<unk>"], "twice"],
    [[...specials, 5], "token 4 must be a word"],
    [[...specials, ""], "token 4 must be a word"],
    [[...specials, null], "token 4 must be a word"],
  ];
  for (const [json, message] of hostile) assertThrows(() => Vocabulary.fromJSON(json), TypeError, message);
});

Deno.test("a vocabulary has no more tokens than a stored one may have", () => {
  const words = Array.from({ length: MOST_TOKENS - 3 }, (_, index) => `w${index}`);
  const error = assertThrows(() => Vocabulary.from(new Map(words.map((word) => [word, 1]))), RangeError);
  assertEquals(
    error.message,
    "Cannot build a vocabulary of 1048573 words: there may be 1048576 tokens. Give minFrequency or maxSize.",
  );
  const tokens = [...Vocabulary.from([]).tokens, ...words];
  assertThrows(
    () => Vocabulary.fromJSON(tokens),
    TypeError,
    "it has 1048577 tokens, and at most 1048576 are read",
  );
});
