// Layer 2: looks around every kernel of a tape, on the GPU, that find the one in which the first number is not finite. The
// looks are kernels of the tape themselves, so a run is still one submit, and memory that is shared is seen in time.

import source from "../../kernels/non_finite.wgsl" with { type: "text" };
import type { Device } from "../gpu/device.ts";
import { type Dispatch, pack, type Watch } from "../gpu/dispatch.ts";
import { WORKGROUP } from "../gpu/fill.ts";
import { type Access, defineKernel } from "../gpu/kernel.ts";
import { readTensors } from "../gpu/readback.ts";
import { persistent, type Tensor } from "../gpu/tensor.ts";

const kernel = defineKernel({
  name: "non_finite",
  source,
  entryPoint: "forward",
  bindings: { x: "read", records: "write" },
  params: {
    size: "u32",
    columns: "u32",
    parts: "u32",
    first_record: "u32",
    x_offset: "u32",
    x_stride: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ parts }) => [parts],
});

/** Elements that a workgroup looks at, unless that would be more than so many workgroups. */
const [SHARE, MOST_PARTS] = [4096, 64];

/** Records of a buffer, and the numbers in one; the number of looks is not known when the first is recorded. */
const [BLOCK, RECORD] = [4096, 4];

/** What a look has seen. */
export interface Sight {
  /** Elements that are NaN. */
  readonly nan: number;
  /** Elements that are infinite. */
  readonly infinite: number;
  /** The first of either among the tensor's elements; meaningless if there is none. */
  readonly first: number;
  /** The largest magnitude of the others. */
  readonly largest: number;
}

/** A tensor that a kernel was given. */
export interface Operand extends Sight {
  /** Its name in the kernel. */
  readonly binding: string;
  /** The tensor. */
  readonly tensor: Tensor;
}

/** A kernel that has written numbers that are not finite. */
export interface Anomaly {
  /** `file:entry point`. */
  readonly kernel: string;
  /** Which one it is in the step, from 1 on, looks not counted. */
  readonly number: number;
  /** What {@linkcode FiniteWatch.phase} said when it was recorded. */
  readonly phase: string;
  /** What it has written. */
  readonly output: Operand;
  /** What it was given to read, as far as that are floats. */
  readonly inputs: readonly Operand[];
}

/** A kernel run that is watched. */
interface Run {
  readonly kernel: string;
  readonly number: number;
  readonly phase: string;
  /** Its operands of floats. */
  readonly operands: readonly {
    readonly binding: string;
    readonly access: Access;
    readonly tensor: Tensor;
  }[];
}

/** A look at one operand of a run. */
interface Look {
  readonly run: Run;
  readonly binding: string;
  readonly tensor: Tensor;
  readonly after: boolean;
  /** Where among all dispatches of the tape it stands. */
  readonly position: number;
  /** Its first record. */
  readonly record: number;
  /** The number of its records. */
  readonly parts: number;
}

/**
 * Records looks at what the kernels of one tape write, at what they overwrite, and at what they read that no kernel wrote:
 * the option `watch` of a {@linkcode Tape}.
 */
export class FiniteWatch implements Watch {
  /** The part of the step that is being recorded. */
  phase = "forward pass";

  #looks: Look[] = [];
  #blocks: Tensor[] = [];
  #records = 0;
  #kernels = 0;
  #position = 0;

  /** Nothing seen yet. */
  constructor(readonly device: Device) {}

  /** The kernel runs so far, looks not counted. */
  get kernels(): number {
    return this.#kernels;
  }

  /** The bytes that the records take. */
  get bytes(): number {
    return this.#blocks.reduce((sum, { storage }) => sum + storage.byteSize, 0);
  }

