import fc from "npm:fast-check@4.10.2";
import { learnMerges } from "../../lib/data/learn_merges.ts";
import { applyMerges, type Merge, ranksOf } from "../../lib/data/merges.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const ANY = { merges: 1_000, minFrequency: 1, isForbidden: () => false };

/** Byte pair encoding as the paper's algorithm 1 has it: everything is counted anew for every merge. */
function learnPlainly(words: ReadonlyMap<string, number>, alphabet: readonly string[]): Merge[] {
  let cut = [...words].map(([word, frequency]) => ({ tokens: [...word], frequency }));
  const numbers = [...alphabet];
  const merges: Merge[] = [];
  while (true) {
    const counts = new Map<string, number>();
    for (const { tokens, frequency } of cut) {
      for (let index = 1; index < tokens.length; index++) {
        const key = JSON.stringify([tokens[index - 1], tokens[index]]);
        counts.set(key, (counts.get(key) ?? 0) + frequency);
      }
    }
    const ordered = [...counts].map(([key, count]) => ({ pair: JSON.parse(key) as Merge, count })).sort((
      a,
      b,
    ) =>
      b.count - a.count || numbers.indexOf(a.pair[0]) - numbers.indexOf(b.pair[0]) ||
      numbers.indexOf(a.pair[1]) - numbers.indexOf(b.pair[1])
    );
    if (ordered.length === 0) return merges;
    const { pair } = ordered[0]!;
    merges.push(pair);
    if (!numbers.includes(pair.join(""))) numbers.push(pair.join(""));
    cut = cut.map(({ tokens, frequency }) => ({ tokens: mergeEverywhere(tokens, pair), frequency }));
  }
}

function mergeEverywhere(tokens: readonly string[], [left, right]: Merge): string[] {
  const merged: string[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const found = tokens[index] === left && tokens[index + 1] === right;
    merged.push(found ? left + right : tokens[index]!);
    if (found) index++;
  }
  return merged;
}

const word = fc.string({ unit: fc.constantFrom(..."aabc"), minLength: 1, maxLength: 12 });
const wordCounts = fc.dictionary(word, fc.integer({ min: 1, max: 5 }), { minKeys: 1, maxKeys: 12 })
  .map((counts) => new Map(Object.entries(counts)));

Deno.test("learnMerges() finds what counting anew for each merge finds", () => {
  fc.assert(
    fc.property(wordCounts, (counts) => {
      assertEquals(learnMerges(counts, [..."abc"], ANY), learnPlainly(counts, [..."abc"]));
    }),
    { numRuns: 500 },
  );
});

Deno.test("learnMerges() finds the tokens of the paper's example", () => {
  // Section 3.2, where "·" ends a word: est· occurs nine times, low seven times. (es t) and (t ·) are equally frequent.
  const counts = new Map([["low·", 5], ["lower·", 2], ["newest·", 6], ["widest·", 3]]);
  const merges = learnMerges(counts, [..."eslotwnidr·"], { ...ANY, merges: 5 });
  assertEquals(merges.map((pair) => pair.join(" ")), ["e s", "t ·", "es t·", "l o", "lo w"]);
});

Deno.test("learnMerges() stops where pairs are too rare, passes over what is forbidden and outside the alphabet", () => {
  const counts = new Map([["abc", 3], ["bd", 2], ["xy", 9]]);
  const learn = (options: Partial<typeof ANY>) => learnMerges(counts, [..."abcd"], { ...ANY, ...options });
  assertEquals(learn({ minFrequency: 3 }), [["a", "b"], ["ab", "c"]]);
  assertEquals(learn({ merges: 1 }), [["a", "b"]]);
  const isForbidden = (token: string) => token === "ab";
  assertEquals(learnMerges(counts, [..."abcd"], { ...ANY, isForbidden }), [["b", "c"], ["a", "bc"], [
    "b",
    "d",
  ]]);
});

