// Layer 1: the bind groups of a plan. Steps of a loop bind the same memory: the same tensors at other offsets, or tensors
// that follow each other in the same buffer. So they share one.

import type { Device } from "./device.ts";
import type { Storage } from "./tensor.ts";

/** Bind groups, each built once for its layout and memory. */
export class BindGroups {
  #groups = new Map<string, GPUBindGroup>();
  #ids = new Map<object, number>();

  /** No groups yet. */
  constructor(readonly device: Device) {}

  /** The group that gives a kernel of this layout these storages. */
  get(layout: GPUBindGroupLayout, storages: readonly Storage[]): GPUBindGroup {
    const memory = storages.map(({ buffer, byteOffset, byteSize }) =>
      `${this.#id(buffer!)}:${byteOffset}:${byteSize}`
    );
    const key = [this.#id(layout), ...memory].join(" ");
    let group = this.#groups.get(key);
    if (!group) {
      const entries = storages.map(({ buffer, byteOffset, byteSize }, binding) => ({
        binding,
        resource: { buffer: buffer!, offset: byteOffset, size: Math.max(4, byteSize) },
      }));
      this.#groups.set(key, group = this.device.createBindGroup(layout, entries));
    }
    return group;
  }

  #id(part: object): number {
    let id = this.#ids.get(part);
    if (id === undefined) this.#ids.set(part, id = this.#ids.size);
    return id;
  }
}
