// Views: which elements of a storage they are; and copies of them.

import { readTensors } from "../../lib/gpu/readback.ts";
import { copyTensor, overwrite, persistent, Storage, Tensor } from "../../lib/gpu/tensor.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device } from "../device.ts";

function tensor(...shape: number[]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return new Tensor(new Storage("t", size, "f32", "activation"), shape);
}

/** The positions in the storage of a view's elements, in order. */
function positions(view: Tensor): number[] {
  return Array.from({ length: view.size }, (_, i) => {
    return view.offset + Math.floor(i / view.columns) * view.stride + i % view.columns;
  });
}

Deno.test("slice() and at() take elements of the first axis", () => {
  const t = tensor(4, 2, 3);
  assertEquals(t.slice(1, 3).shape, [2, 2, 3]);
  assertEquals(positions(t.slice(1, 3)), Array.from({ length: 12 }, (_, i) => 6 + i));
  assertEquals(t.at(3).shape, [2, 3]);
  assertEquals(positions(t.at(3)), [18, 19, 20, 21, 22, 23]);
  assertEquals(positions(t.at(3).at(1)), [21, 22, 23]);
  assertEquals(positions(t.at(3).at(1).at(2)), [23]);
  assertEquals(t.slice(2, 2).size, 0);
});

Deno.test("columnSlice() leaves the rows as far apart as they were", () => {
  const t = tensor(2, 3, 5);
  const view = t.columnSlice(1, 3);
  assertEquals(view.shape, [2, 3, 2]);
  assertEquals(positions(view), [1, 2, 6, 7, 11, 12, 16, 17, 21, 22, 26, 27]);
  assertEquals(positions(view.at(1)), [16, 17, 21, 22, 26, 27]);
  assertEquals(positions(view.at(1).slice(1, 3)), [21, 22, 26, 27]);
  assertEquals(positions(view.columnSlice(1, 2).at(1)), [17, 22, 27]);
  assert(!view.contiguous && t.contiguous && view.at(0).slice(0, 1).contiguous);
});

Deno.test("reshape() keeps the elements, and the gaps where the columns stay", () => {
  assertEquals(tensor(2, 3, 4).reshape(6, 4).shape, [6, 4]);
  assertEquals(tensor(2, 3, 4).slice(1, 2).reshape(12).offset, 12);
  const view = tensor(2, 3, 5).columnSlice(1, 3);
  assertEquals(positions(view.reshape(6, 2)), positions(view));
  assertThrows(() => view.reshape(12), RangeError, 'Cannot reshape "t" from [2,3,2] to [12]');
  assertThrows(() => tensor(2, 3).reshape(5), RangeError);
});

Deno.test("the gradient of a view is the view of the gradient", () => {
  const t = tensor(4, 5);
  const view = t.slice(1, 3).columnSlice(2, 4);
  assertEquals(positions(view.grad), positions(view));
  assert(view.grad.storage === t.grad.storage);
  assertEquals(t.grad.label, "d t");
});

Deno.test("views outside a tensor are refused, naming it and both sizes", () => {
  const t = tensor(4, 5);
  assertThrows(() => t.slice(2, 5), RangeError, 'Cannot slice "t" from 2 to 5: the first axis has 4');
  assertThrows(() => t.slice(-1, 2), RangeError);
  assertThrows(() => t.slice(3, 2), RangeError);
  assertThrows(() => t.at(4), RangeError);
  assertThrows(() => t.columnSlice(3, 6), RangeError, 'columns 3 to 6 of "t": it has 5');
});

Deno.test("integers and inputs have no gradient", () => {
  const ids = new Tensor(new Storage("ids", 3, "u32", "activation"), [3]);
  assertThrows(() => ids.grad, TypeError, '"ids": it holds integers');
  const x = new Tensor(new Storage("x", 3, "f32", "input"), [3]);
  assertThrows(() => x.grad, TypeError, '"x": it is an input');
});

Deno.test("copyTensor() copies parts of tensors, and refuses other sizes", async () => {
  const [from, to] = [persistent(device, [5], "from"), persistent(device, [4], "to")];
  overwrite(device, from, Float32Array.of(1, 2, 3, 4, 5));
  copyTensor(device, from.slice(2, 5), to.slice(1, 4));
  assertEquals((await readTensors(device, [to]))[0], Float32Array.of(0, 3, 4, 5));
  assertThrows(
    () => copyTensor(device, from, to),
    RangeError,
    'Cannot copy "from" of 5 elements to "to" of 4.',
  );
  for (const { storage } of [from, to]) device.destroyBuffer(storage.buffer!);
});
