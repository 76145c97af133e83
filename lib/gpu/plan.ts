// Layer 1: a plan is a tape made ready: pipelines compiled, buffers given out, bind groups built. Running it
// re-encodes the list of dispatches in one pass and one submit; nothing is created and nothing is awaited.

import { BindGroups } from "./bind_groups.ts";
import { Commands } from "./commands.ts";
import type { Device } from "./device.ts";
import type { Dispatch } from "./dispatch.ts";
import { type AnyKernel, type Pipeline, PipelineCache } from "./kernel.ts";
import { type KernelTime, type KernelTimeOptions, timeKernels } from "./kernel_times.ts";
import { BufferPool, type MemoryLayout } from "./memory.ts";
import { readTensors } from "./readback.ts";
import type { Tape } from "./tape.ts";
import type { Storage, Tensor } from "./tensor.ts";
import { Tuning } from "./tuning.ts";
import { turn } from "./turn.ts";

/** Values for the inputs of a plan, by name. */
export type PlanInputs = Readonly<Record<string, Uint32Array | Float32Array>>;

/** Every buffer binding begins at a multiple of this many bytes: the largest alignment that WebGPU may ask for. */
export const ALIGNMENT = 256;

/** Rounds a number of bytes up to {@linkcode ALIGNMENT}. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Kernels ready to run, for one shape of batch. */
export class Plan {
  #commands: Commands | undefined;
  #dispatches: readonly Dispatch[] = [];
  #params: GPUBuffer | undefined;
  #paramsGroup: GPUBindGroup | undefined;
  #inputs: GPUBuffer | undefined;
  #staging = new ArrayBuffer(0);
  /** Where in the staging memory each input is written. */
  #views = new Map<Storage, Uint32Array | Float32Array>();
  #kept: GPUBuffer[] = [];
  #pool: BufferPool | undefined;

  private constructor(readonly device: Device, readonly tape: Tape, readonly memory: MemoryLayout) {}

  /**
   * Makes a tape ready to run.
   *
   * @param tape A finished recording.
   * @param shared The buffers for its activations, shared with other plans; by default its own.
   * @param memory Where in the pool, if it has been laid out already.
   * @throws {SyntaxError} If a kernel does not compile.
   * @throws {RangeError} If the adapter or the memory budget has no room for it; nothing is allocated then.
   * @throws {Error} If the GPU's memory is full; what was allocated is freed.
   */
  static async compile(tape: Tape, shared?: BufferPool, memory?: MemoryLayout): Promise<Plan> {
    const pool = shared ?? new BufferPool(tape.device);
    const plan = new Plan(tape.device, tape, memory ?? pool.layout(tape.dispatches));
    if (!shared) plan.#pool = pool;
    const before = pool.created;
    try {
      await plan.#prepare(pool);
      return plan;
    } catch (error) {
      plan.close();
      pool.shrink(before);
      throw error;
    }
  }

  /** The bytes that a plan takes besides those of its pool. */
  static bytesOf(tape: Tape): number {
    const { stride } = paramsLayout(tape);
    const sizes = [
      ...inputsOf(tape).map(({ byteSize }) => aligned(byteSize)),
      ...keptBy(tape).map(({ byteSize }) => Math.max(4, byteSize)),
      ...tape.dispatches.map(() => stride),
    ];
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Compiles the kernels, and takes the memory if there is room for all of it. */
  async #prepare(pool: BufferPool): Promise<void> {
    const { device, tape, memory } = this;
    device.checkBudget("activations, inputs and results", pool.missing + Plan.bytesOf(tape));
    const dispatches = this.#dispatches = await Tuning.of(device).choose(tape.dispatches);
    const cache = PipelineCache.of(device);
    const pipelines = new Map<AnyKernel, Pipeline>();
    for (const { kernel } of dispatches) {
      if (!pipelines.has(kernel)) pipelines.set(kernel, await cache.get(kernel));
    }
    await turn();
    await device.refusable(`the buffers of a plan of ${dispatches.length} kernels`, () => {
      pool.allocate(memory);
      this.#allocate();
      const groups = new BindGroups(device);
      const stride = this.#writeParams(cache);
      const commands = dispatches.map(({ kernel, storages, workgroups }, index) => {
        const { pipeline, layout } = pipelines.get(kernel)!;
        return { pipeline, group: groups.get(layout, storages), paramsOffset: index * stride, workgroups };
      });
      this.#commands = new Commands(this.#paramsGroup!, commands);
    });
  }

  /** The number of kernel runs in one run of the plan. */
  get dispatches(): number {
    return this.#dispatches.length;
  }

