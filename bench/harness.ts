// What the benchmark files share: a device, what it could do at most, and the comparison of our way to do something
// with the ways of others. Deno's benchmark runner takes the samples; shares and ratios come after its own table.

import { type Device, openDevice } from "../mod.ts";
import { driverOf } from "./driver.ts";
import { binding, type Floor, type Floors, openFloors } from "./floors.ts";
import { openPeers, type Peer, type Ready } from "./peers/peer.ts";
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
  readonly prepare: () => Ready | Promise<Ready>;
}

/** One benchmark file at work. */
export class Bench {
  #groups: (Omit<Row, "sides"> & { readonly samplers: readonly Sampler[] })[] = [];
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
    const peers = await openPeers();
    const floors = await openFloors(device);
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
    const { floor, amount, unit } = binding(cost(work), this.floors);
    const contenders: Contender[] = [{ label: "attend", kind: "ours", prepare: () => ({ run: ours }) }];
    if (amount > 0) contenders.push(floorContender(floor, amount));
    for (const [label, run] of Object.entries(others)) {
      contenders.push({ label, kind: "otherwise", prepare: () => ({ run }) });
    }
    for (const peer of this.peers) {
      contenders.push({ label: peer.label, kind: "peer", prepare: () => peer.prepare(work) });
    }
    const samplers: Sampler[] = [];
    this.#groups.push({ title: title(work), ...(amount > 0 && { takes: { amount, unit } }), samplers });
    for (const contender of contenders) {
      const sampler = await prepare(contender, samplers[0]);
      samplers.push(sampler);
      if (sampler.done) continue;
      // No groups: Deno would compare what was repeated differently often. It tells by `async` whether to wait.
      const name = `${title(work)}: ${contender.label}, ${sampler.times} at a time`;
      Deno.bench(name, sampler.options, async (timer) => await sampler.take(timer));
    }
  }

  #report(): void {
    const result: BenchResult = {
      bench: this.name,
      environment: this.#environment,
      rows: this.#groups.map(({ samplers, ...row }) => ({
        ...row,
        sides: samplers.map((sampler) => sampler.side()),
      })),
    };
    console.log(`\n${listing(result)}`);
    const file = Deno.env.get(RESULT_VARIABLE);
    if (file) Deno.writeTextFileSync(file, JSON.stringify(result));
  }
}

/** What nothing can be faster than. */
function floorContender({ run, amount }: Floor, takes: number): Contender {
  return { label: "the floor", kind: "floor", prepare: () => ({ run, scale: takes / amount }) };
}

/** Tries a contender out, beside ours. */
async function prepare(contender: Contender, ours: Sampler | undefined): Promise<Sampler> {
  try {
    const ready = await contender.prepare();
    return new Sampler(contender, { ...ready, ...await calibrate(ready.run) }, ours);
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
