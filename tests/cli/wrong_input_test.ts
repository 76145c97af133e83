// Whatever is wrong with what a person gives the program, it ends with a sentence that the person can act on.

import { testWithAdapter } from "../adapter.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { serve } from "../data/loopback.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { buildZip } from "../data/zip_builder.ts";
import { attend, refuses } from "./program.ts";
import { COLORS_TSV, TINY } from "./tiny_corpus.ts";

const folder = await TemporaryFolder.make();
const corpus = await folder.write("colors.tsv", COLORS_TSV);
Deno.test.afterAll(() => folder[Symbol.asyncDispose]());

/** `train` on a corpus into a folder that must not come to be. */
async function refusesCorpus(
  specification: string,
  says: readonly string[],
  ...more: string[]
): Promise<void> {
  const output = folder.at("never");
  await refuses(["train", "--corpus", specification, "--output", output, ...more], 1, says);
  const left = await Deno.stat(output).catch(() => undefined);
  assertEquals(left, undefined, "it left an output folder");
}

Deno.test("train refuses a corpus that is not there", async () => {
  await refusesCorpus("missing.tsv", ["missing.tsv", "no such file"]);
  const english = await folder.write("a.en", "red\n");
  await refusesCorpus(`${english},b.de`, ["b.de", "no such file"]);
  await refusesCorpus("colors", [
    'the corpus "colors": that is no known kind of corpus. It may be one of',
    "cldr:en-de",
  ]);
});

Deno.test("train refuses a corpus with the wrong columns, and tells of single bad lines", async () => {
  const words = await folder.write("words.tsv", "red\nblue\n");
  await refusesCorpus(words, [words, "none of its 2 lines is a sentence pair; line 1:", "Expected lines of"]);
});

Deno.test("train refuses an empty corpus", async () => {
  const empty = await folder.write("empty.tsv", "");
  await refusesCorpus(empty, [empty, "it is empty"]);
});

Deno.test("train refuses a corpus that is too small to hold out as much", async () => {
  const says = "Cannot split 80 pairs: valid 200 and test 200 leave none to train on. Hold out fewer";
  await refuses(["train", "--corpus", corpus, "--output", folder.at("never")], 1, [says]);
});

Deno.test("train refuses language pairs that do not exist", async () => {
  await using mirror = serve(() => new Response("no", { status: 404 }));
  const cache = folder.at("cache");
  const more = ["--mirror", mirror.url, "--cache", cache];
  const says = [`Cannot load tatoeba:xxx-eng: there is no such pair at ${mirror.url}xxx-eng.zip.`, "deu-eng"];
  await refusesCorpus("tatoeba:xxx-eng", says, ...more);
  assertEquals(mirror.requests.map(({ url }) => url), [`${mirror.url}xxx-eng.zip`]);
  await refusesCorpus("tatoeba:german", ["Cannot load tatoeba:german: it names no language pair."], ...more);
  await refusesCorpus("cldr:en-xx", ["Cannot load cldr:en-xx: xx is not one of its"]);
});

Deno.test("train refuses a corrupt zip, from the disk and from the web", async () => {
  const good = buildZip([{ name: "deu.txt", content: COLORS_TSV }]);
  const bad = good.slice(0, good.length - 30);
  const path = await folder.write("bad.zip", bad);
  await refusesCorpus(path, [path]);
  await using mirror = serve(() => new Response(bad));
  const cache = folder.at("cache");
  const more = ["--mirror", mirror.url, "--cache", cache];
  await refusesCorpus("tatoeba:deu-eng", [`Cannot download ${mirror.url}deu-eng.zip`], ...more);
  const files = await folder.files();
  assert(
    !files.some((name) => name.startsWith("cache") && name.endsWith(".zip")),
    `the cache holds ${files}`,
  );
});

testWithAdapter(
  "options of the model that contradict each other are refused before the corpus is read",
  async () => {
    const args = ["train", "--corpus", folder.at("absent.tsv"), "--window", "3"];
    await refuses(args, 2, [
      'window 3: only the spans "local-m" and "local-p" have one',
      "See attend train --help.",
    ]);
  },
);

testWithAdapter("train takes a corpus from a mirror once, and then from the cache", async () => {
  const zip = buildZip([
    { name: "deu.txt", content: `${COLORS_TSV}no pair\n` },
    { name: "_about.txt", content: "These pairs are for a test." },
  ]);
  await using mirror = serve(() => new Response(zip));
  const output = folder.at("mirrored");
  const args = [
    "train",
    "--corpus",
    "tatoeba:deu-eng",
    "--mirror",
    mirror.url,
    "--cache",
    folder.at("cache2"),
  ];
  for (const cached of [false, true]) {
    const ended = await attend([...args, "--output", output, ...TINY, "--max-steps", "2"]);
    assertEquals(ended.code, 0, ended.stderr);
    assertStringIncludes(ended.stdout, `81 lines, 80 pairs${cached ? ", from the cache" : "\n"}`);
    assertStringIncludes(ended.stderr, "1 lines were left out, such as\n  line 81: ");
  }
  assertEquals(mirror.requests.length, 1);
});

