// What is said when a download fails: which file, why, what became of the bytes that had come, and what to do.

import { CORRUPT_REMEDY } from "./corrupt_file.ts";
import type { PartialFile } from "./partial_file.ts";

/** What has been kept of a file, as a sentence. */
export function keptWords({ origin, size }: PartialFile): string {
  return origin
    ? `${size} of ${origin.total} bytes are kept, and the next attempt goes on behind them`
    : "Nothing was kept";
}

/** A connection could not be made, or broke. */
export function connectionError(url: URL, reason: string, kept: string, cause: unknown): Error {
  return new Error(
    `Cannot download ${url}: the connection failed (${reason}). ` +
      `${kept}; check the network or the proxy settings, then try again.`,
    { cause },
  );
}

/** The deepest reason that fetch() gives: by itself it says only "fetch failed". */
export function reasonOf(error: unknown): string {
  const deepest = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return deepest instanceof Error ? deepest.message : String(deepest);
}

/** The server answered with a status that brings no file. */
export function statusError(url: URL, path: string, { status, statusText }: Response): Error {
  const answer = `${status} ${statusText}`.trim();
  let remedy = `Open it in a browser, save the file as ${path}, and try again.`;
  if (status === 404 || status === 410) remedy = "There is no such file; check the address.";
  if (status === 408 || status === 429 || status >= 500) {
    remedy = "The server is in trouble; try again later.";
  }
  return new Deno.errors.Http(`Cannot download ${url}: the server answered ${answer}. ${remedy}`, {
    cause: { status },
  });
}

/** A web page came where a file was wanted. */
export function pageError(url: URL): Error {
  return new Deno.errors.InvalidData(
    `Cannot download ${url}: the server sent a web page instead of the file. Open the address in a browser: ` +
      `it may be gone, or a network may want you to log in first.`,
  );
}

/** Fewer or more bytes came than were announced, or more than are allowed. */
export function sizeError(url: URL, words: string): Error {
  return new Deno.errors.InvalidData(`Cannot download ${url}: ${words}`);
}

/** What came is not what it should be; the reason speaks of the temporary file. */
export function wrongFileError(url: URL, path: string, cause: unknown): Error {
  const words = cause instanceof Error ? cause.message : String(cause);
  const reason = words.replaceAll(path, "what came").replace(CORRUPT_REMEDY, "").trim();
  return new Deno.errors.InvalidData(`Cannot download ${url}: ${reason} Nothing was kept; try again.`, {
    cause,
  });
}

/** A file is not in the cache, and the network is not to be used. */
export function offlineError(url: URL, path: string): Error {
  return new Deno.errors.NotFound(
    `Cannot use ${url} offline: it is not in the cache. Leave out --offline (offline: true), or fetch it elsewhere ` +
      `and save it as ${path}.`,
  );
}
