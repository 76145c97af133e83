// Safetensors files that break one rule each, and odd ones that break none, built byte by byte. The oracle in
// tests/oracle/safetensors_verdicts.py asks the original about the same files.

import type { SafetensorsErrorCode } from "../../lib/training/safetensors.ts";

/** A file that has to be refused. */
export interface BadFile {
  readonly what: string;
  readonly code: SafetensorsErrorCode;
  /** A part of the message. */
  readonly says: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A file that has to be read, with the names of its tensors. */
export interface OddFile {
  readonly what: string;
  readonly names: readonly string[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const FIRST = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
const SECOND = '{"dtype":"F32","shape":[1],"data_offsets":[4,8]}';
const EMPTY = '{"dtype":"F32","shape":[0],"data_offsets":[4,4]}';

/** A file with this header and as many zero bytes as data. */
function file(header: string | Uint8Array, dataLength = 4): Uint8Array<ArrayBuffer> {
  const encoded = typeof header === "string" ? new TextEncoder().encode(header) : header;
  return withLength(BigInt(encoded.length), encoded, dataLength);
}

/** A file that says something else about its header's length. */
function withLength(length: bigint, header: Uint8Array, dataLength = 4): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + header.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  bytes.set(header, 8);
  return bytes;
}

/** A header of one tensor, with fields that differ from those of a number; undefined leaves one out. */
function one(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ x: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...fields } });
}

/** The same with a shape in the file's own words. */
function shaped(shape: string, offsets = "[0,4]"): string {
  return `{"x":{"dtype":"F32","shape":${shape},"data_offsets":${offsets}}}`;
}

/** A header with bytes that no text has, between two quotes. */
function named(...bytes: number[]): Uint8Array {
  const [before, after] = ['{"', `":${FIRST}}`].map((text) => new TextEncoder().encode(text));
  return Uint8Array.of(...before!, ...bytes, ...after!);
}

const braces = new TextEncoder().encode("{}");
const utf16 = new Uint8Array(new Uint16Array([...`{"x":${FIRST}}`].map((c) => c.charCodeAt(0))).buffer);

type Row = readonly [what: string, bytes: Uint8Array<ArrayBuffer>, says: string];

