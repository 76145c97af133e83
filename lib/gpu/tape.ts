// Layer 1: the tape records a model's kernels instead of running them: micrograd's closures, but each one
// writes down dispatches. What it holds in the end is a flat list that a plan can replay every step.

import type { Device } from "./device.ts";
import { type Dispatch, pack, refuseAliases, type Watch } from "./dispatch.ts";
import { fillKernel } from "./fill.ts";
import type { Access, AnyKernel, GivenParameters, Kernel, ParameterType } from "./kernel.ts";
import { checkDispatch, inLimits } from "./limits.ts";
import { Ranges } from "./ranges.ts";
import { type DataType, Storage, type StorageKind, Tensor } from "./tensor.ts";

/** An input that the host computes from another one whenever that one is written. */
export interface DerivedInput {
  /** The input it follows from. */
  readonly from: Storage;
  /** The input it fills. */
  readonly to: Storage;
  /** Fills `to` from the values of `from`. */
  readonly derive: (from: Uint32Array, to: Uint32Array) => void;
}

/** What a tape is for. */
export interface TapeOptions {
  /** Whether {@linkcode Tape.backward} will be called; decides whether closures are kept and dropout drops. */
  readonly training: boolean;
  /**
   * Half precision: products take their operands in 16 bits, and gradients of the loss are multiplied by this number
   * [1], so that they do not vanish there. The sums of the products, and everything else, stay in 32 bits.
   */
  readonly lossScale?: Tensor | undefined;
  /** Looks around every kernel, which find numbers that are not finite. */
  readonly watch?: Watch | undefined;
}

/** Records the kernels of one pass through a model for one shape of batch. */
export class Tape {
  /** Whether a backward pass will be recorded. */
  readonly training: boolean;
  /** In half precision what gradients are multiplied by, [1]. */
  readonly lossScale: Tensor | undefined;
  /** What looks around every kernel. */
  readonly watch: Watch | undefined;
  /** All kernel runs so far, in order. */
  readonly dispatches: Dispatch[] = [];
  /** The inputs by name. */
  readonly inputs: Map<string, Tensor> = new Map();
  /** The inputs that follow from others. */
  readonly derived: DerivedInput[] = [];

  #closures: (() => void)[] = [];
  #paused = false;
  #written = new Map<Storage, Ranges>();

  /**
   * Starts an empty tape for kernels of `device`'s profile.
   *
   * @throws {RangeError} If half precision is asked for and the adapter has none.
   */
  constructor(readonly device: Device, options: TapeOptions) {
    this.training = options.training;
    this.lossScale = options.lossScale;
    this.watch = options.watch;
    if (this.lossScale && !device.features.has("shader-f16")) {
      throw new RangeError(
        `Cannot record in half precision: the adapter ${device.description} has no 16-bit floats. Leave lossScale out.`,
      );
    }
  }

  /** A tensor for an intermediate result; its memory is shared with others that are not needed at the same time. */
  tensor(shape: readonly number[], label: string, type: DataType = "f32"): Tensor {
    return this.#tensor(shape, label, type, "activation");
  }

  /** A tensor that the host can read after a run. */
  kept(shape: readonly number[], label: string, type: DataType = "f32"): Tensor {
    return this.#tensor(shape, label, type, "kept");
  }

  /**
   * A tensor that the host writes before each run.
   *
   * @throws {TypeError} If the tape has another input of that name.
   */
  input(name: string, shape: readonly number[], type: DataType): Tensor {
    if (this.inputs.has(name)) {
      throw new TypeError(`Cannot record the input "${name}": there is one already.`);
    }
    const tensor = this.#tensor(shape, name, type, "input");
    this.inputs.set(name, tensor);
    return tensor;
  }

  /** The input of that name, recorded at the first call: for what several operations share, such as the step. */
  sharedInput(name: string, shape: readonly number[], type: DataType): Tensor {
    return this.inputs.get(name) ?? this.input(name, shape, type);
  }

