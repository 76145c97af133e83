// The data pipeline, on the processor: vocabularies, encoding, and an epoch of batches. Encoding also as the original
// data preparation did it: each word searched in a list.

import { batches, planBuckets } from "../lib/data/batches.ts";
import { loadCorpus } from "../lib/data/corpus.ts";
import type { Pair } from "../lib/data/pair.ts";
import { Tokenizer } from "../lib/data/tokenizer.ts";
import { words } from "../lib/data/words.ts";
import { Bench } from "./harness.ts";
import type { Run } from "./sampling.ts";
import type { Data } from "./work.ts";

/** The list search is so slow that it only gets a few. */
const FEW = 500;

const bench = await Bench.open("data");
const all = await loadCorpus("cldr:en-de");
const few = all.filter((_, index) => index % Math.ceil(all.length / FEW) === 0);

const learn = (side: "source" | "target") => Tokenizer.words(all.map((pair) => pair[side]));
const [source, target] = [learn("source"), learn("target")];
const encode = (pairs: readonly Pair[]) =>
  pairs.map((pair) => ({
    source: Uint32Array.from(source.encode(pair.source)),
    target: Uint32Array.from(target.encode(pair.target)),
  }));
const encoded = encode(all);
const buckets = planBuckets(encoded, { batchSentences: 64 });
// In order of frequency the common words would stand in front, where a search finds them soon.
const lists = { source: source.vocabulary.tokens.toSorted(), target: target.vocabulary.tokens.toSorted() };

const compare = async (
  task: Data["task"],
  pairs: readonly Pair[],
  ours: Work,
  others: Record<string, Work> = {},
) => {
  const file = await Deno.makeTempFile({ suffix: ".tsv" });
  addEventListener("unload", () => Deno.removeSync(file));
  await Deno.writeTextFile(file, pairs.map(({ source, target }) => `${source}\t${target}\n`).join(""));
  const runs = Object.entries(others).map(([label, work]) => [label, repeated(work)]);
  await bench.compare(
    { kind: "data", task, file, pairs: pairs.length },
    repeated(ours),
    Object.fromEntries(runs),
  );
};

await compare("learn", all, () => (["source", "target"] as const).map(learn));
await compare("encode", all, () => encode(all));
await compare("batches", all, () => [...batches(encoded, buckets, { seed: 1, epoch: 0 })]);
await compare("encode", few, () => encode(few), {
  "search in a sorted list": () =>
    few.map((pair) =>
      (["source", "target"] as const).map((side) =>
        words(pair[side]).map((word) => lists[side].indexOf(word.toLowerCase()))
      )
    ),
});

type Work = () => unknown;

/** Does something on the processor several times. */
function repeated(work: Work): Run {
  return (times) => {
    for (let time = 0; time < times; time++) work();
    return Promise.resolve();
  };
}
