import { gzipSync } from "node:zlib";
import { type CorpusOptions, type CorpusReport, loadCorpus } from "../../lib/data/corpus.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { serve } from "./loopback.ts";
import { SUPPLIED_DATA, SUPPLIED_ZIP, suppliedDataIsAbsent } from "./supplied_data.ts";
import { TemporaryFolder } from "./temporary_folder.ts";
import { buildZip } from "./zip_builder.ts";

const TEXT = "Go.\tGeh.\nHi.\tHallo!\n";
const PAIRS = [{ source: "Go.", target: "Geh." }, { source: "Hi.", target: "Hallo!" }];
const gzip = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(gzipSync(text));
const zip = buildZip([{ name: "deu.txt", content: TEXT }, { name: "_about.txt", content: "about" }]);

Deno.test("loadCorpus() reads every kind of local file", async () => {
  await using folder = await TemporaryFolder.make();
  const files = {
    "a.tsv": TEXT,
    "a.txt": TEXT.replaceAll("\n", "\tCC-BY\r\n"),
    "a,b.TSV": TEXT,
    "a.tsv.gz": gzip(TEXT),
    "b.txt.gz": new Uint8Array([...gzip("Go.\tGeh.\n"), ...gzip("Hi.\tHallo!\n")]),
    "unpacked.tsv.gz": TEXT,
    "a.zip": zip,
  };
  for (const [name, content] of Object.entries(files)) {
    const path = await folder.write(name, content);
    assertEquals(await loadCorpus(path), PAIRS, name);
  }
  assertEquals(await loadCorpus(new URL(`file://${folder.at("a.tsv")}`).href), PAIRS);
});

Deno.test("loadCorpus() reads two aligned files and skips lines that are empty on a side", async () => {
  await using folder = await TemporaryFolder.make();
  const source = await folder.write("a.en", "Go.\nHi.\n\nx\n");
  const target = await folder.write("b.de.gz", gzip("Geh.\r\nHallo!\r\ny\r\n \r\n"));
  let report: CorpusReport | undefined;
  const pairs = await loadCorpus(`${source}, ${target}`, { onReport: (made) => report = made });
  assertEquals(pairs, PAIRS);
  assertEquals([report!.lines, report!.pairs, report!.badCount], [4, 2, 2]);
  assertEquals(report!.badLines.map(({ line }) => line), [3, 4]);
  assertEquals(report!.files, [source, target]);
});

Deno.test("loadCorpus() refuses aligned files of different lengths, with both", async () => {
  await using folder = await TemporaryFolder.make();
  const source = await folder.write("a.en", "1\n2\n3");
  const target = await folder.write("b.de", "1\n2\n");
  await assertRejects(
    () => loadCorpus(`${source},${target}`),
    Deno.errors.InvalidData,
    "the first has 3 lines, the second 2",
  );
});

Deno.test("loadCorpus() can swap the sides", async () => {
  await using folder = await TemporaryFolder.make();
  const pairs = await loadCorpus(await folder.write("a.tsv", TEXT), { reverse: true });
  assertEquals(pairs[0], { source: "Geh.", target: "Go." });
});

Deno.test("loadCorpus() reports what it read", async () => {
  await using folder = await TemporaryFolder.make();
  const path = await folder.write("a.tsv", `${TEXT}bad line\n`);
  const reports: CorpusReport[] = [];
  await loadCorpus(path, { onReport: (report) => reports.push(report) });
  assertEquals(reports, [{
    name: path,
    lines: 3,
    pairs: 2,
    badLines: [{ line: 3, reason: "1 column instead of 2" }],
    badCount: 1,
    files: [path],
    cached: false,
  }]);
});

Deno.test("loadCorpus() refuses a file without pairs, with the first bad line and the format", async () => {
  await using folder = await TemporaryFolder.make();
  const wrong = await folder.write("a.tsv", "a,b\nc,d\n");
  const error = await assertRejects(() => loadCorpus(wrong), Deno.errors.InvalidData, wrong);
  assertMatch(
    error.message,
    /none of its 2 lines .* line 1: 1 column instead of 2\. Expected .* source TAB target/,
  );
  const empty = await folder.write("b.tsv", "");
  await assertRejects(() => loadCorpus(empty), Deno.errors.InvalidData, "it is empty");
});

