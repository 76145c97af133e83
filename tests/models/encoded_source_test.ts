// Sentences as a translator reads them, and embeddings that begin with given vectors.

import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { EOS, SOS, UNK } from "../../lib/data/vocabulary.ts";
import { Seq2Seq, type Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { device } from "../device.ts";

const source = Tokenizer.words(["anna meets bob"]); // anna 4, bob 5, meets 6
const target = Tokenizer.words(["anna trifft"]); // anna 4, trifft 5

function create(options: Seq2SeqOptions): Seq2Seq {
  return new Seq2Seq(device, { source, target, embedding: 3, hidden: 4, ...options });
}

Deno.test("a Seq2Seq reads words in their order, or from the last to the first", () => {
  const [forward, reversed] = [create({}), create({ reverseSource: true })];
  assertEquals(forward.encodeSource("Anna meets Eve"), {
    ids: Uint32Array.of(SOS, 4, 6, UNK, EOS),
    words: ["<sos>", "anna", "meets", "eve", "<eos>"],
  });
  assertEquals(reversed.encodeSource("Anna meets Eve"), {
    ids: Uint32Array.of(SOS, UNK, 6, 4, EOS),
    words: ["<sos>", "eve", "meets", "anna", "<eos>"],
  });
  for (const model of [forward, reversed]) model.close();
});

Deno.test("a Seq2Seq that copies numbers the words that the target lacks behind its vocabulary", () => {
  for (const reverseSource of [false, true]) {
    const model = create({ copy: true, reverseSource });
    const words = ["bob", "anna", "eve", "bob", "meets"];
    const [pair] = model.encode([{ source: words.join(" "), target: "eve trifft bob und anna" }]);
    // Numbered as they come when they are read.
    const numbers = reverseSource ? [SOS, 6, 7, 8, 4, 7, EOS] : [SOS, 6, 4, 7, 6, 8, EOS];
    assertEquals([...pair!.copies!], numbers);
    const eve = 7 + (reverseSource ? 1 : 0);
    const bob = 6 + (reverseSource ? 1 : 0);
    assertEquals([...pair!.target], [SOS, eve, 5, bob, UNK, 4, EOS]);
    model.close();
  }
});

Deno.test("setEmbeddings() begins with given vectors, and leaves the others", async () => {
  const model = create({});
  const before = await model.parameters.read();
  const vectors = new Map([["anna", Float32Array.of(1, 2, 3)], ["zoe", Float32Array.of(7, 8, 9)]]);
  assertEquals(model.setEmbeddings("source", { width: 3, vectors, words: 2 }), 1);
  assertEquals(model.setEmbeddings("target", { width: 3, vectors, words: 2 }), 1);
  const after = await model.parameters.read();
  for (const [name, { data }] of before) {
    const expected = Array.from(data);
    if (name.endsWith("embedding.weight")) expected.splice(3 * 4, 3, 1, 2, 3);
    assertEquals([...after.get(name)!.data], expected, name);
  }
  const wide = { width: 4, vectors: new Map(), words: 1 };
  assertThrows(() => model.setEmbeddings("source", wide), RangeError, "Create it with embedding 4.");
  model.close();
});
