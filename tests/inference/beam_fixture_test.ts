// Beam search over a trained model against the same search in PyTorch and Python, written by tests/oracle/beam.py.

import { decode, type Decoding } from "../../lib/inference/decode.ts";
import { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { fixtureTensors, oracle } from "../models/fixture.ts";
import { inventedWords } from "../models/invented_words.ts";

interface Search {
  readonly options: Readonly<
    Record<"beam" | "lengthPenalty" | "coveragePenalty" | "minLength" | "noRepeatNgram" | "maxLength", number>
  >;
  /** For each source, best first. */
  readonly results: readonly {
    readonly ids: readonly (readonly number[])[];
    readonly log_probabilities: readonly number[];
    readonly scores: readonly number[];
  }[];
}

const file = new URL("../fixtures/beam.json", import.meta.url);
const { searches } = JSON.parse(await Deno.readTextFile(file)) as { searches: Record<string, Search> };
const { sizes, source } = oracle;

testEachProfile(
  "decode() equals beam search over a trained model in PyTorch, word for word",
  async (device) => {
    const model = new Seq2Seq(device, {
      source: inventedWords(sizes.source_vocabulary),
      target: inventedWords(sizes.target_vocabulary),
      embedding: sizes.embedding,
      hidden: sizes.hidden,
      attentionWidth: sizes.attention,
      readoutWidth: sizes.readout,
      dropout: 0,
    });
    model.parameters.load(fixtureTensors("after."));
    for (const [name, { options, results }] of Object.entries(searches)) {
      const { beam: copies, maxLength, ...rules } = options;
      const decoding: Decoding = {
        ...{ ...rules, copies, avoidUnknown: false, sampling: undefined, seed: 0, mean: "probabilities" },
        limitOf: () => maxLength,
      };
      const sentences = source.lengths.map((length, row) => ({
        ids: Uint32Array.from(source.ids.slice(0, length), (step) => step[row]!),
        ...{ limit: maxLength, prefix: [], number: row },
      }));
      const found = await decode([model], sentences, decoding);
      results.forEach((expected, row) => {
        const hypotheses = found[row]!.slice(0, copies);
        assertEquals(hypotheses.map(({ ids }) => ids), expected.ids, `${name}, row ${row}`);
        hypotheses.forEach(({ logProbability, normalized }, rank) => {
          // The fixture's own margin: rounding moves sums of so few logarithms by some 1e-6.
          const close = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b));
          assert(
            close(logProbability, expected.log_probabilities[rank]!),
            `${name}, row ${row}: ${logProbability}`,
          );
          assert(close(normalized, expected.scores[rank]!), `${name}, row ${row}: score ${normalized}`);
        });
      });
    }
    model.close();
  },
);
