// The front door of the data layer: finds out what kind of corpus is meant and has it read.

import { fileURLToPath } from "node:url";
import { readAligned } from "./aligned.ts";
import type { BadLine } from "./bad_lines.ts";
import { readCldr } from "./cldr.ts";
import { readBytes } from "./file.ts";
import { lineChunks } from "./lines.ts";
import type { Pair } from "./pair.ts";
import { cacheRemote } from "./remote.ts";
import type { Retry } from "./retry.ts";
import { checkSha256Format, verifySha256 } from "./sha256.ts";
import type { Source } from "./source.ts";
import { readTatoeba } from "./tatoeba.ts";
import { readTsv, TSV_FORMAT } from "./tsv.ts";

/** What `loadCorpus` may be told. */
export interface CorpusOptions {
  /** The folder that holds downloads; ATTEND_CACHE or the platform's own when omitted. */
  readonly cacheFolder?: string;
  /**
   * The address of the folder with Tatoeba's zip files; several, with commas between them, are tried in turn.
   * ATTEND_MIRROR or manythings.org when omitted.
   */
  readonly mirror?: string;
  /** Whether to take downloads from the cache alone. Deno fetches the packages of `cldr:` itself, unless `--cached-only`. */
  readonly offline?: boolean;
  /** The SHA-256 that the file must have, in hexadecimal digits. */
  readonly sha256?: string;
  /** Whether to swap source and target. */
  readonly reverse?: boolean;
  /** Called during a download with the bytes received and, if the server tells, the bytes expected. */
  readonly onProgress?: (received: number, total: number | undefined) => void;
  /** Called when an attempt to download has failed, before the wait for the next one. */
  readonly onRetry?: (retry: Retry) => void;
  /** Called once with what was read. */
  readonly onReport?: (report: CorpusReport) => void;
  /** Cancels a download; what has come is kept, and a later call goes on from there. */
  readonly signal?: AbortSignal;
}

/** What was read of a corpus, for a person to check. */
export interface CorpusReport {
  /** The specification of the corpus. */
  readonly name: string;
  /** How many lines (of CLDR: names) were read. */
  readonly lines: number;
  /** How many sentence pairs they gave. */
  readonly pairs: number;
  /** The first of the lines that are no pair. */
  readonly badLines: readonly BadLine[];
  /** How many lines are no pair. */
  readonly badCount: number;
  /** The paths that were read, or the packages. */
  readonly files: readonly string[];
  /** Whether a download was needed but already lay in the cache. */
  readonly cached: boolean;
}

/** The share of bad lines above which a file is not what it was taken for. */
const MOST_BAD = 0.5;
const TEXT_FILE = /\.(zip|(tsv|txt)(\.gz)?)$/i;

const FORMS = `It may be one of
  tatoeba:deu-eng      sentence pairs from manythings.org, downloaded once
  cldr:en-de           names of emoji and symbols, from the package registry
  <path or URL>        a .tsv, .txt, .tsv.gz, .txt.gz or .zip file with the lines ${TSV_FORMAT}
  <path>,<path>        two files of which line n of one is the translation of line n of the other, also .gz`;

/**
 * Loads a parallel corpus: sentences and their translations.
 *
 * The specification is `tatoeba:<pair>`, `cldr:<from>-<to>`, the path or URL of a `.tsv`, `.txt` (either perhaps
 * `.gz`) or `.zip` file with two or three tab-separated columns, or two aligned files as `a.en,b.de`. Sentences
 * are given as they stand in the file: not trimmed, not normalised. Lines that are no pair are skipped and
 * reported; a file of which more than half the lines are none is refused. Downloads are verified and kept in the cache
 * folder; delete one to fetch it anew. One that breaks is tried again, and goes on where it ended.
 *
 * @param specification What to load.
 * @param options Direction, cache folder, mirrors, checksum, progress, report and cancellation.
 * @returns The pairs in the order of the corpus.
 * @throws {TypeError} If the specification or the checksum is of no known form.
 * @throws {Deno.errors.NotFound} If a file or language pair does not exist.
 * @throws {Deno.errors.InvalidData} If a file is corrupt, too large, not the one with that checksum, or holds hardly any pairs.
 * @throws {Deno.errors.Http} If a server refuses.
 *
 * @example
 * ```ts
 * import { loadCorpus } from "./corpus.ts";
 *
 * const path = await Deno.makeTempFile({ suffix: ".tsv" });
 * await Deno.writeTextFile(path, "Go.\tGeh.\nHi.\tHallo!\n");
 * const pairs = await loadCorpus(path);
 * console.assert(pairs[1]?.target === "Hallo!");
 * ```
 */
