// Layer 1: one WebGPU device, opened with everything its adapter offers. All buffers, bind groups and pipelines are
// made here, so that they can be counted, and every error that WebGPU would swallow comes out here.

import { Allocations, type BufferCount, defaultBudget } from "./allocations.ts";
import {
  describe,
  grantedFeatures,
  isSoftware,
  ownLimits,
  type Profile,
  profileOf,
  subgroupDirective,
  WANTED_FEATURES,
} from "./capabilities.ts";
import { AdapterNotFoundError } from "./errors.ts";
import { Failure, refused } from "./failure.ts";
import { checkBufferSize } from "./limits.ts";

export type { BufferCount } from "./allocations.ts";
export type { Profile } from "./capabilities.ts";
export { AdapterNotFoundError, DeviceLostError } from "./errors.ts";

/** What can be asked of {@linkcode openDevice}. */
export interface DeviceOptions {
  /** Which adapter to take where a machine has two. Defaults to `"high-performance"`. */
  readonly adapter?: GPUPowerPreference;
  /** Overrides the choice of kernel variants; for tests and benches. */
  readonly profile?: Profile;
  /**
   * The most bytes of GPU memory to allocate, all buffers together. By default three quarters of the memory that the system
   * has available, on a software adapter and with the permission to ask; on hardware what the driver gives.
   */
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
 * @throws {Error} If the adapter does not open.
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
  const gpu = await open(WANTED_FEATURES).catch(async () => await open(await grantedFeatures(request)))
    .catch(({ message }: Error) => {
      throw new Error(
        `Cannot open the GPU ${adapter.info.description}: ${message}. Update its driver, or close programs that use it.`,
      );
    });
  try {
    const directive = gpu.features.has("subgroups") ? await subgroupDirective(gpu) : undefined;
    return new Device(adapter, gpu, directive, options);
  } catch (error) {
    gpu.destroy();
    throw error;
  }
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

  #allocations: Allocations;
  #created = { buffers: 0, bindGroups: 0, pipelines: 0, shaderModules: 0 };
  #failure: Failure;
  #closed = false;

  /** Made by {@linkcode openDevice}. */
  constructor(adapter: GPUAdapter, gpu: GPUDevice, directive: string | undefined, options: DeviceOptions) {
    this.gpu = gpu;
    this.info = adapter.info;
    this.limits = gpu.limits;
    this.features = new Set<string>(gpu.features as Iterable<string>);
    this.subgroupDirective = directive;
    this.software = isSoftware(this.info);
    this.profile = profileOf(this, options.profile);
    this.#allocations = new Allocations(options.memoryBudget ?? defaultBudget(this.software));
    this.tuning = options.tuning ?? true;
    this.#failure = new Failure(gpu);
  }

  /** The adapter in words, such as `llvmpipe (LLVM 15.0.6, 256 bits), software, subgroups of 8`. */
  get description(): string {
    return describe(this);
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
    return this.#allocations.count;
  }

  /** The most bytes that all buffers together may take; infinite if only the driver sets a limit. */
  get memoryBudget(): number {
    return this.#allocations.budget;
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
    checkBufferSize(this.limits, label, size);
    this.checkBudget(label, size);
    const buffer = this.gpu.createBuffer({ label, size, usage });
    this.#allocations.add(buffer, size);
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
   * @param remedy What would make it less.
   * @throws {RangeError} If the memory budget does not allow it.
   */
  checkBudget(label: string, size: number, remedy = "Use a smaller batch, hidden size or vocabulary"): void {
    this.#allocations.check(label, size, remedy);
  }

  /** Whether so much more memory may be taken. */
  affords(size: number): boolean {
    return this.#allocations.affords(size);
  }

  /** Destroys a buffer made by {@linkcode createBuffer}. */
  destroyBuffer(buffer: GPUBuffer): void {
    this.#allocations.destroy(buffer);
  }

  /**
   * Throws the error that stopped the device, if one did.
   *
   * @throws {DeviceLostError} If it is gone.
   */
  check(): void {
    this.#failure.check();
  }

  /**
   * Waits for a promise of WebGPU's, or fails with the device: after a loss some promises never settle.
   *
   * @throws {DeviceLostError} If the device is gone.
   */
  settled<T>(promise: Promise<T>): Promise<T> {
    return this.#failure.settled(promise);
  }

  /**
   * Creates buffers, bind groups and their like, and waits for what WebGPU says of them: that the GPU's memory is full, for
   * one thing. Such an error is thrown here, and stops nothing else.
   *
   * @param what What is created, in words that follow "Cannot create".
   * @param create Must not wait for anything.
   * @throws {Error} If WebGPU refuses something of it.
   */
  async refusable(what: string, create: () => void): Promise<void> {
    const filters = ["validation", "out-of-memory", "internal"] as const;
    for (const filter of filters) this.gpu.pushErrorScope(filter);
    let errors: Promise<(GPUError | null)[]>;
    try {
      create();
    } finally {
      errors = Promise.all(filters.map(() => this.gpu.popErrorScope()));
    }
    const error = (await this.settled(errors)).find((error) => error !== null);
    if (error) throw refused(error, `cannot create ${what}`, this.bufferCount);
  }

  /** Destroys all buffers and the device. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#failure.end(new Error("Cannot use the device: it has been closed."));
    this.#allocations.close();
    this.gpu.destroy();
  }
}
