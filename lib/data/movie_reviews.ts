// The Large Movie Review Dataset (Maas et al. 2011), known as IMDB: 25,000 reviews to learn from and 25,000 to test,
// half of each praise and half of each do not.

import type { LabelledText } from "./labelled_text.ts";
import { sample } from "./sample.ts";
import { readTar } from "./tar.ts";

/** How many reviews `loadMovieReviews` draws. */
export interface MovieReviewOptions {
  /** Reviews to learn from; all but those for validation when omitted. */
  readonly train?: number;
  /** Reviews to validate on, drawn from the training part; 0 when omitted. */
  readonly valid?: number;
  /** Reviews to test on; all of the test part when omitted. */
  readonly test?: number;
  /** Settles which are drawn, and in which order; 1 when omitted. */
  readonly seed?: number;
}

/** Movie reviews in three parts, in random order. */
export interface MovieReviews {
  /** The reviews to learn from. */
  readonly train: LabelledText[];
  /** The reviews to watch during training: of the training part, but none of them stands in `train`. */
  readonly valid: LabelledText[];
  /** The reviews to measure at the end. */
  readonly test: LabelledText[];
}

const REVIEW = /^(?:\.\/)?aclImdb\/(train|test)\/(pos|neg)\/(\d{1,9})_(\d{1,2})\.txt$/;
const FOLDERS = ["train/pos", "train/neg", "test/pos", "test/neg"];

interface Review extends LabelledText {
  readonly folder: string;
  readonly number: number;
}

/**
 * Reads the Large Movie Review Dataset from its archive, `aclImdb_v1.tar.gz` of
 * https://ai.stanford.edu/~amaas/data/sentiment/, as it was downloaded.
 *
 * The order in the archive does not matter: one seed gives the same reviews in the same order. A review whose text is
 * also a validation review's is left out of `train`; the data has a few twice. Line breaks, in the files `<br />`,
 * become spaces.
 *
 * @param path The archive.
 * @param options How many reviews of each part, and the seed.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {Deno.errors.InvalidData} If it is damaged or too large, or holds something else.
 * @throws {RangeError} If it has fewer reviews than are asked for.
 *
 * @example
 * ```ts
 * import { loadMovieReviews } from "./movie_reviews.ts";
 *
 * const path = "aclImdb_v1.tar.gz"; // wherever it lies
 * if (await Deno.stat(path).catch(() => undefined)) {
 *   const { train, valid, test } = await loadMovieReviews(path, { train: 2_000, valid: 500, test: 500 });
 *   console.log(train[0]!.text, train[0]!.label, valid.length, test.length);
 * }
 * ```
 */
export async function loadMovieReviews(
  path: string,
  options: MovieReviewOptions = {},
): Promise<MovieReviews> {
  const { valid: validCount = 0, seed = 1 } = options;
  const { learn, test } = await readReviews(path);
  const trainCount = options.train ?? learn.length - validCount;
  const drawn = sample(learn, validCount + trainCount, { seed });
  const valid = drawn.slice(0, validCount);
  const held = new Set(valid.map(({ text }) => text));
  return {
    train: drawn.slice(validCount).filter(({ text }) => !held.has(text)),
    valid,
    test: sample(test, options.test ?? test.length, { seed }),
  };
}

/** The reviews of both parts, in the order of their folders and numbers. */
async function readReviews(path: string): Promise<{ learn: LabelledText[]; test: LabelledText[] }> {
  const reviews: Review[] = [];
  for await (const { name, content } of readTar(path, (name) => REVIEW.test(name))) {
    const [, part, kind, number] = REVIEW.exec(name)!;
    const text = decode(path, name, content).replaceAll(/<br\s*\/?>/gi, " ");
    reviews.push({ folder: `${part}/${kind}`, number: Number(number), text, label: kind === "pos" ? 1 : 0 });
  }
  for (const folder of FOLDERS) {
    if (reviews.some((review) => review.folder === folder)) continue;
    throw new Deno.errors.InvalidData(
      `Cannot read movie reviews from ${path}: it has no files aclImdb/${folder}/<number>_<rating>.txt. ` +
        "Give the archive of the Large Movie Review Dataset as it was downloaded.",
    );
  }
  reviews.sort((a, b) => FOLDERS.indexOf(a.folder) - FOLDERS.indexOf(b.folder) || a.number - b.number);
  const part = (name: string) =>
    reviews.filter(({ folder }) => folder.startsWith(name)).map(({ text, label }) => ({ text, label }));
  return { learn: part("train"), test: part("test") };
}

function decode(path: string, name: string, content: Uint8Array<ArrayBuffer>): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (cause) {
    throw new Deno.errors.InvalidData(`Cannot read movie reviews from ${path}: ${name} is not UTF-8.`, {
      cause,
    });
  }
}
