// Opening a GPU, counting its memory, and errors that WebGPU by itself would keep to itself.

import { type Device, DeviceLostError, openDevice } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { readTensors } from "../../lib/gpu/readback.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent } from "../../lib/gpu/tensor.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "../assert.ts";

/** A device of the test's own, closed in the end. */
async function withDevice(
  options: Parameters<typeof openDevice>[0],
  run: (device: Device) => void | Promise<void>,
): Promise<void> {
  const device = await openDevice(options);
  try {
    await run(device);
  } finally {
    device.close();
  }
}

Deno.test("openDevice() describes the adapter", () =>
  withDevice({}, (device) => {
    assertMatch(device.description, /^.+, (software|hardware)(, subgroups of \d+(-\d+)?)?$/);
    assertEquals(device.software, device.description.includes(", software"));
    assert(["cpu8", "gpu"].includes(device.profile));
    if (!device.software) assertEquals(device.profile, "gpu");
  }));

Deno.test("openDevice() asks for the adapter's own limits", () =>
  withDevice({}, async (device) => {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
    for (
      const name of [
        "maxBufferSize",
        "maxStorageBufferBindingSize",
        "maxStorageBuffersPerShaderStage",
        "maxComputeWorkgroupStorageSize",
        "maxComputeInvocationsPerWorkgroup",
        "maxComputeWorkgroupSizeX",
        "maxComputeWorkgroupsPerDimension",
      ] as const
    ) {
      assertEquals(device.limits[name], adapter!.limits[name], name);
    }
  }));

Deno.test("openDevice() knows a WGSL that uses subgroups whenever it has the feature", () =>
  withDevice({}, async ({ gpu, features, subgroupDirective }) => {
    assertEquals(subgroupDirective !== undefined, features.has("subgroups"));
    if (subgroupDirective === undefined) return;
    gpu.pushErrorScope("validation");
    const code = `${subgroupDirective}@compute @workgroup_size(8) fn main() { _ = subgroupMax(1u); }`;
    gpu.createShaderModule({ code });
    assertEquals(await gpu.popErrorScope(), null);
  }));

Deno.test("createBuffer() counts, and refuses what is over the memory budget, naming sizes", () =>
  withDevice({ memoryBudget: 1000 }, (device) => {
    const buffer = device.createBuffer("first", 600, GPUBufferUsage.STORAGE);
    assertEquals(device.bufferCount, { buffers: 1, bytes: 600 });
    const error = assertThrows(() => device.createBuffer("second", 404, GPUBufferUsage.STORAGE), RangeError);
    for (const part of ["404 bytes", '"second"', "600 of", "1000 bytes"]) {
      assert(error.message.includes(part), part);
    }
    assertEquals(device.bufferCount, { buffers: 1, bytes: 600 });
    device.destroyBuffer(buffer);
    assertEquals(device.bufferCount, { buffers: 0, bytes: 0 });
    device.destroyBuffer(device.createBuffer("all of it", 1000, GPUBufferUsage.STORAGE));
  }));

Deno.test("a software adapter has a budget of three quarters of the memory that is available, hardware none", () =>
  withDevice({}, ({ software, memoryBudget }) => {
    if (!software) return assertEquals(memoryBudget, Infinity);
    const { available } = Deno.systemMemoryInfo();
    const share = memoryBudget / available;
    assert(share > 0.5 && share < 1, `${memoryBudget} of ${available} bytes`); // others take and give back meanwhile
  }));

Deno.test("openDevice() refuses a memory budget that is none", async () => {
  for (const memoryBudget of [0, -1, NaN]) {
    await assertRejects(
      () => openDevice({ memoryBudget }),
      RangeError,
      `budget ${memoryBudget}: it must be above 0`,
    );
  }
});

Deno.test("created counts what has been made, destroyed or not", () =>
  withDevice({}, async (device) => {
    const nothing = { buffers: 0, bindGroups: 0, pipelines: 0, shaderModules: 0 };
    assertEquals(device.created, nothing);
    device.destroyBuffer(device.createBuffer("short-lived", 4, GPUBufferUsage.STORAGE));
    assertEquals(device.created, { ...nothing, buffers: 1 });
    for (let i = 0; i < 2; i++) {
      const tape = new Tape(device, { training: false });
      tape.fill(tape.kept([3], "y"), 1);
      (await Plan.compile(tape)).close();
    }
    // Of each plan: "y" and the parameters, a group for either; the kernel is compiled once.
    assertEquals(device.created, { buffers: 5, bindGroups: 4, pipelines: 1, shaderModules: 1 });
  }));

Deno.test("createBuffer() refuses what is over the adapter's limit, naming both", () =>
  withDevice({}, (device) => {
    const { maxBufferSize } = device.limits;
    const error = assertThrows(
      () => device.createBuffer("huge", maxBufferSize + 4, GPUBufferUsage.STORAGE),
      RangeError,
    );
    for (const part of ['"huge"', String(maxBufferSize + 4), `limit maxBufferSize is ${maxBufferSize}`]) {
      assert(error.message.includes(part), part);
    }
    assertEquals(device.bufferCount, { buffers: 0, bytes: 0 });
  }));

Deno.test("close() frees all buffers, may be called again, and ends the use of the device", async () => {
  const device = await openDevice();
  persistent(device, [3], "three numbers");
  device.close();
  device.close();
  assertEquals(device.bufferCount, { buffers: 0, bytes: 0 });
  assertThrows(() => device.check(), Error, "it has been closed");
  assertThrows(() => device.createBuffer("late", 4, GPUBufferUsage.STORAGE), Error, "it has been closed");
});

Deno.test("an error that nobody captures makes the next read fail, and every use after it", () =>
  withReportedErrors((reported) =>
    withDevice({}, async (device) => {
      const tensor = persistent(device, [3], "three numbers");
      // WebGPU forbids this combination of usages and says so to nobody.
      device.gpu.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
      const error = await assertRejects(
        () => readTensors(device, [tensor]),
        Error,
        "The GPU refused a command: ",
      );
      assertEquals(assertThrows(() => device.check()), error);
      assertEquals(reported, [], "it was reported twice");
      assertEquals(device.bufferCount.buffers, 1, "the readback's buffer is left over");
      // The abandoned mapping settles some milliseconds later; the sanitizer would call it a leak.
      await device.gpu.queue.onSubmittedWorkDone();
    })
  ));

Deno.test("the loss of the device fails whatever waits for it, and else whatever uses it next", () =>
  withReportedErrors(async (reported) => {
    await withDevice({}, async (device) => {
      const never = device.settled(new Promise(() => {}));
      device.gpu.destroy();
      const { reason } = await assertRejects(() => never, DeviceLostError, "The GPU was lost (destroyed)");
      assertEquals(reason, "destroyed");
      assertEquals(reported, []);
    });
    await withDevice({}, async (device) => {
      device.gpu.destroy();
      await device.gpu.lost;
      assertThrows(() => device.check(), DeviceLostError, "The GPU was lost (destroyed)");
      assertEquals(reported, [], "a GPU that nobody needs any more ends the program");
    });
  }));

/** Collects what `reportError` would end the program with. */
async function withReportedErrors(run: (reported: string[]) => Promise<void>): Promise<void> {
  const reported: string[] = [];
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.message);
  };
  addEventListener("error", listener);
  try {
    await run(reported);
  } finally {
    removeEventListener("error", listener);
  }
}