  /** A kernel run among the looks at its operands. */
  around(dispatch: Dispatch, tensors: readonly Tensor[]): Dispatch[] {
    const operands = Object.entries(dispatch.kernel.bindings as Record<string, Access>)
      .map(([binding, access], index) => ({ binding, access, tensor: tensors[index]! }))
      .filter(({ tensor }) => tensor.storage.type === "f32" && tensor.size > 0);
    const run = {
      kernel: dispatch.kernel.label,
      number: ++this.#kernels,
      phase: this.phase,
      operands,
    };
    const overwritten = operands.filter(({ access, tensor }) =>
      access === "read_write" || (access === "read" && this.#isForeign(tensor))
    );
    const before = overwritten.map(({ binding, tensor }) => this.#look(run, binding, tensor, false));
    this.#position++;
    const written = operands.filter(({ access }) => access !== "read");
    return [
      ...before,
      dispatch,
      ...written.map(({ binding, tensor }) => this.#look(run, binding, tensor, true)),
    ];
  }

  /**
   * Waits for the run so far; returns the first kernel that wrote something that is not finite.
   *
   * @param end How many of the tape's dispatches have run.
   * @param lossScale In half precision, the loss scale. Where that is above 1, gradients may overflow because of it, so only
   *   what is no gradient counts.
   */
  async find(end: number, lossScale?: Tensor): Promise<Anomaly | undefined> {
    const records = await readTensors(this.device, this.#blocks) as Uint32Array[];
    const seen = this.#looks.filter(({ position }) => position < end)
      .map((look) => ({ ...look, ...sightOf(look, records) }));
    const scaled = lossScale !== undefined &&
      seen.some(({ tensor, largest }) => sameView(tensor, lossScale) && largest > 1);
    const found = seen.find(({ run, binding, tensor, after, nan, infinite }, index) => {
      if (!after || nan + infinite === 0) return false;
      if (scaled && (tensor.storage.isGradient || run.phase !== "forward pass")) return false;
      // What is overwritten may have been undefined in part.
      const before = seen.slice(0, index).findLast((other) => other.run === run && other.binding === binding);
      return nan + infinite > (before ? before.nan + before.infinite : 0);
    });
    if (!found) return undefined;
    const { run, ...output } = found;
    const earlier = seen.slice(0, seen.indexOf(found)).filter(({ after, run }) =>
      !after || run !== found.run
    );
    const inputs = run.operands.filter(({ access }) => access === "read" || access === "read_write")
      .map(({ binding, tensor }) => ({
        ...earlier.findLast((look) => sameView(look.tensor, tensor)) ??
          together(earlier.filter((look) => overlap(look.tensor, tensor))),
        binding,
        tensor,
      }));
    return { kernel: run.kernel, number: run.number, phase: run.phase, output, inputs };
  }

  /** Frees the records. */
  close(): void {
    for (const { storage } of this.#blocks) this.device.destroyBuffer(storage.buffer!);
    this.#blocks = [];
  }

  /** Whether no kernel of the tape wrote it, and nobody has looked at it yet. */
  #isForeign(tensor: Tensor): boolean {
    const { kind } = tensor.storage;
    const known = (look: Look) => (look.after ? overlap : sameView)(look.tensor, tensor);
    return (kind === "bound" || kind === "input") && !this.#looks.some(known);
  }

  #look(run: Run, binding: string, tensor: Tensor, after: boolean): Dispatch {
    const { storage, size, columns, offset, stride } = tensor;
    const parts = Math.min(MOST_PARTS, Math.ceil(size / SHARE));
    if (this.#records % BLOCK + parts > BLOCK) this.#records = BLOCK * this.#blocks.length;
    if (this.#records === BLOCK * this.#blocks.length) {
      this.#blocks.push(persistent(this.device, [BLOCK, RECORD], "what was seen of a step", "u32"));
    }
    const record = this.#records;
    this.#records += parts;
    this.#looks.push({ run, binding, tensor, after, position: this.#position++, record, parts });
    const views = { x_offset: offset, x_stride: stride };
    return {
      kernel,
      storages: [storage, this.#blocks.at(-1)!.storage],
      params: pack(kernel, { size, columns, parts, first_record: record % BLOCK, ...views }),
      workgroups: kernel.workgroups({ size, columns, parts, first_record: 0 }),
      bytes: 4 * (size + RECORD * parts),
      alternatives: [],
    };
  }
}

/** Puts the records of a look together. */
function sightOf({ record, parts }: Look, blocks: readonly Uint32Array[]): Sight {
  const start = record % BLOCK * RECORD;
  const numbers = blocks[Math.floor(record / BLOCK)]!.subarray(start, start + parts * RECORD);
  return together(Array.from({ length: parts }, (_, part) => {
    const [nan, infinite, first, bits] = numbers.subarray(part * RECORD) as unknown as number[];
    const [largest] = new Float32Array(Uint32Array.of(bits!).buffer);
    return { nan: nan!, infinite: infinite!, first: first!, largest: largest! };
  }));
}

/** What several have seen of a tensor, each of a part. */
function together(sights: readonly Sight[]): Sight {
  return {
    nan: sights.reduce((sum, { nan }) => sum + nan, 0),
    infinite: sights.reduce((sum, { infinite }) => sum + infinite, 0),
    first: Math.min(...sights.map(({ first }) => first)),
    largest: Math.max(0, ...sights.map(({ largest }) => largest)),
  };
}

/** Whether two tensors are the same elements. */
function sameView(a: Tensor, b: Tensor): boolean {
  return a.storage === b.storage && a.offset === b.offset && a.size === b.size && a.stride === b.stride;
}

/** Whether two tensors may share elements. */
function overlap(a: Tensor, b: Tensor): boolean {
  return a.storage === b.storage && a.offset < endOf(b) && b.offset < endOf(a);
}

/** One past the last element of a view. */
function endOf({ offset, rows, stride, columns }: Tensor): number {
  return offset + (rows - 1) * stride + columns;
}
