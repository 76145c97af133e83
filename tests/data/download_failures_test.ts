// Every way in which a server has been seen to fail: the download ends with the right file or with a clear error, and its
// final path never holds anything else.

import { download } from "../../lib/data/download.ts";
import { verifyZip } from "../../lib/data/zip.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { impatience } from "./impatience.ts";
import { type Answer, deadAddress, hang, reply, send, serveScript } from "./loopback.ts";
import { TemporaryFolder } from "./temporary_folder.ts";
import { buildZip } from "./zip_builder.ts";

const random = Uint8Array.from({ length: 60_000 }, (_, index) => 32 + (index * 7919 + (index >> 3)) % 90);
const zip = buildZip([{ name: "deu.txt", content: random }]);
const half = zip.slice(0, zip.length / 2);
const corrupt = zip.with(100, zip[100]! ^ 1);

const OK = "HTTP/1.1 200 OK";
const LENGTH = `content-length: ${zip.length}`;
const ETAG = 'etag: "v1"';
const good = reply([OK, LENGTH, ETAG], zip);
const status = (line: string, ...head: string[]) => reply([`HTTP/1.1 ${line}`, ...head], "no");
const chunked = (body: Uint8Array): Uint8Array =>
  new Uint8Array([...new TextEncoder().encode(`${body.length.toString(16)}\r\n`), ...body]);

/** Sends a head and the first bytes, and then nothing more, without hanging up. */
const stall = (bytes: Uint8Array): Answer => async (connection) => {
  await send(connection, new TextEncoder().encode(`${OK}\r\n${LENGTH}\r\n${ETAG}\r\n\r\n`));
  await send(connection, bytes);
  await hang(connection);
};

