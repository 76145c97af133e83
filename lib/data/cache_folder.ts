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
      "Pass cacheFolder, set ATTEND_CACHE, or run with --allow-env; the program has --cache.",
  );
}

/** An address that can be a path as it is: no case, no hidden names, nothing empty, and not too long. */
const PLAIN = /^(?=.{1,200}$)[a-z0-9][a-z0-9._-]*(\/[a-z0-9_][a-z0-9._-]*)*$/;
/** Names that mean devices on Windows, with any extension, and ends that it drops. */
const RESERVED = /(^|\/)(con|prn|aux|nul|com\d|lpt\d)(\.|\/|$)|\.(\/|$)/;
const LONGEST_NAME = 100;

/**
 * Returns the path at which the download of a URL is kept: its host and path below the folder.
 *
 * Two URLs never share a path, also where file names are not case-sensitive: an address over http, or one that is not plain
 * in a file name, becomes a name with a digest of the URL in the folder of its host.
 */
export async function cachePath(folder: string, url: URL): Promise<string> {
  const { protocol, host, pathname, search, username, password } = url;
  const plain = `${host}${pathname}`;
  const isAnonymous = search === "" && username === "" && password === "";
  if (protocol === "https:" && isAnonymous && PLAIN.test(plain) && !RESERVED.test(plain)) {
    return join(folder, ...plain.split("/"));
  }
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url.href)));
  const name = pathname.slice(pathname.lastIndexOf("/") + 1);
  return join(folder, `${safe(host)}_`, `${bytes.slice(0, 16).toHex()}-${safe(name)}`);
}

/** The end of a name, which may have an extension, in characters that mean nothing to any system. */
function safe(name: string): string {
  return name.slice(-LONGEST_NAME).replaceAll(/[^A-Za-z0-9._-]|\.$/g, "_");
}
