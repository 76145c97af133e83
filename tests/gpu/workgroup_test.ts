// What a workgroup takes, read from the WGSL: sizes and layouts as its specification has them.

import { type AnyKernel, defineKernel } from "../../lib/gpu/kernel.ts";
import { workgroupOf } from "../../lib/gpu/workgroup.ts";
import { assertEquals } from "../assert.ts";

/** A kernel of this text, with these values of its overrides. */
function kernel(source: string, overrides = {}): AnyKernel {
  const declaration = { name: "test", source, entryPoint: "main", bindings: {}, params: {}, overrides };
  return defineKernel({ ...declaration, workgroups: () => [1] });
}

/** The bytes of a variable of this type that the entry point uses. */
function bytesOf(type: string, more = ""): number {
  const source = `${more}
    override LANES: u32 = 8u;
    var<workgroup> shared_numbers: ${type};
    @compute @workgroup_size(LANES) fn main() { shared_numbers[0] = 1; }`;
  return workgroupOf(kernel(source)).bytes;
}

Deno.test("workgroupOf() reads sizes: numbers, constants, and the overrides that a kernel is given", () => {
  const sizes = [["64", [64]], ["16, 4u", [16, 4]], ["LANES", [32]], ["PART, LANES, 2", [4, 32, 2]]] as const;
  for (const [text, size] of sizes) {
    const source = `override LANES: u32 = 8u; const PART = 4u; // @workgroup_size(7) fn main() {
      @compute @workgroup_size(1) fn other() {}
      @compute @workgroup_size(${text}) fn main() {}`;
    assertEquals(workgroupOf(kernel(source, { LANES: 32 })).size, [...size]);
  }
});

Deno.test("workgroupOf() lays out types as WGSL does", () => {
  const structs = "struct Word { logit: f32, id: u32 } struct Mixed { a: f32, b: vec3f, c: vec2<f16> }";
  const cases = [
    ["array<f32, 100>", 400],
    ["array<f32, LANES * 4>", 128],
    ["array<vec3f, LANES>", 128], // 12 bytes, 16 apart
    ["array<vec4<f16>, 4u>", 32],
    ["array<array<vec4f, 3>, 2>", 96],
    ["array<Word, 10>", 80],
    ["array<Mixed, 2>", 64], // a at 0, b at 16, c at 28
    ["array<Part, 2>", 32],
    ["atomic<u32>", 16], // rounded up
  ] as const;
  for (const [type, bytes] of cases) {
    assertEquals(bytesOf(type, `${structs} alias Part = vec4f;`), bytes, type);
  }
});

Deno.test("workgroupOf() counts what the entry point reaches, through functions too, and nothing else", () => {
  const { bytes } = workgroupOf(kernel(`
    var<workgroup> unused: array<f32, 1000>;
    var<workgroup> near: array<f32, 4>;
    var<workgroup> far: array<f32, 8>;
    fn helper() { far[0] = 1; }
    fn other() { unused[0] = 1; }
    @compute @workgroup_size(8) fn main() { near[0] = 1; helper(); }
  `));
  assertEquals(bytes, 16 + 32);
});
