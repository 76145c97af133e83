// A decoder so small that plain loops can follow it: its state is a vector in which all words so far take part, so that a
// state that does not follow its hypothesis shows. It has "attention" to look at, if not a real one.

import { EOS } from "../../lib/data/vocabulary.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import type { Tape } from "../../lib/gpu/tape.ts";
import type { DecodedModel } from "../../lib/inference/decode.ts";
import type { DecodingShape, WordByWord } from "../../lib/models/word_by_word.ts";
import { sigmoid, tanh } from "../../lib/ops/activation.ts";
import { add } from "../../lib/ops/add.ts";
import { embedding } from "../../lib/ops/embedding.ts";
import { linear } from "../../lib/ops/linear.ts";
import { repeatRows } from "../../lib/ops/repeat.ts";
import { Random } from "../../lib/random.ts";
import type { ReferenceModel } from "./reference_beam.ts";

const WIDTH = 6;
/** Source positions that have weights; sources are no longer. */
const LONGEST = 12;

/** `s' = tanh(W s + x)`, `z' = z + s'`, `logits = U [s'; z'] + b`, and as attention `sigmoid(L s')`. */
export class ToyDecoder implements DecodedModel {
  readonly #parameters: Parameters;
  #onClose: (() => void)[] = [];
  /** The weights by name, as the loops read them. */
  readonly #values: Record<string, Float32Array> = {};

  /** @param end What is added to the logit of `<eos>`. */
  constructor(readonly device: Device, readonly classes: number, seed: number, end = 0) {
    this.#parameters = new Parameters(device);
    const declare = (name: string, shape: readonly number[], scale: number, end = 0) => {
      this.#parameters.declare(name, shape, (random, size) => {
        const values = Float32Array.from({ length: size }, () => scale * random.normal());
        values[EOS]! += end;
        return this.#values[name] = values;
      });
    };
    declare("starts", [classes, WIDTH], 1);
    declare("words", [classes, WIDTH], 1);
    declare("weight", [WIDTH, WIDTH], 0.6);
    declare("output", [classes, 2 * WIDTH], 0.4);
    declare("bias", [classes], 0.5, end);
    declare("looks", [LONGEST, WIDTH], 1);
    this.#parameters.allocate(new Random(seed));
  }

  wordByWord(tape: Tape, { sourceLength, sentences, copies }: DecodingShape): WordByWord {
    const tensor = (name: string) => this.#parameters.tensors.get(name)!;
    const source = tape.sharedInput("source", [sourceLength, sentences], "u32");
    tape.sharedInput("source_lengths", [sentences], "u32");
    const start = embedding(tape, tensor("starts"), source.at(1));
    const rows = sentences * copies;
    const initial = copies === 1 ? start : repeatRows(tape, start, copies);
    return {
      rows,
      classes: this.classes,
      initial: [initial, initial],
      step: (words, [state, sum]) => {
        const next = tanh(
          tape,
          add(
            tape,
            linear(tape, state!, { weight: tensor("weight") }),
            embedding(tape, tensor("words"), words),
          ),
        );
        const sums = add(tape, sum!, next);
        const logits = linear(tape, [next, sums], { weight: tensor("output"), bias: tensor("bias") });
        const looks = tensor("looks").slice(0, sourceLength);
        return {
          logits,
          attention: sigmoid(tape, linear(tape, next, { weight: looks })),
          state: [next, sums],
        };
      },
    };
  }

  /** The same for one sentence in 64 bits. */
  reference(source: ArrayLike<number>): ReferenceModel<readonly (readonly number[])[]> {
    const { starts, words, weight, output, bias, looks } = this.#values;
    const row = (
      matrix: Float32Array,
      index: number,
      width = WIDTH,
    ) => [...matrix.subarray(index * width, (index + 1) * width)];
    const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    const initial = row(starts!, source[1]!);
    return {
      initial: [initial, initial],
      step: (word, [state, sum]) => {
        const x = row(words!, word);
        const next = x.map((x, i) => Math.tanh(dot(row(weight!, i), state!) + x));
        const sums = next.map((x, i) => x + sum![i]!);
        const logits = Array.from(bias!, (b, v) => dot(row(output!, v, 2 * WIDTH), [...next, ...sums]) + b);
        const attention = Array.from(
          { length: source.length },
          (_, s) => 1 / (1 + Math.exp(-dot(row(looks!, s), next))),
        );
        return { logits, attention, state: [next, sums] };
      },
    };
  }

  onClose(free: () => void): void {
    this.#onClose.push(free);
  }

  close(): void {
    for (const free of this.#onClose.splice(0)) free();
    this.#parameters.close();
  }
}
