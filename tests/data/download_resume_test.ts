// Downloads that go on where an earlier attempt or run ended, and those that must not.

import { download } from "../../lib/data/download.ts";
import { PartialFile } from "../../lib/data/partial_file.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { impatience } from "./impatience.ts";
import { type Answer, reply, serveScript } from "./loopback.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => 65 + (index * 31 + (index >> 5)) % 50);
const changed = bytes.map((byte) => byte + 1);
const AT = 4_000;
const length = (body: Uint8Array) => `content-length: ${body.length}`;
const range = (from: number, total = bytes.length) => `content-range: bytes ${from}-${total - 1}/${total}`;

const LONG_AGO = ["last-modified: Mon, 01 Jun 2026 10:00:00 GMT", "date: Tue, 02 Jun 2026 10:00:00 GMT"];
const broken = (...head: string[]) => reply(["HTTP/1.1 200 OK", length(bytes), ...head], bytes.slice(0, AT));
const whole = (body: Uint8Array, ...head: string[]) =>
  reply(["HTTP/1.1 200 OK", length(body), ...head], body);
const rest = (from: number, body: Uint8Array, ...head: string[]) =>
  reply(["HTTP/1.1 206 Partial Content", length(body.slice(from)), ...head], body.slice(from));

interface Case {
  /** What the server answers, one connection after the other; the first one breaks after AT bytes. */
  readonly answers: readonly Answer[];
  /** Whether the second request asks for the rest, and by which version. */
  readonly asks?: string;
  /** The file in the end. */
  readonly file: Uint8Array;
}

const cases: Readonly<Record<string, Case>> = {
  "goes on by a strong ETag": {
    answers: [broken('etag: "v1"'), rest(AT, bytes, range(AT), 'etag: "v1"')],
    asks: '"v1"',
    file: bytes,
  },
  "goes on by a date": {
    answers: [broken(...LONG_AGO), rest(AT, bytes, range(AT))],
    asks: "Mon, 01 Jun 2026 10:00:00 GMT",
    file: bytes,
  },
  "does not go on by a weak ETag": { answers: [broken('etag: W/"v1"'), whole(bytes)], file: bytes },
  "does not go on by nothing": { answers: [broken(), whole(bytes)], file: bytes },
  "does not go on by a date without a clock": { answers: [broken(LONG_AGO[0]!), whole(bytes)], file: bytes },
  "does not go on by a date of this very minute": {
    answers: [broken(LONG_AGO[0]!, "date: Mon, 01 Jun 2026 10:00:59 GMT"), whole(bytes)],
    file: bytes,
  },
  "begins anew when the file has changed": {
    answers: [broken('etag: "v1"'), whole(changed, 'etag: "v2"')],
    asks: '"v1"',
    file: changed,
  },
  "begins anew when the ETag changes under a 206": {
    answers: [broken('etag: "v1"'), rest(AT, changed, range(AT), 'etag: "v2"'), whole(changed, 'etag: "v2"')],
    asks: '"v1"',
    file: changed,
  },
  "begins anew when the range is another": {
    answers: [broken('etag: "v1"'), rest(AT - 1, bytes, range(AT - 1)), whole(bytes)],
    asks: '"v1"',
    file: bytes,
  },
  "begins anew when the size is another": {
    answers: [broken('etag: "v1"'), rest(AT, bytes, `content-range: bytes ${AT}-9999/10001`), whole(bytes)],
    asks: '"v1"',
    file: bytes,
  },
  "begins anew when there is no range": {
    answers: [broken('etag: "v1"'), rest(AT, bytes), whole(bytes)],
    asks: '"v1"',
    file: bytes,
  },
  "begins anew at 416": {
    answers: [broken('etag: "v1"'), reply(["HTTP/1.1 416 No", "content-range: bytes */10"]), whole(bytes)],
    asks: '"v1"',
    file: bytes,
  },
  "goes on after an error in between": {
    answers: [broken('etag: "v1"'), reply(["HTTP/1.1 503 Busy"]), rest(AT, bytes, range(AT))],
    asks: '"v1"',
    file: bytes,
  },
  "begins anew when the parts do not fit": {
    answers: [broken('etag: "v1"'), rest(AT, changed, range(AT), 'etag: "v1"'), whole(changed)],
    asks: '"v1"',
    file: changed,
  },
};

const sameAs = (expected: Uint8Array) => async (path: string) => {
  const found = await Deno.readFile(path);
  if (found.join() !== expected.join()) throw new Error("It is not the file.");
};

