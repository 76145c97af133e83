// Layer 3: reads the source sentence in both directions (Bahdanau et al. 2015, section 3.2).

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { dropout, type DropoutOptions } from "../ops/dropout.ts";
import { embedding } from "../ops/embedding.ts";
import { standardNormal } from "./initializers.ts";
import { RecurrentLayers } from "./recurrent_layers.ts";

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

/** An embedding and a GRU in each direction; parameters named as PyTorch's `nn.Embedding` and `nn.GRU`. */
export class BidirectionalGruEncoder {
  #table: Tensor;
  #gru: RecurrentLayers;

  /** Declares the parameters in `scope`. */
  constructor(scope: ParameterScope, sizes: EncoderSizes) {
    this.#table = scope.declare("embedding.weight", [sizes.vocabulary, sizes.embedding], standardNormal());
    this.#gru = new RecurrentLayers(scope.scope("gru"), {
      cell: "gru",
      inputs: sizes.embedding,
      hidden: sizes.hidden,
      bidirectional: true,
    });
  }

  /**
   * Records the encoding of a batch.
   *
   * @param source [steps, batch] integers, padded at the end.
   * @param lengths [batch] integers.
   */
  forward(tape: Tape, source: Tensor, lengths: Tensor, drop: DropoutOptions): Encoded {
    const embedded = dropout(tape, embedding(tape, this.#table, source), drop);
    const { outputs: annotations, finals } = this.#gru.forward(tape, embedded, { lengths });
    const [forwardFinal, backwardFinal] = finals as [Tensor, Tensor];
    return { annotations, forwardFinal, backwardFinal, lengths };
  }
}
