// Our safetensors against files of the original, and against files that break one rule each.

import {
  decodeSafetensors,
  encodeSafetensors,
  SafetensorsError,
  type SafetensorsErrorCode,
  type SafetensorsInput,
} from "../../lib/training/safetensors.ts";
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

const info = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
const second = '{"dtype":"F32","shape":[1],"data_offsets":[4,8]}';

/** A file with this header and as many zero bytes as data. */
function build(header: string | Uint8Array, dataLength = 4): Uint8Array {
  const encoded = typeof header === "string" ? new TextEncoder().encode(header) : header;
  return withLength(BigInt(encoded.length), encoded, dataLength);
}

function withLength(length: bigint, header: Uint8Array, dataLength = 4): Uint8Array {
  const bytes = new Uint8Array(8 + header.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  bytes.set(header, 8);
  return bytes;
}

function one(fields: Record<string, unknown>): string {
  return JSON.stringify({ x: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...fields } });
}

const braces = new TextEncoder().encode("{}");
const badFiles: [string, SafetensorsErrorCode, Uint8Array][] = [
  ["no bytes at all", "header-length", new Uint8Array(0)],
  ["fewer bytes than a length", "header-length", new Uint8Array(7)],
  ["a header longer than the file", "header-length", withLength(100n, braces)],
  ["a header just above the limit", "header-too-large", withLength(100_000_001n, braces)],
  ["a header length of 2^64 - 1", "header-too-large", withLength(2n ** 64n - 1n, braces)],
  ["an empty header", "header-start", withLength(0n, braces)],
  ["a header that starts with a space", "header-start", build(` {"x":${info}}`)],
  ["a header that starts with a byte order mark", "header-start", build(`\ufeff{"x":${info}}`)],
  ["a header that is an array", "header-start", build(`[${info}]`)],
  ["a header that is not UTF-8", "header-utf8", build(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]))],
  ["a header cut in a string", "header-json", build('{"x')],
  ["a header cut after a backslash", "header-json", build('{"x\\')],
  ["a trailing comma", "header-json", build(`{"x":${info},}`)],
  ["bytes behind the JSON", "header-json", build(`{"x":${info}}\0`)],
  ["two documents", "header-json", build(`{"x":${info}}{}`)],
  ["deep nesting", "header-json", build(`{"x":${"[".repeat(100_000)}`)],
  ["nesting where nothing may be", "header-json", build('{"x":[[[1]]]}')],
  ["a duplicate tensor", "duplicate-key", build(`{"x":${info},"x":${info}}`)],
  ["a duplicate tensor, once escaped", "duplicate-key", build(`{"x":${info},"\\u0078" :${info}}`)],
  ["a duplicate __proto__", "duplicate-key", build(`{"__proto__":${info},"__proto__":${info}}`)],
  ["a duplicate field", "duplicate-key", build(`{"x":${info.replace("{", '{"dtype":"U32",')}}`)],
  ["duplicate metadata", "duplicate-key", build('{"__metadata__":{"a":"1","a":"2"}}', 0)],
  ["metadata that is no object", "metadata", build('{"__metadata__":"text"}', 0)],
  ["metadata that is null", "metadata", build('{"__metadata__":null}', 0)],
  ["metadata with a number", "metadata", build('{"__metadata__":{"step":100}}', 0)],
  ["a tensor that is null", "tensor-info", build('{"x":null}', 0)],
  ["a tensor that is an array", "tensor-info", build('{"x":[1]}', 0)],
  ["fields through __proto__", "tensor-info", build(`{"x":{"__proto__":{"dtype":"F32","shape":0}}}`)],
  ["no shape", "tensor-info", build(one({ shape: undefined }))],
  ["a shape that is a text", "tensor-info", build(one({ shape: "1" }))],
  ["a negative size", "header-json", build(one({ shape: [-1] }))],
  ["a negative zero", "header-json", build('{"x":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}', 0)],
  ["a fraction that rounds to a size", "header-json", build(`{"x":${info.replace("[1]", "[1.0]")}}`)],
  ["a size of 2^53 + 1", "tensor-info", build(`{"x":${info.replace("[1]", "[9007199254740993]")}}`)],
  ["a size with exponent", "header-json", build(`{"x":${info.replace("[1]", "[1e0]")}}`)],
  ["one offset", "tensor-info", build(one({ data_offsets: [4] }))],
  ["three offsets", "tensor-info", build(one({ data_offsets: [0, 4, 4] }))],
  ["an unknown element type", "dtype", build(one({ dtype: "F8_E4M3" }))],
  ["an element type in lower case", "dtype", build(one({ dtype: "f32" }))],
  ["an element type from Object.prototype", "dtype", build(one({ dtype: "constructor" }))],
  ["an element type that does not fit the span", "shape", build(one({ dtype: "F64" }))],
  ["offsets in the wrong order", "shape", build(one({ data_offsets: [4, 0] }))],
  ["a shape larger than the span", "shape", build(one({ shape: [2] }))],
  ["a span larger than the shape", "shape", build(one({ data_offsets: [0, 8] }), 8)],
  ["a product beyond 2^53", "overflow", build(one({ shape: [2 ** 30, 2 ** 30] }))],
  ["a product that overflows before a zero", "overflow", build(one({ shape: [2 ** 40, 2 ** 40, 0] }))],
  ["a first tensor that does not start at 0", "offsets", build(`{"x":${second}}`, 8)],
  ["overlapping tensors", "offsets", build(`{"x":${info},"y":${info}}`)],
  ["a hole", "offsets", build(`{"x":${info},"y":${second.replace("4,8", "8,12")}}`, 12)],
  ["an empty tensor in a hole", "offsets", build(one({ shape: [0], data_offsets: [2, 2] }), 4)],
  ["a tensor past the end", "offsets", build(`{"x":${info},"y":${second}}`, 4)],
  ["bytes behind the last tensor", "offsets", build(`{"x":${info}}`, 5)],
  ["bytes without a tensor", "offsets", build("{}", 1)],
];