  /** The bytes that belong to the plan alone; none after it has been closed. */
  get bytes(): number {
    return this.#own.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Writes the inputs and starts the kernels, without waiting for either.
   *
   * @param inputs A value for each of the tape's inputs, of its size.
   * @param end How many of the kernels to run, from the first one on; all of them by default.
   * @throws {TypeError} If one is missing, unknown or of another size.
   */
  run(inputs: PlanInputs = {}, end: number = this.dispatches): void {
    this.device.check();
    this.#write(inputs);
    this.runPart(0, end);
  }

  /**
   * Starts the kernels `start` to `end`, without waiting: what {@linkcode run} has left out, so that what the host reads
   * in between can end a run early. Until the last part no other plan that shares the pool may run.
   */
  runPart(start: number, end: number): void {
    this.#submit((pass) => this.#ready.encode(pass, start, end));
  }

  /**
   * Starts the kernels so many times over in one submit, with the inputs of the run before, without waiting: a submit takes
   * the host a tenth of a millisecond, longer than a GPU needs for a small kernel.
   */
  repeat(times: number): void {
    this.#submit((pass) => {
      for (let time = 0; time < times; time++) this.#ready.encode(pass);
    });
  }

  /**
   * Waits for the runs so far and copies tensors to the host: kept ones, parameters and their like.
   *
   * @returns For each tensor its elements, dense.
   */
  read(...tensors: Tensor[]): Promise<(Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>)[]> {
    return readTensors(this.device, tensors);
  }

  /**
   * Measures what each kernel costs, one after the other.
   *
   * @param inputs As for {@linkcode run}.
   * @param options By which clock; by the host's, what the plan writes is nonsense afterwards.
   * @returns The kernels, slowest first.
   * @throws {TypeError} If the GPU's clock is asked for and the adapter has no `timestamp-query`.
   */
  async profile(inputs: PlanInputs = {}, options: KernelTimeOptions = {}): Promise<KernelTime[]> {
    this.device.check();
    this.#write(inputs);
    return await timeKernels(this.device, this.#ready, this.#dispatches, options);
  }

  /** Frees what belongs to the plan alone; a pool that it shares stays. */
  close(): void {
    for (const buffer of this.#own) this.device.destroyBuffer(buffer);
    this.#params = this.#inputs = undefined;
    this.#kept = [];
    this.#pool?.close();
    this.#commands = undefined;
  }

  #submit(encode: (pass: GPUComputePassEncoder) => void): void {
    this.device.check();
    const { gpu } = this.device;
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  }

  get #own(): GPUBuffer[] {
    return [this.#params, this.#inputs, ...this.#kept].filter((buffer) => buffer !== undefined);
  }

  get #ready(): Commands {
    if (!this.#commands) throw new TypeError("Cannot run the plan: it has been closed.");
    return this.#commands;
  }

  /** Puts all inputs behind each other into one buffer, so that a run writes once; gives kept tensors theirs. */
  #allocate(): void {
    const inputs = inputsOf(this.tape);
    let size = 0;
    for (const storage of inputs) {
      storage.byteOffset = size;
      size += aligned(storage.byteSize);
    }
    this.#staging = new ArrayBuffer(size);
    for (const storage of inputs) {
      const View = storage.type === "u32" ? Uint32Array : Float32Array;
      this.#views.set(storage, new View(this.#staging, storage.byteOffset, storage.size));
    }
    if (size > 0) {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
      this.#inputs = this.device.createBuffer("inputs", size, usage);
      for (const storage of inputs) storage.buffer = this.#inputs;
    }
    for (const storage of keptBy(this.tape)) {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
      storage.buffer = this.device.createBuffer(storage.label, Math.max(4, storage.byteSize), usage);
      this.#kept.push(storage.buffer);
    }
  }

  /** Uploads the parameters of all dispatches, once; returns the distance between them in bytes. */
  #writeParams(cache: PipelineCache): number {
    const { gpu } = this.device;
    const { dispatches } = this.tape;
    const { size, stride } = paramsLayout(this.tape);
    const bytes = new Uint8Array(Math.max(1, dispatches.length) * stride);
    dispatches.forEach(({ params }, index) => bytes.set(new Uint8Array(params), index * stride));
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#params = this.device.createBuffer("parameters of kernels", bytes.length, usage);
    gpu.queue.writeBuffer(this.#params, 0, bytes);
    const entry = { binding: 0, resource: { buffer: this.#params, size } };
    this.#paramsGroup = this.device.createBindGroup(cache.paramsLayout, [entry]);
    return stride;
  }

  #write(values: PlanInputs): void {
    const { inputs, derived } = this.tape;
    for (const name of Object.keys(values)) {
      if (!inputs.has(name)) throw new TypeError(`Cannot run the plan: it has no input "${name}".`);
    }
    for (const [name, { storage }] of inputs) {
      const value = values[name];
      if (value?.length !== storage.size) {
        throw new TypeError(
          `Cannot run the plan: its input "${name}" takes ${storage.size} values, not ${
            value?.length ?? "none"
          }.`,
        );
      }
      this.#views.get(storage)!.set(value);
    }
    for (const { from, to, derive } of derived) {
      derive(this.#views.get(from) as Uint32Array, this.#views.get(to) as Uint32Array);
    }
    if (this.#inputs) this.device.gpu.queue.writeBuffer(this.#inputs, 0, this.#staging);
  }
}

/** The inputs of a tape, those that follow from others included. */
function inputsOf({ inputs, derived }: Tape): Storage[] {
  return [
    ...new Set([...[...inputs.values()].map(({ storage }) => storage), ...derived.map(({ to }) => to)]),
  ];
}

/** What the host can read after a run. */
function keptBy({ dispatches }: Tape): Storage[] {
  return [...new Set(dispatches.flatMap(({ storages }) => storages.filter(({ kind }) => kind === "kept")))];
}

/** How many bytes the parameters of a dispatch take, and how far they are apart. */
function paramsLayout({ device, dispatches }: Tape): { readonly size: number; readonly stride: number } {
  const largest = Math.max(16, ...new Set(dispatches.map(({ params }) => params.byteLength)));
  const size = Math.ceil(largest / 16) * 16;
  const alignment = device.limits.minUniformBufferOffsetAlignment;
  return { size, stride: Math.ceil(size / alignment) * alignment };
}