Deno.test("loadCorpus() refuses corrupt gzip", async () => {
  await using folder = await TemporaryFolder.make();
  const whole = gzip(TEXT.repeat(1000));
  const wrong = whole.slice();
  wrong[wrong.length - 6]! ^= 1;
  for (const bytes of [whole.slice(0, -20), wrong, new Uint8Array([...whole, 1, 2, 3, 4])]) {
    const path = await folder.write("a.tsv.gz", bytes);
    await assertRejects(() => loadCorpus(path), Deno.errors.InvalidData, `Cannot read ${path} as gzip`);
  }
});

Deno.test("loadCorpus() names a file that is missing, or is none", async () => {
  await using folder = await TemporaryFolder.make();
  const path = folder.at("missing.tsv");
  await assertRejects(
    () => loadCorpus(path),
    Deno.errors.NotFound,
    `Cannot read corpus ${path}: there is no such`,
  );
  await assertRejects(() => loadCorpus(`${path},${path}`), Deno.errors.NotFound, path);
  await Deno.mkdir(folder.at("folder.tsv"));
  await assertRejects(() => loadCorpus(folder.at("folder.tsv")), Deno.errors.InvalidData, "it is not a file");
});

Deno.test("loadCorpus() lists the forms it knows", async () => {
  for (
    const form of [
      "",
      "deu-eng",
      "file.doc",
      "tatoebo:deu-eng",
      "a,b,c",
      ",",
      "https://",
      "http://host/a.html",
    ]
  ) {
    const error = await assertRejects(() => loadCorpus(form), TypeError, "no known kind of corpus");
    assertMatch(error.message, /tatoeba:deu-eng[^]*cldr:en-de[^]*\.zip[^]*line n/);
  }
});

const mirrored = (folder: TemporaryFolder, mirror: string): CorpusOptions => ({
  cacheFolder: folder.path,
  mirror,
});

Deno.test("loadCorpus() downloads from a Tatoeba mirror once", async () => {
  await using server = serve(() => new Response(zip));
  await using folder = await TemporaryFolder.make();
  const reports: CorpusReport[] = [];
  for (const mirror of [`${server.url}anki`, `${server.url}anki/`]) {
    const options = {
      ...mirrored(folder, mirror),
      onReport: (report: CorpusReport) => void reports.push(report),
    };
    assertEquals(await loadCorpus("tatoeba:deu-eng", options), PAIRS);
  }
  assertEquals(server.requests.map(({ url }) => url), [`${server.url}anki/deu-eng.zip`]);
  assertEquals(reports.map(({ cached }) => cached), [false, true]);
  assertEquals((await folder.files()).length, 1);
});

Deno.test("loadCorpus() takes mirror and cache from the environment", async () => {
  await using server = serve(() => new Response(zip));
  await using folder = await TemporaryFolder.make();
  const variables = { ATTEND_MIRROR: server.url, ATTEND_CACHE: folder.path };
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
    assertEquals(await loadCorpus("tatoeba:deu-eng"), PAIRS);
  } finally {
    for (const [name, value] of before) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
  }
  assertEquals((await folder.files()).length, 1);
});

Deno.test("loadCorpus() explains an unknown Tatoeba pair", async () => {
  await using server = serve(() => new Response("no", { status: 404 }));
  await using folder = await TemporaryFolder.make();
  const load = (name: string) => (): Promise<unknown> => loadCorpus(name, mirrored(folder, server.url));
  const error = await assertRejects(
    load("tatoeba:xxx-eng"),
    Deno.errors.NotFound,
    "Cannot load tatoeba:xxx-eng",
  );
  assertMatch(error.message, /ISO 639-3 letters, such as deu-eng.*manythings\.org\/anki\/ lists them/);
  await assertRejects(load("tatoeba:eng-deu"), Deno.errors.NotFound, "Did you mean tatoeba:deu-eng?");
  assertEquals(await folder.files(), []);
});

