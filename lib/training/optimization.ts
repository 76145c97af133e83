// Training on the GPU: one plan a bucket, each a forward pass, a backward pass and an optimizer step; the sums
// that the plans leave behind; and the few numbers that come back to the host now and then.

import type { Batch, Bucket } from "../data/batches.ts";
import type { KernelTime, KernelTimeOptions } from "../gpu/kernel_times.ts";
import { BufferPool } from "../gpu/memory.ts";
import { Plan, type PlanInputs } from "../gpu/plan.ts";
import type { NamedArray } from "../gpu/parameters.ts";
import { Readback } from "../gpu/readback.ts";
import { Tape } from "../gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../gpu/tensor.ts";
import { type Model, TOTALS } from "../models/model.ts";
import { gradientSum } from "../ops/gradient_sum.ts";
import { type Anomaly, FiniteWatch } from "../ops/finite_watch.ts";
import {
  CONTROL_SIZE,
  initialControl,
  lossScaleOf,
  optimizerStep,
  resumedControl,
  type Steps,
  stepsOf,
} from "../ops/optimizer.ts";
import { AveragedWeights } from "./averaged_weights.ts";
import type { TrainingConfig } from "./config.ts";
import { teacherShare } from "./teacher_forcing.ts";

/** What the GPU has summed up since the last time it was asked. */
export interface Sums extends Steps {
  /** The losses of all answers, label smoothing included, in nats. */
  readonly loss: number;
  /** Those of the whole epoch so far; the same bits however often it was asked meanwhile. NaN if one was not finite. */
  readonly epochLoss: number;
}

/** A batch of a step in which a kernel wrote something that is not finite. */
export interface BatchAnomaly extends Anomaly {
  /** The batch in the step, from 0 on. */
  readonly batch: number;
  /** The kernel runs of the batch. */
  readonly kernels: number;
}

/** What takes less memory. */
const REMEDY = "Use a smaller batch, maxLength, hidden size or vocabulary";

/** The compiled training steps of a model. */
export class Optimization {
  /** Buffers that other plans may share. */
  readonly pool: BufferPool;
  /** The running averages of the weights, if the configuration asks for them. */
  averages: AveragedWeights | undefined;

  #tapes = new Map<Bucket, Tape>();
  #plans = new Map<Bucket, Plan>();
  /** The kernels of each bucket that come before the optimizer's. */
  #gradientKernels = new Map<Bucket, number>();
  /** In anomaly mode, what looks at the kernels of each bucket. */
  #watches = new Map<Bucket, FiniteWatch>();
  #totals: Tensor;
  #control: Tensor;
  /** The gradients of a step with several batches, added up. */
  #sum: Tensor | undefined;
  #readback: Readback;
  /** The sum of the epoch's losses when it was last asked for. */
  #seen = 0;
  /** Whether a loss of this epoch was not finite. */
  #spoilt = false;

