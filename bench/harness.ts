// What the benchmark files share: a device, what it could do at most, and the comparison of our way to do something
// with the ways of others. Deno's benchmark runner takes the samples; the table of shares and ratios comes after its own.

import { type Device, openDevice } from "../mod.ts";
import { driverOf } from "./driver.ts";
import { floorOf, type Floors, measureFloors } from "./floors.ts";
import { jax } from "./peers/jax.ts";
import type { Peer } from "./peers/peer.ts";
import { tensorflow } from "./peers/tensorflow.ts";
import { torch } from "./peers/torch.ts";
import type { BenchResult, Side } from "./results.ts";
import { calibrate, type Run, secondsOf, summarize } from "./sampling.ts";
import { header, listing } from "./table.ts";
import { type Cost, cost, title, type Work } from "./work.ts";

/** Where {@linkcode Bench} leaves its result as JSON, for bench/report.ts. */
export const RESULT_VARIABLE = "ATTEND_BENCH_RESULT";

/** One benchmark file at work. */
export class Bench {
  #rows: { title: string; cost: Cost | undefined; sides: Sampled[] }[] = [];
  #peers: Promise<readonly Peer[]> | undefined;

  private constructor(readonly name: string, readonly device: Device, readonly floors: Floors) {
    addEventListener("unload", () => this.#report());
  }

  /** Opens the device, prints it, and measures what it can do at most. */
  static async open(name: string): Promise<Bench> {
    const device = await openDevice();
    const bench = new Bench(name, device, await measureFloors(device));
    console.log(header(bench.#result().environment).join("\n"));
    return bench;
  }

  /**
   * Compares our way to do some work with those of the peers.
   *
   * @param work What they all do.
   * @param ours Our way.
   * @param others Our own other ways, by name.
   */
  async compare(work: Work, ours: Run, others: Readonly<Record<string, Run>> = {}): Promise<void> {
    this.#peers ??= openPeers();
    const sides: Contender[] = [{ label: "attend", peer: false, prepare: () => ours }];
    for (const [label, run] of Object.entries(others)) sides.push({ label, peer: false, prepare: () => run });
    for (const peer of await this.#peers) {
      sides.push({ label: peer.label, peer: true, prepare: () => peer.prepare(work) });
    }
    await this.measure(title(work), cost(work), sides);
  }

  /** Compares ways to do something; the first is ours. */
  async measure(group: string, cost: Cost | undefined, contenders: readonly Contender[]): Promise<void> {
    const sides: Sampled[] = [];
    for (const contender of contenders) sides.push(await register(group, contender, sides.length === 0));
    this.#rows.push({ title: group, cost, sides });
  }

  #result(): BenchResult {
    const { device, floors } = this;
    const { info, description, profile } = device;
    return {
      bench: this.name,
      environment: {
        adapter: description,
        driver: driverOf(info.description),
        profile,
        deno: Deno.version.deno,
        processor: processor(),
        floors,
      },
      rows: this.#rows.map(({ title, cost, sides }) => ({
        title,
        ...(cost && { ...cost, floor: floorOf(cost, floors) }),
        sides: sides.map(({ label, peer, times, samples, reason }): Side => ({
          label,
          peer,
          ...(samples.length > 0 ? { times, ...summarize(samples) } : { reason: reason ?? "not measured" }),
        })),
      })),
    };
  }

  #report(): void {
    const result = this.#result();
    console.log(`\n${listing(result)}`);
    const file = Deno.env.get(RESULT_VARIABLE);
    if (file) Deno.writeTextFileSync(file, JSON.stringify(result));
    this.device.close();
  }
}

/** One of several ways to do the same thing. */
export interface Contender {
  readonly label: string;
  /** Whether it is somebody else's; ratios to those are watched for regressions. */
  readonly peer: boolean;
  /** Makes ready; the message of what it throws says why it cannot. */
  readonly prepare: () => Run | Promise<Run>;
}

interface Sampled {
  readonly label: string;
  readonly peer: boolean;
  /** Repetitions between two waits. */
  readonly times: number;
  /** Seconds a repetition. */
  readonly samples: number[];
  readonly reason?: string;
}

/** Seconds after which a peer is not asked again. */
const SLOW = 2;

/** Tries a contender out, and hands it to Deno's runner unless it cannot do the work or is too slow. */
async function register(group: string, contender: Contender, ours: boolean): Promise<Sampled> {
  const { label, peer } = contender;
  try {
    const run = await contender.prepare();
    const { times, seconds } = await calibrate(run);
    const samples: number[] = [];
    if (seconds > SLOW && !ours) return { label, peer, times, samples: [seconds] };
    // Deno runs one sample more than `warmup` and `n` say, and more of short ones. All count: it has been warm before.
    const options = { group, baseline: ours, warmup: 1, n: seconds * times > 1 ? 1 : 2 };
    Deno.bench(`${label}, ${times} between waits`, options, async () => {
      samples.push(await secondsOf(run, times) / times);
    });
    return { label, peer, times, samples };
  } catch (error) {
    if (ours || !(error instanceof Error)) throw error;
    return { label, peer, times: 0, samples: [], reason: error.message.split("\n")[0]! };
  }
}

async function openPeers(): Promise<readonly Peer[]> {
  const peers = [];
  for (const open of [tensorflow, jax, torch]) peers.push(...await open());
  for (const { label } of peers) console.log(`peer        ${label}`);
  return peers;
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