  /** An input of `size` integers that `derive` computes on the host each time the input `from` is written. */
  derivedInput(from: Tensor, size: number, label: string, derive: DerivedInput["derive"]): Tensor {
    const tensor = this.#tensor([size], label, "u32", "input");
    this.derived.push({ from: from.storage, to: tensor.storage, derive });
    return tensor;
  }

  /** Records filling a tensor with one value. */
  fill(tensor: Tensor, value: number): void {
    this.dispatch(fillKernel, { x: tensor }, { size: tensor.size, value });
  }

  /**
   * Records one kernel run.
   *
   * @param kernels The kernel, declared with `defineKernel`, or several with the same bindings and parameters that
   *   compute the same, likely the fastest first.
   * @param bindings A tensor for each of its bindings. A view with an offset, or with rows that are apart, needs
   *   the kernel to have the parameter `<binding>_offset` or `<binding>_stride`, filled in here.
   *   Where the binding's name ends in `_saved`, that part of it does not count.
   * @param params Its parameters, without those that are filled in.
   * @throws {TypeError} If a tensor is read before it is written, is a view that the kernel cannot address, or is
   *   bound both for reading and writing.
   * @throws {RangeError} If the adapter cannot bind as much, or start as many workgroups.
   */
  dispatch<B extends Record<string, Access>, P extends Record<string, ParameterType>>(
    kernels: Kernel<B, P> | readonly Kernel<B, P>[],
    bindings: { readonly [K in keyof B]: Tensor },
    params: GivenParameters<P>,
  ): void {
    const [kernel, ...others] = (kernels instanceof Array ? kernels : [kernels]) as [Kernel<B, P>];
    const values: Record<string, number> = { ...params as Record<string, number> };
    const names = Object.keys(kernel.bindings);
    for (const name of names) this.#address(kernel, name, bindings[name]!, values);
    let bytes = 0;
    for (const name of names) {
      const access: Access = kernel.bindings[name]!;
      const added = this.#touch(kernel.label, access, bindings[name]!);
      values[`accumulate_${name}`] = added ? 1 : 0;
      bytes += 4 * bindings[name]!.size * (added || access === "read_write" ? 2 : 1);
    }
    const storages = names.map((name) => bindings[name]!.storage);
    refuseAliases(kernel, storages);
    const common = { storages, params: pack(kernel, values) };
    const withWorkgroups = (kernel: Kernel<B, P>) => ({ kernel, workgroups: kernel.workgroups(params) });
    const first = withWorkgroups(kernel);
    checkDispatch(this.device.limits, { ...first, ...common });
    const alternatives = (others as Kernel<B, P>[]).map(withWorkgroups)
      .filter(({ workgroups }) => inLimits(this.device.limits, workgroups));
    const dispatch: Dispatch = { ...first, ...common, bytes, alternatives };
    const tensors = names.map((name) => bindings[name]!);
    this.dispatches.push(...this.watch?.around(dispatch, tensors) ?? [dispatch]);
  }

