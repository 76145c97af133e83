import { existsSync } from "node:fs";
import { download } from "../../lib/data/download.ts";
import { follow } from "../../lib/data/redirects.ts";
import { verifyZip } from "../../lib/data/zip.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { serve } from "./loopback.ts";
import { TemporaryFolder } from "./temporary_folder.ts";
import { buildZip } from "./zip_builder.ts";

const zip = buildZip([{ name: "deu.txt", content: "Hi.\tHallo!\n".repeat(5_000) }]);

Deno.test("download() brings a file to its place, with progress, as a browser would", async () => {
  await using server = serve(() => new Response(zip));
  await using folder = await TemporaryFolder.make();
  const path = folder.at("a/b/deu-eng.zip");
  const progress: (number | undefined)[][] = [];
  await download(new URL(server.url), path, verifyZip, {
    onProgress: (received, total) => progress.push([received, total]),
  });
  assertEquals(await Deno.readFile(path), zip);
  assertEquals(
    await folder.files(),
    ["a/b/deu-eng.zip"].map((name) => name.replaceAll("/", Deno.build.os === "windows" ? "\\" : "/")),
  );
  assertEquals(progress.at(-1), [zip.length, zip.length]);
  assertMatch(server.requests[0]!.userAgent, /^Mozilla\/5\.0 /);
});

Deno.test("download() follows redirects and copes without a length", async () => {
  await using server = serve((request) =>
    request.url.endsWith("/old")
      ? Response.redirect(new URL("/new", request.url))
      : new Response(new Blob([zip]).stream())
  );
  await using folder = await TemporaryFolder.make();
  const totals = new Set<number | undefined>();
  await download(new URL("old", server.url), folder.at("a.zip"), verifyZip, {
    onProgress: (_, total) => totals.add(total),
  });
  assertEquals([...totals], [undefined]);
  assertEquals(await Deno.readFile(folder.at("a.zip")), zip);
});

Deno.test("download() can be cancelled at its beginning, in the middle, and while it waits", async () => {
  const big = new Uint8Array(5 << 20).fill(1);
  await using server = serve(({ url }) =>
    url.endsWith("busy") ? new Response("", { status: 503 }) : new Response(new Blob([big]).stream())
  );
  await using folder = await TemporaryFolder.make();
  const cancelled = async (name: string, cancel: (controller: AbortController) => object): Promise<void> => {
    const controller = new AbortController();
    const options = { signal: controller.signal, ...cancel(controller) };
    const reason = await assertRejects(() =>
      download(new URL(name, server.url), folder.at(name), verifyZip, options)
    );
    assertEquals(reason, controller.signal.reason);
    assertEquals(await folder.files(), []);
  };
  await cancelled("a.zip", (controller) => (controller.abort(), {}));
  await cancelled("a.zip", (controller) => ({ onProgress: () => controller.abort(new Error("enough")) }));
  // The real clock: the wait would take seconds.
  await cancelled("busy", (controller) => ({ onRetry: () => setTimeout(() => controller.abort(), 5) }));
  const controller = new AbortController();
  const verify = () => Promise.resolve(controller.abort(new Error("while it was verified")));
  const error = await assertRejects(() =>
    download(new URL(server.url), folder.at("a.zip"), verify, { signal: controller.signal })
  );
  assertEquals(error.message, "while it was verified");
  assertEquals(await folder.files(), []);
});

Deno.test("download() never shows a partial file at the final path", async () => {
  await using folder = await TemporaryFolder.make();
  const path = folder.at("a.zip");
  await using server = serve(() => new Response(zip));
  let seen = 0;
  await download(new URL(server.url), path, async (temporary) => {
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    assertEquals(temporary, `${path}.part`);
    seen++;
  }, { onProgress: () => assert(!existsSync(path)) });
  assertEquals(seen, 1);
  assertEquals(await folder.files(), ["a.zip"]);
});

Deno.test("download() leaves redirects that lead in circles, or away from the web", async () => {
  await using server = serve(({ url }) =>
    url.endsWith("circle")
      ? Response.redirect(url)
      : new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } })
  );
  await using folder = await TemporaryFolder.make();
  const load = (name: string) => () => download(new URL(name, server.url), folder.at("a.zip"), verifyZip);
  await assertRejects(load("circle"), Deno.errors.InvalidData, "more than 10 times");
  assertEquals(server.requests.length, 11);
  await assertRejects(load("file"), Deno.errors.InvalidData, "which is no https or http address");
  assertEquals(await folder.files(), []);
});

Deno.test("follow() does not go from https to http", async () => {
  const original = globalThis.fetch;
  const asked: string[] = [];
  globalThis.fetch = (address) => {
    asked.push(String(address));
    return Promise.resolve(new Response(null, { status: 301, headers: { location: "http://host/a.zip" } }));
  };
  try {
    const signal = new AbortController().signal;
    await assertRejects(
      () => follow(new URL("https://host/a.zip"), {}, signal),
      Deno.errors.InvalidData,
      "it leads to http://host/a.zip, which is no https address",
    );
  } finally {
    globalThis.fetch = original;
  }
  assertEquals(asked, ["https://host/a.zip"]);
});

Deno.test("download() says when the file cannot be written, and does not try again", async () => {
  await using server = serve(() => new Response(zip));
  await using folder = await TemporaryFolder.make();
  await Deno.mkdir(folder.at("a.zip.part"));
  await assertRejects(
    () => download(new URL(server.url), folder.at("a.zip"), verifyZip),
    Error,
    "a.zip.part",
  );
  assertEquals(server.requests.length, 0);
});
