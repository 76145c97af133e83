// What each kind of corpus (Tatoeba, CLDR, files, URLs) gives to loadCorpus(), which makes the report of it.

import type { BadLines } from "./bad_lines.ts";
import type { DownloadOptions } from "./download.ts";
import type { Pair } from "./pair.ts";

/** A corpus as one of the readers found it. */
export interface Source {
  /** The sentence pairs, in the order of the lines. */
  readonly pairs: Pair[];
  /** How many lines were read, bad ones included. */
  readonly lines: number;
  /** The lines that are no pair. */
  readonly bad: BadLines;
  /** The paths, or module specifiers, that were read. */
  readonly files: readonly string[];
  /** Whether a download was needed but already lay in the cache. */
  readonly cached: boolean;
}

/** What a reader needs to know to find a corpus that is not on this machine. */
export interface SourceOptions extends DownloadOptions {
  /** The folder that holds downloads; the platform's own when omitted. */
  readonly cacheFolder?: string;
  /** Whether to use the cache alone, and never the network. */
  readonly offline?: boolean;
  /** The SHA-256 that the file must have, in hexadecimal digits. */
  readonly sha256?: string;
}
