// Training on the GPU: one plan a bucket, each a forward pass, a backward pass and an optimizer step; the sums
// that the plans leave behind; and the few numbers that come back to the host now and then.

import type { Batch, Bucket } from "../data/batches.ts";
import type { KernelTime, KernelTimeOptions } from "../gpu/kernel_times.ts";
import { BufferPool } from "../gpu/memory.ts";
import { Plan, type PlanInputs } from "../gpu/plan.ts";
import { Readback } from "../gpu/readback.ts";
import { Tape } from "../gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../gpu/tensor.ts";
import { type Model, TOTALS } from "../models/model.ts";
import { adam, CONTROL_SIZE, initialControl, lossScaleOf } from "../ops/adam.ts";
import type { TrainingConfig } from "./config.ts";

/** What the GPU has summed up since the last time it was asked. */
export interface Sums {
  /** The losses of all answers, label smoothing included, in nats. */
  readonly loss: number;
  /** The norm of the last gradient, before clipping. */
  readonly gradientNorm: number;
  /** Optimizer steps taken since the start. */
  readonly steps: number;
  /** Steps left out since the start because a gradient was not finite. */
  readonly skipped: number;
}

/** The compiled training steps of a model. */
export class Optimization {
  /** Buffers that other plans may share. */
  readonly pool: BufferPool;

  #tapes: Map<Bucket, Tape>;
  #plans = new Map<Bucket, Plan>();
  #totals: Tensor;
  #control: Tensor;
  #readback: Readback;

  /** Records the steps of all buckets and lays out their memory; {@linkcode allocate} takes it. */
  constructor(
    readonly model: Model<never>,
    readonly buckets: readonly Bucket[],
    readonly config: TrainingConfig,
  ) {
    const { device, parameters } = model;
    this.pool = new BufferPool(device);
    this.#totals = persistent(device, [TOTALS], "losses of training");
    this.#control = persistent(device, [CONTROL_SIZE], "state of Adam");
    overwrite(device, this.#control, initialControl());
    this.#readback = new Readback(device, [this.#totals, this.#control]);
    const { firstMoments, secondMoments } = parameters.flat;
    for (const moments of [firstMoments, secondMoments]) {
      overwrite(device, moments, new Float32Array(moments.size)); // an earlier training may have left its own
    }
    this.#tapes = new Map(buckets.map((bucket) => {
      const lossScale = config.precision === "f16" ? lossScaleOf(this.#control) : undefined;
      const tape = new Tape(device, { training: true, lossScale });
      model.loss(tape, bucket, { totals: this.#totals, smoothing: config.labelSmoothing });
      tape.backward(parameters.tensors.values());
      adam(tape, parameters.flat, this.#control, { maxNorm: config.clipNorm });
      return [bucket, tape];
    }));
  }

  /** Kernel runs of the longest step. */
  get dispatches(): number {
    return Math.max(...[...this.#tapes.values()].map(({ dispatches }) => dispatches.length));
  }

  /** Lays out the memory of all plans, largest first; returns the bytes it will take. */
  layout(): { readonly bytes: number; readonly allocate: () => Promise<void> } {
    const size = (tape: Tape) => tape.dispatches.length;
    const ordered = [...this.#tapes].sort(([, a], [, b]) => size(b) - size(a));
    const layouts = ordered.map(([bucket, tape]) => ({
      bucket,
      tape,
      memory: this.pool.layout(tape.dispatches),
    }));
    return {
      bytes: this.pool.bytes,
      allocate: async () => {
        for (const { bucket, tape, memory } of layouts) {
          this.#plans.set(bucket, await Plan.compile(tape, this.pool, memory));
        }
      },
    };
  }

  /** Starts one training step, without waiting for it. */
  step(batch: Batch, number: number): void {
    const plan = this.#plans.get(batch.bucket)!;
    plan.run(this.#inputs(plan, batch, number));
  }

  /** Measures what each kernel of a training step costs; see {@linkcode Plan.profile}. */
  profile(batch: Batch, number: number, options: KernelTimeOptions): Promise<KernelTime[]> {
    const plan = this.#plans.get(batch.bucket)!;
    return plan.profile(this.#inputs(plan, batch, number), options);
  }

  /** Waits for the steps so far; the sum of the losses starts again from zero. */
  async sums(): Promise<Sums> {
    const [totals, control] = await this.#readback.read();
    overwrite(this.model.device, this.#totals, new Float32Array(TOTALS));
    const integers = new Uint32Array(control!.buffer);
    return {
      loss: totals![0]!,
      gradientNorm: control![2]!,
      steps: integers[4]!,
      skipped: integers[5]!,
    };
  }

  /** Adam's step counter and corrections, for a checkpoint. */
  async control(): Promise<Uint32Array<ArrayBuffer>> {
    const [, control] = await this.#readback.read();
    return new Uint32Array(control!.buffer);
  }

  /** Goes on from a checkpoint's counter and corrections. */
  restore(control: Uint32Array): void {
    overwrite(this.model.device, this.#control, control);
  }

  #inputs(plan: Plan, batch: Batch, number: number): PlanInputs {
    const inputs = this.model.inputs(batch);
    inputs["learning_rate"] = Float32Array.of(this.config.learningRate);
    if (plan.tape.inputs.has("step")) inputs["step"] = Uint32Array.of(number);
    return inputs;
  }

  /** Frees everything but the parameters. */
  close(): void {
    for (const plan of this.#plans.values()) plan.close();
    this.#readback.close();
    for (const { storage } of [this.#totals, this.#control]) this.model.device.destroyBuffer(storage.buffer!);
    this.pool.close();
  }
}
