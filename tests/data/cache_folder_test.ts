import { join, relative } from "node:path";
import { cachePath, defaultCacheFolder } from "../../lib/data/cache_folder.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals } from "../assert.ts";

const pathOf = async (address: string): Promise<string> => await cachePath("cache", new URL(address));

Deno.test("cachePath() keeps plain addresses readable", async () => {
  const path = await pathOf("https://www.manythings.org/anki/deu-eng.zip");
  assertEquals(path, join("cache", "www.manythings.org", "anki", "deu-eng.zip"));
});

Deno.test("cachePath() gives different addresses different paths below the folder", async () => {
  const long = "x".repeat(300);
  const addresses = [
    ...["a.zip", "A.zip", "/a.zip", "a.zip?b", "a.zip?c", "..%2f..%2fa.zip", "%2e%2e/%2E./x/..%2f..%2fb.zip"],
    ...["..%5C..%5Ca.zip", "..\\..\\c.zip", "a%00.zip", "C:/a.zip", "C:%5Ca.zip", "~/a.zip", ".part/a.zip"],
    ...["con.zip", "sub/nul/a.zip", "com1.tar.zip", "lpt9/a.zip", "sub./a.zip", "sub/a.zip", "sub%20/a.zip"],
    ...[`${long}/a.zip`, `${long}.zip`, `${long}y.zip`, `${"a/".repeat(2000)}a.zip`, "ä.zip", "%C3%A4/a.zip"],
    ...["a:b.zip", "a%7C%3E.zip", ".zip", "..zip", "...zip", "a..zip"],
  ].map((path) => `https://host/${path}`);
  const others = [
    "http://host/a.zip",
    "https://host:81/a.zip",
    "https://me@host/a.zip",
    "https://[::1]/a.zip",
  ];
  const all = [...addresses, ...others, "https://con/a.zip", "https://host./a.zip"];
  const paths = await Promise.all(all.map(pathOf));
  assertEquals(new Set(paths.map((path) => path.toLowerCase())).size, all.length);
  for (const path of paths) {
    const [folder, ...names] = path.split(/[\/\\]/);
    assertEquals(folder, "cache");
    assert(path.length < 260 && path.endsWith(".zip"), path);
    for (const name of names) {
      assert(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name) && !name.endsWith("."), path);
      assert(!/^(con|nul|com1|lpt9)(\.|$)/i.test(name), path);
    }
  }
});

Deno.test("cachePath() leaves the folder for no address at random", async () => {
  const random = new Random(1);
  const pieces = ["..", ".", "/", "\\", "%2e", "%2F", "%5c", "%00", "a", "?", "#", ":", "con", " ", "ä", "@"];
  for (let i = 0; i < 2_000; i++) {
    const path = Array.from({ length: 1 + random.integer(12) }, () => pieces[random.integer(pieces.length)])
      .join("");
    const address = `https://host/${path}.zip`;
    const found = await cachePath(join("some", "cache"), new URL(address));
    const inside = relative(join("some", "cache"), found);
    assert(
      !inside.split(/[\/\\]/).includes("..") && inside.startsWith("host"),
      `seed 1: ${address} gave ${found}`,
    );
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
