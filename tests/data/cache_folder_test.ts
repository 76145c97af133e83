import { join } from "node:path";
import { cachePath, defaultCacheFolder } from "../../lib/data/cache_folder.ts";
import { assert, assertEquals } from "../assert.ts";

const pathOf = async (address: string): Promise<string> => await cachePath("cache", new URL(address));

Deno.test("cachePath() keeps plain addresses readable", async () => {
  const path = await pathOf("https://www.manythings.org/anki/deu-eng.zip");
  assertEquals(path, join("cache", "www.manythings.org", "anki", "deu-eng.zip"));
});

Deno.test("cachePath() gives different addresses different paths below the folder", async () => {
  const addresses = [
    "http://host/a.zip",
    "http://host:81/a.zip",
    "http://host/A.zip",
    "http://host/a.zip?b",
    "http://host/a.zip?c",
    "http://host/%2e%2e/%2E./x/..%2f..%2fa.zip",
    "http://host/..%5C..%5Ca.zip",
    "http://host/a%00.zip",
    "http://[::1]/a.zip",
  ];
  const paths = await Promise.all(addresses.map(pathOf));
  assertEquals(new Set(paths.map((path) => path.toLowerCase())).size, addresses.length);
  for (const path of paths) {
    assert(path.startsWith(join("cache", "")) && !path.split(/[\/\\]/).includes(".."), path);
    assert(/^[A-Za-z0-9._\/\\-]+\.zip$/.test(path), path);
  }
});

Deno.test({
  name: "defaultCacheFolder() needs no permission to be asked, and says what to do",
  permissions: { env: false },
  fn() {
    let message = "";
    try {
      defaultCacheFolder();
    } catch (error) {
      message = (error as Error).message;
    }
    assert(/Pass cacheFolder, set ATTEND_CACHE, or run with --allow-env/.test(message), message);
  },
});

Deno.test("defaultCacheFolder() is ATTEND_CACHE, or the platform's folder", () => {
  const before = Deno.env.get("ATTEND_CACHE");
  try {
    Deno.env.set("ATTEND_CACHE", "chosen");
    assertEquals(defaultCacheFolder(), "chosen");
    Deno.env.delete("ATTEND_CACHE");
    assert(defaultCacheFolder().endsWith(join("", "attend")));
  } finally {
    if (before === undefined) Deno.env.delete("ATTEND_CACHE");
    else Deno.env.set("ATTEND_CACHE", before);
  }
});
