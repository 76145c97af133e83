import { loadMovieReviews } from "../../lib/data/movie_reviews.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { SUPPLIED_REVIEWS, suppliedReviewsAreAbsent } from "./supplied_data.ts";
import { buildTar, gzip } from "./tar_builder.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

type Files = (readonly [string, string | Uint8Array])[];

/** Reviews numbered from 0 in each folder, 12 to learn from and 4 to test, and files that are none. */
const files: Files = [
  ["aclImdb/README", "not a review"],
  ["aclImdb/train/unsup/0_0.txt", "not labelled"],
  ["aclImdb/train/urls_pos.txt", "not a review either"],
  ...["train", "test"].flatMap((part) =>
    ["neg", "pos"].flatMap((kind) =>
      Array.from({ length: part === "train" ? 6 : 2 }, (_, i) =>
        [
          `aclImdb/${part}/${kind}/${i}_${kind === "pos" ? 9 : 2}.txt`,
          `${part} ${kind} ${i}.<br /><br />Über`,
        ] as const)
    )
  ),
];

async function load(files: Files, options = {}) {
  await using folder = await TemporaryFolder.make();
  return await loadMovieReviews(await folder.write("a.tar.gz", gzip(await buildTar(files))), options);
}

Deno.test("loadMovieReviews() reads both parts with their labels, and nothing else", async () => {
  const { train, valid, test } = await load(files);
  assertEquals([train.length, valid.length, test.length], [12, 0, 4]);
  for (const [part, reviews] of Object.entries({ train, test })) {
    for (const { text, label } of reviews) assert(text.startsWith(`${part} ${label === 1 ? "pos" : "neg"} `));
    assertEquals(new Set(reviews.map(({ text }) => text)).size, reviews.length);
  }
  assert(train.every(({ text }) => text.endsWith(".  Über")));
});

Deno.test("loadMovieReviews() depends on the seed, and not on the order in the archive", async () => {
  const options = { train: 5, valid: 3, test: 2, seed: 4 };
  const drawn = await load(files, options);
  assertEquals([drawn.train.length, drawn.valid.length, drawn.test.length], [5, 3, 2]);
  assertEquals(await load(files.toReversed(), options), drawn);
  const other = await load(files, { ...options, seed: 5 });
  assert(JSON.stringify(other) !== JSON.stringify(drawn));
  const texts = [...drawn.train, ...drawn.valid].map(({ text }) => text);
  assertEquals(new Set(texts).size, 8);
});

Deno.test("loadMovieReviews() trains on no text that it validates on", async () => {
  const twice: Files = files.map((
    [name, content],
  ) => [name, name.includes("train/pos") ? "the same" : content]);
  const { train, valid } = await load(twice, { valid: 9 });
  assert(valid.some(({ text }) => text === "the same"));
  assert(!train.some(({ text }) => text === "the same"));
});

Deno.test("loadMovieReviews() says what is wrong with an archive, and with a number", async () => {
  const invalid = Deno.errors.InvalidData;
  for (const folder of ["train/pos", "train/neg", "test/pos", "test/neg"]) {
    const without = files.filter(([name]) => !name.includes(folder));
    await assertRejects(
      () => load(without),
      invalid,
      `it has no files aclImdb/${folder}/<number>_<rating>.txt`,
    );
  }
  const bytes: Files = [["aclImdb/train/pos/77_9.txt", Uint8Array.of(0x66, 0xff)], ...files];
  await assertRejects(() => load(bytes), invalid, "aclImdb/train/pos/77_9.txt is not UTF-8");
  await assertRejects(() => load(files, { train: 13 }), RangeError, "ask for at most 12");
  await assertRejects(() => load(files, { train: 10, valid: 3 }), RangeError, "ask for at most 12");
  await assertRejects(() => load(files, { test: 5 }), RangeError, "ask for at most 4");
});

Deno.test({
  name: `loadMovieReviews() reads the whole dataset${
    suppliedReviewsAreAbsent ? " [skipped: it is not here]" : ""
  }`,
  ignore: suppliedReviewsAreAbsent,
  fn: async () => {
    const { train, valid, test } = await loadMovieReviews(SUPPLIED_REVIEWS, { valid: 1_000 });
    assertEquals([valid.length, test.length], [1_000, 25_000]);
    assert(train.length <= 24_000 && train.length > 23_900, `${train.length} to learn from`);
    for (const part of [train, valid, test]) {
      const praising = part.filter(({ label }) => label === 1).length / part.length;
      assert(Math.abs(praising - 0.5) < 0.05, `${praising} of a part praise`);
      assert(part.every(({ text }) => text.length > 20 && !text.includes("<br")));
    }
  },
});
