// How every differentiable operation is checked: against plain loops in 64 bits, forward, and against central
// differences of those loops, backward. A test file has one readable reference and a row for each case.

import { copyInto } from "../../lib/ops/concatenate.ts";
import { defineKernel } from "../../lib/gpu/kernel.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { CHAINS, SUMS } from "../tolerances.ts";

/** A shape. */
export type Shape = readonly number[];

/** Numbers of a tensor, row after row. */
export type Numbers = ArrayLike<number>;

/** Integers that the host gives to an operation, such as ids or lengths. */
export interface Integers {
  readonly shape: Shape;
  readonly values: readonly number[];
}

/** One case of an operation. */
export interface Row<I extends Record<string, Shape>, N extends Record<string, Integers>> {
  /** What the case is; the profile is added. */
  readonly name: string;
  /** The inputs that have a gradient. */
  readonly inputs: I;
  /** The integer inputs; the plan's inputs get these names. */
  readonly integers?: N;
  /** Draws an element of an input; normal by default. */
  readonly draw?: (random: Random, input: keyof I) => number;
  /** Records the operation; the results are what the loss depends on. */
  readonly record: (
    tape: Tape,
    tensors: { readonly [K in keyof I | keyof N]: Tensor },
  ) => Record<string, Tensor>;
  /** The same results in plain loops. */
  readonly reference: (inputs: { readonly [K in keyof I]: Numbers }) => Record<string, Numbers>;
  /** The largest error, relative to the largest number of a result; 1e-5 by default. */
  readonly tolerance?: number;
  /** Instead: by the result's name the largest error of all its elements, or of each. */
  readonly bound?: (inputs: { readonly [K in keyof I]: Numbers }) => Record<string, number | Numbers>;
}

/** Elements of each input whose gradient is compared; all of them where there are fewer. */
const PROBES = 48;

/** Lets the test choose a gradient: `dy += x`. */
export const inject = defineKernel({
  name: "inject",
  source: `
struct Params { size: u32, accumulate_dy: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.size) { return; }
  dy[id.x] = x[id.x] + select(0.0, dy[id.x], params.accumulate_dy != 0u);
}`,
  entryPoint: "forward",
  bindings: { x: "read", dy: "accumulate" },
  params: { size: "u32", accumulate_dy: "u32" },
  workgroups: ({ size }) => [Math.ceil(size / 64)],
});

/**
 * Registers a test of one case, for each profile. The operation is recorded once, and then twice over the same
 * inputs, so that gradients have to be added up; each plan runs twice, which must not change a bit.
 */
export function checkOperation<
  const I extends Record<string, Shape>,
  const N extends Record<string, Integers> = Record<never, never>,
>(row: Row<I, N>): void {
  testEachProfile(row.name, (device) => compareOperation(device, row));
}

/** Does what {@linkcode checkOperation} registers. */
export async function compareOperation<
  const I extends Record<string, Shape>,
  const N extends Record<string, Integers> = Record<never, never>,
>(device: Device, row: Row<I, N>): Promise<void> {
  for (const times of [1, 2]) await new Check(device, row as unknown as AnyRow, times).run();
}

/** A row whose names do not matter any more. */
type AnyRow = Row<Record<string, Shape>, Record<string, Integers>>;

/** One recording of a row, `times` times over. */
class Check {
  readonly #random = new Random(7);
  readonly #parameters: Parameters;
  readonly #values: Record<string, Float32Array> = {};
  /** For each recording and result, the gradient of the loss that the test makes up. */
  readonly #weights: Record<string, Float32Array>[] = [];