testWithAdapter("commands refuse a model folder from nowhere, or a spoilt one", async () => {
  const nowhere = folder.at("nowhere");
  const says = [`Cannot load a model from "${nowhere}": it has no config.json.`, "`train --output`"];
  await refuses(["translate", "--model", nowhere, "red cat"], 1, says);
  await refuses(["evaluate", "--model", nowhere], 1, says);
  await refuses(["train", "--resume", nowhere], 1, [`Cannot resume "${nowhere}": it has no run.json.`]);
  const spoilt = folder.at("spoilt");
  await Deno.mkdir(spoilt);
  await folder.write("spoilt/config.json", "{}");
  await refuses(["translate", "--model", spoilt, "red cat"], 1, [
    `"${spoilt}/config.json"`,
    "Restore the file",
  ]);
});

Deno.test({
  name: "commands exit with 69 where there is no adapter, and say what to install",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const nothing = "/nonexistent";
    const env = {
      VK_DRIVER_FILES: nothing,
      VK_ICD_FILENAMES: nothing,
      __EGL_VENDOR_LIBRARY_FILENAMES: nothing,
    };
    const says = ["this machine has no WebGPU adapter. Install", "doctor --fix"];
    await refuses(["train", "--corpus", corpus, "--output", folder.at("never"), ...TINY], 69, says, { env });
    await refuses(["translate", "red cat"], 69, says, { env });
  },
});

testWithAdapter(
  "translate notes unknown words and empty sentences, and refuses those that are too long",
  async () => {
    const model = folder.at("model");
    const trained = await attend([
      "train",
      "--corpus",
      corpus,
      "--output",
      model,
      ...TINY,
      "--max-steps",
      "1",
    ]);
    assertEquals(trained.code, 0, trained.stderr);

    const ended = await attend(["translate", "--model", model], { stdin: "red unicorn\n\n?!\nblue dog\n" });
    assertEquals(ended.code, 0, ended.stderr);
    assertEquals(ended.stdout.split("\n").slice(1, 3), ["", ""]);
    assertEquals(ended.stderr.split("\n"), [
      'The model does not know "unicorn" (sentence 1); it was trained without.',
      "Sentence 2 has no words, so its translation is empty.",
      "Sentence 3 has no words, so its translation is empty.",
      "",
    ]);

    const long = await attend(["translate", "--model", model, "--json", "red ".repeat(500)]);
    assertEquals(long.code, 0, long.stderr);
    assertEquals(JSON.parse(long.stdout).source.length, 502);
    const says = [
      'Cannot translate "red red red',
      '" of 511 words: the limit is 510. Split it at its full stops.',
    ];
    await refuses(["translate", "--model", model, "red cat", "red ".repeat(511)], 1, says);
    await refuses(["translate", "--model", model, "--input", "missing.txt"], 1, [
      '"missing.txt": there is no such file',
    ]);
    await refuses(["translate", "--model", model], 2, ["There is nothing to translate"], { stdin: "" });
  },
);

Deno.test("unknown options and commands are refused with a suggestion", async () => {
  await refuses(["train", "--epoch", "3"], 2, [
    "--epoch",
    'Did you mean "--epochs"?',
    "See attend train --help.",
  ]);
  await refuses(["trian"], 2, ['Unknown command "trian".', "train", "See attend --help."]);
  await refuses(["train", "--epochs", "many"], 2, ["--epochs", "many"]);
});

Deno.test("train refuses options that would do nothing", async () => {
  await refuses(["train", "--replacement"], 2, ["Option --replacement is for samples: give --sample, too."]);
  const valid = ["train", "--valid", "8", "--valid-corpus", corpus];
  await refuses(valid, 2, ["Option --valid is for pairs of the corpus: leave it or --valid-corpus out."]);
});

Deno.test("train --offline and --sha256 say what is missing, and what is another file", async () => {
  const cache = folder.at("offline");
  const more = ["--cache", cache];
  const missing = ["Cannot use https://www.manythings.org/anki/deu-eng.zip offline", cache, "deu-eng.zip."];
  await refusesCorpus("tatoeba:deu-eng", missing, "--offline", ...more);
  await refusesCorpus(corpus, [`Cannot use ${corpus}: its SHA-256 is `], "--sha256", "0".repeat(64));
  await refusesCorpus(corpus, ["expected its 64 hexadecimal digits"], "--sha256", "abc");
});

Deno.test("train tells of each new attempt to download", async () => {
  let asked = 0;
  await using mirror = serve(() => {
    asked++;
    return new Response("no", { status: asked === 1 ? 503 : 404, headers: { "retry-after": "1" } });
  });
  const says = ["download: the server answered 503, retrying in 1 s (2 of 5)", "there is no such pair"];
  await refusesCorpus("tatoeba:xxx-eng", says, "--mirror", mirror.url, "--cache", folder.at("retries"));
});
