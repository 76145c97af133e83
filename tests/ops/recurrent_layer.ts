// A GRU or LSTM layer with random numbers, run in one of its ways: what they give must be the same.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { gru } from "../../lib/ops/gru.ts";
import { lstm, type LstmOutput } from "../../lib/ops/lstm.ts";
import { Random } from "../../lib/random.ts";
import { assert } from "../assert.ts";
import { inject, normals } from "./check.ts";
import { CHAINS } from "../tolerances.ts";

/** A layer and its direction. */
export interface LayerCase {
  readonly cell: "gru" | "lstm";
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly reverse: boolean;
}

/**
 * Runs a layer over rows of all lengths, none and the whole among them, from given states.
 *
 * @returns The outputs, what is final, and all gradients of a loss in which each of them has a part.
 */
export async function runLayer(
  device: Device,
  { cell, steps, batch, hidden, reverse }: LayerCase,
  wholeSequence: boolean,
): Promise<Record<string, Float32Array>> {
  const rows = (cell === "gru" ? 3 : 4) * hidden;
  const parameters = new Parameters(device);
  const shapes = {
    x: [steps, batch, 2],
    weightIh: [rows, 2],
    weightHh: [rows, hidden],
    biasIh: [rows],
    biasHh: [rows],
    initial: [batch, hidden],
    ...(cell === "lstm" ? { initialCells: [batch, hidden] } : {}),
  };
  for (const [name, shape] of Object.entries(shapes)) parameters.declare(name, shape, normals);
  parameters.allocate(new Random(1));
  const tensors = parameters.tensors as Map<keyof typeof shapes, Tensor>;
  const tape = new Tape(device, { training: true });
  const lengths = tape.input("lengths", [batch], "u32");
  const { x, ...weights } = Object.fromEntries(tensors) as Record<keyof typeof shapes, Tensor>;
  const layer = (cell === "gru" ? gru : lstm)(tape, x, { ...weights, lengths, reverse, wholeSequence });
  const { outputs, final, finalCells } = layer as Partial<LstmOutput>;
  const results = Object.entries({ outputs, final, finalCells }).filter(([, result]) => result) as [
    string,
    Tensor,
  ][];
  const kept = results.map(([name, result]) => {
    const copy = tape.kept(result.shape, name);
    copyInto(tape, result, copy);
    const weight = tape.input(`d ${name}`, copy.shape, "f32");
    tape.onBackward(() => tape.dispatch(inject, { x: weight, dy: copy.grad }, { size: copy.size }));
    return copy;
  });
  tape.backward(tensors.values());
  const plan = await Plan.compile(tape);
  const random = new Random(2);
  plan.run({
    lengths: Uint32Array.from({ length: batch }, () => random.integer(steps + 1)),
    ...Object.fromEntries(results.map(([name, { size }]) => [`d ${name}`, normals(random, size)])),
  });
  const names = [...results.map(([name]) => name), ...[...tensors.keys()].map((name) => `d ${name}`)];
  const numbers = await plan.read(...kept, ...[...tensors.values()].map((tensor) => tensor.grad));
  plan.close();
  parameters.close();
  return Object.fromEntries(names.map((name, index) => [name, numbers[index] as Float32Array]));
}

/** Fails if two runs of a layer differ by more than rounding can: 1e-4 of the largest number of each tensor. */
export function assertSameLayer(
  actual: Record<string, Float32Array>,
  expected: Record<string, Float32Array>,
): void {
  for (const [name, values] of Object.entries(expected)) {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const error = values.reduce(
      (most, value, at) => Math.max(most, Math.abs(value - actual[name]![at]!)),
      0,
    );
    assert(error <= CHAINS * largest, `${name} differs by ${error} of ${largest}`);
  }
}
