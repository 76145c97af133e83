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

/** Plans that share their buffers, by what is recorded. */
export class PlanSet<Output> {
  #plans = new Map<string, Promise<ReadyPlan<Output>>>();
  #made: Plan[] = [];
  #pool: BufferPool;
  #last: Promise<unknown> = Promise.resolve();

  /** No plans yet. */
  constructor(readonly device: Device) {
    this.#pool = new BufferPool(device);
  }

  /**
   * The plan of that name, recorded and compiled at the first call.
   *
   * @param key Names everything that the recording depends on, such as the shape.
   */
  get(key: string, record: (tape: Tape) => Output): Promise<ReadyPlan<Output>> {
    let ready = this.#plans.get(key);
    if (!ready) {
      this.#plans.set(key, ready = this.#make(record));
      ready.catch(() => this.#plans.delete(key));
    }
    return ready;
  }

  /** Does some work when all that was given before is done: plans that run in parts must not come between each other. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Frees the plans. */
  close(): void {
    for (const plan of this.#made.splice(0)) plan.close();
    this.#plans.clear();
    this.#pool.close();
  }

  async #make(record: (tape: Tape) => Output): Promise<ReadyPlan<Output>> {
    const tape = new Tape(this.device, { training: false });
    const output = record(tape);
    const plan = await Plan.compile(tape, this.#pool);
    this.#made.push(plan);
    return { plan, output };
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
