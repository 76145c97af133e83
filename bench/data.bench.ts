// Encoding: a map from word to number against the original data preparation's search through a list of words.
// Run: deno bench -A bench/data.bench.ts

import { batches, encodePairs, planBuckets } from "../lib/data/batches.ts";
import { loadCorpus } from "../lib/data/corpus.ts";
import type { Pair } from "../lib/data/pair.ts";
import { Tokenizer } from "../lib/data/tokenizer.ts";
import { words } from "../lib/data/words.ts";

const SUPPLIED = new URL("../../shared/data/deu-eng.zip", import.meta.url);
// The list search is so slow that it only gets a slice; both sides of a group encode the same sentences.
const SLICE = 2_000;

const specification = exists(SUPPLIED) ? SUPPLIED.href : "cldr:en-de";
const pairs = await loadCorpus(specification);
const slice = sliceOf(pairs);
const source = Tokenizer.words(pairs.map((pair) => pair.source));
const target = Tokenizer.words(pairs.map((pair) => pair.target));
// In order of frequency the common words would stand in front, where a search finds them soon.
const lists = { source: source.vocabulary.tokens.toSorted(), target: target.vocabulary.tokens.toSorted() };
const encoded = encodePairs(pairs, source, target);
const buckets = planBuckets(encoded, { batchSentences: 64 });

Deno.bench(`encode ${slice.length} pairs: map`, { group: "encode", baseline: true }, () => {
  encodePairs(slice, source, target);
});

Deno.bench(
  `encode ${slice.length} pairs: search in a sorted list, as the original`,
  { group: "encode" },
  () => {
    for (const pair of slice) {
      for (const side of ["source", "target"] as const) {
        words(pair[side]).map((word) => lists[side].indexOf(word.toLowerCase()));
      }
    }
  },
);

const all = `all ${pairs.length} pairs of ${specification.split("/").at(-1)}`;

Deno.bench(`learn both vocabularies: ${all}`, { group: "corpus" }, () => {
  for (const side of ["source", "target"] as const) Tokenizer.words(pairs.map((pair) => pair[side]));
});

Deno.bench(`encode: ${all}`, { group: "corpus" }, () => {
  encodePairs(pairs, source, target);
});

Deno.bench(`one epoch of batches of 64: ${all}`, { group: "corpus" }, () => {
  for (const batch of batches(encoded, buckets, { seed: 1, epoch: 0 })) {
    if (batch.size === 0) throw new Error();
  }
});

/** Takes pairs from everywhere in the corpus, which may be sorted by length. */
function sliceOf(pairs: readonly Pair[]): Pair[] {
  const step = Math.max(1, Math.floor(pairs.length / SLICE));
  return pairs.filter((_, index) => index % step === 0).slice(0, SLICE);
}

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}
