import { PassingFailure, PATIENCE, readRetryAfter, type Retry, retry } from "../../lib/data/retry.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";

const failure = (asked?: number) => new PassingFailure(new Error("the error"), "the reason", asked);

Deno.test("retry() waits longer each time, by chance up to half as long, and never too long", async () => {
  for (const [random, share] of [[0, 0.5], [0.5, 0.75], [1, 1]] as const) {
    const waits: number[] = [];
    const wait = (milliseconds: number) => Promise.resolve(void waits.push(milliseconds));
    const patience = { ...PATIENCE, attempts: 9, wait, random: () => random };
    const error = await assertRejects(() => retry(() => Promise.reject(failure()), patience), PassingFailure);
    assertEquals(error.error.message, "the error");
    assertEquals(waits, [2, 4, 8, 16, 32, 64, 120, 120].map((seconds) => seconds * 1000 * share));
  }
});

Deno.test("retry() tells of each attempt to come, and leaves other failures alone", async () => {
  const told: Retry[] = [];
  const patience = { ...PATIENCE, wait: () => Promise.resolve(), random: () => 1 };
  let runs = 0;
  const run = () =>
    ++runs < 3 ? Promise.reject(failure(runs === 2 ? 500_000 : undefined)) : Promise.resolve();
  await retry(run, patience, (retry) => told.push(retry));
  const common = { reason: "the reason", attempts: 5 };
  assertEquals(told, [{ ...common, wait: 2_000, attempt: 2 }, { ...common, wait: 120_000, attempt: 3 }]);
  const other = new Error("for good");
  assertEquals(await assertRejects(() => retry(() => Promise.reject(other), patience)), other);
});

Deno.test("retry() can be cancelled while it waits, with the real clock", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason), 5);
  const run = () => Promise.reject(failure(60_000));
  const error = await assertRejects(() => retry(run, PATIENCE, undefined, controller.signal));
  assertEquals(error, reason);
  await PATIENCE.wait(1);
  assert(await assertRejects(() => PATIENCE.wait(60_000, controller.signal)) === reason);
});

Deno.test("readRetryAfter() knows seconds and dates, and no nonsense", () => {
  const now = Date.parse("Wed, 25 Nov 2026 10:00:00 GMT");
  const read = (header: string | null) => readRetryAfter(header, now);
  assertEquals(["120", " 3 ", "0", "-5", "soon", "", null].map(read), [
    120_000,
    3_000,
    ...Array(5).fill(undefined),
  ]);
  assertEquals(read("Wed, 25 Nov 2026 10:01:00 GMT"), 60_000);
  assertEquals(read("Wed, 25 Nov 2026 09:59:00 GMT"), undefined);
});
