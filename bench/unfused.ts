// Recurrent layers as a framework without fused kernels runs them: operation by operation and time step by time step,
// each with backward kernels and a share of the weight gradients of its own. The baseline of recurrent.bench.ts and
// imdb.bench.ts.

import {
  defineKernel,
  type Kernel,
  type SequenceClassifier,
  type Tape,
  Tensor,
  type TextShape,
} from "../mod.ts";
import { binaryCrossEntropy } from "../lib/ops/binary_cross_entropy.ts";
import { columnSum } from "../lib/ops/column_sum.ts";
import { matmul } from "../lib/ops/matmul.ts";

type Elementwise = Kernel<Record<string, "read" | "write" | "accumulate">, Record<string, "u32">>;

/** A kernel that computes one value for each element, of blocks of columns too. */
function elementwise(
  to: string,
  access: "write" | "accumulate",
  reads: string[],
  value: string,
): Elementwise {
  const names = [...reads, to];
  const fields = ["size", "width", ...names.flatMap((name) => [`${name}_offset`, `${name}_stride`])];
  if (access === "accumulate") fields.push(`accumulate_${to}`);
  const index = (name: string) => `p.${name}_offset + id.x / p.width * p.${name}_stride + id.x % p.width`;
  return defineKernel({
    name: `unfused ${value}`,
    source: `
struct Params { ${fields.map((field) => `${field}: u32`).join(", ")} }
${reads.map((name, at) => `@group(0) @binding(${at}) var<storage, read> ${name}: array<f32>;`).join("\n")}
@group(0) @binding(${reads.length}) var<storage, read_write> ${to}: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.size) { return; }
${reads.map((name) => `  let ${name}_value = ${name}[${index(name)}];`).join("\n")}
  let value = ${value.replace(/\b[a-z]+\b(?!\()/g, (name) => reads.includes(name) ? `${name}_value` : name)};
  let at = ${index(to)};
  ${to}[at] = value${access === "accumulate" ? ` + select(0.0, ${to}[at], p.accumulate_${to} != 0u)` : ""};
}`,
    entryPoint: "forward",
    bindings: Object.fromEntries([...reads.map((name) => [name, "read" as const]), [to, access]]),
    params: Object.fromEntries(fields.map((field) => [field, "u32" as const])),
    workgroups: (params) => [Math.ceil((params as { size: number }).size / 64)],
  });
}

const gradient = (reads: string[], value: string) => elementwise("dx", "accumulate", reads, value);
const kernels = {
  add: elementwise("y", "write", ["a", "b"], "a + b"),
  subtract: elementwise("y", "write", ["a", "b"], "a - b"),
  multiply: elementwise("y", "write", ["a", "b"], "a * b"),
  sigmoid: elementwise("y", "write", ["a"], "1.0 / (1.0 + exp(-a))"),
  tanh: elementwise("y", "write", ["a"], "tanh(clamp(a, -15.0, 15.0))"),
  pass: gradient(["dy"], "dy"),
  negate: gradient(["dy"], "-dy"),
  times: gradient(["dy", "b"], "dy * b"),
  sigmoidGradient: gradient(["dy", "a"], "dy * a * (1.0 - a)"),
  tanhGradient: gradient(["dy", "a"], "dy * (1.0 - a * a)"),
};

/** Operations that each are a dispatch, and one or two in the backward pass. */
class Unfused {
  constructor(readonly tape: Tape) {}

  add = (a: Tensor, b: Tensor) => this.#binary(kernels.add, a, b, [kernels.pass], [kernels.pass]);
  subtract = (a: Tensor, b: Tensor) => this.#binary(kernels.subtract, a, b, [kernels.pass], [kernels.negate]);
  multiply = (a: Tensor, b: Tensor) =>
    this.#binary(kernels.multiply, a, b, [kernels.times, b], [kernels.times, a]);
  sigmoid = (x: Tensor) => this.#unary(kernels.sigmoid, kernels.sigmoidGradient, x);
  tanh = (x: Tensor) => this.#unary(kernels.tanh, kernels.tanhGradient, x);

  /** `x W^T + b` */
  affine(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
    const { tape } = this;
    const y = tape.tensor([x.rows, weight.rows], "product");
    matmul(tape, { a: x, b: weight, transposeB: true, bias, c: y });
    tape.onBackward(() => {
      if (x.storage.kind !== "input") matmul(tape, { a: y.grad, b: weight, c: x.grad });
      matmul(tape, { a: y.grad, transposeA: true, b: x, c: weight.grad });
      columnSum(tape, y.grad, bias.grad);
    });
    return y;
  }