const BY_CODE: Readonly<Partial<Record<SafetensorsErrorCode, readonly Row[]>>> = {
  "header-length": [
    ["no bytes at all", new Uint8Array(0), "has 0 bytes"],
    ["fewer bytes than a length", new Uint8Array(7), "has 7 bytes"],
    ["a length and nothing behind it", withLength(2n, new Uint8Array(0), 0), "2 bytes, but 0 follow"],
    ["a header longer than the file", withLength(100n, braces), "100 bytes, but 6 follow"],
    ["a header one byte longer than the file", withLength(7n, braces), "7 bytes, but 6 follow"],
    ["the longest header, in a small file", withLength(100_000_000n, braces), "100000000 bytes, but 6"],
  ],
  "header-too-large": [
    ["a header just above the limit", withLength(100_000_001n, braces), "100000001 bytes"],
    ["a header length of 2^32", withLength(2n ** 32n, braces), "4294967296 bytes"],
    ["a header length of 2^63", withLength(2n ** 63n, braces), "at most 100000000"],
    ["a header length of 2^64 - 1", withLength(2n ** 64n - 1n, braces), "at most 100000000"],
    ["a header length of 2^64 - 8, which wraps around", withLength(2n ** 64n - 8n, braces), "at most"],
    ["a length in the other byte order", withLength(2n << 56n, braces), "at most 100000000"],
  ],
  "header-start": [
    ["an empty header", withLength(0n, braces), 'does not start with "{"'],
    ["a header that starts with a space", file(` {"x":${FIRST}}`), 'does not start with "{"'],
    ["a header that starts with a byte order mark", file(`\ufeff{"x":${FIRST}}`), 'does not start with "{"'],
    ["a header that is an array", file(`[${FIRST}]`), 'does not start with "{"'],
    ["a header that is null", file("null", 0), 'does not start with "{"'],
  ],
  "header-utf8": [
    ["a name of a byte that is not UTF-8", file(named(0xff)), "not UTF-8"],
    ["a name in overlong UTF-8", file(named(0xc0, 0x80)), "not UTF-8"],
    ["a name that is half a surrogate pair in UTF-8", file(named(0xed, 0xa0, 0x80)), "not UTF-8"],
    ["a header that ends within a character", file(Uint8Array.of(0x7b, 0xe2, 0x82), 0), "not UTF-8"],
  ],
  "header-json": [
    ["a header in UTF-16", file(utf16), "unexpected"],
    ["a header cut in a string", file('{"x'), "line 1, column 2"],
    ["a header cut after a backslash", file('{"x\\'), "line 1, column 2"],
    ["a header without its end", file(`{"x":${FIRST}`), "the text ends too early"],
    ["a trailing comma", file(`{"x":${FIRST},}`), "unexpected }"],
    ["a missing colon", file(`{"x"${FIRST}}`), "unexpected {"],
    ["a comment", file(`{/* x */"x":${FIRST}}`), "unexpected /"],
    ["a name in single quotes", file(`{'x':${FIRST}}`), "unexpected '"],
    ["a name with a line break in it", file(`{"a\nb":${FIRST}}`), 'unexpected "a'],
    ["an escape that JSON does not have", file(`{"\\x41":${FIRST}}`), "unexpected"],
    ["bytes behind the JSON", file(`{"x":${FIRST}}\0`), "unexpected"],
    ["padding of no-break spaces", file(`{"x":${FIRST}}\u00a0`), "unexpected"],
    ["two documents", file(`{"x":${FIRST}}{}`), "unexpected {"],
    ["deep nesting", file(`{"x":${"[".repeat(100_000)}`), "lie in each other"],
    ["deep nesting of objects", file('{"x":'.repeat(100_000)), "lie in each other"],
    ["nesting where nothing may be", file('{"x":[[[1]]]}'), "lie in each other"],
    ["a negative size", file(shaped("[-1]")), "the number -1"],
    ["a negative zero", file(shaped("[-0]", "[0,0]"), 0), "the number -0"],
    ["a negative offset", file(shaped("[1]", "[-4,0]")), "the number -4"],
    ["a fraction that is a size", file(shaped("[1.0]")), "the number 1.0"],
    ["a fraction that rounds to a size", file(shaped("[1.00000000000000000001]")), "1.000000"],
    ["a fraction as offset", file(shaped("[1]", "[0.5,4.5]")), "the number 0.5"],
    ["a size with exponent", file(shaped("[1e0]")), "the number 1e0"],
    ["a size that no double holds", file(shaped("[1e999]")), "the number 1e999"],
    ["a size of a thousand digits", file(shaped(`[${"9".repeat(1000)}]`)), "the number 999"],
    ["a size with a leading zero", file(shaped("[01]")), "unexpected 01"],
    ["a size in hexadecimal", file(shaped("[0x1]")), "unexpected"],
    ["a size with a sign", file(shaped("[+1]")), "unexpected +1"],
    ["a size of NaN", file(shaped("[NaN]")), "unexpected NaN"],
  ],
  "duplicate-key": [
    ["a tensor twice", file(`{"x":${FIRST},"x":${FIRST}}`), 'the key "x" is there twice'],
    ["a tensor twice, once escaped", file(`{"x":${FIRST},"\\u0078" :${SECOND}}`, 8), '"x" is there twice'],
    ["__proto__ twice", file(`{"__proto__":${FIRST},"__proto__":${FIRST}}`), '"__proto__" is there twice'],
    ["a field twice", file(`{"x":${FIRST.replace("{", '{"dtype":"U32",')}}`), '"dtype" is there twice'],
    ["a metadata key twice", file('{"__metadata__":{"a":"1","a":"2"}}', 0), '"a" is there twice'],
    ["metadata twice", file('{"__metadata__":{},"__metadata__":{}}', 0), '"__metadata__" is there twice'],
  ],
  "metadata": [
    ["metadata that is no object", file('{"__metadata__":"text"}', 0), "is not an object"],
    ["metadata that is null", file('{"__metadata__":null}', 0), "is not an object"],
    ["metadata that is a list", file('{"__metadata__":["a"]}', 0), "is not an object"],
    ["metadata with a number", file('{"__metadata__":{"step":100}}', 0), '"step" is not a string'],
    ["metadata with an object", file('{"__metadata__":{"step":{}}}', 0), '"step" is not a string'],
    ["metadata that is a tensor", file(`{"__metadata__":${FIRST}}`), '"shape" is not a string'],
  ],
  "tensor-info": [
    ["a tensor that is null", file('{"x":null}', 0), 'tensor "x"'],
    ["a tensor that is an array", file('{"x":[1]}', 0), 'tensor "x"'],
    ["fields through __proto__", file('{"x":{"__proto__":{"dtype":"F32","shape":0}}}'), 'tensor "x"'],
    ["no element type", file(one({ dtype: undefined })), 'a text "dtype"'],
    ["an element type that is a number", file(one({ dtype: 1 })), 'a text "dtype"'],
    ["no shape", file(one({ shape: undefined })), '"shape"'],
    ["a shape that is a text", file(one({ shape: "1" })), '"shape"'],
    ["a shape that is a number", file(one({ shape: 1 })), '"shape"'],
    ["a size that is true", file(one({ shape: [true] })), '"shape"'],
    ["a size that is a text", file(one({ shape: ["1"] })), '"shape"'],
    ["a size of 2^53", file(one({ shape: [2 ** 53] })), "2^53 - 1"],
    ["a size of 2^53 + 1", file(shaped("[9007199254740993]")), "2^53 - 1"],
    ["a size of 2^64 + 1, which wraps around to 1", file(shaped("[18446744073709551617]")), "2^53 - 1"],
    ["no offsets", file(one({ data_offsets: undefined })), '"data_offsets"'],
    ["one offset", file(one({ data_offsets: [4] })), '"data_offsets"'],
    ["three offsets", file(one({ data_offsets: [0, 4, 4] })), '"data_offsets"'],
    ["offsets that are texts", file(one({ data_offsets: ["0", "4"] })), '"data_offsets"'],
    ["an offset of 2^64 - 1", file(shaped("[1]", "[18446744073709551615,3]")), '"data_offsets"'],
  ],
  "dtype": [
    ["an unknown element type", file(one({ dtype: "F128" })), '"F128"'],
    ["an element type of eight bits that we do not have", file(one({ dtype: "F8_E4M3" })), '"F8_E4M3"'],
    ["an element type in lower case", file(one({ dtype: "f32" })), '"f32"'],
    ["an element type with a space", file(one({ dtype: "F32 " })), '"F32 "'],
    ["an element type that is empty", file(one({ dtype: "" })), '""'],
    ["an element type from Object.prototype", file(one({ dtype: "constructor" })), '"constructor"'],
    ["an element type of __proto__", file(one({ dtype: "__proto__" })), '"__proto__"'],
  ],
  "shape": [
    ["an element type that does not fit the span", file(one({ dtype: "F64" })), "takes 8 bytes"],
    ["offsets in the wrong order", file(one({ data_offsets: [4, 0] })), "offsets 4 to 0"],
    ["a shape larger than the span", file(one({ shape: [2] })), "takes 8 bytes"],
    ["a span larger than the shape", file(one({ data_offsets: [0, 8] }), 8), "span 8"],
    ["a size of zero, and a span that is not", file(one({ shape: [5, 0] })), "takes 0 bytes"],
    ["a single number, and an empty span", file(one({ shape: [], data_offsets: [0, 0] }), 0), "takes 4"],
  ],
  "overflow": [
    ["a product beyond 2^53", file(one({ shape: [2 ** 30, 2 ** 30] })), "2^50 elements or more"],
    [
      "a product that wraps around to 0",
      file(one({ shape: [2 ** 32, 2 ** 32], data_offsets: [0, 0] }), 0),
      "2^50",
    ],
    ["a product that overflows before a zero", file(one({ shape: [2 ** 40, 2 ** 40, 0] })), "2^50"],
    ["bytes beyond 2^53", file(one({ dtype: "F64", shape: [2 ** 51] })), "2^50 elements or more"],
  ],
  "offsets": [
    ["a first tensor that does not start at 0", file(`{"x":${SECOND}}`, 8), "begins at byte 4"],
    ["two tensors of the same span", file(`{"x":${FIRST},"y":${FIRST}}`), 'tensor "y"'],
    [
      "two tensors that overlap in part",
      file(`{"x":${FIRST},"y":${SECOND.replace("[4,8]", "[2,6]")}}`, 6),
      "begins at byte 2, but the tensors before it end at 4",
    ],
    [
      "a tensor within another",
      file(`{"x":{"dtype":"U8","shape":[9],"data_offsets":[0,9]},"y":${SECOND}}`, 9),
      "begins at byte 4, but the tensors before it end at 9",
    ],
    ["a hole", file(`{"x":${FIRST},"y":${SECOND.replace("4,8", "8,12")}}`, 12), "begins at byte 8"],
    ["an empty tensor in a hole", file(one({ shape: [0], data_offsets: [2, 2] }), 4), "begins at byte 2"],
    ["an empty tensor within another", file(`{"x":${FIRST},"e":${EMPTY.replace("4,4", "2,2")}}`), "byte 2"],
    ["an empty tensor behind the end", file(`{"e":${EMPTY}}`, 0), "begins at byte 4"],
    ["a tensor past the end", file(`{"x":${FIRST},"y":${SECOND}}`, 4), "may be cut short"],
    ["a tensor cut by one byte", file(`{"x":${FIRST}}`, 3), "end at byte 4, but 3 bytes follow"],
    [
      "a tensor of 2 PB in a small file",
      file(one({ shape: [2 ** 49], data_offsets: [0, 2 ** 51] })),
      "cut short",
    ],
    ["bytes behind the last tensor", file(`{"x":${FIRST}}`, 5), "end at byte 4, but 5 bytes follow"],
    ["bytes without a tensor", file("{}", 1), "end at byte 0, but 1 bytes follow"],
  ],
  "name": [
    ["a name that is half a surrogate pair", file(`{"\\ud800":${FIRST}}`), "half a surrogate pair"],
    ["a metadata key that is half a pair", file('{"__metadata__":{"\\udc00":""}}', 0), "half a surrogate"],
    ["a metadata text with half a pair", file('{"__metadata__":{"a":"\\ud800b"}}', 0), "half a surrogate"],
  ],
};

