// Our safetensors against files of the original, and against itself; safetensors_bad_files_test.ts has the files to refuse.

import {
  encodeSafetensorsParts,
  SafetensorsError,
  type SafetensorsErrorCode,
  type SafetensorsInput,
} from "../../lib/training/safetensors.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const oddName = 'größe/日本"\\';

function readFixture(name: string): Uint8Array {
  return Deno.readFileSync(new URL(`../fixtures/${name}.safetensors`, import.meta.url));
}

function floats(...values: number[]): SafetensorsInput {
  return { shape: [values.length], data: new Float32Array(values) };
}

Deno.test("decodeSafetensors() reads every element type of a file that the original wrote", () => {
  const { tensors, metadata } = decodeSafetensors(readFixture("original"));
  const expected: [string, string, number[], ArrayLike<number | bigint>][] = [
    ["double", "F64", [2], new Float64Array([0.1, -1e300])],
    ["matrix", "F32", [2, 3], new Float32Array([0, 1, -2.5, 3, 1e-30, Infinity])],
    ["half", "F16", [3], new Float16Array([1, -0.5, 65504])],
    ["brain", "BF16", [2], new Uint16Array([0x3f80, 0xc000])],
    ["long", "I64", [2], new BigInt64Array([2n ** 62n + 1n, -1n])],
    ["int", "I32", [1], new Int32Array([-7])],
    ["short", "I16", [1], new Int16Array([-300])],
    ["tiny", "I8", [1], new Int8Array([-128])],
    ["unsigned", "U32", [2], new Uint32Array([1, 4_294_967_295])],
    ["bytes", "U8", [3], new Uint8Array([1, 2, 255])],
    ["flags", "BOOL", [2], new Uint8Array([1, 0])],
    ["scalar", "F32", [], new Float32Array([42.5])],
    ["empty", "F32", [0, 3], new Float32Array(0)],
    [oddName, "F32", [1], new Float32Array([1])],
  ];
  assertEquals([...tensors.keys()].sort(), expected.map(([name]) => name).sort());
  for (const [name, dtype, shape, data] of expected) {
    const tensor = tensors.get(name)!;
    assertEquals([tensor.dtype, [...tensor.shape]], [dtype, shape], name);
    assertEquals<ArrayLike<number | bigint>>(tensor.data, data, name);
  }
  assertEquals({ ...metadata }, { origin: "das grüne Original" });
});

Deno.test("decodeSafetensors() reads a file that starts at an odd address, and copies it", () => {
  const file = readFixture("original");
  const shifted = new Uint8Array(file.length + 1);
  shifted.set(file, 1);
  const { tensors } = decodeSafetensors(shifted.subarray(1));
  shifted.fill(0);
  assertEquals(tensors.get("scalar")!.data[0], 42.5);
});

Deno.test("decodeSafetensors() reads numbers that are not aligned", () => {
  const header = '{"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},' +
    '"y":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}}';
  const bytes = build(header, 7);
  bytes.set(new Uint8Array(new Float32Array([1.5]).buffer), bytes.length - 4);
  assertEquals(decodeSafetensors(bytes).tensors.get("y")!.data[0], 1.5);
});

Deno.test("encodeSafetensors() writes the bytes that the original was seen to read", () => {
  const tensors: [string, SafetensorsInput][] = [
    ["__proto__", floats(-1)],
    [oddName, floats(1)],
    ["9", floats(9)],
    ["10", floats(10)],
    ["empty", { shape: [0, 3], data: new Float32Array(0) }],
    ["step", { shape: [2], data: new Uint32Array([1, 4_294_967_295]) }],
    ["scalar", { shape: [], data: new Float32Array([42.5]) }],
    ["weight", { shape: [2, 3], data: new Float32Array([0, 1, -2.5, 3, 1e-30, Infinity]) }],
  ];
  const metadata = { note: "zwei\nZeilen", program: "attend" };
  assertEquals(encodeSafetensors(new Map(tensors), metadata), readFixture("ours"));
});

Deno.test("encodeSafetensors() and decodeSafetensors() are inverse, bit for bit", () => {
  const tensors = new Map([
    ["a", { shape: [2, 2], data: new Float32Array([-0, NaN, 1e-45, 3.4e38]) }],
    ["b", { shape: [3], data: new Uint32Array([0, 1, 2 ** 31]) }],
    ["part", { shape: [2], data: new Float32Array([9, 1, 2, 9]).subarray(1, 3) }],
  ]);
  const first = encodeSafetensors(tensors, { ["__proto__"]: "kept", "10": "x" });
  const decoded = decodeSafetensors(first);
  assertEquals(decoded.metadata["__proto__"], "kept");
  const again = new Map([...decoded.tensors].map(([name, tensor]) => {
    assert(tensor.dtype === "F32" || tensor.dtype === "U32");
    return [name, tensor];
  }));
  assertEquals(encodeSafetensors(again, decoded.metadata), first);
  assertEquals(decodeSafetensors(encodeSafetensors(new Map())).tensors.size, 0);
});

Deno.test("encodeSafetensorsParts() gives the same bytes without copying the numbers", () => {
  const tensors = new Map([["b", floats(1, 2)], ["a", floats(3)], ["empty", floats()]]);
  const parts = encodeSafetensorsParts(tensors, { note: "x" });
  assertEquals(parts.length, 4);
  assert(
    parts[1]!.buffer === tensors.get("a")!.data.buffer && parts[2]!.buffer === tensors.get("b")!.data.buffer,
  );
  const whole = encodeSafetensors(tensors, { note: "x" });
  assertEquals(Uint8Array.from(parts.flatMap((part) => [...part])), whole);
});

Deno.test("encodeSafetensors() aligns the numbers to eight bytes", () => {
  for (let length = 1; length < 20; length++) {
    const bytes = encodeSafetensors(new Map([["n".repeat(length), floats(1)]]));
    assertEquals(new DataView(bytes.buffer).getBigUint64(0, true) % 8n, 0n);
  }
});

Deno.test("encodeSafetensors() refuses what no reader could read", () => {
  const encode = (name: string, tensor: SafetensorsInput): unknown =>
    encodeSafetensors(new Map([[name, tensor]]));
  assertCode(() => encode("x", { shape: [3], data: new Float32Array(2) }), "shape");
  assertCode(() => encode("x", { shape: [-1], data: new Float32Array(1) }), "shape");
  assertCode(() => encode("x", { shape: [2 ** 40, 2 ** 40], data: new Float32Array(1) }), "overflow");
  assertCode(() => encode("__metadata__", floats(1)), "name");
  assertCode(() => encode("\ud800", floats(1)), "name");
  assertCode(() => encodeSafetensors(new Map(), { key: "\udc00" }), "name");
});

/** A file with this header and as many zero bytes as data. */
function build(header: string, dataLength: number): Uint8Array {
  const encoded = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + encoded.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(encoded.length), true);
  bytes.set(encoded, 8);
  return bytes;
}

function assertCode(run: () => unknown, code: SafetensorsErrorCode): void {
  assertEquals(assertThrows(run, SafetensorsError).code, code);
}
