// The sentence pairs that volunteers of tatoeba.org translated, as manythings.org selects and packs them:
// one zip file for each language, always paired with English.

import { environmentVariable } from "../cache_folder.ts";
import { readBytes } from "./file.ts";
import { lineChunks } from "./lines.ts";
import { cacheRemote } from "./remote.ts";
import type { Source, SourceOptions } from "./source.ts";
import { readTsv } from "./tsv.ts";

const HOME = "https://www.manythings.org/anki/";
const NAMING =
  `Pairs are named <language>-eng with the language's three ISO 639-3 letters, such as deu-eng, ` +
  `which gives English as the source and German as the target; ${HOME} lists them`;

/** Where Tatoeba's files come from, besides what every download may be told. */
export interface TatoebaOptions extends SourceOptions {
  /**
   * The address of the folder with the zip files instead of manythings.org; several, with commas between them, are tried
   * in turn. ATTEND_MIRROR when omitted.
   */
  readonly mirror?: string;
}

/**
 * Loads the sentence pairs of one language and English.
 *
 * English, the first column of these files, is the source.
 *
 * @param name The pair as the files are named, such as `deu-eng`.
 * @param options The mirrors, and what every download may be told.
 * @throws {TypeError} If the name is not of that form.
 * @throws {Deno.errors.NotFound} If there is no such pair.
 */
export async function readTatoeba(name: string, options: TatoebaOptions): Promise<Source> {
  if (!/^[a-z]{3}-[a-z]{3}$/.test(name)) {
    throw new TypeError(`Cannot load tatoeba:${name}: it names no language pair. ${NAMING}.`);
  }
  const mirrors = options.mirror ?? environmentVariable("ATTEND_MIRROR") ?? HOME;
  const urls = mirrors.split(",").map((mirror) => new URL(`${name}.zip`, mirrorAddress(mirror.trim())));
  const { path, cached } = await cacheRemote(urls, options).catch((error) => {
    const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    throw errors.every(isMissing) ? unknownPair(name, urls, error) : error;
  });
  return { ...await readTsv(lineChunks(readBytes(path), path)), files: [path], cached };
}

function mirrorAddress(mirror: string): URL {
  if (/^https?:\/\//i.test(mirror) && URL.canParse(mirror)) return new URL(mirror.replace(/\/*$/, "/"));
  throw new TypeError(
    `Cannot use the mirror ${mirror}: expected the http or https address of the folder with the zip files.`,
  );
}

function isMissing(error: unknown): boolean {
  const status = error instanceof Deno.errors.Http
    ? (error.cause as { status?: number } | undefined)?.status
    : 0;
  return status === 404 || status === 410;
}

function unknownPair(name: string, urls: readonly URL[], cause: unknown): Error {
  const [first, second] = name.split("-");
  const turned = first === "eng" && second !== "eng" ? ` Did you mean tatoeba:${second}-eng?` : "";
  return new Deno.errors.NotFound(
    `Cannot load tatoeba:${name}: there is no such pair at ${urls.join(" or ")}.${turned} ${NAMING}.`,
    { cause },
  );
}
