// Every way in which a GPU can fail, provoked: each ends in an exception that says what, how much, and what to do.

import { type Device, DeviceLostError, openDevice } from "../../lib/gpu/device.ts";
import { fillKernel } from "../../lib/gpu/fill.ts";
import { defineKernel, PipelineCache, type Workgroups } from "../../lib/gpu/kernel.ts";
import { BufferPool } from "../../lib/gpu/memory.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { readTensors } from "../../lib/gpu/readback.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent } from "../../lib/gpu/tensor.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { runDeno } from "../cli/program.ts";

/** A kernel that fills, with something of it replaced. */
function altered(from: string, to: string, changes: object = {}) {
  const source = fillKernel.source.replace(from, to);
  assert(source !== fillKernel.source || Object.keys(changes).length > 0, `there is no "${from}" in it`);
  return defineKernel({ ...fillKernel, source, ...changes });
}

/** Records one run of a kernel over three numbers, and makes it ready. */
async function ready(device: Device, kernel: typeof fillKernel): Promise<void> {
  const tape = new Tape(device, { training: false });
  tape.dispatch(kernel, { x: tape.kept([3], "numbers") }, { size: 3, value: 1 });
  (await Plan.compile(tape)).close();
}

/** Allows a device less than its adapter can do, as another adapter would. */
function limited(device: Device, limits: Record<string, number>): void {
  const own = device.limits;
  const both = new Proxy(own, { get: (_, name) => limits[name as string] ?? Reflect.get(own, name, own) });
  Object.defineProperty(device, "limits", { value: both });
}

interface Fault {
  readonly name: string;
  /** What the device is opened with. */
  readonly options?: Parameters<typeof openDevice>[0];
  readonly provoke: (device: Device) => unknown;
  // deno-lint-ignore no-explicit-any -- what a constructor takes differs from class to class
  readonly error: new (...parts: any[]) => Error;
  /** What the message has to say. */
  readonly says: readonly string[];
}

const SMALLER = "Use a smaller batch, hidden size or vocabulary";

