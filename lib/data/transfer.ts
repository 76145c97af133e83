// One request of a download: asks for the file, or for what is missing of it, and adds what comes to the partial file.

import { connectionError, keptWords, pageError, reasonOf, sizeError, statusError } from "./download_error.ts";
import { follow } from "./redirects.ts";
import type { Origin, PartialFile } from "./partial_file.ts";
import { PassingFailure, type Patience, readRetryAfter } from "./retry.ts";
import { StallError, Watch } from "./watch.ts";

/** What to fetch, and how. */
export interface Transfer {
  /** Where it comes from. */
  readonly url: URL;
  /** Where it shall lie in the end, for messages. */
  readonly path: string;
  /** When to give a connection up. */
  readonly patience: Patience;
  /** Called after each piece with the bytes received and, if the server tells, the bytes expected. */
  readonly onProgress: ((received: number, total: number | undefined) => void) | undefined;
  /** Cancels it. */
  readonly signal: AbortSignal | undefined;
}

/** manythings.org answers 403 to programs that do not look like a browser. */
const USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const MOST_DOWNLOAD_BYTES = 2 ** 32;
/** What may pass by itself: too slow a request, too many of them, and servers in trouble. */
const PASSING = [408, 429, 500, 502, 503, 504];
/** A file that was changed within so many milliseconds may have been changed again with the same date. */
const STRONG_DATE_AGE = 60_000;

/**
 * Completes the partial file by one request, or by two if the first one shows that its bytes are of no use.
 *
 * @returns Whether the server had told how large the file is.
 * @throws {PassingFailure} If another request may do better.
 */
export async function transfer(order: Transfer, partial: PartialFile): Promise<boolean> {
  if (partial.origin?.total === partial.size) return true; // an earlier run ended before it was verified
  using watch = new Watch(order.patience, order.signal);
  let response = await ask(order, partial, watch);
  if (!isUsable(response, partial)) {
    await response.body?.cancel();
    await partial.restart();
    response = await ask(order, partial, watch);
  }
  const problem = problemOf(order, response, partial);
  if (problem) {
    await response.body?.cancel();
    throw problem;
  }
  return await receive(order, response, partial, watch);
}

async function ask(order: Transfer, partial: PartialFile, { signal }: Watch): Promise<Response> {
  const { origin, size } = partial;
  // Without "identity" the length announced would be that of a compressed transfer.
  const headers = new Headers({ "user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "identity" });
  if (origin) {
    headers.set("range", `bytes=${size}-`);
    headers.set("if-range", origin.validator);
  }
  return await follow(order.url, headers, signal).catch((cause) => {
    throw lost(order, partial, cause);
  });
}

/** Whether an answer is no answer to a question for the rest, or the rest of the very version that was begun. */
function isUsable(response: Response, { origin, size }: PartialFile): boolean {
  if (origin === undefined || ![206, 416].includes(response.status)) return true;
  const { headers } = response;
  const etag = headers.get("etag");
  return headers.get("content-range") === `bytes ${size}-${origin.total - 1}/${origin.total}` &&
    (etag === null || !origin.validator.startsWith('"') || etag === origin.validator);
}

/** Why an answer does not bring the file, or the rest of it; undefined if it does. */
function problemOf(
  { url, path, patience }: Transfer,
  response: Response,
  { origin }: PartialFile,
): Error | undefined {
  const { status, headers } = response;
  if (status === 206 && !origin) {
    return sizeError(url, "the server sent a part of it, which nobody had asked for.");
  }
  if (status === 200 || status === 206) {
    if (/^(text\/html|application\/xhtml)/i.test(headers.get("content-type") ?? "")) return pageError(url);
    const size = announcedSize(response) ?? 0;
    return size > MOST_DOWNLOAD_BYTES
      ? sizeError(url, `it has ${size} bytes, and ${MOST_DOWNLOAD_BYTES} is the limit.`)
      : undefined;
  }
  const error = statusError(url, path, response);
  if (!PASSING.includes(status)) return error;
  const askedWait = readRetryAfter(headers.get("retry-after"), patience.now());
  return new PassingFailure(error, `the server answered ${status}`, askedWait);
}

/** Adds the body to the partial file; returns whether its size was told. */
async function receive(
  order: Transfer,
  response: Response,
  partial: PartialFile,
  watch: Watch,
): Promise<boolean> {
  const { url, onProgress } = order;
  const isRest = response.status === 206;
  const total = isRest ? partial.origin!.total : announcedSize(response);
  if (!isRest) await partial.restart(originOf(url, response, total));
  const most = Math.min(total ?? MOST_DOWNLOAD_BYTES, MOST_DOWNLOAD_BYTES);
  for await (const chunk of pieces(order, response, partial)) {
    if (partial.size + chunk.length > most) {
      throw sizeError(url, `more than ${most} bytes came. Nothing was kept.`);
    }
    await partial.append(chunk);
    watch.received(chunk.length);
    onProgress?.(partial.size, total);
  }
  if (total !== undefined && partial.size !== total) {
    throw lost(order, partial, new Error(`${partial.size} of ${total} bytes came`));
  }
  return total !== undefined;
}

async function* pieces(
  order: Transfer,
  { body }: Response,
  partial: PartialFile,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    while (true) {
      const { done, value } = await reader.read().catch((cause) => {
        throw lost(order, partial, cause);
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function announcedSize({ headers }: Response): number | undefined {
  const length = headers.get("content-length");
  return length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
}

/** What a later request needs to go on with this answer's bytes; undefined if it could not be sure of them. */
function originOf(url: URL, { headers }: Response, total: number | undefined): Origin | undefined {
  if (total === undefined) return undefined;
  const etag = headers.get("etag");
  if (etag !== null && /^"[\x21-\x7e]*"$/.test(etag)) return { url: url.href, validator: etag, total };
  const date = headers.get("last-modified");
  if (date === null) return undefined;
  const age = Date.parse(headers.get("date") ?? "") - Date.parse(date);
  return age >= STRONG_DATE_AGE ? { url: url.href, validator: date, total } : undefined;
}

/** The error for a connection that could not be made or was lost: by the caller's will, for good, or for now. */
function lost({ url, signal }: Transfer, partial: PartialFile, cause: unknown): unknown {
  if (signal?.aborted) return signal.reason;
  if (cause instanceof Deno.errors.NotCapable || cause instanceof Deno.errors.InvalidData) return cause;
  const reason = reasonOf(cause);
  const error = connectionError(url, reason, keptWords(partial), cause);
  // A certificate will not get better by itself.
  if (/certificate/i.test(reason)) return error;
  return new PassingFailure(error, cause instanceof StallError ? reason : "the connection failed");
}