for (const [what, { answers, asks, file }] of Object.entries(cases)) {
  for (const runs of [1, 2]) {
    Deno.test(`download() ${what}, ${runs === 1 ? "at the next attempt" : "in a later run"}`, async () => {
      await using server = serveScript(answers);
      await using folder = await TemporaryFolder.make();
      const path = folder.at("a.bin");
      const run = async (attempts: number): Promise<void> => {
        const { patience } = impatience({ attempts });
        await download(new URL(server.url), path, sameAs(file), { patience });
      };
      if (runs === 2) {
        const error = await assertRejects(() => run(1));
        const kept = asks === undefined ? [] : ["a.bin.part", "a.bin.part.json"];
        assertEquals(await folder.files(), kept);
        const words = asks === undefined
          ? /Nothing was kept/
          : /4000 of 10000 bytes are kept, and the next attempt/;
        assertMatch(error.message, words);
      }
      await run(5);
      assertEquals(await Deno.readFile(path), file);
      assertEquals(await folder.files(), ["a.bin"]);
      assertEquals(server.requests.length, answers.length);
      assertEquals(/^if-range: (.*?)\r$/im.exec(server.requests[1]!)?.[1], asks);
      assertEquals(/^range: (.*?)\r$/im.exec(server.requests[1]!)?.[1], asks && `bytes=${AT}-`);
    });
  }
}

Deno.test("a part that cannot be opened or taken up leaves no file open and no lock", async () => {
  await using folder = await TemporaryFolder.make();
  const url = new URL("http://127.0.0.1/a.bin");
  await folder.write("a.bin.part", "something");
  const { seek } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.seek = () => Promise.reject(new Error("Input/output error"));
  try {
    await assertRejects(() => PartialFile.open(folder.at("a.bin"), url), Error, "Input/output error");
  } finally {
    Deno.FsFile.prototype.seek = seek;
  }
  const next = await PartialFile.open(folder.at("a.bin"), url);
  assertEquals(next.path, folder.at("a.bin.part")); // and not one of its own, beside a lock that is held
  await next.discard();
});

Deno.test("download() goes on neither with another file's part, nor with a damaged sidecar", async () => {
  const origin = { validator: '"v1"', total: bytes.length };
  const address = (server: { url: string }) => new URL("a.bin", server.url).href;
  const sidecars: ((url: string) => string)[] = [
    () => JSON.stringify({ ...origin, url: "http://other/a.bin" }),
    (url) => JSON.stringify({ ...origin, url, total: AT - 1 }),
    (url) => JSON.stringify({ ...origin, url, validator: "a\r\nb: c" }),
    (url) => JSON.stringify({ ...origin, url, total: "10000" }),
    (url) => JSON.stringify({ ...origin, url }).slice(0, -5),
    () => "null",
    () => "",
  ];
  for (const sidecar of sidecars) {
    await using server = serveScript([whole(bytes)]);
    await using folder = await TemporaryFolder.make();
    await folder.write("a.bin.part", changed.slice(0, AT));
    await folder.write("a.bin.part.json", sidecar(address(server)));
    await download(new URL("a.bin", server.url), folder.at("a.bin"), sameAs(bytes));
    assert(!/^range:/im.test(server.requests[0]!));
    assertEquals(await folder.files(), ["a.bin"]);
  }
});

Deno.test("download() verifies a part that was complete, without another request", async () => {
  await using server = serveScript([]);
  await using folder = await TemporaryFolder.make();
  const url = new URL(server.url);
  await folder.write("a.bin.part", bytes);
  const sidecar = JSON.stringify({ url: url.href, validator: '"v1"', total: bytes.length });
  await folder.write("a.bin.part.json", sidecar);
  await download(url, folder.at("a.bin"), sameAs(bytes));
  assertEquals(await folder.files(), ["a.bin"]);
});

Deno.test("PartialFile keeps downloads of one file at the same time apart", async () => {
  await using folder = await TemporaryFolder.make();
  const path = folder.at("a.bin");
  const url = new URL("http://host/a.bin");
  const origin = { url: url.href, validator: '"v1"', total: 4 };
  const first = await PartialFile.open(path, url);
  await first.restart(origin);
  await first.append(Uint8Array.of(1, 2));
  const second = await PartialFile.open(path, url);
  assert(second.path !== first.path);
  await second.restart(origin);
  await second.append(Uint8Array.of(5, 6, 7, 8));
  assertEquals(second.origin, undefined);
  await first.append(Uint8Array.of(3, 4));
  await second.moveTo(path);
  assertEquals(await Deno.readFile(path), Uint8Array.of(5, 6, 7, 8));
  await first.moveTo(path);
  assertEquals(await Deno.readFile(path), Uint8Array.of(1, 2, 3, 4));
  assertEquals(await folder.files(), ["a.bin"]);
});
