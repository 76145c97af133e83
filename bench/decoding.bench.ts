// Sentences a second, greedily and with a beam of 5, one and 64 at a time: as translate() decodes, which looks a few times a
// batch whether all sentences are over, and the same plan with a look at the words after each step, which is what decoding
// costs where words are chosen on the host. All translations have the same length. Measured by hand, as what counts beside
// the time is how often the host waits.

import { openDevice, Plan, Random, Seq2Seq, Tape, Tokenizer, translate } from "../mod.ts";
import { recordSearch } from "../lib/inference/search.ts";
import { EOS, SOS } from "../lib/data/vocabulary.ts";
import { median } from "./sampling.ts";

/** Words of a source and of a translation, `<eos>` included. */
const [SOURCE, TARGET] = [10, 12];
const SAMPLES = Number(Deno.env.get("ATTEND_BENCH_SAMPLES") ?? 7);

let readbacks = 0;
const map = GPUBuffer.prototype.mapAsync;
GPUBuffer.prototype.mapAsync = function (...args) {
  readbacks++;
  return map.apply(this, args);
};

const random = new Random(1);
const words = (count: number) =>
  Tokenizer.words(Array.from({ length: count - 4 }, (_, index) => `word${index}`));
const device = await openDevice();

/** The sizes of the models: that of `deno task demo`, and one for tens of thousands of sentences. */
const SIZES = [
  { source: 1_850, target: 2_000, embedding: 64, hidden: 96 },
  { source: 5_000, target: 8_000, embedding: 128, hidden: 256 },
];
console.log(`adapter     ${device.description}, profile ${device.profile}, deno ${Deno.version.deno}`);

/** Sentences of as many words. */
function sentences(count: number): string[] {
  const sentence = () => Array.from({ length: SOURCE - 2 }, () => `word${random.integer(1_800)}`).join(" ");
  return Array.from({ length: count }, sentence);
}

/** The middle of several times in seconds, and the readbacks of one. */
async function measure(run: () => Promise<unknown>): Promise<{ seconds: number; readbacks: number }> {
  for (let warmUp = 0; warmUp < 2; warmUp++) await run();
  const times: number[] = [];
  const before = readbacks;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const start = performance.now();
    await run();
    times.push((performance.now() - start) / 1e3);
  }
  return { seconds: median(times), readbacks: (readbacks - before) / SAMPLES };
}

/** Decodes the texts step by step, with a look at what each step has chosen. */
async function stepByStep(
  model: Seq2Seq,
  texts: readonly string[],
  beam: number,
): Promise<() => Promise<void>> {
  const rows = texts.length * beam;
  const shape = {
    ...{ sourceLength: SOURCE, sentences: texts.length, copies: beam, steps: TARGET, prefix: 0 },
  };
  const rules = {
    ...{ lengthPenalty: 0.6, coveragePenalty: 0, minLength: TARGET, noRepeatNgram: 0 },
    ...{ avoidUnknown: false, sampling: undefined },
  };
  const tape = new Tape(device, { training: false });
  const { memory, ends } = recordSearch(tape, model.wordByWord(tape, shape), shape, rules);
  const plan = await Plan.compile(tape);
  const encoded = texts.map((text) => model.encodeSource(text).ids);
  const inputs = {
    source: Uint32Array.from(
      { length: SOURCE * texts.length },
      (_, i) => encoded[i % texts.length]![Math.floor(i / texts.length)] ?? EOS,
    ),
    source_lengths: Uint32Array.from(encoded, ({ length }) => length),
    first: new Uint32Array(rows).fill(SOS),
    start: Float32Array.from({ length: rows }, (_, row) => row % beam === 0 ? 0 : -1e30),
    limits: new Uint32Array(texts.length).fill(TARGET),
  };
  return async () => {
    for (const [t, end] of ends.entries()) {
      if (t === 0) plan.run(inputs, end);
      else plan.runPart(ends[t - 1]!, end);
      await plan.read(memory.links.at(t));
    }
    await plan.read(memory.finished, memory.totals);
  };
}

for (const { source, target, embedding, hidden } of SIZES) {
  const model = new Seq2Seq(device, { source: words(source), target: words(target), embedding, hidden });
  console.log(
    `model       ${SOURCE} words to ${TARGET}, embedding ${embedding}, GRU ${hidden}, vocabularies ${source} and ${target}`,
  );
  for (const [batch, beam] of [[1, 1], [1, 5], [64, 1], [64, 5]] as const) {
    const texts = sentences(batch);
    const options = { beam, minLength: TARGET, maxLength: TARGET };
    const ours = await measure(() => translate(model, texts, options));
    const other = await measure(await stepByStep(model, texts, beam));
    const name = `${beam === 1 ? "greedy" : `beam ${beam}`}, batch ${batch}`;
    const cells = [ours, other].map(({ seconds, readbacks }) =>
      `${(batch / seconds).toFixed(1).padStart(8)} sentences/s, ${
        readbacks.toFixed(1).padStart(4)
      } readbacks a batch`
    );
    console.log(
      `${name.padEnd(17)} ${cells[0]}; with one a word ${cells[1]}: ${
        (other.seconds / ours.seconds).toFixed(1)
      } times`,
    );
  }
  model.close();
}
device.close();