for (const [what, code, bytes] of badFiles) {
  Deno.test(`decodeSafetensors() refuses ${what}`, () => assertCode(() => decodeSafetensors(bytes), code));
}

Deno.test("decodeSafetensors() accepts what the format allows, however odd", () => {
  assertEquals(decodeSafetensors(build("{}", 0)).tensors.size, 0);
  assertEquals(decodeSafetensors(build(`{"x":${info}}   \n`)).tensors.size, 1);
  assertEquals(decodeSafetensors(build(`{"y":${second},"x":${info}}`, 8)).tensors.size, 2);
  assertEquals(decodeSafetensors(build(`{"__proto__":${info}}`)).tensors.get("__proto__")!.data.length, 1);
  const texts = '{"__metadata__":{"a":"\\"b\\":1 {","c":"\\"1e5 [[[[","\\"b\\"":""}}';
  const { metadata } = decodeSafetensors(build(texts, 0));
  assertEquals({ ...metadata }, { "a": '"b":1 {', "c": '"1e5 [[[[', '"b"': "" });
});

Deno.test("decodeSafetensors() throws nothing but SafetensorsError for 1,000 damaged files", () => {
  const original = readFixture("original");
  const random = generator(1);
  let refused = 0;
  for (let round = 0; round < 1_000; round++) {
    try {
      const { tensors } = decodeSafetensors(mutate(original, random));
      for (const { shape, data } of tensors.values()) {
        assertEquals(data.length, shape.reduce((product, size) => product * size, 1), `mutation ${round}`);
      }
    } catch (error) {
      if (!(error instanceof SafetensorsError)) throw new Error(`mutation ${round}`, { cause: error });
      refused++;
    }
  }
  assert(refused > 500, `only ${refused} of 1,000 were refused`);
});

/** Changes, inserts, removes, repeats or cuts bytes, mostly in the header. */
function mutate(original: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = [...original];
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = random(random(4) === 0 ? bytes.length : Math.min(bytes.length, 900));
    const syntax = [...new TextEncoder().encode('{}[]",:\\0123456789-. ')];
    const byte = random(2) === 0 ? random(256) : syntax[random(syntax.length)]!;
    const kind = random(6);
    if (kind <= 1) bytes[at] = byte;
    else if (kind === 2) bytes.splice(at, 0, byte);
    else if (kind === 3) bytes.splice(at, 1 + random(8));
    else if (kind === 4) bytes.splice(at, 0, ...bytes.slice(at, at + random(200)));
    else bytes = bytes.slice(0, Math.max(at, 1));
  }
  return new Uint8Array(bytes);
}

/** A small linear congruential generator: the same damage on every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

function assertCode(run: () => unknown, code: SafetensorsErrorCode): void {
  assertEquals(assertThrows(run, SafetensorsError).code, code);
}
