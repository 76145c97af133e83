// What the benchmark files share: a device, what it could do at most, and the comparison of our way to do something
// with the ways of others. Deno's benchmark runner takes the samples; shares and ratios come after its own table.

import { type Device, openDevice } from "../mod.ts";
import { driverOf } from "./driver.ts";
import { binding, type Bound, type Floors, openFloors } from "./floors.ts";
import { jax } from "./peers/jax.ts";
import type { Peer } from "./peers/peer.ts";
import { tensorflow } from "./peers/tensorflow.ts";
import { torch } from "./peers/torch.ts";
import type { BenchResult, Environment, Kind, Row } from "./results.ts";
import { calibrate, type Run } from "./sampling.ts";
import { Sampler } from "./sampler.ts";
import { header, listing } from "./table.ts";
import { cost, title, type Work } from "./work.ts";

/** Where {@linkcode Bench} leaves its result as JSON, for bench/report.ts. */
export const RESULT_VARIABLE = "ATTEND_BENCH_RESULT";

/** One of several ways to do the same thing. */
export interface Contender {
  readonly label: string;
  readonly kind: Kind;
  /** Makes ready; the message of what it throws says why it cannot. */
  readonly prepare: () => Run | Promise<Run>;
  /** What to multiply its seconds by, if it does another amount of the same; 1 by default. */
  readonly scale?: number;
}

/** One benchmark file at work. */
export class Bench {
  #groups: { title: string; takes: Row["takes"]; samplers: Sampler[] }[] = [];
  #environment: Environment;

  private constructor(
    readonly name: string,
    readonly device: Device,
    readonly floors: Floors,
    readonly peers: readonly Peer[],
  ) {
    this.#environment = {
      adapter: device.description,
      driver: driverOf(device.info.description),
      profile: device.profile,
      deno: Deno.version.deno,
      processor: processor(),
      flops: floors.arithmetic.rate,
      bandwidth: floors.memory.rate,
    };
    console.log(header(this.#environment).join("\n"));
    for (const { label } of peers) console.log(`peer        ${label}`);
    addEventListener("unload", () => this.#report());
  }

  /** Opens the device and the peers, and measures what the device can do at most. */
  static async open(name: string): Promise<Bench> {
    const device = await openDevice();
    const floors = await openFloors(device);
    const peers = [];
    for (const open of [tensorflow, jax, torch]) peers.push(...await open());
    return new Bench(name, device, floors, peers);
  }

  /**
   * Compares our way to do some work with the floor and with the ways of the peers.
   *
   * @param work What they all do.
   * @param ours Our way.
   * @param others Our own other ways, by name.
   */
  async compare(work: Work, ours: Run, others: Readonly<Record<string, Run>> = {}): Promise<void> {
    const bound = binding(cost(work), this.floors);
    await this.measure(title(work), [
      { label: "attend", kind: "ours", prepare: () => ours },
      floorContender(bound),
      ...Object.entries(others).map(([label, run]): Contender => {
        return { label, kind: "otherwise", prepare: () => run };
      }),
      ...this.peers.map((peer): Contender => {
        return { label: peer.label, kind: "peer", prepare: () => peer.prepare(work) };
      }),
    ], { amount: bound.amount, unit: bound.unit });
  }

  /** Compares ways to do something; the first is ours. */
  async measure(title: string, contenders: readonly Contender[], takes?: Row["takes"]): Promise<void> {
    const samplers: Sampler[] = [];
    this.#groups.push({ title, takes, samplers });
    for (const contender of contenders) {
      const sampler = await prepare(contender, samplers[0]);
      samplers.push(sampler);
      if (sampler.once) continue;
      // No groups: Deno would compare what was repeated differently often. It tells by `async` whether to wait.
      const name = `${title}: ${contender.label}, ${sampler.times} at a time`;
      Deno.bench(name, sampler.options, async (timer) => await sampler.take(timer));
    }
  }

  #report(): void {
    const result: BenchResult = {
      bench: this.name,
      environment: this.#environment,
      rows: this.#groups.map(({ title, takes, samplers }) => ({
        title,
        ...(takes && { takes }),
        sides: samplers.map((sampler) => sampler.side()),
      })),
    };
    console.log(`\n${listing(result)}`);
    const file = Deno.env.get(RESULT_VARIABLE);
    if (file) Deno.writeTextFileSync(file, JSON.stringify(result));
    this.device.close();
  }
}

/** What nothing can be faster than. */
function floorContender({ floor, amount }: Bound): Contender {
  return { label: "the floor", kind: "floor", prepare: () => floor.run, scale: amount / floor.amount };
}

/** Tries a contender out, beside ours. */
async function prepare(contender: Contender, ours: Sampler | undefined): Promise<Sampler> {
  try {
    const run = await contender.prepare();
    return new Sampler(contender, { run, ...await calibrate(run) }, ours);
  } catch (error) {
    if (ours === undefined || !(error instanceof Error)) throw error;
    return new Sampler(contender, error.message.split("\n")[0]!, ours);
  }
}

/** The processor and how many of it: what the peers without a GPU run on. */
function processor(): string {
  let name = Deno.build.arch as string;
  try {
    name = /model name\s*:\s*(.*)/.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1]?.trim() ?? name;
  } catch {
    // Not Linux.
  }
  return `${navigator.hardwareConcurrency} x ${name}`;
}
