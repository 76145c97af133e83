// Layer 1: the parameters of a model in flat buffers of one layout: values, gradients and the optimizer's two
// moments. So zeroing is one clear, a norm one reduction, an Adam step one dispatch, a checkpoint one copy.

import type { Random } from "../random.ts";
import type { Device } from "./device.ts";
import { aligned } from "./plan.ts";
import { readTensors } from "./readback.ts";
import { persistent, Storage, Tensor } from "./tensor.ts";

/** Draws the first values of a parameter. */
export type Initializer = (random: Random, size: number) => Float32Array;

/** The four flat buffers, each as one tensor over all that is learned, gaps of the alignment included. */
export interface FlatParameters {
  /** The parameters themselves; behind those that are learned, the frozen ones. */
  readonly values: Tensor;
  /** The gradients of the loss. */
  readonly gradients: Tensor;
  /** The optimizer's running mean of the gradients. */
  readonly firstMoments: Tensor;
  /** The optimizer's running mean of their squares. */
  readonly secondMoments: Tensor;
}

interface Declared {
  readonly tensor: Tensor;
  readonly initializer: Initializer;
  readonly frozen: boolean;
}

/** What {@linkcode Parameters.declare} may be told of a parameter. */
export interface ParameterOptions {
  /** Whether training leaves it as it is; false by default. */
  readonly frozen?: boolean;
}

/** The named parameters of a model. Declare all of them, then {@linkcode Parameters.allocate} once. */
export class Parameters {
  #declared = new Map<string, Declared>();
  #flat: FlatParameters | undefined;

  /** No parameters yet. */
  constructor(readonly device: Device) {}