/** Sends a byte now and then. */
const drip: Answer = async (connection) => {
  await send(connection, new TextEncoder().encode(`${OK}\r\n${LENGTH}\r\n\r\n`));
  for (const byte of zip) {
    await send(connection, Uint8Array.of(byte));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

interface Case {
  /** What the server does with each connection; then it is gone. */
  readonly answers: readonly Answer[];
  /** What the error says; without it, the file comes. */
  readonly error?: string;
  /** How many connections are made; all that have an answer, if not told. */
  readonly connections?: number;
  /** What is told before each retry. */
  readonly reasons?: readonly string[];
}

const five = (answer: Answer): Answer[] => Array.from({ length: 5 }, () => answer);
const cases: Readonly<Record<string, Case>> = {
  "short of the length": { answers: five(reply([OK, LENGTH], half)), error: "the connection failed" },
  "short of the length once": {
    answers: [reply([OK, LENGTH], half), good],
    reasons: ["the connection failed"],
  },
  "cut in a chunk": {
    answers: five(reply([OK, "transfer-encoding: chunked"], chunked(half))),
    error: "the connection failed",
  },
  "cut between chunks once": {
    answers: [reply([OK, "transfer-encoding: chunked"], new Uint8Array([...chunked(half), 13, 10])), good],
    reasons: ["the connection failed"],
  },
  "cut where only the end of the connection ends the file": {
    answers: five(reply([OK], half)),
    error: "Cannot read what came as a zip archive",
  },
  "cut so once": { answers: [reply([OK], half), good], reasons: ["what came is not the file"] },
  "cut in the head": { answers: [reply([OK.slice(0, 5)], half), good], reasons: ["the connection failed"] },
  "closed without a word": { answers: [(connection) => connection.closeWrite(), good] },
  "hanging before the head": { answers: [hang, good], reasons: ["no byte came for 0.4 s"] },
  "hanging in the middle": { answers: [stall(half), good], reasons: ["no byte came for 0.4 s"] },
  "hanging always": { answers: five(stall(new Uint8Array())), error: "no byte came for 0.4 s" },
  "dripping": { answers: [drip, good], reasons: ["bytes came in 0.6 s"] },
  "status 400": {
    answers: [status("400 Bad Request")],
    error: "answered 400 Bad Request. Open it in a browser",
  },
  "status 401": { answers: [status("401 Unauthorized")], error: "answered 401" },
  "status 403": {
    answers: [status("403 Forbidden")],
    error: "answered 403 Forbidden. Open it in a browser, save",
  },
  "status 404": {
    answers: [status("404 Not Found")],
    error: "answered 404 Not Found. There is no such file",
  },
  "status 410": { answers: [status("410 Gone")], error: "answered 410 Gone. There is no such file" },
  "status 429": { answers: five(status("429 Too Many Requests")), error: "answered 429" },
  "status 500": {
    answers: five(status("500 Oh no")),
    error: "answered 500 Internal Server Error. The server is in trouble",
  },
  "status 503": {
    answers: five(status("503 Busy")),
    error: "answered 503 Service Unavailable. The server is in trouble",
  },
  "status 501": { answers: [status("501 No")], error: "answered 501 No" },
  "status 429, 500, 502 and 503 for a while": {
    answers: [...["429 A", "500 B", "502 C", "503 D"].map((line) => status(line)), good],
    reasons: [429, 500, 502, 503].map((code) => `the server answered ${code}`),
  },
  "status 204": { answers: [status("204 No Content")], error: "answered 204" },
  "a part unasked": {
    answers: [reply(["HTTP/1.1 206 Partial", `content-range: bytes 0-9/${zip.length}`], zip.slice(0, 10))],
    error: "a part of it, which nobody had asked for",
  },
  "a redirect": { answers: [status("302 Found", "location: /b.zip"), good] },
  "a redirect into the void": { answers: [status("302 Found")], error: "answered 302" },
  "a redirect to nowhere": {
    answers: [status("307 Go", "location: ftp://host/a.zip")],
    error: "which is no https or http address",
  },
  "a web page": {
    answers: [reply([OK, "content-type: text/html; charset=utf-8"], "<p>Log in")],
    error: "the server sent a web page",
  },
  "a web page said to be a zip": {
    answers: [reply([OK, "content-type: application/zip"], "\n <!DOCTYPE html><html>Log in</html>")],
    error: "the server sent a web page",
  },
  "a wrong file": {
    answers: [reply([OK, LENGTH, ETAG], corrupt)],
    error: "Nothing was kept; try again.",
  },
  "nothing": { answers: [reply([OK, "content-length: 0"])], error: "Cannot read what came as a zip archive" },
  "a size beyond all bounds": {
    answers: [reply([OK, "content-length: 99999999999999"], half)],
    error: "it has 99999999999999 bytes, and 4294967296 is the limit",
  },
  "no HTTP": { answers: five(reply(["220 mail.example.org ESMTP"])), error: "the connection failed" },
  "gone after one answer": { answers: [status("500 No")], connections: 1, error: "the connection failed" },
};

for (const [what, { answers, error, connections = answers.length, reasons }] of Object.entries(cases)) {
  Deno.test(`download() brings the right file or a clear error from a server that is ${what}`, async () => {
    await using server = serveScript(answers);
    await using folder = await TemporaryFolder.make();
    const told: string[] = [];
    const { waits, patience } = impatience({ stall: 400, span: 600, leastBytes: 1000 });
    const url = new URL("deu-eng.zip", server.url);
    const run = (): Promise<void> =>
      download(url, folder.at("deu-eng.zip"), verifyZip, {
        patience,
        onRetry: ({ reason }) => told.push(reason),
      });
    if (error === undefined) {
      await run();
      assertEquals(await Deno.readFile(folder.at("deu-eng.zip")), zip);
      assertEquals(await folder.files(), ["deu-eng.zip"]);
    } else {
      const thrown = await assertRejects(run, Error, `Cannot download ${url}: `);
      assertStringIncludes(thrown.message, error);
      assertEquals(await folder.files(), []);
    }
    assertEquals(server.requests.length, connections);
    assertEquals(told.length, waits.length);
    for (const [index, reason] of (reasons ?? []).entries()) assertStringIncludes(told[index]!, reason);
  });
}

Deno.test("download() tells the status of an error, and tries five times", async () => {
  for (const [line, code, times] of [["403 No", 403, 1], ["503 Busy", 503, 5]] as const) {
    await using server = serveScript(five(status(line)));
    await using folder = await TemporaryFolder.make();
    const { waits, patience } = impatience();
    const error = await assertRejects(
      () => download(new URL(server.url), folder.at("a.zip"), verifyZip, { patience }),
      Deno.errors.Http,
    );
    assertEquals(error.cause, { status: code });
    assertEquals(waits, [2000, 4000, 8000, 16000].slice(0, times - 1));
    assertEquals(server.requests.length, times);
  }
});

Deno.test("download() explains a server that refuses connections", async () => {
  await using folder = await TemporaryFolder.make();
  const { waits, patience } = impatience();
  const error = await assertRejects(
    () => download(new URL(deadAddress()), folder.at("a.zip"), verifyZip, { patience }),
    Error,
    "check the network or the proxy settings",
  );
  assert(/refused/i.test(error.message), error.message);
  assertEquals([waits.length, await folder.files()], [4, []]);
});

Deno.test("download() waits as long as a server asks, but not for ever", async () => {
  const now = Date.parse("Wed, 25 Nov 2026 10:00:00 GMT");
  const answers = [
    "retry-after: 7",
    "retry-after: Wed, 25 Nov 2026 10:00:30 GMT",
    "retry-after: 86400",
    "retry-after: x",
  ];
  await using server = serveScript([...answers.map((header) => status("503 Busy", header)), good]);
  await using folder = await TemporaryFolder.make();
  const { waits, patience } = impatience({ now: () => now });
  await download(new URL(server.url), folder.at("a.zip"), verifyZip, { patience });
  assertEquals(waits, [7_000, 30_000, 120_000, 16_000]);
});