  /** Keeps what to record in the backward pass; closures run in reverse order. Ignored when not training. */
  onBackward(record: () => void): void {
    if (this.training && !this.#paused) this.#closures.push(record);
  }

  /** Records operations whose results no gradient passes through, such as a choice of words. */
  withoutGradients<Result>(record: () => Result): Result {
    const before = this.#paused;
    this.#paused = true;
    try {
      return record();
    } finally {
      this.#paused = before;
    }
  }

  /**
   * Records the backward pass of everything recorded so far.
   *
   * @param parameters Tensors whose gradients must be complete afterwards, even if no kernel contributes.
   */
  backward(parameters: Iterable<Tensor> = []): void {
    while (this.#closures.length > 0) this.#closures.pop()!();
    for (const parameter of parameters) this.require(parameter.grad);
  }

  /** Sees to it that every element of a gradient is written: fills with zeros what no kernel contributed to. */
  require(tensor: Tensor): void {
    const written = this.#ranges(tensor.storage);
    const [start, end] = extent(tensor);
    for (const [from, to] of written.gaps(start, end)) {
      written.add(from, to);
      this.dispatch(fillKernel, { x: new Tensor(tensor.storage, [to - from], from) }, {
        size: to - from,
        value: 0,
      });
    }
  }

  #tensor(shape: readonly number[], label: string, type: DataType, kind: StorageKind): Tensor {
    const size = shape.reduce((product, length) => product * length, 1);
    return new Tensor(new Storage(label, size, type, kind), shape);
  }

  /** Fills in offset and stride, or refuses a view that the kernel would misread. */
  #address(kernel: AnyKernel, name: string, tensor: Tensor, values: Record<string, number>): void {
    const base = name.replace(/_saved$/, "");
    const refuse = (what: string, parameter: string): never => {
      throw new TypeError(
        `Cannot give "${kernel.label}" a view of "${tensor.label}" as "${name}": ${what}, and the kernel has no ` +
          `parameter "${parameter}".`,
      );
    };
    if (`${base}_offset` in kernel.params) values[`${base}_offset`] = tensor.offset;
    else if (tensor.offset !== 0) refuse(`it begins at ${tensor.offset}`, `${base}_offset`);
    if (`${base}_stride` in kernel.params) values[`${base}_stride`] = tensor.stride;
    else if (!tensor.contiguous) {
      refuse(`its rows are ${tensor.stride} apart`, `${base}_stride`);
    }
  }

  /** Keeps account of what is written; returns whether a gradient is to be added to. */
  #touch(label: string, access: Access, tensor: Tensor): boolean {
    const { storage } = tensor;
    if (storage.kind === "input" && access !== "read") {
      throw new TypeError(`Cannot let "${label}" write "${tensor.label}": it is an input.`);
    }
    const [start, end] = extent(tensor);
    const written = this.#ranges(storage);
    if (access === "read") {
      if (storage.isGradient) this.require(tensor);
      else if (
        mustBeWritten(storage) && stretches(tensor).some(([from, to]) => written.gaps(from, to).length > 0)
      ) {
        throw new TypeError(
          `Cannot let "${label}" read "${tensor.label}": nothing has written all of it yet.`,
        );
      }
      return false;
    }
    if (access !== "accumulate") {
      for (const [from, to] of stretches(tensor)) written.add(from, to);
      return false;
    }
    const gaps = written.gaps(start, end);
    const untouched = gaps.length === 1 && gaps[0]![0] === start && gaps[0]![1] === end;
    if (untouched && (tensor.contiguous || !storage.isGradient)) {
      for (const [from, to] of stretches(tensor)) written.add(from, to);
      return false;
    }
    this.require(tensor.contiguous ? tensor : new Tensor(storage, [storage.size]));
    return true;
  }

  #ranges(storage: Storage): Ranges {
    let ranges = this.#written.get(storage);
    if (!ranges) this.#written.set(storage, ranges = new Ranges());
    return ranges;
  }
}

/** The first element of a view and one past its last. */
function extent(tensor: Tensor): [number, number] {
  if (tensor.size === 0) return [tensor.offset, tensor.offset];
  return [tensor.offset, tensor.offset + (tensor.rows - 1) * tensor.stride + tensor.columns];
}

/** The elements of a view, as few stretches as possible: a block of columns leaves out what is beside it. */
function stretches(tensor: Tensor): [number, number][] {
  const { offset, rows, stride, columns, contiguous } = tensor;
  if (contiguous) return [extent(tensor)];
  return Array.from({ length: rows }, (_, row) => [offset + row * stride, offset + row * stride + columns]);
}

/** Whether reading a storage before a kernel of the tape has written it is a mistake. */
function mustBeWritten(storage: Storage): boolean {
  return storage.kind === "activation" || storage.kind === "kept";
}
