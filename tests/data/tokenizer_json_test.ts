// Our tokenizers against Hugging Face's library, which reads them from their tokenizer.json; and damaged files.

import fc from "npm:fast-check@4.10.2";
import { Tokenizer as Theirs } from "npm:@huggingface/tokenizers@0.2.0";
import { loadCorpus } from "../../lib/data/corpus.ts";
import { HUGGING_FACE_CONFIG } from "../../lib/data/hugging_face.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { SUPPLIED_ZIP, suppliedDataIsAbsent } from "./supplied_data.ts";

const UNUSUAL = [
  "",
  " ",
  " two  spaces ",
  "a▁b\nc\td",
  "İstanbul ΟΔΟΣ'ΑΒ i̇ E\u0301té_1 x²",
  "“Quoted” – he said… «ja»",
  "🐘 日本語！",
  "don't?! (no) __proto__ constructor",
  "x".repeat(500),
];

/** Ten thousand sentences of both languages, and unusual texts. */
async function sentences(): Promise<string[]> {
  const pairs = await loadCorpus(suppliedDataIsAbsent ? "cldr:en-de" : SUPPLIED_ZIP);
  const step = Math.max(1, Math.floor(pairs.length / 5_000));
  const texts = pairs.filter((_, index) => index % step === 0).flatMap((
    { source, target },
  ) => [source, target]);
  return [...Array.from({ length: 10_000 }, (_, index) => texts[index % texts.length]!), ...UNUSUAL];
}

/** A tokenizer as it comes back from a file. */
function stored(tokenizer: Tokenizer): unknown {
  return JSON.parse(JSON.stringify(tokenizer.toHuggingFace()));
}

const TREATMENTS = [
  {},
  { lowerCase: true },
  { lowerCase: false, nfc: true },
  { lowerCase: true, nfc: true, plainPunctuation: true },
];

/** How tokenizers of a kind treat text: words with and without punctuation, the others with and without bytes. */
const VARIANTS = {
  words: TREATMENTS.flatMap((treatment) => [
    { ...treatment, plainPunctuation: false },
    { ...treatment, punctuation: true },
  ]),
  bpe: TREATMENTS.flatMap((treatment) => [treatment, { ...treatment, byteFallback: true }]),
  characters: TREATMENTS.flatMap((treatment) => [treatment, { ...treatment, byteFallback: true }]),
};

for (const kind of ["words", "bpe", "characters"] as const) {
  Deno.test(`Hugging Face's library gives the numbers of ${kind} on 10,000 sentences`, async () => {
    const texts = await sentences();
    const training = texts.filter((_, index) => index % 8 === 0);
    for (const variant of VARIANTS[kind]) {
      const ours = Tokenizer[kind](training, { ...variant, ...(kind === "bpe" ? { merges: 500 } : {}) });
      const file = stored(ours);
      const theirs = new Theirs(file as object, HUGGING_FACE_CONFIG);
      const copy = Tokenizer.fromHuggingFace(file);
      assertEquals(JSON.stringify(copy), JSON.stringify(ours));
      for (const text of texts) {
        const ids = ours.encode(text);
        assert(
          ids.join() === theirs.encode(text).ids.join() && ids.join() === copy.encode(text).join(),
          `${JSON.stringify({ text, variant })}: ${ours.tokens(text)}`,
        );
        const decoded = theirs.decode(ids, { skip_special_tokens: true });
        if (text !== "" && !ours.unknown(text).length) assertEquals(decoded, ours.decode(ids));
      }
    }
  });
}

Deno.test("Hugging Face's library gives the same numbers for any text that spells no special token", () => {
  const training = [
    "aB  ▁éE\u0301<0x41>İΣ \n\ufeff😀日",
    "ΟΔΟΣ'ΑΒ the the cat catcat",
    "aaaaaaa aaaa aaaaaaaaa",
    "(a), 'B'... ￭ ￭a",
  ];
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.string({
      unit: fc.constantFrom(..."aB  ▁éE\u0301\u0307<0x41>IİΣσΑ'\n\ufeff😀日the(),.￭■\u0085\u00a0"),
      maxLength: 40,
    }),
  );
  for (const kind of ["words", "bpe", "characters"] as const) {
    for (const variant of VARIANTS[kind]) {
      const ours = Tokenizer[kind](training, { ...variant, minFrequency: 1 });
      const theirs = new Theirs(stored(ours) as object, HUGGING_FACE_CONFIG);
      fc.assert(fc.property(text, (text) => assertEquals(theirs.encode(text).ids, ours.encode(text))));
    }
  }
});

Deno.test("Tokenizer.fromJSON() reads the lists of words of earlier versions", () => {
  for (const cut of [{ lowerCase: true }, { lowerCase: false, punctuation: true, nfc: true }]) {
    const tokenizer = Tokenizer.words(["Oh, no!"], cut);
    const list = { kind: "words", punctuation: false, ...cut, vocabulary: tokenizer.vocabulary.toJSON() };
    assertEquals(Tokenizer.fromJSON(JSON.parse(JSON.stringify(list))).toJSON(), tokenizer.toJSON());
  }
});

Deno.test("Tokenizer.fromJSON() reads what each kind is stored as", () => {
  const texts = ["Oh, no! __proto__ 1 2"];
  const tokenizers = [
    Tokenizer.words(texts, { nfc: true }),
    Tokenizer.words(texts, { punctuation: true, plainPunctuation: true, lowerCase: false }),
    Tokenizer.bpe(texts, { byteFallback: true, lowerCase: true }),
    Tokenizer.characters(texts),
  ];
  for (const tokenizer of tokenizers) {
    const copy = Tokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer)));
    assertEquals(JSON.stringify(copy), JSON.stringify(tokenizer));
    assertEquals([copy.kind, copy.lowerCase], [tokenizer.kind, tokenizer.lowerCase]);
    assertEquals(copy.encode("Oh no. __proto__"), tokenizer.encode("Oh no. __proto__"));
  }
});

