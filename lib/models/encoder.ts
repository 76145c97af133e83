// Layer 3: reads the source sentence: recurrent layers in one direction (Cho et al. 2014, Sutskever et al. 2014) or in
// both (Bahdanau et al. 2015, section 3.2).

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { RecurrentLayers, type RecurrentLayersOptions } from "./recurrent_layers.ts";

/** What an encoder makes of a batch of sentences. */
export interface Encoded {
  /** [steps, batch, directions x hidden]: the last layer's output for each word, those of both directions side by side. */
  readonly annotations: Tensor;
  /** [batch, hidden] for each layer and direction: the states after the whole sentence, as PyTorch's `h_n`. */
  readonly finals: readonly Tensor[];
  /** The memory cells of LSTMs, likewise; empty for GRUs. */
  readonly finalCells: readonly Tensor[];
  /** [batch] integers: the number of words of each row. */
  readonly lengths: Tensor;
}

/** Recurrent layers over embedded words; parameters named as PyTorch's `nn.GRU` or `nn.LSTM`. */
export class Encoder {
  /** Width of the annotations. */
  readonly width: number;

  #layers: RecurrentLayers;

  /** Declares the parameters in `scope`. */
  constructor(scope: ParameterScope, options: RecurrentLayersOptions) {
    this.#layers = new RecurrentLayers(scope.scope("recurrent"), options);
    this.width = (options.bidirectional ? 2 : 1) * options.hidden;
  }

  /**
   * Records the encoding of a batch.
   *
   * @param embedded [steps, batch, embedding], padded at the end.
   * @param lengths [batch] integers.
   */
  forward(tape: Tape, embedded: Tensor, lengths: Tensor): Encoded {
    const { outputs: annotations, finals, finalCells } = this.#layers.forward(tape, embedded, { lengths });
    return { annotations, finals, finalCells, lengths };
  }
}
