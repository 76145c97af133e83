// The plans that a model is used with: one for each shape of batch, kept while it is in use, and freed with the model.

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

/** Plans for one use of models, by the models. */
export class Plans<Output> {
  #sets = new WeakMap<UsedModel, Map<string, PlanSet<Output>>>();
  #numbers = new WeakMap<UsedModel, number>();
  #count = 0;

  /** The plans in which these models work together; closed with the first of them that is closed. */
  of(models: readonly UsedModel[]): PlanSet<Output> {
    const [first] = models as [UsedModel];
    let sets = this.#sets.get(first);
    if (!sets) this.#sets.set(first, sets = new Map());
    const key = models.map((model) => this.#number(model)).join(" ");
    let set = sets.get(key);
    if (!set) {
      const made = set = new PlanSet<Output>(first.device);
      sets.set(key, made);
      for (const model of new Set(models)) {
        model.onClose(() => {
          if (sets.get(key) === made) sets.delete(key);
          made.close();
        });
      }
    }
    return set;
  }

  #number(model: UsedModel): number {
    let number = this.#numbers.get(model);
    if (number === undefined) this.#numbers.set(model, number = this.#count++);
    return number;
  }
}

/** How much a set of plans may keep; what was used last is kept in any case. */
export interface PlanLimits {
  /** Plans. */
  readonly plans: number;
  /** Bytes of what belongs to one plan alone, such as the attention that it leaves. */
  readonly bytes: number;
}

/**
 * Enough for all shapes of a corpus, as its sentences come sorted by length: a set that is too small for them would make
 * every plan anew, each time.
 */
const LIMITS: PlanLimits = { plans: 64, bytes: 512 * 2 ** 20 };

/** Plans that share their buffers, by what is recorded; of too many, those that were not used for the longest time go. */
export class PlanSet<Output> {
  /** The one used last is the last. */
  #plans = new Map<string, ReadyPlan<Output>>();
  #pool: BufferPool;
  #last: Promise<unknown> = Promise.resolve();

  /** No plans yet. */
  constructor(readonly device: Device, readonly limits: PlanLimits = LIMITS) {
    this.#pool = new BufferPool(device);
  }

  /**
   * Does some work with a plan when all work that was given before is done: plans that run in parts must not come between
   * each other, and none may go while it is at work.
   *
   * @param key Names everything that the recording depends on, such as the shape.
   * @param record What the plan does; recorded and compiled unless the plan is there.
   */
  use<T>(
    key: string,
    record: (tape: Tape) => Output,
    work: (ready: ReadyPlan<Output>) => Promise<T>,
  ): Promise<T> {
    const result = this.#last.then(async () => {
      const ready = this.#plans.get(key) ?? await this.#make(record);
      this.#plans.delete(key);
      this.#plans.set(key, ready);
      this.#shrink();
      return await work(ready);
    });
    this.#last = result.catch(() => {});
    return result;
  }

  /** Frees the plans. */
  close(): void {
    for (const { plan } of this.#plans.values()) plan.close();
    this.#plans.clear();
    this.#pool.close();
  }

  async #make(record: (tape: Tape) => Output): Promise<ReadyPlan<Output>> {
    const tape = new Tape(this.device, { training: false });
    const output = record(tape);
    return { plan: await Plan.compile(tape, this.#pool), output };
  }

  #shrink(): void {
    let bytes = this.#plans.values().reduce((sum, { plan }) => sum + plan.bytes, 0);
    for (const [key, { plan }] of this.#plans) {
      const isLast = this.#plans.size === 1;
      if (isLast || this.#plans.size <= this.limits.plans && bytes <= this.limits.bytes) return;
      this.#plans.delete(key);
      bytes -= plan.bytes;
      plan.close();
    }
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