Deno.test("loadCorpus() refuses a malformed pair or mirror before asking anybody", async () => {
  for (
    const name of ["", "deu", "de-en", "deu-eng/..", "../deu-eng", "DEU-ENG", "deu-eng.zip", "deu-eng\n"]
  ) {
    await assertRejects(() => loadCorpus(`tatoeba:${name}`), TypeError, "names no language pair");
  }
  for (const mirror of ["/some/folder", "ftp://host/", "http://"]) {
    await assertRejects(
      () => loadCorpus("tatoeba:deu-eng", { mirror }),
      TypeError,
      `Cannot use the mirror ${mirror}`,
    );
  }
});

Deno.test("loadCorpus() refuses a wrong zip from the mirror and keeps none", async () => {
  const corrupt = buildZip([{ name: "deu.txt", content: TEXT, crc: 7 }]);
  await using server = serve(() => new Response(corrupt));
  await using folder = await TemporaryFolder.make();
  await assertRejects(
    () => loadCorpus("tatoeba:deu-eng", mirrored(folder, server.url)),
    Deno.errors.InvalidData,
  );
  assertEquals(await folder.files(), []);
});

Deno.test("loadCorpus() reads files of the web, of each kind", async () => {
  const bodies: Readonly<Record<string, string | Uint8Array<ArrayBuffer>>> = {
    "/a.tsv": TEXT,
    "/a.tsv.gz": gzip(TEXT),
    "/a.zip": zip,
    "/x.en": "Go.\nHi.\n",
    "/x.de.gz": gzip("Geh.\nHallo!\n"),
    "/cut.txt.gz": gzip(TEXT.repeat(500)).slice(0, 60),
  };
  await using server = serve((request) => {
    const { pathname } = new URL(request.url);
    // Some servers announce what is packed as a packed transfer.
    const headers = pathname.endsWith(".gz") ? { "content-encoding": "gzip" } : undefined;
    return new Response(bodies[pathname], { headers });
  });
  await using folder = await TemporaryFolder.make();
  const load = (specification: string): Promise<unknown> =>
    loadCorpus(specification, { cacheFolder: folder.path });
  for (const name of ["a.tsv", "a.tsv.gz", "a.zip", "a.tsv?version=2"]) {
    assertEquals(await load(`${server.url}${name}`), PAIRS, name);
  }
  assertEquals(await load(`${server.url}x.en,${server.url}x.de.gz`), PAIRS);
  const count = (await folder.files()).length;
  await assertRejects(() => load(`${server.url}cut.txt.gz`), Deno.errors.InvalidData, "Nothing was kept");
  assert((await folder.files()).length === count);
});

Deno.test({
  name: "loadCorpus() reads deu-eng.zip and Multi30k without a bad line (skipped without ../shared)",
  ignore: suppliedDataIsAbsent,
  async fn() {
    const reports: CorpusReport[] = [];
    const onReport = (report: CorpusReport) => void reports.push(report);
    const pairs = await loadCorpus(SUPPLIED_ZIP, { onReport });
    const multi30k = `${SUPPLIED_DATA}multi30k/train`;
    await loadCorpus(`${multi30k}.en.gz,${multi30k}.de.gz`, { onReport });
    assertEquals(reports.map(({ lines, pairs, badCount }) => [lines, pairs, badCount]), [
      [169_813, 169_813, 0],
      [29_000, 29_000, 0],
    ]);
    assertEquals(pairs[0], { source: "Hi.", target: "Hallo!" });
  },
});

Deno.test({
  name: "loadCorpus() takes deu-eng.zip from a loopback manythings.org (skipped without ../shared)",
  ignore: suppliedDataIsAbsent,
  async fn() {
    await using server = serve(async (request) => {
      // As the original does, to programs that do not look like a browser.
      const isBrowser = /^Mozilla\/5\.0 \(/.test(request.headers.get("user-agent") ?? "");
      return isBrowser
        ? new Response(await Deno.readFile(SUPPLIED_ZIP))
        : new Response("no", { status: 403 });
    });
    await using folder = await TemporaryFolder.make();
    const pairs = await loadCorpus("tatoeba:deu-eng", mirrored(folder, server.url));
    assertEquals(pairs.length, 169_813);
  },
});
