// Where downloads are kept between runs.

import { join } from "node:path";
import { cacheFolder } from "../cache_folder.ts";

/**
 * Returns the folder for downloads: ATTEND_CACHE, or `attend` in the folder that the platform has for caches.
 *
 * @throws {Error} If none is known, with the remedy.
 */
export function defaultCacheFolder(): string {
  const folder = cacheFolder();
  if (folder !== undefined) return folder;
  throw new Error(
    "Cannot find a folder for downloads: HOME is unset or may not be read. " +
      "Pass cacheFolder, set ATTEND_CACHE, or run with --allow-env.",
  );
}

/**
 * Returns the path at which the download of a URL is kept: its host and path below the folder.
 *
 * Two URLs never share a path, also where file names are not case-sensitive: what is not plain in a file name is
 * replaced, and a digest of the URL added.
 */
export async function cachePath(folder: string, url: URL): Promise<string> {
  const plain = `${url.host}${url.pathname}`;
  if (url.search === "" && /^[a-z0-9._\/-]+$/.test(plain)) return join(folder, ...plain.split("/"));
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url.href)));
  const segments = plain.split("/").map((segment) => segment.replaceAll(/[^A-Za-z0-9._-]/g, "_"));
  const name = segments.pop()!;
  return join(folder, ...segments, `${bytes.slice(0, 8).toHex()}-${name}`);
}