const faults: readonly Fault[] = [
  {
    name: "a buffer over the adapter's limit",
    provoke: (device) => {
      limited(device, { maxBufferSize: 1000 });
      persistent(device, [251], "weights");
    },
    error: RangeError,
    says: ['"weights" of 1004 bytes', "limit maxBufferSize is 1000", SMALLER],
  },
  {
    name: "a binding over the adapter's limit",
    provoke: (device) => {
      limited(device, { maxStorageBufferBindingSize: 8 });
      return ready(device, fillKernel);
    },
    error: RangeError,
    says: ['bind "numbers" of 12 bytes to "fill:forward"', "limit maxStorageBufferBindingSize is 8", SMALLER],
  },
  {
    name: "more buffers than a kernel may have",
    provoke: (device) => {
      limited(device, { maxStorageBuffersPerShaderStage: 0 });
      return ready(device, fillKernel);
    },
    error: RangeError,
    says: ['run "fill:forward" with 1 buffers', "limit maxStorageBuffersPerShaderStage is 0", "put several"],
  },
  {
    name: "more parameters than a kernel may have",
    provoke: (device) => {
      limited(device, { maxUniformBufferBindingSize: 8 });
      return ready(device, fillKernel);
    },
    error: RangeError,
    says: [
      '"fill:forward" with 12 bytes of parameters',
      "limit maxUniformBufferBindingSize is 8",
      "in a buffer",
    ],
  },
  {
    name: "more workgroups than a dispatch may have",
    provoke: (device) => ready(device, altered("", "", { workgroups: (): Workgroups => [1, 2 ** 20] })),
    error: RangeError,
    says: [
      'run "fill:forward" with 1 x 1048576 workgroups',
      "limit maxComputeWorkgroupsPerDimension is",
      SMALLER,
    ],
  },
  {
    name: "a workgroup that is too long",
    provoke: (device) => ready(device, altered("", "", { overrides: { WORKGROUP: 1 << 20 } })),
    error: RangeError,
    says: [
      '"fill:forward" for workgroups of 1048576 invocations',
      "limit maxComputeWorkgroupSizeX is",
      "overrides",
    ],
  },
  {
    name: "a workgroup with too many invocations",
    provoke: (device) => {
      limited(device, { maxComputeInvocationsPerWorkgroup: 128 });
      return ready(device, altered("(WORKGROUP)", "(WORKGROUP, 4u)"));
    },
    error: RangeError,
    says: ["workgroups of 64 x 4 invocations", "limit maxComputeInvocationsPerWorkgroup is 128", "overrides"],
  },
  {
    name: "a workgroup with too much memory",
    provoke: (device) => {
      limited(device, { maxComputeWorkgroupStorageSize: 1000 });
      const shared = "var<workgroup> shared_numbers: array<f32, WORKGROUP * 8>;\n@compute";
      const used = altered("@compute", shared);
      return ready(device, {
        ...used,
        source: used.source.replace(/\{\s*let/, "{ shared_numbers[0] = 1.0; let"),
      });
    },
    error: RangeError,
    says: [
      '"fill:forward" with workgroups that share 2048 bytes',
      "limit maxComputeWorkgroupStorageSize is 1000",
    ],
  },
  {
    name: "WGSL that is none",
    provoke: (device) => ready(device, altered("params.value", "params.valuable")),
    error: SyntaxError,
    says: ['kernel "fill:forward", line ', "valuable", "\n> ", "Update the driver of"],
  },
  {
    name: "a kernel with a feature that the adapter lacks",
    provoke: (device) => {
      (device.features as Set<string>).delete("shader-f16");
      return PipelineCache.of(device).get(altered("", "", { halfPrecision: true }));
    },
    error: TypeError,
    says: ['compile "fill:forward": it uses 16-bit floats', "has none", "Use a variant"],
  },
  {
    name: "a recording with a feature that the adapter lacks",
    provoke: (device) => {
      (device.features as Set<string>).delete("shader-f16");
      new Tape(device, { training: true, lossScale: persistent(device, [1], "loss scale") });
    },
    error: RangeError,
    says: ["in half precision", "has no 16-bit floats", "Leave lossScale out"],
  },
  {
    name: "a plan over the memory budget",
    options: { memoryBudget: 250 },
    provoke: (device) => ready(device, fillKernel),
    error: RangeError,
    says: ["Cannot allocate", "memory budget of 250 bytes", "are missing", SMALLER, "--memory-budget"],
  },
  {
    name: "a buffer that the driver refuses",
    provoke: async (device) => {
      const make = device.gpu.createBuffer.bind(device.gpu);
      device.gpu.createBuffer = (descriptor) => make({ ...descriptor, size: 2 ** 50 });
      await ready(device, fillKernel);
    },
    error: Error,
    says: [
      "The GPU cannot create the buffers of a plan of 1 kernels: ",
      "greater than the maximum",
      "Update its driver",
    ],
  },
  {
    name: "an error that nobody captures",
    provoke: async (device) => {
      const numbers = persistent(device, [3], "numbers");
      device.gpu.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
      await readTensors(device, [numbers]);
    },
    error: Error,
    says: ["The GPU refused a command: ", "What was computed may be wrong", "Update its driver"],
  },
  {
    name: "a device that is destroyed before it is read",
    provoke: async (device) => {
      const numbers = persistent(device, [3], "numbers");
      device.gpu.destroy();
      await readTensors(device, [numbers]);
    },
    error: DeviceLostError,
    says: ["The GPU was lost (destroyed): ", "Open it again and go on from what was saved"],
  },
  {
    name: "a device that is destroyed while it is read",
    provoke: async (device) => {
      const reading = readTensors(device, [persistent(device, [3], "numbers")]);
      device.gpu.destroy();
      await reading;
    },
    error: DeviceLostError,
    says: ["The GPU was lost (destroyed): "],
  },
  {
    name: "a device that is destroyed while a kernel is compiled",
    provoke: async (device) => {
      const compiling = ready(device, fillKernel);
      device.gpu.destroy();
      await compiling;
    },
    error: DeviceLostError,
    says: ["The GPU was lost (destroyed): "],
  },
];

for (const { name, options, provoke, error, says } of faults) {
  testWithDevice(`fault: ${name}`, async () => {
    const device = await openDevice({ tuning: false, ...options });
    try {
      const thrown = await assertRejects(async () => await provoke(device), error);
      for (const text of says) assertStringIncludes(thrown.message, text);
    } finally {
      device.close();
      await new Promise((resolve) => setTimeout(resolve, 50)); // what was abandoned settles
    }
  });
}

testWithDevice("a plan that cannot be made leaves no buffer behind, and the pool as it was", async () => {
  const device = await openDevice({ tuning: false, memoryBudget: 100_000 });
  const pool = new BufferPool(device);
  const record = (size: number) => {
    const tape = new Tape(device, { training: false });
    const x = tape.tensor([size], "x");
    tape.fill(x, 1);
    tape.fill(tape.kept([size], "y"), 2);
    return tape;
  };
  const small = await Plan.compile(record(100), pool);
  const before = device.bufferCount;
  // The activations alone would fit.
  const { created } = device;
  await assertRejects(() => Plan.compile(record(20_000), pool), RangeError, "Cannot allocate");
  assertEquals(device.created, created, "something was made before it was refused");
  const make = device.gpu.createBuffer;
  let count = 0;
  device.gpu.createBuffer = (descriptor) => {
    if (++count === 2) throw new Error("the second one is refused");
    return make.call(device.gpu, descriptor);
  };
  await assertRejects(() => Plan.compile(record(1000), pool), Error, "the second one is refused");
  device.gpu.createBuffer = make;
  assertEquals(device.bufferCount, before);
  const plan = await Plan.compile(record(1000), pool);
  plan.run();
  small.run();
  for (const each of [small, plan, pool]) each.close();
  assertEquals(device.bufferCount.buffers, 0);
  device.close();
});

testWithDevice("an error that nobody captures or waits for ends a program with a message", async () => {
  const code = `
    import { openDevice } from "${new URL("../../mod.ts", import.meta.url)}";
    const device = await openDevice();
    device.gpu.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    console.log("it went on");
  `;
  const { code: exit, stdout, stderr } = await runDeno(["eval", code]);
  assertEquals([exit, stdout], [1, ""]);
  assertStringIncludes(stderr, "The GPU refused a command: ");
});