/** Files that break one rule each. */
export const BAD_FILES: readonly BadFile[] = Object.entries(BY_CODE).flatMap(([code, rows]) =>
  rows.map(([what, bytes, says]) => ({ what, code: code as SafetensorsErrorCode, says, bytes }))
);

const many = Array.from({ length: 5_000 }, (_, index) => `t${index}`);

/** Files that look odd and are right. */
export const ODD_FILES: readonly OddFile[] = [
  { what: "no tensors", names: [], bytes: file("{}", 0) },
  { what: "nothing but metadata", names: [], bytes: file('{"__metadata__":{"format":"pt","a":""}}', 0) },
  { what: "empty metadata", names: ["x"], bytes: file(`{"__metadata__":{},"x":${FIRST}}`) },
  { what: "metadata at the end", names: ["x"], bytes: file(`{"x":${FIRST},"__metadata__":{"a":"b"}}`) },
  { what: "white space behind the header", names: ["x"], bytes: file(`{"x":${FIRST}}   \t\r\n`) },
  { what: "white space within the header", names: ["x"], bytes: file(`{ "x"\n:\t${FIRST} }`) },
  {
    what: "tensors in another order than their bytes",
    names: ["y", "x"],
    bytes: file(`{"y":${SECOND},"x":${FIRST}}`, 8),
  },
  {
    what: "fields in another order",
    names: ["x"],
    bytes: file('{"x":{"shape":[1],"data_offsets":[0,4],"dtype":"F32"}}'),
  },
  { what: "an empty tensor", names: ["e"], bytes: file(`{"e":${EMPTY.replace("4,4", "0,0")}}`, 0) },
  {
    what: "an empty tensor between two others",
    names: ["x", "e", "y"],
    bytes: file(`{"x":${FIRST},"e":${EMPTY},"y":${SECOND}}`, 8),
  },
  { what: "an empty tensor at the end", names: ["x", "e"], bytes: file(`{"x":${FIRST},"e":${EMPTY}}`) },
  {
    what: "an empty tensor of other large sizes",
    names: ["x"],
    bytes: file(one({ shape: [2 ** 40, 0, 7], data_offsets: [0, 0] }), 0),
  },
  { what: "a single number", names: ["x"], bytes: file(one({ shape: [] })) },
  { what: "a number with a hundred axes", names: ["x"], bytes: file(one({ shape: Array(100).fill(1) })) },
  {
    what: "a tensor that is not aligned",
    names: ["a", "b"],
    bytes: file(
      '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}}',
      7,
    ),
  },
  { what: "a tensor named __proto__", names: ["__proto__"], bytes: file(`{"__proto__":${FIRST}}`) },
  {
    what: "tensors named constructor and toString",
    names: ["constructor", "toString"],
    bytes: file(`{"constructor":${FIRST},"toString":${SECOND}}`, 8),
  },
  { what: "an empty name", names: [""], bytes: file(`{"":${FIRST}}`) },
  { what: "a name of NUL", names: ["\0"], bytes: file(`{"\\u0000":${FIRST}}`) },
  {
    what: "a name that is a path",
    names: ["../../etc/passwd"],
    bytes: file(`{"../../etc/passwd":${FIRST}}`),
  },
  {
    what: "a name of 100,000 letters",
    names: ["n".repeat(100_000)],
    bytes: file(`{"${"n".repeat(100_000)}":${FIRST}}`),
  },
  { what: "a name in escapes", names: ["😀"], bytes: file(`{"\\ud83d\\ude00":${FIRST}}`) },
  {
    what: "syntax in texts",
    names: [],
    bytes: file('{"__metadata__":{"a":"\\"b\\":1 {","c":"\\"1e5 [[[[","\\"b\\"":"-0"}}', 0),
  },
  {
    what: "5,000 tensors",
    names: many,
    bytes: file(`{${many.map((name) => `"${name}":${EMPTY.replace("4,4", "0,0")}`)}}`, 0),
  },
];