  /** Records the steps of all buckets and lays out their memory; {@linkcode allocate} takes it. */
  constructor(
    readonly model: Model<never>,
    readonly buckets: readonly Bucket[],
    readonly config: TrainingConfig,
  ) {
    const { device, parameters } = model;
    this.pool = new BufferPool(device);
    const { firstMoments, secondMoments } = parameters.flat;
    for (const moments of [firstMoments, secondMoments]) {
      overwrite(device, moments, new Float32Array(moments.size)); // an earlier training may have left its own
    }
    try {
      this.#totals = persistent(device, [TOTALS], "losses of training");
      this.#control = persistent(device, [CONTROL_SIZE], "state of the optimizer");
      overwrite(device, this.#control, initialControl());
      this.#readback = new Readback(device, [this.#totals, this.#control]);
      const { accumulation, averageDecay } = config;
      if (accumulation > 1) this.#sum = persistent(device, [firstMoments.size], "sum of gradients");
      if (averageDecay !== null) this.averages = new AveragedWeights(model, averageDecay);
      for (const bucket of buckets) this.#tapes.set(bucket, this.#record(bucket));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Forward pass, backward pass, and what is done with the gradients. */
  #record(bucket: Bucket): Tape {
    const { model: { device, parameters }, config, model } = this;
    const lossScale = config.precision === "f16" ? lossScaleOf(this.#control) : undefined;
    const watch = config.anomaly ? new FiniteWatch(device) : undefined;
    if (watch) this.#watches.set(bucket, watch);
    const tape = new Tape(device, { training: true, lossScale, watch });
    const given = config.teacherForcing.name === "always" ? "right" : "either";
    model.loss(tape, bucket, { totals: this.#totals, smoothing: config.labelSmoothing, given });
    if (watch) watch.phase = "backward pass";
    tape.backward(parameters.trainable.values());
    if (watch) watch.phase = "optimizer";
    const { flat } = parameters;
    if (this.#sum) gradientSum(tape, flat.gradients, this.#sum);
    this.#gradientKernels.set(bucket, tape.dispatches.length);
    const { optimizer, clipNorm: maxNorm, clipValue } = config;
    const clip = { maxNorm, ...(clipValue === null ? {} : { maxValue: clipValue }) };
    const gradients = this.#sum ?? flat.gradients;
    optimizerStep(tape, { ...flat, gradients }, this.#control, { ...optimizer, ...clip });
    this.averages?.record(tape, this.#control);
    return tape;
  }

  /** Bytes that were taken already, besides the parameters'. */
  get bytes(): number {
    const watched = [...this.#watches.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    return (this.#sum?.storage.byteSize ?? 0) + (this.averages?.bytes ?? 0) + watched;
  }

  /** Kernel runs of the longest step. */
  get dispatches(): number {
    return Math.max(...[...this.#tapes.values()].map(({ dispatches }) => dispatches.length));
  }

  /**
   * Lays out the memory of all plans, largest first; returns the bytes it will take, and what takes it, unless that is more
   * than the memory budget.
   */
  layout(): { readonly bytes: number; readonly allocate: () => Promise<void> } {
    const size = (tape: Tape) => tape.dispatches.length;
    const ordered = [...this.#tapes].sort(([, a], [, b]) => size(b) - size(a));
    const layouts = ordered.map(([bucket, tape]) => ({
      bucket,
      tape,
      memory: this.pool.layout(tape.dispatches),
    }));
    const own = ordered.reduce((sum, [, tape]) => sum + Plan.bytesOf(tape), 0);
    const bytes = this.pool.bytes + own;
    return {
      bytes,
      allocate: async () => {
        const { device, parameters: { flat } } = this.model;
        // A checkpoint copies the weights, and should not be what finds that there is no room.
        device.checkBudget("training", bytes + flat.values.storage.byteSize, REMEDY);
        for (const { bucket, tape, memory } of layouts) {
          this.#plans.set(bucket, await Plan.compile(tape, this.pool, memory));
        }
      },
    };
  }

  /**
   * Starts one training step, without waiting for it.
   *
   * @param group The batches whose gradients make up the step, at most as many as the configuration says.
   * @param number How many steps were taken before it.
   * @param rate Its learning rate.
   */
  step(group: readonly Batch[], number: number, rate: number = this.config.learningRate): void {
    group.forEach(({ bucket }, index) => {
      const plan = this.#plans.get(bucket)!;
      const last = index === group.length - 1;
      const end = last ? plan.dispatches : this.#gradientKernels.get(bucket)!;
      plan.run(this.#inputs(plan, group, index, number, rate), end);
    });
  }

  /**
   * Takes a step as {@linkcode step} does, in anomaly mode: waits after each batch, and returns the first kernel that wrote
   * something that is not finite. If that is none of the optimizer's, the step changes nothing.
   */
  async watchedStep(
    group: readonly Batch[],
    number: number,
    rate: number,
  ): Promise<BatchAnomaly | undefined> {
    const lossScale = this.config.precision === "f16" ? lossScaleOf(this.#control) : undefined;
    for (const [batch, { bucket }] of group.entries()) {
      const plan = this.#plans.get(bucket)!;
      const watch = this.#watches.get(bucket)!;
      const gradients = this.#gradientKernels.get(bucket)!;
      plan.run(this.#inputs(plan, group, batch, number, rate), gradients);
      let anomaly = await watch.find(gradients, lossScale);
      if (!anomaly && batch === group.length - 1) {
        plan.runPart(gradients, plan.dispatches);
        anomaly = await watch.find(plan.dispatches, lossScale);
      }
      if (anomaly) return { ...anomaly, batch, kernels: watch.kernels };
    }
    return undefined;
  }

  /** Waits for the steps so far, and copies the gradients of the last one to the host. */
  gradients(): Promise<Map<string, NamedArray>> {
    return this.model.parameters.read(this.#sum ?? "gradients");
  }

  /** Measures what each kernel of a training step costs; see {@linkcode Plan.profile}. */
  profile(batch: Batch, number: number, options: KernelTimeOptions): Promise<KernelTime[]> {
    const plan = this.#plans.get(batch.bucket)!;
    return plan.profile(this.#inputs(plan, [batch], 0, number, this.config.learningRate), options);
  }

  /** Waits for the steps so far. */
  async sums(): Promise<Sums> {
    const [totals, control] = await this.#readback.read();
    const total = totals![0]!;
    const loss = total - this.#seen;
    this.#seen = total;
    if (!Number.isFinite(total)) this.startEpoch(NaN); // else no later sum of this epoch would say anything
    return { loss, epochLoss: this.#spoilt ? NaN : total, ...stepsOf(control!.buffer) };
  }

  /** Starts the sum of an epoch's losses, at what a checkpoint says. */
  startEpoch(loss = 0): void {
    this.#spoilt = Number.isNaN(loss);
    this.#seen = this.#spoilt ? 0 : loss;
    const totals = new Float32Array(TOTALS);
    totals[0] = this.#seen;
    overwrite(this.model.device, this.#totals, totals);
  }

  /** For a checkpoint: the optimizer's step counter, corrections and loss scale, and the sum of the epoch's losses. */
  async standing(): Promise<{ readonly control: Uint32Array<ArrayBuffer>; readonly epochLoss: number }> {
    const [totals, control] = await this.#readback.read();
    return { control: new Uint32Array(control!.buffer), epochLoss: this.#spoilt ? NaN : totals![0]! };
  }

  /** Goes on from what {@linkcode standing} returned. */
  restore(control: Uint32Array, epochLoss: number): void {
    overwrite(this.model.device, this.#control, resumedControl(control));
    this.startEpoch(epochLoss);
  }

  /** The inputs of a batch in a group. */
  #inputs(plan: Plan, group: readonly Batch[], index: number, number: number, rate: number): PlanInputs {
    const inputs = this.model.inputs(group[index]!);
    // The loss is the mean over the answers of all batches of the step, so each begins its gradients with that share.
    const tokens = group.reduce((sum, { tokens }) => sum + tokens, 0);
    inputs["scale"] = Float32Array.of(tokens === 0 ? 0 : 1 / tokens);
    inputs["learning_rate"] = Float32Array.of(rate);
    if (this.#sum) inputs["earlier"] = Uint32Array.of(index);
    const { accumulation } = this.config;
    if (plan.tape.inputs.has("teacher_share")) {
      inputs["teacher_share"] = Float32Array.of(teacherShare(this.config.teacherForcing, number));
    }
    if (plan.tape.inputs.has("step")) inputs["step"] = Uint32Array.of(number * accumulation + index);
    return inputs;
  }

  /** Frees everything but the parameters, as far as the constructor came. */
  close(): void {
    for (const plan of this.#plans.values()) plan.close();
    this.#readback?.close();
    this.averages?.close();
    for (const watch of this.#watches.values()) watch.close();
    for (const tensor of [this.#totals, this.#control, this.#sum]) {
      if (tensor) this.model.device.destroyBuffer(tensor.storage.buffer!);
    }
    this.pool.close();
  }
}

/** Puts so many batches together for each step of {@linkcode Optimization}; the last group may have fewer. */
export function* inGroups(ordered: Iterable<Batch>, size: number): Generator<Batch[]> {
  let group: Batch[] = [];
  for (const batch of ordered) {
    group.push(batch);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