export async function loadCorpus(specification: string, options: CorpusOptions = {}): Promise<Pair[]> {
  const source = await readSource(specification, options);
  const { pairs, lines, bad, files, cached } = source;
  if (pairs.length === 0 || bad.count > lines * MOST_BAD) throw noPairs(specification, source);
  options.onReport?.({
    name: specification,
    lines,
    pairs: pairs.length,
    badLines: bad.list,
    badCount: bad.count,
    files,
    cached,
  });
  return options.reverse ? pairs.map(({ source, target }) => ({ source: target, target: source })) : pairs;
}

async function readSource(specification: string, options: CorpusOptions): Promise<Source> {
  if (options.sha256 !== undefined) checkSha256Format(options.sha256);
  const prefix = /^(tatoeba|cldr):(.*)$/s.exec(specification);
  if (prefix?.[1] === "tatoeba") return await readTatoeba(prefix[2]!, options);
  if (prefix?.[1] === "cldr") {
    if (options.sha256 !== undefined) throw severalFiles(specification);
    return await readCldr(prefix[2]!);
  }
  const halves = specification.split(",").map((half) => half.trim());
  // A comma may also be a part of one file's name.
  if (halves.length === 2 && halves.every((half) => half !== "") && !await isLocalFile(specification)) {
    if (options.sha256 !== undefined) throw severalFiles(specification);
    return await readTwoFiles(halves[0]!, halves[1]!, options);
  }
  if (TEXT_FILE.test(pathOf(specification))) return await readOneFile(specification, options);
  throw new TypeError(`Cannot load the corpus "${specification}": that is no known kind of corpus. ${FORMS}`);
}

async function readOneFile(specification: string, options: CorpusOptions): Promise<Source> {
  const { path, cached } = await localFile(specification, options);
  return { ...await readTsv(lineChunks(readBytes(path), path)), files: [path], cached };
}

async function readTwoFiles(source: string, target: string, options: CorpusOptions): Promise<Source> {
  const files = [await localFile(source, options), await localFile(target, options)] as const;
  return {
    ...await readAligned(files[0].path, files[1].path),
    files: files.map((file) => file.path),
    cached: files.every((file) => file.cached),
  };
}

async function localFile(
  specification: string,
  options: CorpusOptions,
): Promise<{ path: string; cached: boolean }> {
  if (isRemote(specification)) return await cacheRemote([new URL(specification)], options);
  const path = pathOf(specification);
  if (options.sha256 !== undefined) await verifySha256(path, options.sha256);
  return { path, cached: false };
}

function isRemote(specification: string): boolean {
  return /^https?:\/\//i.test(specification) && URL.canParse(specification);
}

function pathOf(specification: string): string {
  if (isRemote(specification)) return new URL(specification).pathname;
  const isFileUrl = /^file:\/\//i.test(specification) && URL.canParse(specification);
  return isFileUrl ? fileURLToPath(specification) : specification;
}

async function isLocalFile(specification: string): Promise<boolean> {
  if (!TEXT_FILE.test(specification) || isRemote(specification)) return false;
  return await Deno.stat(specification).then((information) => information.isFile, () => false);
}

function severalFiles(specification: string): Error {
  return new TypeError(`Cannot check the SHA-256 of ${specification}: it is made of several files.`);
}

/** The error for a file with hardly any pairs, or none. */
function noPairs(specification: string, { lines, bad, files }: Source): Error {
  const [first] = bad.list;
  const share = bad.count === lines
    ? `none of its ${lines} lines is a sentence pair`
    : `${bad.count} of its ${lines} lines are no sentence pairs`;
  const found = first === undefined ? "it is empty" : `${share}; line ${first.line}: ${first.reason}`;
  const expected = files.length === 1 ? ` Expected lines of ${TSV_FORMAT}.` : "";
  const names = files.includes(specification) ? specification : `${specification} (${files.join(", ")})`;
  return new Deno.errors.InvalidData(`Cannot load the corpus ${names}: ${found}.${expected}`);
}
