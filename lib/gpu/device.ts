// Layer 1: one WebGPU device, opened with everything its adapter offers. All buffers, bind groups and pipelines are
// made here, so that they can be counted, and every error that WebGPU would swallow comes out here.

import {
  grantedFeatures,
  INTEGERS_OF_64_BITS,
  ownLimits,
  subgroupDirective,
  WANTED_FEATURES,
} from "./capabilities.ts";

/** Thrown when the machine has no WebGPU adapter at all. */
export class AdapterNotFoundError extends Error {
  /** The name of the class. */
  override name = "AdapterNotFoundError";
}

/** The kernel variants an adapter is given: `cpu8` for software adapters with eight-wide subgroups and 64-bit integers. */
export type Profile = "cpu8" | "gpu";

/** What can be asked of {@linkcode openDevice}. */
export interface DeviceOptions {
  /** Which adapter to take where a machine has two. Defaults to `"high-performance"`. */
  readonly adapter?: GPUPowerPreference;
  /** Overrides the choice of kernel variants; for tests and benches. */
  readonly profile?: Profile;
  /** The most bytes of GPU memory to allocate, all buffers together. Defaults to no limit of our own. */
  readonly memoryBudget?: number;
  /**
   * Whether to measure which of several kernels is the fastest, once for each adapter and class of sizes; the results
   * are kept in the cache folder where that may be written. Defaults to true. Changes no result of a kernel.
   */
  readonly tuning?: boolean;
}

/**
 * Opens the GPU that this machine has.
 *
 * Takes the adapter's own limits rather than WebGPU's small defaults, and every feature that the kernels can
 * use. On a machine without a GPU this is Mesa's software adapter "llvmpipe", where it is installed.
 *
 * @param options Which adapter, which kernel variants, how much memory.
 * @returns A device; close it with {@linkcode Device.close}.
 * @throws {AdapterNotFoundError} If there is no adapter; the message says what to install.
 *
 * @example Print the adapter
 * ```ts
 * import { openDevice } from "../../mod.ts";
 *
 * const device = await openDevice();
 * console.log(device.description);
 * device.close();
 * ```
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  const request = () =>
    navigator.gpu?.requestAdapter({ powerPreference: options.adapter ?? "high-performance" }) ?? null;
  const adapter = await request();
  if (adapter === null) {
    throw new AdapterNotFoundError(
      "Cannot open a GPU: this machine has no WebGPU adapter. Install a graphics driver with Vulkan, Metal or " +
        "Direct3D 12 support, or a software one: `deno run -P=repair mod.ts doctor --fix` does it on Debian and Ubuntu.",
    );
  }
  const open = (features: readonly string[]) =>
    adapter.requestDevice({
      label: "attend",
      requiredFeatures: features as GPUFeatureName[],
      requiredLimits: ownLimits(adapter),
    });
  // All at once where it can: a device that is only opened to find something out keeps ten megabytes, destroyed or not,
  // until the garbage collector comes by.
  const gpu = await open(WANTED_FEATURES).catch(async () => await open(await grantedFeatures(request)));
  try {
    const directive = gpu.features.has("subgroups") ? await subgroupDirective(gpu) : undefined;
    return new Device(adapter, gpu, directive, options);
  } catch (error) {
    gpu.destroy();
    throw error;
  }
}

/** Buffers in use, for leak tests and memory reports. */
export interface BufferCount {
  /** Buffers created and not yet destroyed. */
  readonly buffers: number;
  /** Their size in bytes. */
  readonly bytes: number;
}

/** What a device has made since it was opened, destroyed or not: a training loop must not move these counts. */
export interface CreatedCount {
  /** Buffers. */
  readonly buffers: number;
  /** Bind groups. */
  readonly bindGroups: number;
  /** Compute pipelines. */
  readonly pipelines: number;
  /** Shader modules. */
  readonly shaderModules: number;
}

/** An open GPU: made by {@linkcode openDevice}. */
export class Device {
  /** The WebGPU device itself. */
  readonly gpu: GPUDevice;
  /** The adapter's own words about itself. */
  readonly info: GPUAdapterInfo;
  /** The limits in force. */
  readonly limits: GPUSupportedLimits;
  /** The features in force. */
  readonly features: ReadonlySet<string>;
  /** Which kernel variants run here. */
  readonly profile: Profile;
  /** What a WGSL text must begin with to use subgroups; undefined where there are none. */
  readonly subgroupDirective: string | undefined;
  /** Whether the adapter is a program on the CPU and no hardware. */
  readonly software: boolean;
  /** Whether kernels may be measured. */
  readonly tuning: boolean;

  #memoryBudget: number;
  #alive = new Map<GPUBuffer, number>();
  #bytes = 0;
  #created = { buffers: 0, bindGroups: 0, pipelines: 0, shaderModules: 0 };
  #failure: Error | undefined;
  #waiting = new Set<(reason: Error) => void>();
  #closed = false;