  constructor(readonly device: Device, readonly row: AnyRow, readonly times: number) {
    this.#parameters = new Parameters(device);
    const draw = row.draw ?? ((random) => random.normal());
    for (const [name, shape] of Object.entries(row.inputs)) {
      this.#parameters.declare(name, shape, (random, size) => {
        return this.#values[name] = Float32Array.from({ length: size }, () => draw(random, name));
      });
    }
    this.#parameters.allocate(this.#random);
  }

  async run(): Promise<void> {
    const { row, device } = this;
    const tape = new Tape(device, { training: true });
    const kept = this.#record(tape);
    const plan = await Plan.compile(tape);
    const inputs: Record<string, Float32Array | Uint32Array> = {};
    for (const [name, { values }] of Object.entries(row.integers ?? {})) {
      inputs[name] = Uint32Array.from(values);
    }
    this.#weights.forEach((weights, index) => {
      for (const [name, values] of Object.entries(weights)) inputs[`d ${name} ${index}`] = values;
    });
    const gradients = [...this.#parameters.tensors.values()].map((tensor) => tensor.grad);
    plan.run(inputs);
    const first = await plan.read(...kept, ...gradients);
    plan.run(inputs);
    assertEquals(await plan.read(...kept, ...gradients), first, "a second run gives other numbers");
    plan.close();
    this.#parameters.close();
    this.#compareResults(first.slice(0, kept.length));
    this.#compareGradients(first.slice(kept.length));
  }

  /** Records the operation and the loss: the sum of all results, each element times a random weight. */
  #record(tape: Tape): Tensor[] {
    const { row, times } = this;
    const tensors = Object.fromEntries(this.#parameters.tensors);
    for (const [name, { shape }] of Object.entries(row.integers ?? {})) {
      tensors[name] = tape.input(name, shape, "u32");
    }
    const kept: Tensor[] = [];
    for (let index = 0; index < times; index++) {
      const weights: Record<string, Float32Array> = {};
      for (const [name, y] of Object.entries(row.record(tape, tensors))) {
        const copy = tape.kept(y.shape, `${name} ${index}`);
        const weight = tape.input(`d ${name} ${index}`, y.shape, "f32");
        copyInto(tape, y, copy);
        tape.onBackward(() => tape.dispatch(inject, { x: weight, dy: copy.grad }, { size: y.size }));
        weights[name] = Float32Array.from({ length: y.size }, () => this.#random.normal());
        kept.push(copy);
      }
      this.#weights.push(weights);
    }
    tape.backward(this.#parameters.tensors.values());
    return kept;
  }

  #compareResults(actual: readonly Numbers[]): void {
    const expected = Object.entries(this.row.reference(this.#values));
    const bounds = this.row.bound?.(this.#values);
    actual.forEach((numbers, index) => {
      const [name, reference] = expected[index % expected.length]!;
      if (bounds) assertWithin(numbers, reference, bounds[name]!, name);
      else assertClose(numbers, reference, this.row.tolerance ?? SUMS, name);
    });
  }

  #compareGradients(actual: readonly Numbers[]): void {
    [...this.#parameters.tensors].forEach(([name, { size }], index) => {
      const all = Array.from({ length: size }, (_, element) => element);
      const probes = size > PROBES ? this.#random.shuffle(all).slice(0, PROBES) : all;
      const expected = probes.map((element) => this.#difference(name, element));
      assertClose(
        probes.map((element) => actual[index]![element]!),
        expected,
        CHAINS,
        `d ${name}`,
      );
    });
  }

  /** The central difference of the loss at one element. */
  #difference(name: string, element: number): number {
    const step = 1e-5;
    const [above, below] = [step, -step].map((change) => {
      const changed = Float64Array.from(this.#values[name]!);
      changed[element]! += change;
      const results = this.row.reference({ ...this.#values, [name]: changed });
      let loss = 0;
      for (const weights of this.#weights) {
        for (const [result, numbers] of Object.entries(results)) {
          for (let i = 0; i < numbers.length; i++) loss += numbers[i]! * weights[result]![i]!;
        }
      }
      return loss;
    });
    return (above! - below!) / (2 * step);
  }
}

/** Errors are relative to the largest expected number, but to no less than this. */
const FLOOR = 0.1;

/** Fails if an element is further off than `tolerance` times the largest expected number. */
export function assertClose(actual: Numbers, expected: Numbers, tolerance: number, name: string): void {
  assertEquals(actual.length, expected.length, `${name} has another size`);
  let largest = FLOOR;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    const close = Math.abs(actual[i]! - expected[i]!) <= tolerance * largest;
    assert(close, `${name}[${i}] is ${actual[i]}, expected ${expected[i]} within ${tolerance * largest}`);
  }
}

/** Fails if an element is further off than its bound. */
export function assertWithin(
  actual: Numbers,
  expected: Numbers,
  bound: number | Numbers,
  name: string,
): void {
  assertEquals(actual.length, expected.length, `${name} has another size`);
  for (let i = 0; i < expected.length; i++) {
    const most = typeof bound === "number" ? bound : bound[i]!;
    const close = Math.abs(actual[i]! - expected[i]!) <= most;
    assert(close, `${name}[${i}] is ${actual[i]}, expected ${expected[i]} within ${most}`);
  }
}

/** Draws a tensor's elements from the normal distribution. */
export function normals(random: Random, size: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: size }, () => random.normal());
}
