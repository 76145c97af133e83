// Peers are processes that may be missing, refuse, or break: each has to come out as a sentence.

import { openPeer, PeerProcess } from "../../bench/peers/peer.ts";
import type { Work } from "../../bench/work.ts";
import { assertEquals, assertRejects } from "../assert.ts";

const work: Work = { kind: "matmul", rows: 1, inner: 1, columns: 1 };

/** A process that answers each line with what `answer`, a function in JavaScript, makes of the question. */
function answering(answer: string): [string, ...string[]] {
  const script = `
    let text = "";
    for await (const part of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (!text.endsWith("\\n")) continue;
      console.log(JSON.stringify((${answer})(JSON.parse(text))));
      text = "";
    }`;
  return [Deno.execPath(), "eval", script];
}

Deno.test("a process answers one question after the other, however long the answers", async () => {
  const process = new PeerProcess(answering("({ times }) => ({ seconds: times, text: 'x'.repeat(times) })"));
  for (const times of [3, 300_000, 4]) {
    assertEquals(await process.ask({ times }), { seconds: times, text: "x".repeat(times) });
  }
  await process.end();
});

Deno.test("what a process answers as an error is thrown, and it goes on", async () => {
  const process = new PeerProcess(
    answering("({ bad }) => bad ? { error: 'it has no scan' } : { label: 'Peer' }"),
  );
  await assertRejects(() => process.ask({ bad: true }), Error, "it has no scan");
  assertEquals(await process.ask({}), { label: "Peer" });
  await process.end();
});

Deno.test("a process that breaks says how it ended", async () => {
  const process = new PeerProcess(answering("() => Deno.exit(3)"));
  await assertRejects(() => process.ask({}), Error, "its process ended with code 3");
  assertEquals(process.ended, true);
  await process.end();
});

Deno.test("a peer whose program is missing, or does not start, refuses work and says why", async () => {
  const missing = await openPeer("Missing", ["attend-no-such-program"]);
  assertEquals(missing.label, "Missing");
  await assertRejects(() => missing.prepare(work), Error, "not on this machine");
  const broken = await openPeer("Broken", [Deno.execPath(), "eval", "Deno.exit(1)"]);
  await assertRejects(() => broken.prepare(work), Error, "its process ended with code 1");
});
