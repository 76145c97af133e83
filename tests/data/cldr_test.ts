import { readCldr } from "../../lib/data/cldr.ts";
import { CLDR_LOCALES } from "../../lib/data/cldr_locales.ts";
import { loadCorpus } from "../../lib/data/corpus.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";

Deno.test("loadCorpus() gives 4,342 English-German names of CLDR, without any permission but the registry", async () => {
  const pairs = await loadCorpus("cldr:en-de");
  assertEquals(pairs.length, 4_342);
  assertEquals(pairs[0], { source: "open curly bracket", target: "öffnende geschweifte Klammer" });
  assert(pairs.every(({ source, target }) => source.trim() !== "" && target.trim() !== ""));
});

Deno.test("readCldr() parts locales that have hyphens themselves", async () => {
  const { pairs } = await readCldr("sr-Latn-zh-Hant");
  assert(pairs.length > 1_000);
  assertEquals(
    (await readCldr("en-GB-en-AU")).files[1],
    "npm:cldr-annotations-full@48.2.0/annotations/en-AU",
  );
});

Deno.test("readCldr() refuses unknown locales and lists near ones", async () => {
  const cases: [name: string, message: string][] = [
    ["en-dd", "dd is not one of its 169 locales; near it are da, de, de-CH, doi, dsb"],
    ["EN-de", "EN is not one of its 169 locales; near it are el, en, en-001"],
    ["en-QQ", "near it are qu, quc"],
    ["en", "expected cldr:<from>-<to>"],
    ["", "expected cldr:<from>-<to>"],
    ["en-", "expected cldr:<from>-<to>"],
    ["../../en-de", "../../en is not one"],
    ["en/../de-en", "en/../de is not one"],
    ["und-en", "und is not one"],
    ["en-de-fr", "en-de-fr does not part into two locales"],
  ];
  for (const [name, message] of cases) await assertRejects(() => readCldr(name), TypeError, message);
});

Deno.test("CLDR_LOCALES lists what the package has", async () => {
  await readCldr("en-de");
  const folder = new URL(
    "annotations/",
    import.meta.resolve("npm:cldr-annotations-full@48.2.0/package.json"),
  );
  const found = [...Deno.readDirSync(folder)].map((entry) => entry.name).filter((name) => name !== "und");
  assertEquals(CLDR_LOCALES.toSorted(), found.sort());
});
