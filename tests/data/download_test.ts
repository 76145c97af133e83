import { download, ensureDownloaded } from "../../lib/data/download.ts";
import { verifyZip } from "../../lib/data/zip.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../assert.ts";
import { deadAddress, type Loopback, serve, serveRaw } from "./loopback.ts";
import { TemporaryFolder } from "./temporary_folder.ts";
import { buildZip } from "./zip_builder.ts";

const zip = buildZip([{ name: "deu.txt", content: "Hi.\tHallo!\n".repeat(5_000) }]);
const raw = (head: string, body: Uint8Array): Uint8Array =>
  new Uint8Array([...new TextEncoder().encode(head), ...body]);

/** Downloads from a server that does wrong; checks that an error is thrown and that no file is left. */
async function refuse(server: Loopback, errorClass: new () => Error, message: string): Promise<Error> {
  await using _ = server;
  await using folder = await TemporaryFolder.make();
  const path = folder.at("deu-eng.zip");
  const error = await assertRejects(
    () => download(new URL("deu-eng.zip", server.url), path, verifyZip),
    errorClass,
    `Cannot download ${server.url}deu-eng.zip: ${message}`,
  );
  assertEquals(await folder.files(), []);
  return error;
}

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

Deno.test("ensureDownloaded() asks the server once", async () => {
  await using server = serve(() => new Response(zip));
  await using folder = await TemporaryFolder.make();
  const once = (): Promise<boolean> => ensureDownloaded(new URL(server.url), folder.at("a.zip"), verifyZip);
  assertEquals([await once(), await once(), server.requests.length], [false, true, 1]);
});

for (
  const [status, remedy] of [
    [403, "Open it in a browser, save the file as"],
    [404, "check the address"],
    [
      429,
      "try again later",
    ],
    [500, "try again later"],
    [503, "try again later"],
  ] as const
) {
  Deno.test(`download() explains status ${status}`, async () => {
    const server = serve(() => new Response("no", { status }));
    const error = await refuse(server, Deno.errors.Http, `the server answered ${status}`);
    assertStringIncludes(error.message, remedy);
    assertEquals(error.cause, { status });
  });
}

Deno.test("download() tells a web page from a file, by its type or its text", async () => {
  const page = "\n <!DOCTYPE html><html>Please log in</html>";
  const typed = serve(() =>
    new Response("<p>Gone", { headers: { "content-type": "text/html; charset=utf-8" } })
  );
  await refuse(typed, Deno.errors.InvalidData, "the server sent a web page");
  const untyped = serve(() => new Response(page, { headers: { "content-type": "application/zip" } }));
  await refuse(untyped, Deno.errors.InvalidData, "the server sent a web page");
});

Deno.test("download() keeps nothing of a truncated file", async () => {
  const short = raw(`HTTP/1.1 200 OK\r\ncontent-length: ${zip.length}\r\n\r\n`, zip.slice(0, -1));
  await refuse(serveRaw(short), Error, "the connection failed");
  const chunk = raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n80\r\n", zip.slice(0, 50));
  await refuse(serveRaw(chunk), Error, "the connection failed");
  const closed = raw("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", zip.slice(0, -30));
  await refuse(serveRaw(closed), Deno.errors.InvalidData, "Cannot read what came as a zip archive");
});

Deno.test("download() keeps nothing that verification refuses", async () => {
  const corrupt = buildZip([{ name: "deu.txt", content: "Hi.\tHallo!\n", crc: 1 }]);
  await refuse(serve(() => new Response(corrupt)), Deno.errors.InvalidData, "Cannot read what came as a zip");
  await refuse(serve(() => new Response("")), Deno.errors.InvalidData, "Cannot read what came as a zip");
});

Deno.test("download() explains an answer that is no HTTP, and a server that is not there", async () => {
  await refuse(
    serveRaw(new TextEncoder().encode("220 mail.example.org ESMTP\r\n")),
    Error,
    "the connection failed",
  );
  await using folder = await TemporaryFolder.make();
  const error = await assertRejects(
    () => download(new URL(deadAddress()), folder.at("a.zip"), verifyZip),
    Error,
    "check the network or the proxy settings",
  );
  assertMatch(error.message, /refused/i);
  assertEquals(await folder.files(), []);
});

Deno.test("download() can be cancelled and leaves nothing", async () => {
  await using server = serve(() => new Response(new Blob([zip, new Uint8Array(5 << 20)]).stream()));
  await using folder = await TemporaryFolder.make();
  const controller = new AbortController();
  const error = await assertRejects(() =>
    download(new URL(server.url), folder.at("a.zip"), verifyZip, {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    })
  );
  assertEquals(error.name, "AbortError");
  assertEquals(await folder.files(), []);
  await assertRejects(() =>
    download(new URL(server.url), folder.at("b"), verifyZip, { signal: controller.signal })
  );
});

Deno.test("download() never shows a partial file at the final path", async () => {
  await using folder = await TemporaryFolder.make();
  const path = folder.at("a.zip");
  await using server = serve(() => new Response(zip));
  let seen = 0;
  await download(new URL(server.url), path, async (temporary) => {
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    assert(temporary.endsWith(".zip") && (await folder.files()).length === 1);
    seen++;
  });
  assertEquals(seen, 1);
});
