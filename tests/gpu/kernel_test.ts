// The declaration of a kernel against its WGSL: every slip is refused by name, before anything runs.

import { type AnyKernel, defineKernel, PipelineCache, type Workgroups } from "../../lib/gpu/kernel.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { device } from "../device.ts";

const source = `
struct Params { size: u32, factor: f32, x_offset: u32, accumulate_y: u32 }
override WORKGROUP: u32 = 64u;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(0) var<storage, read> other: array<u32>;
// @group(0) @binding(2) var<storage, read> forgotten: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.size) { y[id.x] = params.factor * x[params.x_offset + id.x]; }
}
fn helper() {}
`;

const declaration = {
  name: "scale",
  source,
  entryPoint: "forward",
  bindings: { x: "read", y: "accumulate" },
  params: { size: "u32", factor: "f32", x_offset: "u32", accumulate_y: "u32" },
  overrides: { WORKGROUP: 32 },
  workgroups: ({ size }: { size: number }): Workgroups => [Math.ceil(size / 32)],
} as const;

Deno.test("defineKernel() accepts a declaration that its WGSL agrees with", () => {
  assertEquals(defineKernel(declaration).label, "scale:forward");
  assertEquals(defineKernel({ ...declaration, bindings: { x: "read", y: "write" } }).bindings.y, "write");
});

const { size, factor, x_offset, accumulate_y } = declaration.params;
const slips: readonly (readonly [string, object, string])[] = [
  ["an entry point that is not there", { entryPoint: "backward" }, 'no compute entry point "backward"'],
  ["an entry point that is a mere function", { entryPoint: "helper" }, 'no compute entry point "helper"'],
  [
    "a misspelt binding",
    { bindings: { xs: "read", y: "write" } },
    'binding 0 xs read is declared, but its WGSL has no "xs"',
  ],
  [
    "bindings in another order",
    { bindings: { y: "write", x: "read" } },
    "binding 0 y read_write is declared, but its WGSL has 1 y read_write",
  ],
  [
    "a read-only binding that is written",
    { bindings: { x: "write", y: "write" } },
    "binding 0 x read_write is declared, but its WGSL has 0 x read",
  ],
  [
    "a writable binding that is read only",
    { bindings: { x: "read", y: "read" } },
    "1 y read is declared, but its WGSL has 1 y read_write",
  ],
  [
    "a binding that is commented out",
    { bindings: { x: "read", y: "write", forgotten: "read" } },
    'no "forgotten"',
  ],
  [
    "a parameter too few",
    { params: { size, x_offset, accumulate_y } },
    "{size: u32, x_offset: u32, accumulate_y: u32}",
  ],
  ["a parameter too many", { params: { ...declaration.params, rate: "f32" } }, "rate: f32}"],
  [
    "parameters in another order",
    { params: { factor, size, x_offset, accumulate_y } },
    "Params has {size: u32, factor: f32",
  ],
  ["a parameter of another type", { params: { ...declaration.params, factor: "u32" } }, "factor: u32"],
  ["an override that is not there", { overrides: { TILE: 4 } }, 'no override "TILE"'],
];

for (const [name, changes, message] of slips) {
  Deno.test(`defineKernel() refuses ${name}`, () => {
    const define = () => defineKernel({ ...declaration, ...changes } as never);
    const error = assertThrows(define, TypeError, 'Cannot define the kernel "scale:');
    assert(error.message.includes(message), error.message);
  });
}

Deno.test("defineKernel() refuses a gradient that the tape cannot tell whether to add to", () => {
  const define = () =>
    defineKernel({
      ...declaration,
      source: source.replace(", accumulate_y: u32", ""),
      params: { size, factor, x_offset },
    });
  assertThrows(define, TypeError, '"y" accumulates, so it needs a parameter "accumulate_y: u32"');
});

Deno.test("a kernel is compiled once a device", async () => {
  const cache = PipelineCache.of(device);
  const kernel: AnyKernel = defineKernel(declaration);
  assert(cache === PipelineCache.of(device));
  assert(await cache.get(kernel) === await cache.get(kernel));
});

Deno.test("a kernel that does not compile is named, with the reason and the lines around it", async () => {
  const kernel = defineKernel({
    ...declaration,
    source: source.replace("params.factor *", "missing_factor *"),
  });
  const error = await assertRejects(
    () => PipelineCache.of(device).get(kernel),
    SyntaxError,
    'Cannot compile the kernel "scale:forward", line 11 of its WGSL: ',
  );
  assert(error.message.includes("missing_factor"), error.message);
  assert(/^> +11 .*missing_factor/m.test(error.message), error.message);
  assert(/^ +9 @compute/m.test(error.message), error.message);
  assert(!error.message.includes("struct Params"), "it shows what has nothing to do with it");
  assert(error.message.includes(`Update the driver of ${device.description}`), error.message);
});

Deno.test("a kernel whose workgroups are too large is named with the limit, before the driver is asked", async () => {
  const kernel = defineKernel({ ...declaration, overrides: { WORKGROUP: 1e6 } });
  const compile = () => PipelineCache.of(device).get(kernel);
  const limit = `maxComputeWorkgroupSizeX is ${device.limits.maxComputeWorkgroupSizeX}`;
  const says = `"scale:forward" for workgroups of 1000000 invocations: this adapter's limit ${limit}`;
  const { shaderModules } = device.created;
  await assertRejects(compile, RangeError, says);
  assertEquals(device.created.shaderModules, shaderModules);
});
