// Training on one batch, again and again, as PyTorch did for the fixtures; and what to compare the results with.

import type { Batch } from "../../lib/data/batches.ts";
import type { NamedArray } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { type Model, TOTALS } from "../../lib/models/model.ts";
import { CONTROL_SIZE, optimizerStep } from "../../lib/ops/optimizer.ts";
import { assert, assertEquals } from "../assert.ts";
import { CHAINS } from "../tolerances.ts";

/** The hyper-parameters of a fixture. */
export interface Hyperparameters {
  readonly clip_norm: number;
  readonly learning_rate: number;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
}

/** What a step tells. */
export interface StepResult {
  /** The mean loss of the batch. */
  readonly loss: number;
  /** The one without smoothing. */
  readonly unsmoothed: number;
  /** The number of right answers, of models that count them. */
  readonly right: number;
  /** The gradient's norm. */
  readonly norm: number;
}

/** Training of a model on one batch, again and again. */
export class OneBatchTraining {
  readonly #totals: Tensor;
  readonly #control: Tensor;
  #plan!: Plan;
  #steps = 0;
  #before: number[] = [0, 0, 0];

  private constructor(
    readonly model: Model<never>,
    readonly batch: Batch,
    readonly training: Hyperparameters,
  ) {
    this.#totals = persistent(model.device, [TOTALS], "totals");
    this.#control = persistent(model.device, [CONTROL_SIZE], "control");
  }

  static async create(
    model: Model<never>,
    batch: Batch,
    training: Hyperparameters,
    smoothing: number,
  ): Promise<OneBatchTraining> {
    const { device, parameters } = model;
    const created = new OneBatchTraining(model, batch, training);
    const tape = new Tape(device, { training: true });
    model.loss(tape, batch.bucket, { totals: created.#totals, smoothing });
    tape.backward(parameters.tensors.values());
    const { clip_norm: maxNorm, betas: [beta1, beta2], epsilon } = training;
    optimizerStep(tape, parameters.flat, created.#control, { maxNorm, beta1, beta2, epsilon });
    created.#plan = await Plan.compile(tape);
    return created;
  }

  /** Takes a step. */
  async step(): Promise<StepResult> {
    const inputs = this.model.inputs(this.batch);
    if (this.#plan.tape.inputs.has("step")) inputs["step"] = Uint32Array.of(this.#steps++);
    this.#plan.run({ ...inputs, learning_rate: Float32Array.of(this.training.learning_rate) });
    const [totals, control] = await this.#plan.read(this.#totals, this.#control);
    const [loss, unsmoothed, right] = Array.from(totals!, (total, i) => total - this.#before[i]!);
    this.#before = Array.from(totals!);
    const { tokens } = this.batch;
    return { loss: loss! / tokens, unsmoothed: unsmoothed! / tokens, right: right!, norm: control![2]! };
  }

  close(): void {
    this.#plan.close();
    for (const { storage } of [this.#totals, this.#control]) this.model.device.destroyBuffer(storage.buffer!);
  }
}

/** Fails unless each tensor is there and off by no more than 1e-4 of its largest number. */
export function assertTensors(
  actual: ReadonlyMap<string, NamedArray>,
  expected: ReadonlyMap<string, NamedArray>,
): void {
  assertEquals([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [name, { shape, data }] of expected) {
    assertEquals(actual.get(name)!.shape, shape, name);
    const largest = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    const error = data.reduce(
      (error, value, i) => Math.max(error, Math.abs(value - actual.get(name)!.data[i]!)),
      0,
    );
    assert(error <= CHAINS * largest, `${name} is off by ${error}; its largest number is ${largest}`);
  }
}

/** Fails unless a number of the size of a loss is off by no more than 1e-4. */
export function assertNear(actual: number, expected: number, name: string): void {
  assert(Math.abs(actual - expected) <= CHAINS, `${name} is ${actual}, expected ${expected}`);
}
