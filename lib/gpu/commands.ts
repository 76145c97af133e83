// Layer 1: the kernel runs of a plan, laid out so that encoding them again allocates nothing.

/** One kernel run, ready to encode. */
export interface Command {
  /** What runs. */
  readonly pipeline: GPUComputePipeline;
  /** Its buffers. */
  readonly group: GPUBindGroup;
  /** Where its parameters stand in the parameters' buffer, in bytes. */
  readonly paramsOffset: number;
  /** How many workgroups. */
  readonly workgroups: readonly [number, number?, number?];
}

/** A list of kernel runs that is encoded again and again. */
export class Commands {
  #pipelines: GPUComputePipeline[];
  #groups: GPUBindGroup[];
  #paramsGroup: GPUBindGroup;
  /** A view into this spares Deno a conversion a run: a third of the time that encoding takes. */
  #paramsOffsets: Uint32Array<ArrayBuffer>;
  #workgroups: Uint32Array;

  /** Keeps the runs; `paramsGroup` is group 1, with one dynamic offset. */
  constructor(paramsGroup: GPUBindGroup, commands: readonly Command[]) {
    this.#paramsGroup = paramsGroup;
    this.#pipelines = commands.map(({ pipeline }) => pipeline);
    this.#groups = commands.map(({ group }) => group);
    this.#paramsOffsets = Uint32Array.from(commands, ({ paramsOffset }) => paramsOffset);
    this.#workgroups = Uint32Array.from(commands.flatMap(({ workgroups: [x, y = 1, z = 1] }) => [x, y, z]));
  }

  /** The number of runs. */
  get count(): number {
    return this.#pipelines.length;
  }

  /** Encodes the runs `start` to `end` into an open pass, in order. */
  encode(pass: GPUComputePassEncoder, start = 0, end: number = this.count): void {
    let pipeline: GPUComputePipeline | undefined;
    let group: GPUBindGroup | undefined;
    for (let i = start; i < end; i++) {
      if (this.#pipelines[i] !== pipeline) pass.setPipeline(pipeline = this.#pipelines[i]!);
      if (this.#groups[i] !== group) pass.setBindGroup(0, group = this.#groups[i]!);
      pass.setBindGroup(1, this.#paramsGroup, this.#paramsOffsets, i, 1);
      const [w, workgroups] = [3 * i, this.#workgroups];
      pass.dispatchWorkgroups(workgroups[w]!, workgroups[w + 1]!, workgroups[w + 2]!);
    }
  }
}
