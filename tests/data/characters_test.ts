import fc from "npm:fast-check@4.10.2";
import { joinBytes, toByteTokens } from "../../lib/data/bytes.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { UNK } from "../../lib/data/vocabulary.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const TEXTS = ["Hello, world!", "Grüße  an alle."];

Deno.test("Tokenizer.characters() learns code points by frequency, white space among them", () => {
  const tokenizer = Tokenizer.characters(["a😀 a\n"]);
  assertEquals(tokenizer.vocabulary.tokens.slice(4), ["a", "\n", " ", "😀"]);
  assertEquals(tokenizer.tokenize("😀 b"), ["😀", " ", "b"]);
  assertEquals(tokenizer.unknown("a b"), ["b"]);
  assertEquals(tokenizer.decode(tokenizer.encode(" a\nb")), " a\n<unk>");
  assertEquals([tokenizer.kind, tokenizer.punctuation, tokenizer.lowerCase], ["characters", true, false]);
});

Deno.test("Tokenizer.characters() keeps to its limits, which leave room for bytes", () => {
  assertEquals(Tokenizer.characters(["aab"], { maxSize: 5 }).vocabulary.tokens.slice(4), ["a"]);
  assertEquals(Tokenizer.characters(["aab"], { minFrequency: 2 }).vocabulary.tokens.slice(4), ["a"]);
  const spelling = Tokenizer.characters(["aab"], { maxSize: 261, byteFallback: true });
  assertEquals(spelling.vocabulary.tokens.slice(260), ["a"]);
  assertThrows(
    () => Tokenizer.characters(["a"], { maxSize: 260, byteFallback: true }),
    RangeError,
    "above 260",
  );
});

Deno.test("text is normalized as the options say, and lone surrogates become U+FFFD", () => {
  const text = "„E\u0301TÉ” – l’été…\u00a0a▁b";
  const normal = (options: Parameters<typeof Tokenizer.bpe>[1]) =>
    Tokenizer.bpe([text], options).normalize(text);
  assertEquals(normal({}), text.replace("▁", " "));
  assertEquals(normal({ nfc: true }), "„ÉTÉ” – l’été…\u00a0a b");
  assertEquals(normal({ lowerCase: true, nfc: true }), "„été” – l’été…\u00a0a b");
  assertEquals(normal({ plainPunctuation: true, nfc: true }), '"ÉTÉ" - l\'été... a b');
  assertEquals(Tokenizer.characters([text], { nfc: true }).normalize("E\u0301▁"), "É▁");
  assertEquals(Tokenizer.words([text], { nfc: true }).tokenize("E\u0301te\u0301"), ["été"]);
  for (const learn of [Tokenizer.bpe, Tokenizer.characters]) {
    const tokenizer = learn(["a"], { byteFallback: true });
    assertEquals(tokenizer.decode(tokenizer.encode("a\ud800b")), "a\ufffdb");
  }
});

Deno.test("with byte fallback, decode() of encode() is the normalized text, whatever the text", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(..."aB  ▁éE\u0301<0x41>İΣ\n\ufeff😀日"), maxLength: 40 }),
  );
  for (const options of [{}, { lowerCase: true }, { nfc: true }, { nfc: true, plainPunctuation: true }]) {
    const spelling = { ...options, byteFallback: true };
    for (const tokenizer of [Tokenizer.bpe(TEXTS, spelling), Tokenizer.characters(TEXTS, spelling)]) {
      fc.assert(fc.property(text, (text) => {
        let expected = text;
        if (options.nfc) expected = expected.normalize("NFC");
        if (options.plainPunctuation) expected = tokenizer.normalize(expected);
        if (options.lowerCase) expected = expected.toLowerCase();
        if (tokenizer.kind === "bpe") expected = expected.replaceAll("▁", " ");
        const ids = tokenizer.encode(text);
        assertEquals(tokenizer.decode(ids), expected);
        assertEquals(tokenizer.normalize(text), expected);
        assert(!ids.includes(UNK) && tokenizer.unknown(text).length === 0);
        assertEquals(tokenizer.tokens(text).length, ids.length);
      }));
    }
  }
});

Deno.test("bytes that spell no character become U+FFFD, and the tokens around them stay", () => {
  assertEquals(toByteTokens("é"), ["<0xC3>", "<0xA9>"]);
  assertEquals(joinBytes(["a", "<0xC3>", "b", "<0xC3>", "<0xA9>", "<0xFF>"]), "a\ufffdbé\ufffd");
  assertEquals(joinBytes(["<0xc3>", "<0x1>"]), "<0xc3><0x1>");
});
