// Brings a file of the web into the cache and says where it lies.

import { cachePath, defaultCacheFolder } from "./cache_folder.ts";
import { ensureDownloaded } from "./download.ts";
import { readBytes } from "./file.ts";
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
 * @param url An address that ends with the file's name.
 * @param options The cache folder, progress and cancellation.
 */
export async function cacheRemote(url: URL, options: SourceOptions): Promise<CachedFile> {
  const path = await cachePath(options.cacheFolder ?? defaultCacheFolder(), url);
  const cached = await ensureDownloaded(
    url,
    path,
    /\.zip$/i.test(path) ? verifyZip : verifyReadable,
    options,
  );
  return { path, cached };
}

// Reads to the end, where gzip has its checksum.
async function verifyReadable(path: string): Promise<void> {
  for await (const _ of readBytes(path));
}
