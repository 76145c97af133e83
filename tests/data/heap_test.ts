import fc from "npm:fast-check@4.10.2";
import { Heap } from "../../lib/data/heap.ts";
import { assertEquals } from "../assert.ts";

Deno.test("Heap gives back the least of what it has, however pushes and pops alternate", () => {
  fc.assert(fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 20 }))), (commands) => {
    const heap = new Heap<number>((a, b) => a - b);
    const list: number[] = [];
    for (const item of [...commands, ...commands.map(() => null)]) {
      if (item === null) assertEquals(heap.pop(), list.shift());
      else {
        heap.push(item);
        list.push(item);
        list.sort((a, b) => a - b);
      }
    }
  }));
});
