// Does a review praise the film? The IMDB recurrent benchmark: LSTM(50) and LSTM(1), or GRUs, over the numbers of a
// review's last 300 words, batches of 100, 10 epochs. Numbers of words say little, so it hardly learns; with --words a
// model of the same kind reads the words instead, and tells 5 of 6 reviews in half a minute on two CPU cores. Without
// --data it reads a few invented reviews.
//
//   deno run examples/imdb.ts
//   deno run --allow-read=aclImdb_v1.tar.gz examples/imdb.ts --cell lstm --data aclImdb_v1.tar.gz
//   deno run --allow-read=aclImdb_v1.tar.gz examples/imdb.ts --cell gru --data aclImdb_v1.tar.gz --words --train 6000 --test 1000 --epochs 5

import {
  classify,
  heldOutLoss,
  type LabelledText,
  loadMovieReviews,
  openDevice,
  Random,
  type RecurrentCell,
  SequenceClassifier,
  Tokenizer,
  train,
} from "../mod.ts";

/** The value after `--name` on the command line. */
function option(name: string): string | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? undefined : Deno.args[at + 1];
}

/** The same as a number. */
function count(name: string): number | undefined {
  const value = option(name);
  return value === undefined ? undefined : Number(value);
}

function inventReviews(count: number, seed: number): LabelledText[] {
  const random = new Random(seed);
  const pick = (words: string) => words.split(" ")[random.integer(words.split(" ").length)]!;
  return Array.from({ length: count }, (_, index) => {
    const label = (index % 2) as 0 | 1;
    const verdict = pick(label === 1 ? "wonderful moving clever great" : "boring clumsy hollow dreadful");
    return {
      text: `The ${pick("plot cast music ending")} of this film is ${pick("simply just so")} ${verdict}.`,
      label,
    };
  });
}

const archive = option("data");
const data = archive
  ? await loadMovieReviews(archive, { train: count("train"), valid: 500, test: count("test") })
  : { train: inventReviews(400, 1), valid: inventReviews(100, 2), test: inventReviews(100, 3) };

const { options, training } = Deno.args.includes("--words")
  ? { options: { embedding: 32, layers: [32], length: 150 }, training: { batch: 50, learningRate: 0.005 } }
  : {
    options: { embedding: null, layers: [50, 1], output: "state" as const, length: 300 },
    training: { batch: 100 },
  };
const model = new SequenceClassifier(await openDevice(), {
  text: Tokenizer.words(data.train.map(({ text }) => text), { maxSize: 10_000 }),
  cell: (option("cell") ?? "lstm") as RecurrentCell,
  ...options,
});
console.log(`${model.config.cell}, ${model.parameters.count} parameters, ${data.train.length} reviews`);

const run = train(model, data.train, {
  ...training,
  epochs: count("epochs") ?? 10,
  valid: data.valid,
  samples: 0,
});
for await (const { epoch, step, steps, loss, secondsLeft, validation } of run) {
  console.log(
    `epoch ${epoch} step ${step}/${steps} loss ${loss.toFixed(3)}, ${secondsLeft.toFixed(0)} s left`,
  );
  if (validation) console.log(`validation: accuracy ${validation.accuracy!.toFixed(4)}`);
}

const { accuracy, loss } = await heldOutLoss(model, data.test, { batch: 100 });
console.log(`test: accuracy ${accuracy!.toFixed(4)}, loss ${loss.toFixed(4)}, ${data.test.length} reviews`);
const { probability } = await classify(model, "The music of this film is simply wonderful.");
console.log(
  `"The music of this film is simply wonderful." praises with probability ${probability.toFixed(2)}`,
);
model.device.close();
