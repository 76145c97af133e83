// Corpora of the web: the cache, without a network, by checksum, and from several mirrors.

import { createHash } from "node:crypto";
import { cachePath } from "../../lib/data/cache_folder.ts";
import { type CorpusOptions, loadCorpus } from "../../lib/data/corpus.ts";
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../assert.ts";
import { deadAddress, serve } from "./loopback.ts";
import { TemporaryFolder } from "./temporary_folder.ts";
import { buildZip } from "./zip_builder.ts";

const TEXT = "Go.\tGeh.\nHi.\tHallo!\n";
const PAIRS = [{ source: "Go.", target: "Geh." }, { source: "Hi.", target: "Hallo!" }];
const zip = buildZip([{ name: "deu.txt", content: TEXT }]);
const sha256 = createHash("sha256").update(zip).digest("hex");
const other = sha256.replace(/^./, (digit) => digit === "0" ? "1" : "0");

// Only loopback attempts: what is refused there is refused at once.
const hasty = { patience: { attempts: 1 } } as CorpusOptions;

Deno.test("loadCorpus() offline uses the cache, and otherwise says which file is missing and where it belongs", async () => {
  await using server = serve(() => new Response(zip));
  await using folder = await TemporaryFolder.make();
  const options = { cacheFolder: folder.path, mirror: server.url, offline: true };
  const error = await assertRejects(() => loadCorpus("tatoeba:deu-eng", options), Deno.errors.NotFound);
  const place = await cachePath(folder.path, new URL("deu-eng.zip", server.url));
  assertStringIncludes(error.message, `Cannot use ${server.url}deu-eng.zip offline: it is not in the cache.`);
  assertStringIncludes(error.message, `save it as ${place}.`);
  assertEquals([server.requests.length, await folder.files()], [0, []]);
  await loadCorpus("tatoeba:deu-eng", { ...options, offline: false });
  assertEquals(await loadCorpus("tatoeba:deu-eng", options), PAIRS);
  assertEquals(server.requests.length, 1);
});

Deno.test("loadCorpus() takes the file with the SHA-256 alone, from the web, the cache and the disk", async () => {
  await using server = serve(() => new Response(zip));
  await using folder = await TemporaryFolder.make();
  const url = `${server.url}a.zip`;
  const options = { cacheFolder: folder.path, ...hasty };
  const wrong = { ...options, sha256: other };
  const words = `its SHA-256 is ${sha256}, not ${other}`;
  await assertRejects(() => loadCorpus(url, wrong), Deno.errors.InvalidData, words);
  assertEquals(await folder.files(), []);
  assertEquals(await loadCorpus(url, { ...options, sha256: sha256.toUpperCase() }), PAIRS);
  await assertRejects(() => loadCorpus(url, wrong), Deno.errors.InvalidData, words);
  assertEquals(await loadCorpus(url, { ...options, sha256 }), PAIRS);
  const local = await folder.write("local.zip", zip);
  await assertRejects(() => loadCorpus(local, wrong), Deno.errors.InvalidData, words);
  assertEquals(await loadCorpus(local, { sha256 }), PAIRS);
  for (const text of ["", "abc", `${sha256}0`, `${sha256.slice(1)}g`]) {
    await assertRejects(
      () => loadCorpus(local, { sha256: text }),
      TypeError,
      "expected its 64 hexadecimal digits",
    );
  }
  for (const corpus of ["cldr:en-de", `${local},${local}`]) {
    await assertRejects(() => loadCorpus(corpus, { sha256 }), TypeError, "it is made of several files");
  }
});

Deno.test("loadCorpus() tries mirrors in turn, and tells what each said", async () => {
  await using bad = serve(() => new Response(zip.slice(0, 50)));
  await using none = serve(() => new Response("no", { status: 404 }));
  await using good = serve(() => new Response(zip));
  await using folder = await TemporaryFolder.make();
  const load = (cache: string, ...mirrors: string[]) => async () =>
    await loadCorpus("tatoeba:deu-eng", {
      ...hasty,
      cacheFolder: folder.at(cache),
      mirror: mirrors.join(", "),
    });
  const dead = deadAddress();
  assertEquals(await load("a", dead, bad.url, none.url, good.url)(), PAIRS);
  assertEquals((await folder.files()).length, 1);
  // It lies in the cache now, though a mirror that would be asked before does not have it.
  assertEquals(await load("a", none.url, good.url)(), PAIRS);
  assertEquals([bad, none, good].map(({ requests }) => requests.length), [1, 1, 1]);
  const error = await assertRejects(load("b", dead, bad.url, none.url), AggregateError);
  assertMatch(
    error.message,
    /none of 3 addresses gave it\.\n.*the connection failed.*\n.*as a zip.*\n.*answered 404/,
  );
  await assertRejects(load("b", none.url, `${none.url}x`), Deno.errors.NotFound, "there is no such pair at");
});

Deno.test("loadCorpus() refuses a file of which more than half the lines are no pair", async () => {
  await using folder = await TemporaryFolder.make();
  const half = await folder.write("half.tsv", "a\tb\nx\nc\td\ny\n");
  assertEquals((await loadCorpus(half)).length, 2);
  const less = await folder.write("less.tsv", "a\tb\nx\ny\n");
  const message =
    `Cannot load the corpus ${less}: 2 of its 3 lines are no sentence pairs; line 2: 1 column instead`;
  await assertRejects(() => loadCorpus(less), Deno.errors.InvalidData, message);
});
