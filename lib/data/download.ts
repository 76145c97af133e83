// Fetches a file so that its final path only ever holds a complete and verified one: everything happens in a
// temporary file beside it, which is renamed at the end.

import { dirname } from "node:path";
import { CORRUPT_REMEDY } from "./corrupt_file.ts";

/** What a download may be told. */
export interface DownloadOptions {
  /** Called after each piece with the bytes received and, if the server tells, the bytes expected. */
  readonly onProgress?: (received: number, total: number | undefined) => void;
  /** Cancels the download. */
  readonly signal?: AbortSignal;
}

/** manythings.org answers 403 to programs that do not look like a browser. */
const USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const MOST_BYTES = 2 ** 32;

/**
 * Makes sure that a file lies in the cache.
 *
 * @param url Where it comes from.
 * @param path Where it shall lie; the folder is created.
 * @param verify Throws if the file that it is given the path of is not right.
 * @param options Progress and cancellation.
 * @returns Whether the file was there already.
 */
export async function ensureDownloaded(
  url: URL,
  path: string,
  verify: (path: string) => Promise<void>,
  options: DownloadOptions = {},
): Promise<boolean> {
  if (await isFile(path)) return true;
  await download(url, path, verify, options);
  return false;
}

/**
 * Downloads a file and verifies it before it appears at its path.
 *
 * @param url Where it comes from.
 * @param path Where it shall lie; the folder is created.
 * @param verify Throws if the file that it is given the path of is not right.
 * @param options Progress and cancellation.
 * @throws {Deno.errors.Http} If the server refuses; its `cause` is `{ status }`.
 * @throws {Deno.errors.InvalidData} If what came is a web page, too short, or not what `verify` wants.
 * @throws {Error} If there is no connection, or it broke.
 */
export async function download(
  url: URL,
  path: string,
  verify: (path: string) => Promise<void>,
  options: DownloadOptions = {},
): Promise<void> {
  const response = await request(url, path, options.signal);
  await Deno.mkdir(dirname(path), { recursive: true });
  // The extension stays, because verify() may tell the format by it.
  const temporary = path.replace(/[^\/\\]+$/, (name) => `.${crypto.randomUUID()}.part-${name}`);
  try {
    await receive(response, url, temporary, options);
    await verifyReceived(url, temporary, verify);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function request(url: URL, path: string, signal: AbortSignal | undefined): Promise<Response> {
  // Without "identity" the length announced would be that of a compressed transfer.
  const headers = { "user-agent": USER_AGENT, "accept": "*/*", "accept-encoding": "identity" };
  let response: Response;
  try {
    response = await fetch(url, { headers, signal });
  } catch (cause) {
    throw connectionError(url, cause, signal);
  }
  const problem = response.ok ? pageProblem(url, response) : statusProblem(url, path, response);
  if (problem === undefined) return response;
  await response.body?.cancel();
  throw problem;
}

async function receive(response: Response, url: URL, path: string, options: DownloadOptions): Promise<void> {
  const announced = response.headers.get("content-length");
  const total = announced === null ? undefined : Number(announced);
  const file = await Deno.open(path, { write: true, createNew: true });
  let received = 0;
  try {
    for await (const chunk of pieces(response, url, options.signal)) {
      if (received === 0 && looksLikePage(chunk)) throw pageError(url);
      received += chunk.length;
      if (received > MOST_BYTES) {
        throw new Deno.errors.InvalidData(`Cannot download ${url}: it is larger than ${MOST_BYTES} bytes.`);
      }
      for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await file.write(rest));
      options.onProgress?.(received, total);
    }
    if (total !== undefined && received !== total) {
      throw new Deno.errors.InvalidData(
        `Cannot download ${url}: ${received} of ${total} bytes came. Nothing was kept; try again.`,
      );
    }
    await file.sync();
  } finally {
    file.close();
  }
}

async function* pieces(response: Response, url: URL, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    while (true) {
      const { done, value } = await reader.read().catch((cause) => {
        throw connectionError(url, cause, signal);
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function verifyReceived(
  url: URL,
  path: string,
  verify: (path: string) => Promise<void>,
): Promise<void> {
  try {
    await verify(path);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    const reason = words.replaceAll(path, "what came").replace(CORRUPT_REMEDY, "").trim();
    throw new Deno.errors.InvalidData(`Cannot download ${url}: ${reason} Nothing was kept; try again.`, {
      cause,
    });
  }
}

function connectionError(url: URL, cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted || cause instanceof Deno.errors.NotCapable) return cause;
  // fetch() says only "fetch failed"; why it did is in its cause.
  const deepest = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason = deepest instanceof Error ? deepest.message : String(deepest);
  return new Error(
    `Cannot download ${url}: the connection failed (${reason}). ` +
      `Nothing was kept; check the network or the proxy settings, then try again.`,
    { cause },
  );
}

function statusProblem(url: URL, path: string, { status, statusText }: Response): Error {
  const answer = `${status} ${statusText}`.trim();
  let remedy = `Open it in a browser, save the file as ${path}, and try again.`;
  if (status === 404 || status === 410) remedy = "There is no such file; check the address.";
  if (status === 429 || status >= 500) remedy = "The server is in trouble; try again later.";
  return new Deno.errors.Http(`Cannot download ${url}: the server answered ${answer}. ${remedy}`, {
    cause: { status },
  });
}

function pageProblem(url: URL, response: Response): Error | undefined {
  return /^(text\/html|application\/xhtml)/i.test(response.headers.get("content-type") ?? "")
    ? pageError(url)
    : undefined;
}

function looksLikePage(chunk: Uint8Array): boolean {
  return /^\s*<(!doctype html|html)/i.test(new TextDecoder().decode(chunk.subarray(0, 256)));
}

function pageError(url: URL): Error {
  return new Deno.errors.InvalidData(
    `Cannot download ${url}: the server sent a web page instead of the file. Open the address in a browser: ` +
      `it may be gone, or a network may want you to log in first.`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
