// Many damaged safetensors files: each is refused by name, or read as what it says, which a second, slow reader confirms.

import { Random } from "../../lib/random.ts";
import { SafetensorsError } from "../../lib/training/safetensors.ts";
import { decodeSafetensors, encodeSafetensors, type Safetensors } from "../training/safetensors.ts";
import { openSafetensors } from "../../lib/training/safetensors_file.ts";
import { assert, assertEquals } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { ODD_FILES } from "../training/safetensors_files.ts";
import { mutateBytes, mutateJson } from "./mutate.ts";
import { repetitions } from "./repetitions.ts";

const SEED = 1;
const ITEM_BYTES: Readonly<Record<string, bigint>> = {
  ...{ F64: 8n, I64: 8n, U64: 8n, F32: 4n, I32: 4n, U32: 4n },
  ...{ F16: 2n, BF16: 2n, I16: 2n, U16: 2n, I8: 1n, U8: 1n, BOOL: 1n },
};

const fixture = (name: string) =>
  Deno.readFileSync(new URL(`../fixtures/${name}.safetensors`, import.meta.url));
const noise = new Float32Array(300).map((_, index) => Math.sin(index));
const SEEDS: readonly Uint8Array<ArrayBuffer>[] = [
  fixture("original"),
  fixture("ours"),
  encodeSafetensors(
    new Map(["a", "b", "c"].map((name) => [name, { shape: [10, 10], data: noise.slice(0, 100) }])),
    { position: '{"epoch":1}' },
  ),
  ...ODD_FILES.map(({ bytes }) => bytes).filter(({ length }) => length < 1000),
];

/** Damages a whole file, or its header alone, whose length is then set right so that more than the length is wrong. */
function mutate(original: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  if (random.integer(3) === 0) return mutateBytes(original, random);
  const { header, data } = parts(original);
  const text = new TextDecoder().decode(header);
  const changed = random.integer(3) === 0
    ? mutateBytes(header, random)
    : new TextEncoder().encode(mutateJson(text, random));
  const bytes = new Uint8Array(8 + changed.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(changed.length), true);
  bytes.set(changed, 8);
  bytes.set(data, 8 + changed.length);
  return bytes;
}

/** The header and what follows it, by the sum of the length's bytes. */
function parts(bytes: Uint8Array): { header: Uint8Array; data: Uint8Array } {
  const length = bytes.subarray(0, 8).reduce(
    (sum, byte, index) => sum + BigInt(byte) * 256n ** BigInt(index),
    0n,
  );
  assert(bytes.length >= 8 && length <= 100_000_000n && length <= BigInt(bytes.length - 8), "header length");
  return { header: bytes.subarray(8, 8 + Number(length)), data: bytes.subarray(8 + Number(length)) };
}

/** Checks every rule of the format by other means than the reader, and that it gave what the file says. */
function checkSlowly(
  bytes: Uint8Array,
  { tensors, metadata }: Pick<Safetensors, "tensors" | "metadata">,
): void {
  const { header, data } = parts(bytes);
  assert(header[0] === "{".charCodeAt(0), "the first byte");
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(header);
  assertEquals(new TextEncoder().encode(text), new Uint8Array(header), "UTF-8");
  const json = JSON.parse(text);
  const bare = text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, "");
  assertEquals(bare.split(":").length - 1, keysIn(json), "a key is there twice");
  for (const [number] of bare.matchAll(/[-\d][^{}[\]:,\s]*/g)) {
    assert(/^(0|[1-9]\d*)$/.test(number), `${number} is no plain integer`);
  }
  const covered = new Uint8Array(data.length);
  const entries = Object.entries<Record<string, never>>(json).filter(([name]) => name !== "__metadata__");
  assertEquals([...tensors.keys()], entries.map(([name]) => name));
  for (const [name, info] of entries) {
    const own = (key: string) => Object.getOwnPropertyDescriptor(info, key)?.value;
    const [dtype, shape, [begin, end]] = [own("dtype"), own("shape"), own("data_offsets")];
    const size = shape.reduce((product: bigint, size: number) => product * BigInt(size), ITEM_BYTES[dtype]!);
    assertEquals(size, BigInt(end) - BigInt(begin), `span of ${name}`);
    assert(Number.isSafeInteger(begin) && begin <= data.length && end <= data.length, `end of ${name}`);
    for (let at = begin; at < end; at++) covered[at]!++;
    const tensor = tensors.get(name)!;
    assertEquals([tensor.dtype, [...tensor.shape]], [dtype, shape], name);
    const { buffer, byteOffset, byteLength } = tensor.data;
    assertEquals(
      new Uint8Array(buffer, byteOffset, byteLength),
      new Uint8Array(data.subarray(begin, end)),
      name,
    );
  }
  assert(covered.every((times) => times === 1), "a hole or an overlap");
  const texts = Object.getOwnPropertyDescriptor(json, "__metadata__")?.value ?? {};
  assertEquals(Object.entries(metadata), Object.entries(texts) as [string, string][]);
  assert(Object.values(texts).every((value) => typeof value === "string"), "metadata");
}