  #run(kernel: Elementwise, bindings: Record<string, Tensor>, { size, columns }: Tensor): void {
    this.tape.dispatch(kernel, bindings, { size, width: columns });
  }

  #unary(forward: Elementwise, backward: Elementwise, x: Tensor): Tensor {
    const y = this.tape.tensor(x.shape, "value");
    this.#run(forward, { a: x, y }, y);
    this.tape.onBackward(() => this.#run(backward, { dy: y.grad, a: y, dx: x.grad }, y));
    return y;
  }

  #binary(
    forward: Elementwise,
    a: Tensor,
    b: Tensor,
    [backwardA, otherA]: [Elementwise, Tensor?],
    [backwardB, otherB]: [Elementwise, Tensor?],
  ): Tensor {
    const y = this.tape.tensor(a.shape, "value");
    this.#run(forward, { a, b, y }, y);
    this.tape.onBackward(() => {
      this.#run(backwardA, { dy: y.grad, dx: a.grad, ...(otherA && { b: otherA }) }, y);
      this.#run(backwardB, { dy: y.grad, dx: b.grad, ...(otherB && { b: otherB }) }, y);
    });
    return y;
  }
}

/** The parameters of a layer, named and shaped as PyTorch's. */
export interface LayerWeights {
  readonly weightIh: Tensor;
  readonly weightHh: Tensor;
  readonly biasIh: Tensor;
  readonly biasHh: Tensor;
}

/**
 * Records a GRU or LSTM layer over sequences of full length, from a state of zeros.
 *
 * @param x [steps, batch, inputs], or [batch, inputs] for each step.
 * @returns The state after each step, [batch, hidden] each.
 */
export function unfusedLayer(
  tape: Tape,
  cell: "gru" | "lstm",
  x: Tensor | readonly Tensor[],
  weights: LayerWeights,
): Tensor[] {
  const { weightIh, weightHh, biasIh, biasHh } = weights;
  const op = new Unfused(tape);
  const inputs = x instanceof Tensor ? Array.from({ length: x.shape[0]! }, (_, t) => x.at(t)) : x;
  const batch = inputs[0]!.rows;
  const hidden = weightHh.columns;
  const block = (all: Tensor, first: number, count = 1) =>
    all.columnSlice(first * hidden, (first + count) * hidden);
  const zeros = () => {
    const tensor = tape.tensor([batch, hidden], "zeros");
    tape.fill(tensor, 0);
    return tensor;
  };
  let [h, c] = [zeros(), zeros()];
  return inputs.map((x) => {
    const input = op.affine(x, weightIh, biasIh);
    const recurrent = op.affine(h, weightHh, biasHh);
    if (cell === "lstm") {
      const gates = op.add(input, recurrent);
      const [i, f, o] = [0, 1, 3].map((index) => op.sigmoid(block(gates, index))) as [Tensor, Tensor, Tensor];
      c = op.add(op.multiply(f, c), op.multiply(i, op.tanh(block(gates, 2))));
      return h = op.multiply(o, op.tanh(c));
    }
    const [r, z] = [0, 1].map((gate) => op.sigmoid(op.add(block(input, gate), block(recurrent, gate))));
    const n = op.tanh(op.add(block(input, 2), op.multiply(r!, block(recurrent, 2))));
    return h = op.add(n, op.multiply(z!, op.subtract(h, n)));
  });
}

/**
 * Records the loss of a classifier without embedding, of one direction and full length, layer by layer; the loss itself
 * is the library's.
 *
 * The plan gets the inputs that the model packs.
 */
export function unfusedLoss(tape: Tape, model: SequenceClassifier, shape: TextShape, totals: Tensor): void {
  const { length, rows } = shape;
  const { cell, layers } = model.config;
  const parameter = (name: string) => model.parameters.tensors.get(name)!;
  let sequence: Tensor | readonly Tensor[] = tape.input("words", [length, rows, 1], "f32");
  tape.input("lengths", [rows], "u32"); // all full, and read by nothing
  for (const layer of layers.keys()) {
    const weight = (name: string) => parameter(`recurrent.${layer}.${name}_l0`);
    sequence = unfusedLayer(tape, cell, sequence, {
      weightIh: weight("weight_ih"),
      weightHh: weight("weight_hh"),
      biasIh: weight("bias_ih"),
      biasHh: weight("bias_hh"),
    });
  }
  const logits = (sequence as readonly Tensor[]).at(-1)!;
  binaryCrossEntropy(tape, logits, { labels: tape.input("labels", [rows], "u32"), ignored: 2, totals });
}
