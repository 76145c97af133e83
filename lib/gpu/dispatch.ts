// Layer 1: one recorded run of a kernel, the element of a tape.

import type { Access, AnyKernel, ParameterType, Workgroups } from "./kernel.ts";
import type { Storage, Tensor } from "./tensor.ts";

/** One recorded kernel run. */
export interface Dispatch {
  /** What runs. */
  readonly kernel: AnyKernel;
  /** The memory of each binding, in binding order. */
  readonly storages: readonly Storage[];
  /** The contents of `Params`. */
  readonly params: ArrayBuffer;
  /** How many workgroups. */
  readonly workgroups: Workgroups;
  /** The bytes of all tensors that are given to be read, and of all that are given to be written. */
  readonly bytes: number;
  /** Kernels that would do the same; which one is the fastest, a plan finds out. */
  readonly alternatives: readonly Alternative[];
}

/** Another kernel for the same bindings and parameters. */
export interface Alternative {
  /** What runs. */
  readonly kernel: AnyKernel;
  /** How many workgroups. */
  readonly workgroups: Workgroups;
}

/** Puts looks at the operands of each kernel run around it. */
export interface Watch {
  /**
   * Tells what to record for a kernel run.
   *
   * @param dispatch The run.
   * @param tensors Its operands, in binding order.
   * @returns The run, among others that do not change what it computes.
   */
  around(dispatch: Dispatch, tensors: readonly Tensor[]): readonly Dispatch[];
}

/** WebGPU forbids a buffer that is read-only and writable in one dispatch. */
export function refuseAliases(kernel: AnyKernel, storages: readonly Storage[]): void {
  const accesses = Object.values(kernel.bindings) as Access[];
  storages.forEach((storage, index) => {
    const other = storages.indexOf(storage);
    if (other !== index && (accesses[index] !== "read" || accesses[other] !== "read")) {
      const names = Object.keys(kernel.bindings);
      throw new TypeError(
        `Cannot bind "${storage.label}" twice to "${kernel.label}": "${names[other]}" and "${
          names[index]
        }" are ` +
          "the same memory, and one of them is written.",
      );
    }
  });
}

/** Lays out the parameters as WGSL does a struct of four-byte scalars. */
export function pack(kernel: AnyKernel, values: Record<string, number>): ArrayBuffer {
  const entries = Object.entries(kernel.params) as [string, ParameterType][];
  const view = new DataView(new ArrayBuffer(entries.length * 4));
  entries.forEach(([name, type], index) => {
    // What is filled in for another entry point's bindings stays 0 for this one's.
    const value = values[name] ?? (/^accumulate_|_offset$|_stride$/.test(name) ? 0 : NaN);
    if (Number.isNaN(value)) {
      throw new TypeError(`Cannot run "${kernel.label}": its parameter "${name}" is ${value}.`);
    }
    if (type === "f32") view.setFloat32(index * 4, value, true);
    else if (type === "u32") view.setUint32(index * 4, value, true);
    else view.setInt32(index * 4, value, true);
  });
  return view.buffer;
}