  /** Made by {@linkcode openDevice}. */
  constructor(adapter: GPUAdapter, gpu: GPUDevice, directive: string | undefined, options: DeviceOptions) {
    this.gpu = gpu;
    this.info = adapter.info;
    this.limits = gpu.limits;
    this.features = new Set<string>(gpu.features as Iterable<string>);
    this.subgroupDirective = directive;
    this.software = adapter.info.isFallbackAdapter ||
      /llvmpipe|swiftshader|warp/i.test(adapter.info.description);
    const { subgroupMinSize, subgroupMaxSize } = adapter.info;
    const eightWide = directive !== undefined && subgroupMinSize === 8 && subgroupMaxSize === 8;
    const longIntegers = this.features.has(INTEGERS_OF_64_BITS);
    this.profile = options.profile ?? (this.software && eightWide && longIntegers ? "cpu8" : "gpu");
    if (this.profile === "cpu8" && !(eightWide && longIntegers)) {
      throw new RangeError(
        `Cannot use the profile "cpu8": subgroups of 8 and 64-bit integers are needed, and this adapter has subgroups of ` +
          `${subgroupMinSize ?? "?"} to ${subgroupMaxSize ?? "?"}, and ${
            longIntegers ? "such" : "no such"
          } ` +
          "integers. Leave the profile out.",
      );
    }
    this.#memoryBudget = options.memoryBudget ?? Infinity;
    this.tuning = options.tuning ?? true;
    gpu.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.#fail(new Error(`The GPU refused a command: ${error.message}`));
    });
    gpu.lost.then((info) => {
      if (!this.#closed) this.#fail(new Error(`The GPU was lost (${info.reason}): ${info.message}`));
    });
  }

  /** The adapter in words, such as `llvmpipe (LLVM 15.0.6, 256 bits), software, subgroups of 8`. */
  get description(): string {
    const { description, device, vendor, architecture, subgroupMinSize, subgroupMaxSize } = this.info;
    const name = description || device || [vendor, architecture].filter(Boolean).join(" ") ||
      "unnamed adapter";
    const parts = [name, this.software ? "software" : "hardware"];
    if (this.subgroupDirective !== undefined && subgroupMinSize) {
      const size = subgroupMinSize === subgroupMaxSize
        ? subgroupMinSize
        : `${subgroupMinSize}-${subgroupMaxSize}`;
      parts.push(`subgroups of ${size}`);
    }
    return parts.join(", ");
  }

  /**
   * About how many workgroups run at the same time: the processors of a software adapter; for hardware, which does
   * not tell, those of a large GPU.
   */
  get parallelism(): number {
    return this.software ? navigator.hardwareConcurrency : 128;
  }

  /** The buffers this device holds now. */
  get bufferCount(): BufferCount {
    return { buffers: this.#alive.size, bytes: this.#bytes };
  }

  /** What has been made here so far. */
  get created(): CreatedCount {
    return { ...this.#created };
  }

  /**
   * Creates a counted buffer.
   *
   * @param label What it is for; named in errors.
   * @param size Bytes.
   * @param usage WebGPU usage flags.
   * @throws {RangeError} If it is larger than the adapter or the memory budget allows.
   */
  createBuffer(label: string, size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.check();
    const { maxBufferSize } = this.limits;
    if (size > maxBufferSize) {
      throw new RangeError(
        `Cannot create the buffer "${label}" of ${size} bytes: this adapter's limit is ${maxBufferSize}. ` +
          "Use a smaller batch, hidden size or vocabulary.",
      );
    }
    this.checkBudget(label, size);
    const buffer = this.gpu.createBuffer({ label, size, usage });
    this.#alive.set(buffer, size);
    this.#bytes += size;
    this.#created.buffers++;
    return buffer;
  }

  /** Creates a counted bind group. */
  createBindGroup(layout: GPUBindGroupLayout, entries: GPUBindGroupEntry[]): GPUBindGroup {
    this.#created.bindGroups++;
    return this.gpu.createBindGroup({ layout, entries });
  }

  /** Creates a counted shader module; errors go to the error scope or come with the pipeline. */
  createShaderModule(label: string, code: string): GPUShaderModule {
    this.#created.shaderModules++;
    return this.gpu.createShaderModule({ label, code });
  }

  /** Creates a counted pipeline. */
  createPipeline(descriptor: GPUComputePipelineDescriptor): Promise<GPUComputePipeline> {
    this.#created.pipelines++;
    return this.gpu.createComputePipelineAsync(descriptor);
  }

  /**
   * Asks whether so much more memory may be taken, before any of it is.
   *
   * @throws {RangeError} If the memory budget does not allow it.
   */
  checkBudget(label: string, size: number): void {
    if (this.affords(size)) return;
    throw new RangeError(
      `Cannot allocate ${size} bytes for "${label}": ${this.#bytes} of the memory budget of ` +
        `${this.#memoryBudget} bytes are in use. Use a smaller batch or raise the budget.`,
    );
  }

  /** Whether so much more memory may be taken. */
  affords(size: number): boolean {
    return this.#bytes + size <= this.#memoryBudget;
  }

  /** Destroys a buffer made by {@linkcode createBuffer}. */
  destroyBuffer(buffer: GPUBuffer): void {
    this.#bytes -= this.#alive.get(buffer) ?? 0;
    this.#alive.delete(buffer);
    buffer.destroy();
  }

  /** Throws the error that stopped the device, if one did. */
  check(): void {
    if (this.#failure) throw this.#failure;
    if (this.#closed) throw new Error("Cannot use the device: it has been closed.");
  }

  /** Waits for a promise of WebGPU's, or fails with the device: after a loss some promises never settle. */
  settled<T>(promise: Promise<T>): Promise<T> {
    this.check();
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      promise.then(resolve, (error) => reject(this.#failure ?? error))
        .finally(() => this.#waiting.delete(reject));
    });
  }

  /** Destroys all buffers and the device. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const buffer of this.#alive.keys()) buffer.destroy();
    this.#alive.clear();
    this.#bytes = 0;
    this.gpu.destroy();
  }

  /** Remembers the first error, and hands it to whoever waits, or to nobody's handler, which ends the program. */
  #fail(error: Error): void {
    this.#failure ??= error;
    if (this.#waiting.size === 0) reportError(error);
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}