Deno.test("merges may also be written as in older files, with a space between the tokens", () => {
  const ours = Tokenizer.bpe(["low lower low"], { merges: 5 });
  const file = structuredClone(ours.toHuggingFace()) as unknown as { model: { merges: unknown[] } };
  file.model.merges = (file.model.merges as string[][]).map((pair) => pair.join(" "));
  assertEquals(JSON.stringify(Tokenizer.fromJSON(file)), JSON.stringify(ours));
});

// deno-lint-ignore no-explicit-any -- spoiling a file means to disregard its type
type Spoil = (file: any) => void;

/** What may be wrong with the file of a tokenizer of `low lower`, and what is said about it. */
const DAMAGES: readonly (readonly [spoil: Spoil, says: string])[] = [
  [(file) => file.model = null, "its model must be an object"],
  [(file) => file.model = [], "its model must be an object, got a list"],
  [(file) => file.model.type = "Unigram", '"Unigram"'],
  [(file) => file.model.vocab = ["a"], "vocab of its model must be an object"],
  [(file) => file.model.vocab.low = 5, "have the same number 5"],
  [(file) => file.model.vocab.low = 5.5, "5.5"],
  [(file) => file.model.vocab.low = "5", '"5"'],
  [(file) => file.model.vocab.low = -1, "-1"],
  [(file) => file.model.vocab.low = 1e9, "must be from 0 to"],
  [(file) => delete file.model.vocab["<pad>"], "must be from 0 to"],
  [(file) => {
    file.model.vocab["<pad>"] = 1;
    file.model.vocab["<unk>"] = 0;
  }, "token 0 must be <pad>"],
  [(file) => file.model.merges = {}, "merges of its model must be a list"],
  [(file) => file.model.merges = Array(2 ** 20 + 1).fill(["l", "o"]), "it has 1048577 merges"],
  [(file) => file.model.vocab.low = 2 ** 32 + 4, "must be from 0 to"],
  [(file) => file.model.vocab.low = null, "got null"],
  [(file) => file.model.merges[0] = ["l", "x".repeat(1_000_000)], 'refers to the token "xxx'],
  [(file) => file.model.merges[0] = ["l"], "merge 0 must be two tokens"],
  [(file) => file.model.merges[0] = ["l", 1], "merge 0 must be two tokens"],
  [(file) => file.model.merges[0] = "l o w", "merge 0 must be two tokens"],
  [(file) => file.model.merges[0] = ["l", "x"], 'refers to the token "x", which is absent'],
  [(file) => file.model.merges[0] = ["o", "l"], 'refers to the token "ol", which is absent'],
  [(file) => file.model.merges.push(file.model.merges[0]), "is there twice"],
  [(file) => file.model.byte_fallback = 1, "byte_fallback must be true or false"],
  [(file) => file.model.byte_fallback = true, "<0x00>, which is absent"],
  [(file) => file.model.ignore_merges = true, "settings that this library does not write"],
  [(file) => file.model.dropout = 0.1, "settings that this library does not write"],
  [(file) => file.normalizer = { type: "StripAccents" }, "its normalizer"],
  [(file) => file.normalizer.normalizers.pop(), "its normalizer"],
  [(file) => file.pre_tokenizer = null, "no pre_tokenizer"],
  [(file) => file.pre_tokenizer.pattern.Regex = "\\w+", 'its "pre_tokenizer"'],
  [(file) => file.post_processor = null, 'its "post_processor"'],
  [(file) => file.decoder.decoders.reverse(), 'its "decoder"'],
  [(file) => file.added_tokens[3].content = "</s>", 'its "added_tokens"'],
  [(file) => file.truncation = { max_length: 5 }, 'its "truncation"'],
  [(file) => delete file.version, 'its "version"'],
  [(file) => file.surplus = 1, 'its "surplus"'],
];

Deno.test("a damaged tokenizer.json is refused with a TypeError that names the damage", () => {
  const good = JSON.stringify(Tokenizer.bpe(["low lower low"], { merges: 5 }).toHuggingFace());
  for (const [spoil, says] of DAMAGES) {
    const file = JSON.parse(good);
    spoil(file);
    const { message } = assertThrows(() => Tokenizer.fromHuggingFace(file), TypeError, says);
    assert(message.length < 300, "the message is as long as the file makes it");
    if (Object.hasOwn(file, "model")) assertThrows(() => Tokenizer.fromJSON(file), TypeError, says);
  }
  for (const json of [null, [], "a", 1]) {
    assertThrows(() => Tokenizer.fromHuggingFace(json), TypeError, "the file must be an object");
  }
});

Deno.test("keys named __proto__ do no harm in a tokenizer.json", () => {
  const tokenizer = Tokenizer.words(["__proto__ constructor"]);
  const text = JSON.stringify(tokenizer.toHuggingFace());
  assert(text.includes('"__proto__":'));
  const copy = Tokenizer.fromHuggingFace(JSON.parse(text));
  assertEquals(copy.encode("__proto__ toString"), tokenizer.encode("__proto__ toString"));
  const hostile = JSON.parse(text.replace('"version"', '"__proto__":{"polluted":1},"version"'));
  assertThrows(() => Tokenizer.fromHuggingFace(hostile), TypeError, 'its "__proto__"');
  assertEquals(({} as { polluted?: number }).polluted, undefined);
});