  /**
   * Declares a parameter.
   *
   * @param name Its path, such as `encoder.gru.weight_hh_l0`.
   * @param shape Its shape, as PyTorch has it.
   * @param initializer How its first values are drawn.
   * @param options Whether it is frozen: no gradient of it is kept, and no optimizer touches it.
   * @throws {TypeError} If there is one of that name, or everything is allocated already.
   */
  declare(
    name: string,
    shape: readonly number[],
    initializer: Initializer,
    options: ParameterOptions = {},
  ): Tensor {
    const { frozen = false } = options;
    if (this.#flat) throw new TypeError(`Cannot declare the parameter "${name}": the buffers exist already.`);
    if (this.#declared.has(name)) {
      throw new TypeError(`Cannot declare the parameter "${name}": it exists already.`);
    }
    const size = shape.reduce((product, length) => product * length, 1);
    const storage = new Storage(name, size, "f32", "bound");
    if (!frozen) storage.attachGradient(new Storage(`d ${name}`, size, "f32", "bound"));
    const tensor = new Tensor(storage, shape);
    this.#declared.set(name, { tensor, initializer, frozen });
    return tensor;
  }

  /** A view of these parameters that puts `prefix.` before every name. */
  scope(prefix: string): ParameterScope {
    return {
      declare: (name, ...rest) => this.declare(`${prefix}.${name}`, ...rest),
      scope: (name) => this.scope(`${prefix}.${name}`),
    };
  }

  /** All parameters by name, in the order of their declaration. */
  get tensors(): ReadonlyMap<string, Tensor> {
    return new Map([...this.#declared].map(([name, { tensor }]) => [name, tensor]));
  }

  /** Those that are learned, by name. */
  get trainable(): ReadonlyMap<string, Tensor> {
    return new Map(this.#select(false).map(([name, { tensor }]) => [name, tensor]));
  }

  /** How many numbers the parameters hold. */
  get count(): number {
    return this.trainableCount + sum(this.#select(true), ({ size }) => size);
  }

  /** How many of them are learned. */
  get trainableCount(): number {
    return sum(this.#select(false), ({ size }) => size);
  }

  /** The bytes of the four flat buffers. */
  get bytes(): number {
    return 4 * this.#bytes(false) + this.#bytes(true);
  }

  /** The flat buffers. */
  get flat(): FlatParameters {
    if (!this.#flat) throw new TypeError("Cannot use the parameters: they have not been allocated.");
    return this.#flat;
  }

  /**
   * Creates the buffers and draws the first values, parameter after parameter.
   *
   * @throws {RangeError} If the adapter or the memory budget does not allow them; then none is left behind.
   */
  allocate(random: Random): void {
    this.device.checkBudget("parameters", this.bytes);
    const { values, gradients } = this.#flat = this.#buffers();
    let offset = 0;
    for (const [, { tensor: { storage }, frozen }] of [...this.#select(false), ...this.#select(true)]) {
      storage.buffer = values.storage.buffer;
      storage.byteOffset = offset;
      if (!frozen) {
        storage.gradient!.buffer = gradients.storage.buffer;
        storage.gradient!.byteOffset = offset;
      }
      offset += aligned(storage.byteSize);
    }
    for (const { tensor, initializer } of this.#declared.values()) {
      this.#write(tensor, initializer(random, tensor.size));
    }
    this.#submit();
  }

  /**
   * Overwrites parameters, by name.
   *
   * @throws {TypeError} If a name is missing or unknown, or a shape differs.
   */
  load(
    tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
  ): void {
    for (const name of tensors.keys()) {
      if (!this.#declared.has(name)) {
        throw new TypeError(`Cannot load the parameter "${name}": the model has none of that name.`);
      }
    }
    for (const [name, { tensor }] of this.#declared) {
      const given = tensors.get(name);
      if (!given) throw new TypeError(`Cannot load the parameters: "${name}" is missing.`);
      if (String(given.shape) !== String(tensor.shape)) {
        throw new TypeError(
          `Cannot load "${name}" of shape [${given.shape}]: the model's is [${tensor.shape}].`,
        );
      }
    }
    for (const [name, { tensor }] of this.#declared) this.#write(tensor, tensors.get(name)!.data);
    this.#submit();
  }

  /**
   * Copies all parameters to the host.
   *
   * @param which Chooses their gradients or moments instead, or a tensor laid out like those; frozen ones have none.
   */
  async read(which: keyof FlatParameters | Tensor = "values"): Promise<Map<string, NamedArray>> {
    const [all] = await readTensors(this.device, [typeof which === "string" ? this.flat[which] : which]);
    const result = new Map<string, NamedArray>();
    for (const [name, { tensor: { storage, shape, size }, frozen }] of this.#declared) {
      if (frozen && which !== "values") continue;
      const start = storage.byteOffset / 4;
      result.set(name, { shape, data: all!.slice(start, start + size) as Float32Array<ArrayBuffer> });
    }
    return result;
  }

  /** Overwrites the optimizer's moments, or a tensor laid out like them, as {@linkcode read} returned them. */
  loadMoments(
    which: "firstMoments" | "secondMoments" | Tensor,
    moments: ReadonlyMap<string, NamedArray>,
  ): void {
    for (const [name, { data }] of moments) {
      const declared = this.#declared.get(name);
      if (declared?.tensor.size !== data.length || declared.frozen) {
        throw new TypeError(`Cannot load the moments of "${name}": the model's parameter differs.`);
      }
      const { buffer } = (typeof which === "string" ? this.flat[which] : which).storage;
      this.device.gpu.queue.writeBuffer(buffer!, declared.tensor.storage.byteOffset, data);
    }
  }

  /** Frees the buffers. */
  close(): void {
    if (!this.#flat) return;
    for (const { storage } of Object.values(this.#flat) as Tensor[]) {
      this.device.destroyBuffer(storage.buffer!);
    }
    this.#flat = undefined;
  }

  #select(frozen: boolean): [string, Declared][] {
    return [...this.#declared].filter(([, declared]) => declared.frozen === frozen);
  }

  /** What those that are frozen, or those that are not, take in one flat buffer. */
  #bytes(frozen: boolean): number {
    return sum(this.#select(frozen), ({ storage }) => aligned(storage.byteSize));
  }

  /** All four, or none. */
  #buffers(): FlatParameters {
    const learned = this.#bytes(false);
    const made: Tensor[] = [];
    const buffer = (label: string, bytes: number) => {
      const tensor = persistent(this.device, [bytes / 4], label);
      made.push(tensor);
      return tensor;
    };
    try {
      return {
        values: buffer("parameters", learned + this.#bytes(true)),
        gradients: buffer("gradients", learned),
        firstMoments: buffer("first moments", learned),
        secondMoments: buffer("second moments", learned),
      };
    } catch (error) {
      for (const { storage } of made) this.device.destroyBuffer(storage.buffer!);
      throw error;
    }
  }

  #write({ storage }: Tensor, values: Float32Array): void {
    const { queue } = this.device.gpu;
    queue.writeBuffer(storage.buffer!, storage.byteOffset, values as Float32Array<ArrayBuffer>);
  }

  /** What is written is kept beside the buffers until the next submission, even that of a model that is closed before. */
  #submit(): void {
    this.device.gpu.queue.submit([]);
  }
}

function sum(declared: readonly [string, Declared][], value: (tensor: Tensor) => number): number {
  return declared.reduce((sum, [, { tensor }]) => sum + value(tensor), 0);
}

/** A parameter's numbers on the host. */
export interface NamedArray {
  /** The shape. */
  readonly shape: readonly number[];
  /** The elements, row after row. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** Where a part of a model declares its parameters. */
export interface ParameterScope {
  /** As {@linkcode Parameters.declare}, under the scope's prefix. */
  declare(
    name: string,
    shape: readonly number[],
    initializer: Initializer,
    options?: ParameterOptions,
  ): Tensor;
  /** A scope within this one. */
  scope(name: string): ParameterScope;
}
