import { Progress, type ProgressOptions } from "../../lib/report/progress.ts";
import { textWidth } from "../../lib/report/text_width.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";

/** A progress whose clock is set by hand and whose output is kept. */
function setUp(options: Partial<ProgressOptions> & { terminal: boolean }) {
  const written: string[] = [];
  const clock = { now: 1_000 };
  const progress = new Progress({ write: (text) => written.push(text), now: () => clock.now, ...options });
  return { written, clock, progress };
}

Deno.test("Progress writes plain lines, at most one an interval, without a terminal", () => {
  const { written, clock, progress } = setUp({ terminal: false });
  for (let step = 0; step <= 250; step++) {
    progress.update({ label: "epoch 1", fraction: step / 250, fields: [`step ${step}`] });
    clock.now += 100;
  }
  assertEquals(written, [
    "epoch 1   0%  step 0\n",
    "epoch 1  40%  step 100\n",
    "epoch 1  80%  step 200\n",
  ]);
  progress.finish();
  assertEquals(written.at(-1), "epoch 1  100%  step 250\n");
  progress.finish();
  assertEquals(written.length, 4);
});

Deno.test("Progress does not repeat a line that finish() finds drawn", () => {
  const { written, progress } = setUp({ terminal: false });
  progress.update({ label: "download", fields: ["1 MiB"] });
  progress.finish();
  assertEquals(written, ["download  1 MiB\n"]);
});

Deno.test("Progress redraws one line in place on a terminal, at most every 100 ms", () => {
  const { written, clock, progress } = setUp({ terminal: true, columns: 40 });
  progress.update({ label: "epoch 1", fraction: 0.5, fields: ["loss 2.31"] });
  clock.now += 99;
  progress.update({ label: "epoch 1", fraction: 0.6, fields: ["loss 2.30"] });
  assertEquals(written, ["\repoch 1  ━━━━━━━───────  50%  loss 2.31\x1b[K"]);
  clock.now += 1;
  progress.update({ label: "epoch 1", fraction: 0.7, fields: ["loss 2.29"] });
  assertEquals(written.length, 2);
  assertStringIncludes(written[1]!, "70%  loss 2.29");
  progress.finish();
  assertEquals(written.slice(2), ["\n"]);
});

Deno.test("Progress keeps below the width of the terminal, dropping the bar before the words", () => {
  for (let columns = 5; columns < 90; columns++) {
    const { written, progress } = setUp({ terminal: true, columns });
    progress.update({
      label: "下载 corpus",
      fraction: 0.42,
      fields: ["loss 2.31", "1,200 tokens/s", "3m 05s"],
    });
    const line = written[0]!.replace("\r", "").replace("\x1b[K", "");
    assert(textWidth(line) < columns, `${columns} columns: ${line}`);
    assertEquals(line.includes("━"), columns >= 64, `${columns} columns: ${line}`);
  }
});

Deno.test("Progress colours the bar only if it may", () => {
  const { written, progress } = setUp({ terminal: true, columns: 40, color: true });
  progress.update({ label: "a", fraction: 0.5, fields: [] });
  assertStringIncludes(written[0]!, "\x1b[36m━");
  assertStringIncludes(written[0]!, "\x1b[39m  50%");
});

Deno.test("Progress.log() writes above the line", () => {
  const { written, progress } = setUp({ terminal: true });
  progress.log("before");
  progress.update({ label: "epoch 1", fields: ["loss 2.31"] });
  progress.log("saved runs/demo");
  assertEquals(written, [
    "\r\x1b[Kbefore\n",
    "\repoch 1  loss 2.31\x1b[K",
    "\r\x1b[Ksaved runs/demo\n",
    "\repoch 1  loss 2.31\x1b[K",
  ]);
  const plain = setUp({ terminal: false });
  plain.progress.update({ label: "epoch 1", fields: [] });
  plain.progress.log("saved");
  assertEquals(plain.written, ["epoch 1\n", "saved\n"]);
});

Deno.test("Progress begins anew after finish()", () => {
  const { written, progress } = setUp({ terminal: false });
  progress.update({ label: "download", fields: [] });
  progress.finish();
  progress.update({ label: "training", fields: [] });
  assertEquals(written, ["download\n", "training\n"]);
});

Deno.test("Progress lets no text end the line or command the terminal", () => {
  const { written, progress } = setUp({ terminal: true });
  progress.update({ label: "a\nb\x1b[2J", fields: ["c\r"] });
  assertEquals(written, ["\ra b [2J  c \x1b[K"]);
});
