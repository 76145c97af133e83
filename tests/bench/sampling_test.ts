// The arithmetic of the harness: repetitions, medians, spreads, pairs.

import { Sampler } from "../../bench/sampler.ts";
import { calibrate, median, type Run, spread } from "../../bench/sampling.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals } from "../assert.ts";

const timer = { start() {}, end() {} };

/** A run that says how long it took: `seconds` a repetition, on top of `wait`. */
function lasting(seconds: () => number, wait = 0): Run & { calls: number[] } {
  const calls: number[] = [];
  const run = (times: number) => {
    calls.push(times);
    return Promise.resolve(wait + times * seconds());
  };
  return Object.assign(run, { calls });
}

Deno.test("what is short is repeated so often that a wait hardly counts", async () => {
  const { times, seconds } = await calibrate(lasting(() => 0.001, 0.01));
  assert(times > 100 && times < 300, `${times} times`);
  assert(seconds < 0.0011, `${seconds} s`);
});

Deno.test("what is long is done once between waits, and the first time, with its compilation, does not count", async () => {
  let first = true;
  const run = lasting(() => {
    const seconds = first ? 5 : 1;
    first = false;
    return seconds;
  });
  assertEquals(await calibrate(run), { times: 1, seconds: 1 });
  assertEquals(run.calls, [1, 1]);
});

Deno.test("what is much too long is done only once", async () => {
  const run = lasting(() => 60);
  assertEquals(await calibrate(run), { times: 1, seconds: 60 });
  assertEquals(run.calls, [1]);
});

Deno.test("median of odd and even counts", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
});

Deno.test("spread finds the standard deviation of normal logarithms, and does not see an interruption", () => {
  const random = new Random(1);
  const samples = Array.from({ length: 20_000 }, () => Math.exp(0.05 * random.normal()));
  assert(Math.abs(spread(samples)! - 0.05) < 0.002, `${spread(samples)}`);
  const calm = [1, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06];
  assert(spread([...calm, 100])! < 1.5 * spread(calm)!);
});

Deno.test("fewer than four samples have no spread", () => {
  assertEquals(spread([1, 2, 3]), undefined);
});

Deno.test("ratios are taken in pairs, so a machine that becomes slower does not change them", async () => {
  let drift = 1;
  const ready = (seconds: number) => ({ run: lasting(() => drift * seconds), times: 1, seconds });
  const ours = new Sampler({ label: "attend", kind: "ours" }, ready(0.1));
  const peer = new Sampler({ label: "peer", kind: "peer" }, ready(0.4), ours);
  for (drift of [1, 2, 4, 8, 16]) await peer.take(timer);
  const { ratio, spread, samples, seconds } = peer.side().measured!;
  assertEquals([samples, seconds], [5, 1.6]);
  assert(Math.abs(ratio - 4) < 1e-12 && spread! < 1e-12, `${ratio}, ${spread}`);
});

Deno.test("a side that does less of the same is scaled, and says so", async () => {
  const ours = new Sampler({ label: "attend", kind: "ours" }, {
    run: lasting(() => 1),
    times: 1,
    seconds: 1,
  });
  const part = { run: lasting(() => 0.2), times: 5, seconds: 0.2, scale: 30, note: "a thirtieth" };
  const peer = new Sampler({ label: "peer", kind: "peer" }, part, ours);
  await peer.take(timer);
  const { measured, note } = peer.side();
  assert(Math.abs(measured!.seconds - 6) < 1e-12 && Math.abs(measured!.ratio - 6) < 1e-12);
  assertEquals(note, "a thirtieth");
});

Deno.test("a slow peer is done with its first sample; ours never is", async () => {
  const ready = { run: lasting(() => 3), times: 1, seconds: 3 };
  const ours = new Sampler({ label: "attend", kind: "ours" }, ready);
  assertEquals(ours.done, false);
  await ours.take(timer);
  const peer = new Sampler({ label: "peer", kind: "peer" }, { ...ready, seconds: 6 }, ours);
  assertEquals(peer.done, true);
  assertEquals(peer.side().measured, { times: 1, seconds: 6, ratio: 2, samples: 1 });
});

Deno.test("a side that cannot do the work says why", () => {
  const peer = new Sampler({ label: "peer", kind: "peer" }, "it has no scan");
  assertEquals([peer.done, peer.side()], [true, { label: "peer", kind: "peer", note: "it has no scan" }]);
});
