// Where things are kept between runs that can be had again: downloads, measurements of the adapter.

import { join } from "node:path";

/**
 * Returns an environment variable, or undefined when it is unset, empty or not permitted to be read: asking
 * for a permission in the middle of something would only surprise.
 */
export function environmentVariable(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}

/** Returns ATTEND_CACHE, or `attend` in the folder that the platform has for caches; undefined if none is known. */
export function cacheFolder(): string | undefined {
  const chosen = environmentVariable("ATTEND_CACHE");
  if (chosen !== undefined) return chosen;
  const platform = platformCacheFolder();
  return platform && join(platform, "attend");
}

function platformCacheFolder(): string | undefined {
  if (Deno.build.os === "windows") return environmentVariable("LOCALAPPDATA");
  const home = environmentVariable("HOME");
  if (Deno.build.os === "darwin") return home && join(home, "Library", "Caches");
  return environmentVariable("XDG_CACHE_HOME") ?? (home && join(home, ".cache"));
}
