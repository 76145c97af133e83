// Training: the exponential moving average of the weights, on the GPU beside them, and the exchange of the two.

import { copyTensor, persistent, type Tensor } from "../gpu/tensor.ts";
import type { NamedArray } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Model } from "../models/model.ts";
import { movingAverage } from "../ops/moving_average.ts";

/** Averages of all weights that are learned; see {@linkcode movingAverage}. */
export class AveragedWeights {
  #average: Tensor;

  /** Starts from the model's weights as they are. */
  constructor(readonly model: Model<never>, readonly decay: number) {
    const { device, parameters: { flat } } = model;
    this.#average = persistent(device, [flat.gradients.size], "averaged weights");
    copyTensor(device, this.#learned, this.#average);
  }

  /** The bytes that they take. */
  get bytes(): number {
    return this.#average.storage.byteSize;
  }

  /** Records that the weights of a step are averaged with those before. */
  record(tape: Tape, control: Tensor): void {
    movingAverage(tape, this.model.parameters.flat.values, control, this.#average, this.decay);
  }

  /** Exchanges the weights and their averages; called twice, it changes nothing but the gradients. */
  swap(): void {
    const { device, parameters: { flat: { gradients } } } = this.model;
    copyTensor(device, this.#learned, gradients);
    copyTensor(device, this.#average, this.#learned);
    copyTensor(device, gradients, this.#average);
  }

  /** Copies them to the host. */
  read(): Promise<Map<string, NamedArray>> {
    return this.model.parameters.read(this.#average);
  }

  /** Goes on from those of a checkpoint. */
  restore(averages: ReadonlyMap<string, NamedArray>): void {
    this.model.parameters.loadMoments(this.#average, averages);
  }

  /** Frees them. */
  close(): void {
    this.model.device.destroyBuffer(this.#average.storage.buffer!);
  }

  /** The weights without those that are frozen. */
  get #learned(): Tensor {
    return this.model.parameters.flat.values.slice(0, this.#average.size);
  }
}
