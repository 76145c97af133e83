// Fetches a file so that its final path only ever holds a complete and verified one: everything happens in a partial
// file beside it, which is renamed at the end, and which a later attempt or run goes on with.

import { dirname } from "node:path";
import { pageError, wrongFileError } from "./download_error.ts";
import { PartialFile } from "./partial_file.ts";
import { PassingFailure, PATIENCE, type Patience, type Retry, retry } from "./retry.ts";
import { transfer } from "./transfer.ts";

/** What a download may be told. */
export interface DownloadOptions {
  /** Called after each piece with the bytes received and, if the server tells, the bytes expected. */
  readonly onProgress?: (received: number, total: number | undefined) => void;
  /** Called when an attempt has failed, before the wait for the next one. */
  readonly onRetry?: (retry: Retry) => void;
  /** Cancels the download; what has come is kept if it can be gone on with. */
  readonly signal?: AbortSignal;
  /** How long to wait, and how often to try, where it is not as usual. */
  readonly patience?: Partial<Patience>;
}

/**
 * Downloads a file and verifies it before it appears at its path.
 *
 * What may pass by itself (a broken or stalled connection, the statuses 408, 429, 500, 502, 503 and 504) is tried again,
 * five times in all. An attempt goes on where the one before it ended, also that of an earlier run, if the server has told
 * by a strong ETag or a date which version of the file it is; a file that has changed is begun anew.
 *
 * @param url Where it comes from.
 * @param path Where it shall lie; the folder is created.
 * @param verify Throws if the file that it is given the path of is not right.
 * @param options Progress, retries, cancellation.
 * @throws {Deno.errors.Http} If the server refuses; its `cause` is `{ status }`.
 * @throws {Deno.errors.InvalidData} If what came is a web page, of another size than announced, or not what `verify` wants.
 * @throws {Error} If there is no connection, or it broke.
 */
export async function download(
  url: URL,
  path: string,
  verify: (path: string) => Promise<void>,
  options: DownloadOptions = {},
): Promise<void> {
  const { onProgress, onRetry, signal } = options;
  const patience = { ...PATIENCE, ...options.patience };
  signal?.throwIfAborted();
  await Deno.mkdir(dirname(path), { recursive: true });
  const partial = await PartialFile.open(path, url);
  try {
    await retry(
      async () => {
        const isResumed = partial.origin !== undefined;
        const isMeasured = await transfer({ url, path, patience, onProgress, signal }, partial);
        await verifyReceived(url, partial, verify, isResumed || !isMeasured);
        signal?.throwIfAborted();
      },
      patience,
      onRetry,
      signal,
    );
    await partial.moveTo(path);
  } catch (failure) {
    if (failure instanceof PassingFailure || signal?.aborted) await partial.close();
    else await partial.discard();
    throw failure instanceof PassingFailure ? failure.error : failure;
  }
}

/** Checks the complete file. Another attempt may help if it was put together from two, or perhaps cut short. */
async function verifyReceived(
  url: URL,
  partial: PartialFile,
  verify: (path: string) => Promise<void>,
  mayPass: boolean,
): Promise<void> {
  if (await looksLikePage(partial.path)) throw pageError(url);
  try {
    await verify(partial.path);
  } catch (cause) {
    const error = wrongFileError(url, partial.path, cause);
    if (!mayPass) throw error;
    await partial.restart();
    throw new PassingFailure(error, "what came is not the file");
  }
}

async function looksLikePage(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(256);
  const length = await file.read(bytes) ?? 0;
  return /^\s*<(!doctype html|html)/i.test(new TextDecoder().decode(bytes.subarray(0, length)));
}
