// Where downloads are kept between runs.

import { join } from "node:path";

/**
 * Returns an environment variable, or undefined when it is unset, empty or not permitted to be read: asking
 * for a permission in the middle of a load would only surprise.
 */
export function environmentVariable(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}

/**
 * Returns the folder for downloads: ATTEND_CACHE, or `attend` in the folder that the platform has for caches.
 *
 * @throws {Error} If none is known, with the remedy.
 */
export function defaultCacheFolder(): string {
  const chosen = environmentVariable("ATTEND_CACHE");
  if (chosen !== undefined) return chosen;
  const platform = platformCacheFolder();
  if (platform !== undefined) return join(platform, "attend");
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

function platformCacheFolder(): string | undefined {
  if (Deno.build.os === "windows") return environmentVariable("LOCALAPPDATA");
  const home = environmentVariable("HOME");
  if (Deno.build.os === "darwin") return home && join(home, "Library", "Caches");
  return environmentVariable("XDG_CACHE_HOME") ?? (home && join(home, ".cache"));
}
