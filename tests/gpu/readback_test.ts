// Copies to the host: of the right elements, again and again through one buffer.

import { Readback, readTensors } from "../../lib/gpu/readback.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent } from "../../lib/gpu/tensor.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { device } from "../device.ts";

Deno.test("a Readback gives the elements of each tensor and view, each time those of now", async () => {
  const floats = persistent(device, [3, 2], "floats");
  const integers = persistent(device, [3], "integers", "u32");
  const before = device.bufferCount.buffers;
  const readback = new Readback(device, [floats.slice(1, 3), integers, floats.at(0), integers.slice(1, 1)]);
  for (let round = 0; round < 3; round++) {
    overwrite(device, floats, Float32Array.of(0, 1, 2, 3, 4, 5).map((value) => value + round));
    overwrite(device, integers.slice(1, 3), Uint32Array.of(round, 2 ** 32 - 1));
    assertEquals(await readback.read(), [
      Float32Array.of(2, 3, 4, 5).map((value) => value + round),
      Uint32Array.of(0, round, 2 ** 32 - 1),
      Float32Array.of(0, 1).map((value) => value + round),
      new Uint32Array(0),
    ]);
    assertEquals(device.bufferCount.buffers, before + 1);
  }
  readback.close();
  assertEquals(device.bufferCount.buffers, before);
  for (const { storage } of [floats, integers]) device.destroyBuffer(storage.buffer!);
});

Deno.test("what was read stays as it is when more is read", async () => {
  const tensor = persistent(device, [2], "tensor");
  const readback = new Readback(device, [tensor]);
  overwrite(device, tensor, Float32Array.of(1, 2));
  const [first] = await readback.read();
  overwrite(device, tensor, Float32Array.of(3, 4));
  await readback.read();
  assertEquals(first, Float32Array.of(1, 2));
  readback.close();
  device.destroyBuffer(tensor.storage.buffer!);
});

Deno.test("memory that is shared, and views with gaps, cannot be read", () => {
  const shared = new Tape(device, { training: false }).tensor([3], "hidden state");
  const read = () => new Readback(device, [shared]);
  assertThrows(
    read,
    TypeError,
    'Cannot read "hidden state": its memory is shared. Record it with `tape.kept`',
  );
  const tensor = persistent(device, [3, 4], "matrix");
  assertThrows(
    () => new Readback(device, [tensor.columnSlice(1, 3)]),
    TypeError,
    '"matrix": the view has gaps',
  );
  device.destroyBuffer(tensor.storage.buffer!);
});

Deno.test("readTensors() leaves no buffer behind", async () => {
  const tensor = persistent(device, [1], "one");
  const before = device.bufferCount;
  assertEquals(await readTensors(device, [tensor]), [Float32Array.of(0)]);
  assertEquals(device.bufferCount, before);
  device.destroyBuffer(tensor.storage.buffer!);
});
