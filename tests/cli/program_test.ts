// The program from the outside: training, evaluating and translating with a model of a few numbers.

import { alignmentErrorRate, parseAlignment } from "../../lib/evaluation/alignment.ts";
import { testWithAdapter } from "../adapter.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { checkXml } from "../report/xml.ts";
import { attend, type Ended, jsonLines, PROGRAM } from "./program.ts";
import { COLORS_TSV, TINY } from "./tiny_corpus.ts";

const folder = await TemporaryFolder.make();
const corpus = await folder.write("colors.tsv", COLORS_TSV);
const model = folder.at("model");
Deno.test.afterAll(() => folder[Symbol.asyncDispose]());

let training: Promise<Ended> | undefined;
/** Trains the model that the tests use, once. */
function trained(): Promise<Ended> {
  return training ??= attend(["train", "--corpus", corpus, "--output", model, "--epochs", "2", ...TINY]);
}

testWithAdapter("train, evaluate and translate work together", async () => {
  const training = await trained();
  assertEquals([training.code, training.stderr.includes("error")], [0, false], training.stderr);
  assertStringIncludes(training.stdout, "80 lines, 80 pairs");
  assertStringIncludes(training.stdout, "64 to train, 8 to validate, 8 to test");
  assertMatch(training.stdout, /^adapter {5}\S/m);
  assertMatch(training.stdout, /^epoch 2 {5}loss \d\.\d{3}, validation \d\.\d{3} \(perplexity/m);
  assertMatch(training.stdout, /trained in .*; the model is in /);
  assertMatch(training.stderr, /epoch 2 .* words\/s/);
  for (const text of [training.stdout, training.stderr]) {
    assert(
      !text.includes("\x1b") && !text.includes("\r"),
      "there are control characters, though nobody watches",
    );
  }
  const names = [...Deno.readDirSync(model)].map(({ name }) => name).sort();
  assert(names.includes("step-00000008.safetensors"), String(names));
  assertEquals(names, [
    "best.safetensors",
    "config.json",
    "log.jsonl",
    "loss.svg",
    "run.json",
    "source.tokenizer.json",
    ...names.filter((name) => name.startsWith("step-")),
    "target.tokenizer.json",
    "test.tsv",
    "tokenizer_config.json",
    "valid.tsv",
  ]);
  checkXml(await Deno.readTextFile(`${model}/loss.svg`));
  assert(jsonLines(await Deno.readTextFile(`${model}/log.jsonl`)).length >= 2);

  const evaluation = await attend(["evaluate", "--model", model, "--show", "2"]);
  assertEquals(evaluation.code, 0, evaluation.stderr);
  for (const label of ["pairs       8,", "loss ", "BLEU ", "tok:13a", "chrF ", "nc:6|nw:0", "exact "]) {
    assertStringIncludes(evaluation.stdout, label);
  }
  assertMatch(evaluation.stdout, /^loss {8}\d\.\d{4} nats a word, perplexity \d+\.\d\d, teacher-forced$/m);
  assertMatch(evaluation.stdout, /^ {12}\d\.\d{4} nats a word, perplexity \d+\.\d\d, free-running$/m);
  assertEquals(evaluation.stdout.match(/ → /g)?.length, 2);
});

testWithAdapter("train tells the overlap and the hash of the split, and records the hash", async () => {
  const { stdout } = await trained();
  assertMatch(
    stdout,
    /^ {12}of the test's sources 0\.0 % stand in training too \(split at random: \d+\.\d %\)$/m,
  );
  assertMatch(stdout, /^ {12}of the test's targets 0\.0 % stand in training too/m);
  const [, hash] = stdout.match(/^ {12}SHA-256 ([0-9a-f]{64})$/m) ?? [];
  assertEquals(JSON.parse(await Deno.readTextFile(`${model}/config.json`)).training.split, hash);
});

testWithAdapter("evaluate draws scores by length and writes alignments", async () => {
  await trained();
  const chart = folder.at("length.svg"), file = folder.at("test.align");
  const args = [
    "evaluate",
    "-m",
    model,
    "--by-length",
    chart,
    "--alignment",
    file,
    "--bleu-tokenizer",
    "char",
    "--chrf-words",
    "--ignore-case",
  ];
  const { code, stdout, stderr } = await attend(args);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "case:lc|eff:no|tok:char");
  assertStringIncludes(stdout, "case:lc|eff:yes|nc:6|nw:2");
  for (const path of [chart, file]) assertStringIncludes(stdout, path);
  const svg = await Deno.readTextFile(chart);
  checkXml(svg);
  assertStringIncludes(svg, "for 2 words (8 sentences)");
  const lines = (await Deno.readTextFile(file)).split("\n");
  assertEquals([lines.length, lines.pop()], [9, ""]);
  for (const line of lines) assertMatch(line, /^([01]-\d+( [01]-\d+)*)?$/);

  const json = jsonLines((await attend([...args, "--json"])).stdout);
  const figures = json.find(({ type }) => type === "evaluation") as unknown as {
    loss: number;
    perplexity: number;
    freeRunning: { loss: number; perplexity: number };
    chrf: { score: number; signature: string };
    coverage: { source: { tokens: number; fraction: number } };
  };
  assertEquals(figures.perplexity, Math.exp(figures.loss));
  assertEquals(figures.freeRunning.perplexity, Math.exp(figures.freeRunning.loss));
  assertStringIncludes(figures.chrf.signature, "nc:6");
  assertEquals([figures.coverage.source.tokens, figures.coverage.source.fraction], [16, 1]);
  const lengths = json.find(({ type }) => type === "lengths")!;
  assertEquals((lengths["scores"] as { sentences: number }[])[0]!.sentences, 8);
  const links = lines.join(" ").match(/-/g)?.length ?? 0;
  assertEquals(json.at(-1), { type: "alignment", of: "translations", file, links });
});

testWithAdapter("evaluate aligns references, and compares with the links of people", async () => {
  await trained();
  const file = folder.at("references.align");
  const pairs = (await Deno.readTextFile(`${model}/test.tsv`)).trimEnd().split("\n").map((line) =>
    line.split("\t")
  );
  const gold = await folder.write("gold.align", pairs.map(() => "0-0 1p1\n").join(""));
  const references = ["evaluate", "-m", model, "--alignment-of", "references"];
  const { code, stdout, stderr } = await attend([
    ...references,
    "--alignment",
    file,
    "--alignment-gold",
    gold,
  ]);
  assertEquals([code, stderr], [0, ""]);
  const rate = Number(/^alignment {3}error rate ([\d.]+) of the references$/m.exec(stdout)?.[1]);
  const lines = (await Deno.readTextFile(file)).slice(0, -1).split("\n");
  const expected = alignmentErrorRate(
    lines.map((line) => parseAlignment(line).sure),
    pairs.map(() => parseAlignment("0-0 1p1")),
  );
  assert(Math.abs(rate - expected) <= 5e-5, `${rate}, and by its file ${expected}`); // four digits are shown
  for (const [index, line] of lines.entries()) { // a link for each word of the reference at most
    for (const [, target] of parseAlignment(line).sure) assert(target < pairs[index]![1]!.split(" ").length);
  }
  // With all weights above so small a threshold, each pair of words is linked, and the ends are not.
  const all = [...references, "--alignment", file, "--alignment-threshold", "1e-30"];
  assertEquals((await attend(all)).code, 0);
  const links = (await Deno.readTextFile(file)).split("\n")[0]!.split(" ");
  assertEquals(
    links.length,
    pairs[0]!.slice(0, 2).reduce((product, side) => product * side.split(" ").length, 1),
  );

  const short = await folder.write("short.align", "0-0\n");
  const refusals = [
    [2, "Option --alignment-of is for alignments: give --alignment or --alignment-gold, too."],
    [2, "Option --alignment-threshold is for alignments", "--alignment-threshold", "0.5"],
    [1, "it has 1 lines, and there are 8 pairs", "--alignment-gold", short],
    [1, "there is no such file", "--alignment-gold", folder.at("nowhere")],
  ] as const;
  for (const [code, says, ...more] of refusals) {
    const command = says.includes("threshold") ? references.slice(0, 3) : references;
    const refused = await attend([...command, ...more]);
    assertEquals(refused.code, code, refused.stderr);
    assertStringIncludes(refused.stderr, says);
  }
});

testWithAdapter("evaluate writes no alignments for a model that has no attention", async () => {
  const output = folder.at("plain");
  const options = ["--corpus", corpus, "--output", output, "--decoder", "cho", "--max-steps", "1", ...TINY];
  const training = await attend(["train", ...options]);
  assertEquals(training.code, 0, training.stderr);
  const { code, stderr } = await attend(["evaluate", "-m", output, "--alignment", folder.at("none")]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `Cannot write "${folder.at("none")}": `);
  assertStringIncludes(stderr, "has no attention");
  const gold = await attend(["evaluate", "-m", output, "--alignment-gold", folder.at("gold")]);
  assertStringIncludes(gold.stderr, `error: Cannot compare with "${folder.at("gold")}": a model`);
});

testWithAdapter("translate takes sentences from arguments, standard input, or a file", async () => {
  await trained();
  const sentences = ["red cat", "blue dog"];
  const fromArguments = await attend(["translate", "--model", model, ...sentences]);
  assertEquals([fromArguments.code, fromArguments.stderr], [0, ""]);
  assertEquals(fromArguments.stdout.split("\n").length, 3);
  const fromPipe = await attend(["translate", "--model", model], { stdin: "red cat\r\nblue dog\r\n" });
  const input = await folder.write("sentences.txt", sentences.join("\n"));
  const fromFile = await attend(["translate", "--model", model, "--input", input]);
  for (const { code, stdout } of [fromPipe, fromFile]) {
    assertEquals([code, stdout], [0, fromArguments.stdout]);
  }
});

testWithAdapter("translate draws where the model looked, one file a sentence", async () => {
  await trained();
  const svg = folder.at("out.svg");
  const { code } = await attend(["translate", "-m", model, "--attention", svg, "red cat", "old blue dog"]);
  assertEquals(code, 0);
  for (const [path, word] of [[svg, "red"], [folder.at("out.2.svg"), "blue"]] as const) {
    const text = await Deno.readTextFile(path);
    checkXml(text);
    assertMatch(text, /^<svg /);
    assertStringIncludes(text, word);
  }
});

testWithAdapter("--json writes nothing but one object a line", async () => {
  await trained();
  const { code, stdout } = await attend(["translate", "-m", model, "--json", "red cat", "green dog"]);
  assertEquals(code, 0);
  const lines = jsonLines(stdout);
  assertEquals(lines.map(({ type, sentence }) => [type, sentence]), [
    ["translation", "red cat"],
    ["translation", "green dog"],
  ]);
  assertEquals(lines[0]!["source"], ["<sos>", "red", "cat", "<eos>"]);
  assertEquals((lines[0]!["attention"] as unknown[]).length, (lines[0]!["target"] as unknown[]).length);
  const evaluation = await attend(["evaluate", "-m", model, "--corpus", corpus, "--json"]);
  const [, figures] = jsonLines(evaluation.stdout);
  assertEquals([figures!["type"], figures!["pairs"], figures!["tokens"]], ["evaluation", 80, 240]);
});

testWithAdapter("train --profile shows kernels, host and data, and saves nothing", async () => {
  const output = folder.at("profiled");
  const args = ["train", "--profile", "--corpus", corpus, "--output", output, "--max-steps", "2", ...TINY];
  const { code, stdout, stderr } = await attend(args);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(
    stdout,
    /^profile {5}16 pairs a step, up to \d+ source and \d+ target tokens: \d+ % of all steps/m,
  );
  assertMatch(stdout, /^kernel +runs +ms +share +MB +GB\/s$/m);
  assertMatch(stdout, /^optimizer:adam +1 +\d+\.\d\d +\d+\.\d % +\d+\.\d/m);
  for (const label of ["together", "GPU", "wall", "host", "data"]) {
    assertMatch(stdout, new RegExp(`^${label} .*\\d`, "m"));
  }
  const json = await attend([...args, "--json", "--epochs", "3", "--save-every", "9"]);
  assertStringIncludes(json.stderr, "With --profile --epochs, --save-every would change nothing.");
  const profile = jsonLines(json.stdout).at(-1)!;
  assertEquals([json.code, profile["type"], profile["steps"]], [0, "profile", 2]);
  assert((profile["kernels"] as unknown[]).length > 10);
  assertEquals(await Deno.stat(output).catch(() => "nothing"), "nothing");
});

testWithAdapter("train gives up on numbers that are not finite; --anomaly names the kernel", async () => {
  const args = ["train", "--corpus", corpus, "--output", folder.at("diverged"), "--epochs", "9", ...TINY];
  const diverging = args.map((arg, i) => args[i - 1] === "--learning-rate" ? "1e30" : arg);
  const [given, found] = [await attend(diverging), await attend([...diverging, "--anomaly"])];
  assert(given.code !== 0 && found.code !== 0);
  assertMatch(given.stderr, /10 steps in a row were not finite.* the first is that of "[\w.]+"/s);
  assertMatch(found.stderr, /in step 2, the kernel "[^"]+", number \d+ of \d+, in the forward pass/);
});

testWithAdapter("train takes all that says how a model learns; average makes one of its epochs", async () => {
  const output = folder.at("tuned");
  const options = [
    ...[
      "--optimizer",
      "sgd",
      "--momentum",
      "0.9",
      "--nesterov",
      "--weight-decay",
      "0.001",
      "--clip-value",
      "0.5",
    ],
    ...["--schedule", "cosine", "--warmup", "3", "--min-learning-rate", "0.0001", "--accumulation", "2"],
    ...["--average-decay", "0.9", "--patience", "2", "--best-by", "bleu", "--keep", "2", "--epochs", "3"],
  ];
  const args = ["train", "--corpus", corpus, "--output", output, ...TINY, ...options];
  const { code, stdout, stderr } = await attend([...args, "--summary"]);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^part +output shape +parameters +share$/m);
  assertMatch(stdout, /^trainable +\S+ \S+ +[\d,]+ +100.0 %$/m);
  assertMatch(stdout, /^epoch 1 {5}loss \d\.\d{3}, validation \d\.\d{3} \(perplexity \S+, BLEU \d/m);
  const { training } = JSON.parse(await Deno.readTextFile(`${output}/config.json`));
  const { optimizer, schedule, clipNorm, clipValue, accumulation, averageDecay, patience, bestBy } = training;
  assertEquals({ optimizer, schedule, clipNorm, clipValue, accumulation, averageDecay, patience, bestBy }, {
    optimizer: { method: "sgd", momentum: 0.9, nesterov: true, weightDecay: 0.001 },
    schedule: { name: "cosine", warmup: 3, decaySteps: null, minLearningRate: 0.0001 },
    clipNorm: null,
    ...{ clipValue: 0.5, accumulation: 2, averageDecay: 0.9, patience: 2, bestBy: "bleu" },
  });

  const averaged = folder.at("averaged");
  const epochs = [2, 3].map((epoch) => `${output}/epoch-${epoch}.safetensors`);
  const average = await attend(["average", "--output", averaged, ...epochs]);
  assertEquals([average.code, average.stderr], [0, ""]);
  assertStringIncludes(average.stdout, `averaged 2 checkpoints; the model is in ${averaged}`);
  const translation = await attend(["translate", "--model", averaged, "red cat"]);
  assertEquals([translation.code, translation.stderr], [0, ""]);

  const never = folder.at("never");
  const refused = await attend(["train", "--corpus", corpus, "--output", never, ...TINY, "--rho", "0.9"]);
  const message =
    "error: Cannot train with rho 0.9: the optimizer adam has none, only adadelta; leave it out.";
  assertEquals([refused.code, refused.stderr.trim()], [1, message]);
  assertEquals(await Deno.stat(never).catch(() => "nothing"), "nothing");
});

testWithAdapter("--config gives defaults, which options override", async () => {
  const config = await folder.write(
    "config.json",
    JSON.stringify({
      corpus,
      output: folder.at("ignored"),
      epochs: 1,
      hidden: 5,
      embedding: 3,
      valid: 4,
      test: 4,
    }),
  );
  const output = folder.at("configured");
  const args = ["train", "--config", config, "--output", output, "--hidden", "7", "--json"];
  const { code, stdout, stderr } = await attend(args);
  assertEquals(code, 0, stderr);
  const saved = JSON.parse(await Deno.readTextFile(`${output}/config.json`));
  assertEquals([saved.model.hidden, saved.model.embedding, saved.training.epochs], [7, 3, 1]);
  assertEquals(jsonLines(stdout).at(-1)!["type"], "done");
  const notice = await attend([...args, "--max-steps", "1"]);
  assertStringIncludes(notice.stderr, `The model in ${output} will be overwritten.`);
});

testWithAdapter("Ctrl-C keeps the last checkpoint, and --resume goes on from it", async () => {
  const output = folder.at("interrupted");
  const args = ["train", "--corpus", corpus, "--output", output, ...TINY, "--epochs", "100000", "--json"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const deadline = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const errors = new Response(child.stderr).text();
  let written = "";
  let interrupted = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    written += text;
    if (interrupted || !written.includes('"type":"validation"')) continue;
    child.kill("SIGINT");
    interrupted = true;
  }
  const { code } = await child.status;
  clearTimeout(deadline);
  assertEquals([code, await errors], [130, ""]);
  const records = jsonLines(written);
  assertEquals([records.at(-1)!["type"], records.at(-1)!["interrupted"]], ["done", true]);

  const translation = await attend(["translate", "--model", output, "--which", "last", "red cat"]);
  assertEquals(translation.code, 0, translation.stderr);

  const step = Number(records.findLast(({ type }) => type === "progress")!["step"]);
  const resumed = await attend(["train", "--resume", output, "--json", "--max-steps", String(step + 20)]);
  assertEquals(resumed.code, 0, resumed.stderr);
  const steps = jsonLines(resumed.stdout).filter(({ type }) => type === "progress").map(({ step }) =>
    Number(step)
  );
  // At the end of an epoch the signal leaves the validation to whoever goes on.
  assert(steps[0]! >= step, `it was at step ${step} and went on at ${steps[0]}`);
  assertEquals(steps.at(-1), step + 20);
});
