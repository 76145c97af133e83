import fc from "npm:fast-check@4.10.2";
import { loadCorpus } from "../../lib/data/corpus.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { EOS, PAD, SOS, UNK } from "../../lib/data/vocabulary.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { SUPPLIED_ZIP, suppliedDataIsAbsent } from "./supplied_data.ts";

Deno.test("Tokenizer.words() learns lower-cased words and leaves punctuation out", () => {
  const tokenizer = Tokenizer.words(["Don't go!", "GO."]);
  assertEquals(tokenizer.vocabulary.tokens.slice(4), ["go", "don", "t"]);
  assertEquals(tokenizer.tokenize("Don't Go, cat"), ["don", "t", "go", "cat"]);
  assertEquals(tokenizer.encode("Go cat"), [SOS, 4, UNK, EOS]);
  assertEquals(tokenizer.unknown("cat go CAT dog"), ["cat", "dog"]);
});

Deno.test("Tokenizer.words() lower-cases word by word, as the original does", () => {
  // Lower-casing the sentence first would give one word more, cut at the dot that it makes of İ.
  assertEquals(Tokenizer.words(["İstanbul"]).tokenize("İstanbul"), ["i̇stanbul"]);
});

Deno.test("Tokenizer.words() passes its limits on to the vocabulary", () => {
  assertEquals(Tokenizer.words(["a a b"], { minFrequency: 2 }).vocabulary.size, 5);
  assertEquals(Tokenizer.words(["a a b c"], { maxSize: 6 }).vocabulary.size, 6);
  assertEquals(Tokenizer.words(["A a"], { lowerCase: false }).vocabulary.tokens.slice(4), ["A", "a"]);
});

Deno.test("Tokenizer.decode() stops at <eos>, drops <pad> and <sos> and shows <unk>", () => {
  const tokenizer = Tokenizer.words(["a b"]);
  assertEquals(tokenizer.decode([SOS, 4, UNK, PAD, 5, EOS, 4]), "a <unk> b");
  assertEquals(tokenizer.decode(new Uint32Array([SOS, EOS])), "");
  assertEquals(tokenizer.decode(tokenizer.encode("")), "");
  assertThrows(() => tokenizer.decode([99]), RangeError, "99");
});

Deno.test("Tokenizer with punctuation undoes every text whose tokens it knows", () => {
  const text = fc.string({ unit: fc.constantFrom(..."aB ÄÏé\u0301_1.,'\"()■😀日"), maxLength: 40 });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (texts) => {
      const tokenizer = Tokenizer.words(texts, { punctuation: true, lowerCase: false });
      for (const text of texts) {
        const spaced = text.replaceAll(/ +/g, " ").trim();
        assertEquals(tokenizer.decode(tokenizer.encode(text)), spaced);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("Tokenizer with punctuation takes any white space for a space, and none at the ends", () => {
  const tokenizer = Tokenizer.words(["a b."], { punctuation: true });
  assertEquals(tokenizer.decode(tokenizer.encode(" a \t B.\n")), "a b.");
  assertEquals(tokenizer.unknown(" a  c\n"), ["c"]);
});

Deno.test("Tokenizer with punctuation takes a joiner for a square", () => {
  const tokenizer = Tokenizer.words(["A ￭ b￭"], { punctuation: true });
  assertEquals(tokenizer.decode(tokenizer.encode("A ￭ b￭")), "a ■ b■");
});

Deno.test("Tokenizer never makes a special token of a text", () => {
  for (const punctuation of [false, true]) {
    const tokenizer = Tokenizer.words(["<eos> <pad> eos pad"], { punctuation });
    assert(tokenizer.encode("<eos> <pad>").slice(1, -1).every((id) => id > EOS));
  }
});

Deno.test("Tokenizer survives JSON", () => {
  for (const punctuation of [false, true]) {
    const tokenizer = Tokenizer.words(["Oh, no!"], { punctuation, lowerCase: !punctuation });
    const copy = Tokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer)));
    assertEquals(copy.encode("Oh, no!"), tokenizer.encode("Oh, no!"));
    assertEquals(copy.toJSON(), tokenizer.toJSON());
  }
});

Deno.test("Tokenizer.fromJSON() refuses what is no tokenizer", () => {
  const list = { kind: "words", punctuation: false, lowerCase: true, vocabulary: ["<pad>"] };
  const hostile: [json: unknown, message: string][] = [
    [null, "expected the content of a tokenizer.json"],
    [[], "expected the content of a tokenizer.json"],
    [{}, 'its kind must be "words", got nothing'],
    [{ ...list, kind: "bpe" }, 'its kind must be "words", got "bpe"'],
    [{ ...list, lowerCase: 1 }, "lowerCase must be true or false"],
    [{ ...list, nfc: null }, "nfc must be true or false"],
    [list, "token 1 must be <unk>"],
  ];
  for (const [json, message] of hostile) assertThrows(() => Tokenizer.fromJSON(json), TypeError, message);
});

Deno.test({
  name: "Tokenizer gives the original preparation's counts on deu-eng.zip (skipped without ../shared)",
  ignore: suppliedDataIsAbsent,
  async fn() {
    const pairs = await loadCorpus(SUPPLIED_ZIP);
    assertEquals(pairs.length, 169_813);
    // Lines, English and German types, English and German tokens, longest; <sos> and <eos> count.
    const rows = [
      [169_813, 14_948, 32_248, 1_491_740, 1_441_810, 49],
      [50_000, 6_359, 10_965, 314_580, 316_891, 19],
    ] as const;
    for (const [lines, ...expected] of rows) {
      const sides = (["source", "target"] as const).map((side) => {
        const sentences = pairs.slice(0, lines).map((pair) => pair[side]);
        const tokenizer = Tokenizer.words(sentences);
        const lengths = sentences.map((sentence) => tokenizer.encode(sentence).length);
        return { types: tokenizer.vocabulary.size - 2, lengths };
      });
      const tokens = sides.map(({ lengths }) => lengths.reduce((sum, length) => sum + length, 0));
      const longest = sides.flatMap(({ lengths }) => lengths).reduce(
        (most, length) => Math.max(most, length),
        0,
      );
      assertEquals([...sides.map(({ types }) => types), ...tokens, longest], [...expected]);
    }
  },
});

Deno.test({
  name: "Tokenizer with punctuation undoes every German sentence of deu-eng.zip (skipped without ../shared)",
  ignore: suppliedDataIsAbsent,
  async fn() {
    const sentences = (await loadCorpus(SUPPLIED_ZIP)).map((pair) => pair.target);
    const tokenizer = Tokenizer.words(sentences, { punctuation: true, lowerCase: false });
    const different = sentences.filter((text) =>
      tokenizer.decode(tokenizer.encode(text)) !== text.replaceAll(/\s+/g, " ").trim()
    );
    assertEquals(different, []);
  },
});
