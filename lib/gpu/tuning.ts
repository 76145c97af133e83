// Layer 1: which of several kernels that compute the same is the fastest on this adapter. Each class of sizes is
// measured once and remembered on disk, by adapter. What is chosen changes no result: the kernels give the same bits.

import { join } from "node:path";
import { cacheFolder } from "../cache_folder.ts";
import type { Device } from "./device.ts";
import { type AnyKernel, PipelineCache } from "./kernel.ts";
import type { Alternative, Dispatch } from "./dispatch.ts";
import { timePasses } from "./timing.ts";

/** Runs of each kernel; the fastest counts, and the first never is. */
const RUNS = 6;

/** The fastest kernels of one device, by class of sizes. */
export class Tuning {
  #device: Device;
  #file: string | undefined;
  #fastest: Map<string, string>;

  static #all = new WeakMap<Device, Tuning>();

  /** The measurements of a device, those of earlier runs included. */
  static of(device: Device): Tuning {
    let tuning = Tuning.#all.get(device);
    if (!tuning) Tuning.#all.set(device, tuning = new Tuning(device, tuningFile(device)));
    return tuning;
  }

  /** Made by {@linkcode Tuning.of}; a test passes a file of its own. */
  constructor(device: Device, file: string | undefined) {
    this.#device = device;
    this.#file = file;
    this.#fastest = file === undefined ? new Map() : read(file);
  }

  /** How many classes of sizes are known. */
  get size(): number {
    return this.#fastest.size;
  }

  /** Puts the fastest kernel in the place of each dispatch that has alternatives; measures what is not known yet. */
  async choose(dispatches: readonly Dispatch[]): Promise<Dispatch[]> {
    const known = this.size;
    const chosen = [];
    for (const dispatch of dispatches) {
      const { alternatives } = dispatch;
      chosen.push(alternatives.length === 0 ? dispatch : { ...dispatch, ...await this.#fastestOf(dispatch) });
    }
    if (this.size > known && this.#file !== undefined) write(this.#file, this.#fastest);
    return chosen;
  }

  async #fastestOf(dispatch: Dispatch): Promise<Alternative> {
    const candidates: Alternative[] = [dispatch, ...dispatch.alternatives];
    const key = classOf(dispatch);
    if (!this.#fastest.has(key)) {
      const times = await this.#times(dispatch, candidates);
      if (times === undefined) return dispatch;
      this.#fastest.set(key, candidates[times.indexOf(Math.min(...times))]!.kernel.label);
    }
    const { kernel, workgroups } = candidates.find(({ kernel }) => kernel.label === this.#fastest.get(key)) ??
      dispatch;
    return { kernel, workgroups };
  }

  /** Nanoseconds of each candidate over memory of its own; undefined where there is no clock or no memory for it. */
  async #times(dispatch: Dispatch, candidates: readonly Alternative[]): Promise<number[] | undefined> {
    const device = this.#device;
    if (!device.features.has("timestamp-query") || !device.tuning) return undefined;
    const scratch = new Scratch(device);
    try {
      const cache = PipelineCache.of(device);
      const storages = [...new Set(dispatch.storages)];
      if (!device.affords(storages.reduce((sum, { byteSize }) => sum + byteSize, 0))) return undefined;
      const buffers = new Map(storages.map((storage) => [storage, scratch.buffer(storage.byteSize)]));
      const params = scratch.params(dispatch.params);
      const paramsGroup = device.createBindGroup(cache.paramsLayout, [{
        binding: 0,
        resource: { buffer: params },
      }]);
      const times = [];
      for (const { kernel, workgroups } of candidates) {
        const { pipeline, layout } = await cache.get(kernel);
        const group = device.createBindGroup(
          layout,
          dispatch.storages.map((storage, binding) => ({
            binding,
            resource: { buffer: buffers.get(storage)! },
          })),
        );
        const nanoseconds = await timePasses(device, RUNS, (pass) => {
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, group);
          pass.setBindGroup(1, paramsGroup, [0]);
          pass.dispatchWorkgroups(...workgroups);
        });
        times.push(Math.min(...nanoseconds.slice(1)));
      }
      return times;
    } finally {
      scratch.close();
    }
  }
}

/** Buffers for a measurement. */
class Scratch {
  #buffers: GPUBuffer[] = [];

  constructor(readonly device: Device) {}

  buffer(size: number, usage: GPUBufferUsageFlags = GPUBufferUsage.STORAGE): GPUBuffer {
    const buffer = this.device.createBuffer("measurement", Math.max(16, 4 * Math.ceil(size / 4)), usage);
    this.#buffers.push(buffer);
    return buffer;
  }

  params(values: ArrayBuffer): GPUBuffer {
    const buffer = this.buffer(
      16 * Math.ceil(values.byteLength / 16),
      GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    );
    this.device.gpu.queue.writeBuffer(buffer, 0, values);
    return buffer;
  }

  close(): void {
    for (const buffer of this.#buffers) this.device.destroyBuffer(buffer);
  }
}

/** What a choice depends on: the candidates, and the parameters that their kernel names, to the next power of two. */
function classOf({ kernel, params, alternatives }: Dispatch): string {
  const names = [kernel, ...alternatives.map((alternative) => alternative.kernel)].map(({ label }) => label)
    .sort();
  const fields = Object.keys(kernel.params);
  const words = new Uint32Array(params);
  const sizes = (kernel as AnyKernel).tuneBy?.map((name) => {
    const value = words[fields.indexOf(name)]!;
    return `${name} ${value <= 1 ? value : 2 ** Math.ceil(Math.log2(value))}`;
  });
  return [...names, ...sizes ?? []].join(", ");
}

/** The file for an adapter, as far as WebGPU tells adapters and drivers apart; undefined where none may be kept. */
function tuningFile({ info }: Device): string | undefined {
  const folder = cacheFolder();
  if (folder === undefined) return undefined;
  const { vendor, architecture, device, description } = info;
  const name = [vendor, architecture, device, description, `deno ${Deno.version.deno}`].filter(Boolean).join(
    " ",
  );
  const file = join(folder, "tuning", `${name.replaceAll(/[^A-Za-z0-9.]+/g, "-").toLowerCase()}.json`);
  const granted = (["read", "write"] as const).every((right) =>
    Deno.permissions.querySync({ name: right, path: file }).state === "granted"
  );
  return granted ? file : undefined;
}

/** What a file remembers: nothing if it is not there or not a file of ours, as everything can be measured again. */
function read(file: string): Map<string, string> {
  try {
    const entries = Object.entries(JSON.parse(Deno.readTextFileSync(file)));
    return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return new Map();
  }
}

/** Writes beside the file and renames, so that nobody reads half of it; a full disk is no reason to stop. */
function write(file: string, fastest: ReadonlyMap<string, string>): void {
  const temporary = `${file}.${crypto.randomUUID()}`;
  try {
    Deno.mkdirSync(join(file, ".."), { recursive: true });
    Deno.writeTextFileSync(temporary, JSON.stringify(Object.fromEntries(fastest), null, 2));
    Deno.renameSync(temporary, file);
  } catch {
    // It will be measured again.
  }
}
