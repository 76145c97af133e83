// When the host sleeps and for how long, by a clock of our own.

import type { Device } from "../../lib/gpu/device.ts";
import { Pace } from "../../lib/gpu/pace.ts";
import { assert, assertEquals } from "../assert.ts";

/** A device that is never lost. */
const device = { settled: (promise: Promise<unknown>) => promise } as Device;

/** A clock that stands still but for sleeps, which are over at once, and for the work of the GPU. */
class Clock {
  now = 0;
  slept: number[] = [];

  /** Runs something by this clock. */
  async during(use: () => Promise<void>): Promise<void> {
    const { setTimeout } = globalThis;
    const now = performance.now;
    performance.now = () => this.now;
    globalThis.setTimeout = ((wake: () => void, milliseconds: number) => {
      this.slept.push(milliseconds);
      this.now += milliseconds;
      return setTimeout(wake);
    }) as typeof globalThis.setTimeout;
    try {
      await use();
    } finally {
      performance.now = now;
      globalThis.setTimeout = setTimeout;
    }
  }

  /** Takes steps of ten words until the GPU has been given enough, then waits for it; returns how many. */
  async stretch(pace: Pace, { milliseconds = 10, pause = 0 } = {}): Promise<number> {
    let steps = 0;
    const ready = this.now;
    while (!pace.full) {
      pace.count(10);
      steps++;
    }
    await pace.rest(() => {
      this.now = Math.max(this.now, ready + steps * milliseconds) + pause;
      return Promise.resolve();
    });
    return steps;
  }
}

Deno.test("a pause of the machine slows no later stretch", async () => {
  const clock = new Clock();
  await clock.during(async () => {
    const pace = new Pace(device);
    for (let i = 0; i < 4; i++) await clock.stretch(pace);
    assertEquals(await clock.stretch(pace), 16);
    await clock.stretch(pace, { pause: 3_600_000 });
    clock.slept = [];
    const before = clock.now;
    const steps = [];
    for (let i = 0; i < 10; i++) steps.push(await clock.stretch(pace));
    assertEquals(steps, [2, 2, ...Array(8).fill(16)]); // as if steps had become slower, for as long as that may be
    assertEquals(clock.now - before, 2 * 20 + 8 * 160);
    assert(Math.max(...clock.slept) <= 120.001, `it slept ${clock.slept} milliseconds`);
  });
});

Deno.test("pauses in a row, from the first stretch on, cost seconds", async () => {
  const clock = new Clock();
  await clock.during(async () => {
    const pace = new Pace(device);
    for (let i = 0; i < 2; i++) await clock.stretch(pace, { pause: 3_600_000 });
    const before = clock.now;
    for (let i = 0; i < 40; i++) await clock.stretch(pace);
    assert(clock.now - before < 40 * 160 + 10_000, `40 stretches took ${clock.now - before} milliseconds`);
    assert(Math.max(...clock.slept) <= 2_000, `it slept ${clock.slept} milliseconds`);
  });
});

Deno.test("a signal ends the sleep at once", async () => {
  const clock = new Clock();
  const interruption = new AbortController();
  const pace = new Pace(device, interruption.signal);
  await clock.during(async () => {
    for (let i = 0; i < 3; i++) await clock.stretch(pace, { milliseconds: 100_000 });
  });
  // By the real clock now, which would have it sleep for two seconds.
  const started = performance.now();
  for (let step = 0; step < 2; step++) pace.count(10);
  const rested = pace.rest(() => Promise.resolve());
  queueMicrotask(() => interruption.abort());
  await rested;
  assert(performance.now() - started < 1_000, "it slept on");
});