function keysIn(json: unknown): number {
  if (typeof json !== "object" || json === null) return 0;
  const within = Object.values(json).reduce((sum, value) => sum + keysIn(value), 0);
  return within + (Array.isArray(json) ? 0 : Object.keys(json).length);
}

/** What a reader makes of a file: its tensors, or the code of the error. */
async function outcome(read: () => Safetensors | Promise<Safetensors>): Promise<Safetensors | string> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SafetensorsError) return error.code;
    throw error;
  }
}

async function throughFile(path: string, bytes: Uint8Array): Promise<Safetensors> {
  await Deno.writeFile(path, bytes);
  using file = await openSafetensors(path);
  const tensors = new Map([...file.tensors.keys()].map((name) => [name, file.read(name)]));
  return { tensors, metadata: file.metadata };
}

/** Whatever lies where it lay, in bytes that nobody touched, must be what it was. */
function checkUntouched(original: Uint8Array, mutated: Uint8Array, { tensors }: Safetensors): void {
  const before = parts(original).data;
  if (!equal(before, parts(mutated).data)) return;
  const spans = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(parts(bytes).header));
  const [old, now] = [spans(original), spans(mutated)];
  const originals = decodeSafetensors(original).tensors;
  for (const [name, tensor] of tensors) {
    const same = Object.hasOwn(old, name) && JSON.stringify(old[name]) === JSON.stringify(now[name]);
    if (same) assertEquals(tensor, originals.get(name), `${name} was not touched`);
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

const ROUNDS = repetitions(2_000, 100_000);

Deno.test(`${ROUNDS} damaged safetensors files are refused by name or read as what they say`, async () => {
  await using folder = await TemporaryFolder.make();
  const counts: Record<string, number> = { read: 0 };
  let slowest = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const random = new Random(SEED, round);
    const original = SEEDS[round % SEEDS.length]!;
    const bytes = mutate(original, random);
    try {
      const start = performance.now();
      const decoded = await outcome(() => decodeSafetensors(bytes));
      slowest = Math.max(slowest, performance.now() - start);
      if (typeof decoded !== "string") {
        checkSlowly(bytes, decoded);
        checkUntouched(original, bytes, decoded);
      }
      const kind = typeof decoded === "string" ? decoded : "read";
      counts[kind] = (counts[kind] ?? 0) + 1;
      if (round % 10 === 0) {
        assertEquals(await outcome(() => throughFile(folder.at("a"), bytes)), decoded, "the readers differ");
      }
    } catch (error) {
      throw new Error(`seed ${SEED}, mutation ${round}: ${bytes.toBase64()}`, { cause: error });
    }
  }
  assert(counts["read"]! > ROUNDS / 50, `hardly anything was read: ${JSON.stringify(counts)}`);
  assert(Object.keys(counts).length > 8, `few rules were tried: ${JSON.stringify(counts)}`);
  assert(slowest < 5_000, `one took ${slowest} ms`); // a hang, not a slow machine: most take 0.1 ms
});
