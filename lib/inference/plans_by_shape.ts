// The plans that a model is used with: one for each shape of batch met so far, made once and freed with the model.

import { PAD } from "../data/vocabulary.ts";
import type { Device } from "../gpu/device.ts";
import { BufferPool } from "../gpu/memory.ts";
import { Plan } from "../gpu/plan.ts";
import { Tape } from "../gpu/tape.ts";
import type { TextShape } from "../models/model.ts";

/** What is asked of a model here. */
export interface UsedModel {
  /** Where it lives. */
  readonly device: Device;
  /** Runs `free` when the model is closed. */
  onClose(free: () => void): void;
}

/** A plan and the tensors to read after a run. */
export interface ReadyPlan<Output> {
  /** Ready to run. */
  readonly plan: Plan;
  /** What was recorded. */
  readonly output: Output;
}

/** Plans for one use of models of one kind. */
export class PlansByShape<M extends UsedModel, Output> {
  #models = new WeakMap<M, { readonly plans: Map<string, ReadyPlan<Output>>; readonly pool: BufferPool }>();

  /** @param record Records what the plans do. */
  constructor(readonly record: (model: M, tape: Tape, shape: TextShape) => Output) {}

  /** The plan for a shape, made if this is the first batch that has it. */
  async get(model: M, shape: TextShape): Promise<ReadyPlan<Output>> {
    const { plans, pool } = this.#of(model);
    const key = `${shape.length} ${shape.rows}`;
    let ready = plans.get(key);
    if (!ready) {
      const tape = new Tape(model.device, { training: false });
      const output = this.record(model, tape, shape);
      plans.set(key, ready = { plan: await Plan.compile(tape, pool), output });
    }
    return ready;
  }

  #of(model: M) {
    let made = this.#models.get(model);
    if (!made) {
      const { plans, pool } = made = {
        plans: new Map<string, ReadyPlan<Output>>(),
        pool: new BufferPool(model.device),
      };
      this.#models.set(model, made);
      model.onClose(() => {
        this.#models.delete(model);
        for (const { plan } of plans.values()) plan.close();
        pool.close();
      });
    }
    return made;
  }
}

/** The shape for some texts of these lengths: rounded up, so that few plans serve all texts. */
export function shapeFor(lengths: readonly number[]): TextShape {
  return { length: roundUp(Math.max(...lengths)), rows: 2 ** Math.ceil(Math.log2(lengths.length)) };
}

/** Rounds up in steps of about a quarter. */
function roundUp(length: number): number {
  const step = Math.max(2, 2 ** (Math.floor(Math.log2(Math.max(1, length - 1))) - 2));
  return Math.ceil(length / step) * step;
}

/** Texts as the inputs of a plan: their words time-major, [length, rows], and their lengths, [rows]; 0 where there is none. */
export function pad(
  texts: readonly Uint32Array[],
  { length, rows }: TextShape,
): { readonly words: Uint32Array<ArrayBuffer>; readonly lengths: Uint32Array<ArrayBuffer> } {
  const words = new Uint32Array(length * rows).fill(PAD);
  const lengths = new Uint32Array(rows);
  texts.forEach((ids, row) => {
    lengths[row] = ids.length;
    ids.forEach((id, position) => words[position * rows + row] = id);
  });
  return { words, lengths };
}
