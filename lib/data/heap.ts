// A binary heap: whatever comes first by some order is taken out first.

/**
 * A queue that gives back its least item.
 *
 * @example
 * ```ts
 * import { Heap } from "./heap.ts";
 *
 * const heap = new Heap<number>((a, b) => a - b);
 * for (const item of [3, 1, 2]) heap.push(item);
 * console.assert(heap.pop() === 1 && heap.pop() === 2);
 * ```
 */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  /** @param compare Negative if `a` comes out before `b`, as for `Array.prototype.sort`. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  /** Puts an item in. */
  push(item: T): void {
    const items = this.#items;
    let index = items.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#compare(items[parent]!, item) <= 0) break;
      items[index] = items[parent]!;
      index = parent;
    }
    items[index] = item;
  }

  /** Takes the least item out; undefined if there is none. */
  pop(): T | undefined {
    const items = this.#items;
    const least = items[0];
    const last = items.pop();
    if (items.length > 0) this.#sink(last as T);
    return least;
  }

  /** Lets an item sink from the top to its place. */
  #sink(item: T): void {
    const items = this.#items;
    let index = 0;
    for (let child = 1; child < items.length; child = 2 * index + 1) {
      if (child + 1 < items.length && this.#compare(items[child + 1]!, items[child]!) < 0) child++;
      if (this.#compare(item, items[child]!) <= 0) break;
      items[index] = items[child]!;
      index = child;
    }
    items[index] = item;
  }
}