Deno.test("applyMerges() cuts the words that it was learned from as learning left them", () => {
  fc.assert(
    fc.property(wordCounts, fc.nat(12), (counts, limit) => {
      const merges = learnMerges(counts, [..."abc"], { ...ANY, merges: limit });
      for (const word of counts.keys()) {
        const plain = merges.reduce<string[]>((tokens, pair) => mergeEverywhere(tokens, pair), [...word]);
        assertEquals(applyMerges([...word], ranksOf(merges)), plain);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("applyMerges() merges a word without end", () => {
  const merges: Merge[] = [["a", "a"], ["aa", "aa"], ["aaaa", "aaaa"]];
  assertEquals(applyMerges(Array(80_000).fill("a"), ranksOf(merges)).length, 10_000);
});

const TEXTS = ["low lower lowest low", "new newer newest, newest!", "wide wider widest"];

Deno.test("Tokenizer.bpe() depends on the texts' words alone, not on their order", () => {
  const learn = (texts: string[]) => JSON.stringify(Tokenizer.bpe(texts, { merges: 30 }));
  assertEquals(learn(TEXTS), learn(TEXTS.toReversed()));
  assertEquals(learn(TEXTS), learn(TEXTS));
});

Deno.test("Tokenizer.bpe() numbers special tokens, bytes, characters and merges in this order", () => {
  const plain = Tokenizer.bpe(["aab ab"], { merges: 2 });
  assertEquals(plain.vocabulary.tokens.slice(4), ["▁", "a", "b", "▁a"]);
  const spelling = Tokenizer.bpe(["aab ab"], { merges: 2, byteFallback: true });
  assertEquals(spelling.vocabulary.tokens[4], "<0x00>");
  assertEquals(spelling.vocabulary.tokens.slice(259), ["<0xFF>", "▁", "a", "b", "▁a"]);
});

Deno.test("Tokenizer.bpe() keeps merges within words and runs of punctuation", () => {
  const tokenizer = Tokenizer.bpe(Array(9).fill("no! no!! no?!"), { merges: 100 });
  assertEquals(tokenizer.tokenize("no!! no!"), ["▁no", "!!", "▁no", "!"]);
  assert(tokenizer.vocabulary.tokens.every((token) => !token.slice(1).includes("▁")));
});

Deno.test("Tokenizer.bpe() never makes a special token or a byte of a text", () => {
  const hostile = Array(9).fill("a<eos><pad> <eos> <0x41> a<unk>a<0x41>");
  for (const byteFallback of [false, true]) {
    const tokenizer = Tokenizer.bpe(hostile, { merges: 200, byteFallback });
    const ids = tokenizer.encode(hostile[0]);
    assert(ids.slice(1, -1).every((id) => id > (byteFallback ? 259 : 3)));
    assertEquals(tokenizer.decode(ids), hostile[0]);
  }
});

Deno.test("Tokenizer.bpe() leaves out characters that are too rare", () => {
  const tokenizer = Tokenizer.bpe(["aaz aa"], { minCharacterFrequency: 2 });
  assertEquals(tokenizer.unknown("aaz"), ["z"]);
  assertEquals(tokenizer.decode(tokenizer.encode("aaz aa")), "aa<unk> aa");
});

Deno.test("Tokenizer.bpe() refuses options out of range", () => {
  for (const options of [{ merges: -1 }, { merges: 0.5 }, { merges: NaN }, { minFrequency: 0 }]) {
    assertThrows(() => Tokenizer.bpe(["a"], options), RangeError, "must be a whole number");
  }
});

Deno.test("dropout leaves out merges with its probability, and always spells the same text", () => {
  const tokenizer = Tokenizer.bpe(["ab ab"], { merges: 10 });
  assertEquals(tokenizer.tokenize("ab"), ["▁ab"]);
  const random = new Random(1);
  const lengths = Array.from(
    { length: 10_000 },
    () => tokenizer.encode("ab", { dropout: 0.3, random }).length,
  );
  // The first merge, of a and b, stays out with probability 0.3, and then nothing is left to merge.
  const apart = lengths.filter((length) => length === 5).length;
  const deviation = Math.sqrt(10_000 * 0.3 * 0.7);
  assert(Math.abs(apart - 3_000) < 5 * deviation, `${apart} of 10,000 stayed apart`);

  const sentence = Tokenizer.bpe(TEXTS, { merges: 30, byteFallback: true });
  for (const dropout of [0, 0.1, 0.9, 1]) {
    const encode = (seed: number) =>
      sentence.encode("newest, é lower!", { dropout, random: new Random(seed) });
    assertEquals(sentence.decode(encode(7)), "newest, é lower!");
    assertEquals(encode(7), encode(7));
  }
  assertEquals(sentence.encode(TEXTS[0]!, { dropout: 0 }), sentence.encode(TEXTS[0]!));
  const letters = sentence.encode("low", { dropout: 1, random }).slice(1, -1);
  assertEquals(letters.map((id) => sentence.vocabulary.token(id)), ["▁", "l", "o", "w"]);
});

Deno.test("dropout is refused where it means nothing", () => {
  const bpe = Tokenizer.bpe(TEXTS), random = new Random(1);
  assertThrows(() => bpe.encode("low", { dropout: 1.5, random }), RangeError, "from 0 to 1");
  assertThrows(() => bpe.encode("low", { dropout: NaN, random }), RangeError, "from 0 to 1");
  assertThrows(() => bpe.encode("low", { dropout: 0.1 }), TypeError, "random is missing");
  for (const other of [Tokenizer.words(TEXTS), Tokenizer.characters(TEXTS)]) {
    assertThrows(() => other.encode("low", { dropout: 0.1, random }), TypeError, "has none");
  }
});
