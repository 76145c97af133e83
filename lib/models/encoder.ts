// Layer 3: reads the source sentence in both directions (Bahdanau et al. 2015, section 3.2).

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { concatenate } from "../ops/concatenate.ts";
import { dropout, type DropoutOptions } from "../ops/dropout.ts";
import { embedding } from "../ops/embedding.ts";
import { gru } from "../ops/gru.ts";
import { recurrentDefault, standardNormal } from "./initializers.ts";

/** The sizes of an encoder. */
export interface EncoderSizes {
  /** Words in the source vocabulary. */
  readonly vocabulary: number;
  /** Width of a word's embedding. */
  readonly embedding: number;
  /** Width of the state of each direction. */
  readonly hidden: number;
}

/** What an encoder makes of a batch of sentences. */
export interface Encoded {
  /** [steps, batch, 2 hidden]: for each word the states of both directions. */
  readonly annotations: Tensor;
  /** [batch, hidden]: the last state of the forward direction. */
  readonly forwardFinal: Tensor;
  /** [batch, hidden]: the last state of the backward direction, the one at the first word. */
  readonly backwardFinal: Tensor;
  /** [batch] integers: the number of words of each row. */
  readonly lengths: Tensor;
}

interface Direction {
  readonly weightIh: Tensor;
  readonly weightHh: Tensor;
  readonly biasIh: Tensor;
  readonly biasHh: Tensor;
}

/** An embedding and a GRU in each direction; parameters named as PyTorch's `nn.Embedding` and `nn.GRU`. */
export class BidirectionalGruEncoder {
  #table: Tensor;
  #directions: readonly [Direction, Direction];

  /** Declares the parameters in `scope`. */
  constructor(scope: ParameterScope, sizes: EncoderSizes) {
    this.#table = scope.declare("embedding.weight", [sizes.vocabulary, sizes.embedding], standardNormal());
    this.#directions = [declare(scope, sizes, ""), declare(scope, sizes, "_reverse")];
  }

  /**
   * Records the encoding of a batch.
   *
   * @param source [steps, batch] integers, padded at the end.
   * @param lengths [batch] integers.
   */
  forward(tape: Tape, source: Tensor, lengths: Tensor, drop: DropoutOptions): Encoded {
    const embedded = dropout(tape, embedding(tape, this.#table, source), drop);
    const [forward, backward] = this.#directions.map((direction, index) =>
      gru(tape, embedded, { ...direction, lengths, reverse: index === 1 })
    ) as [ReturnType<typeof gru>, ReturnType<typeof gru>];
    return {
      annotations: concatenate(tape, [forward.outputs, backward.outputs]),
      forwardFinal: forward.final,
      backwardFinal: backward.final,
      lengths,
    };
  }
}

function declare(scope: ParameterScope, { embedding, hidden }: EncoderSizes, suffix: string): Direction {
  const gru = scope.scope("gru");
  const initial = recurrentDefault(hidden);
  return {
    weightIh: gru.declare(`weight_ih_l0${suffix}`, [3 * hidden, embedding], initial),
    weightHh: gru.declare(`weight_hh_l0${suffix}`, [3 * hidden, hidden], initial),
    biasIh: gru.declare(`bias_ih_l0${suffix}`, [3 * hidden], initial),
    biasHh: gru.declare(`bias_hh_l0${suffix}`, [3 * hidden], initial),
  };
}
