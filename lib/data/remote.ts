// Brings a file of the web into the cache and says where it lies.

import { cachePath, defaultCacheFolder } from "./cache_folder.ts";
import { download } from "./download.ts";
import { offlineError } from "./download_error.ts";
import { readBytes } from "./file.ts";
import { verifySha256 } from "./sha256.ts";
import type { SourceOptions } from "./source.ts";
import { verifyZip } from "./zip.ts";

/** A file in the cache. */
export interface CachedFile {
  /** Where it lies. */
  readonly path: string;
  /** Whether it had been there before. */
  readonly cached: boolean;
}

/**
 * Returns the path in the cache of a file of the web, downloading and verifying it if it is not there.
 *
 * @param urls Addresses of the same file that end with its name; they are tried in turn.
 * @param options The cache folder, the file's SHA-256, and what every download may be told.
 * @throws {Deno.errors.NotFound} If it is not there, and `offline` is set.
 * @throws {AggregateError} If none of several addresses gave it, with the error of each.
 * @throws What `download` throws, if there is one address.
 */
export async function cacheRemote(urls: readonly URL[], options: SourceOptions): Promise<CachedFile> {
  const { cacheFolder = defaultCacheFolder(), offline, sha256, signal } = options;
  const places = await Promise.all(
    urls.map(async (url) => ({ url, path: await cachePath(cacheFolder, url) })),
  );
  for (const { path } of places) { // what another address gave earlier is as good
    if (!await isFile(path)) continue;
    if (sha256 !== undefined) await verifySha256(path, sha256);
    return { path, cached: true };
  }
  if (offline) throw offlineError(places[0]!.url, places[0]!.path);
  const errors: unknown[] = [];
  for (const { url, path } of places) {
    try {
      await download(url, path, verifierOf(url, sha256), options);
      return { path, cached: false };
    } catch (error) {
      if (signal?.aborted) throw error;
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  const reasons = errors.map((error) => `\n  ${error instanceof Error ? error.message : error}`).join("");
  throw new AggregateError(
    errors,
    `Cannot download a file: none of ${errors.length} addresses gave it.${reasons}`,
  );
}

function verifierOf({ pathname }: URL, sha256: string | undefined): (path: string) => Promise<void> {
  const isZip = /\.zip$/i.test(pathname);
  return async (path) => {
    if (sha256 !== undefined) await verifySha256(path, sha256);
    if (isZip) return await verifyZip(path);
    for await (const _ of readBytes(path)); // to the end, where gzip has its checksum
  };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
