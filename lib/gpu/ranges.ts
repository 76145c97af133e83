// Layer 1: which elements of a storage have been written; a sorted list of disjoint stretches.

/** A set of integers, kept as stretches `[start, end)`. */
export class Ranges {
  #stretches: [number, number][] = [];

  /** Adds the stretch from `start` up to and without `end`. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const first = this.#firstEndingFrom(start);
    let next = first;
    let merged: [number, number] = [start, end];
    for (; next < this.#stretches.length && this.#stretches[next]![0] <= end; next++) {
      const [from, to] = this.#stretches[next]!;
      merged = [Math.min(merged[0], from), Math.max(merged[1], to)];
    }
    this.#stretches.splice(first, next - first, merged);
  }

  /** The parts of the stretch from `start` to `end` that are not in the set. */
  gaps(start: number, end: number): [number, number][] {
    const gaps: [number, number][] = [];
    let position = start;
    for (let i = this.#firstEndingFrom(start); i < this.#stretches.length; i++) {
      const [from, to] = this.#stretches[i]!;
      if (from >= end) break;
      if (from > position) gaps.push([position, from]);
      position = Math.max(position, to);
    }
    if (position < end) gaps.push([position, end]);
    return gaps;
  }

  /** The index of the first stretch that ends at `position` or later; a block of columns has one stretch a row. */
  #firstEndingFrom(position: number): number {
    let [low, high] = [0, this.#stretches.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#stretches[middle]![1] < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
