// Layer 3: from what a decoder has found out to words: the readout and the output layer, and the pointer that copies words
// from the source instead (See et al. 2017).

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { dropout, type DropoutOptions } from "../ops/dropout.ts";
import { linear } from "../ops/linear.ts";
import { pointerLogProbabilities, pointerLoss } from "../ops/pointer.ts";
import type { DecoderSteps } from "./decoder_steps.ts";
import { linearDefault } from "./initializers.ts";
import { LinearLayer } from "./linear_layer.ts";
import { Readout } from "./readout.ts";
import type { Seq2SeqConfig } from "./seq2seq_options.ts";

/** What the words should be. */
export interface Answers {
  /** [steps, batch] integers: the right words, `<eos>` last, then padding. */
  readonly targets: Tensor;
  /** The id of padding. */
  readonly padding: number;
  /** Label smoothing. */
  readonly smoothing: number;
  /** [2], where the losses are added up; see `crossEntropy`. */
  readonly totals: Tensor;
  /** Dropout on readouts. */
  readonly dropReadout: DropoutOptions;
}

/** Widths of what words are told from. */
export interface GeneratorWidths {
  /** The states. */
  readonly hidden: number;
  /** The annotations. */
  readonly annotations: number;
  /** The embeddings. */
  readonly embedding: number;
}

/** The layers `readout`, `output` and, where words are copied, `copy`. */
export class Generator {
  /** Absent where the decoder brings its own. */
  #readout: Readout | undefined;
  #output: { readonly weight: Tensor; readonly bias: Tensor };
  #copy: LinearLayer | undefined;

  /**
   * Declares the parameters in `scope`.
   *
   * @param table [words, embedding]: the target embeddings, for models that tie them to the output layer.
   */
  constructor(scope: ParameterScope, config: Seq2SeqConfig, table: Tensor, widths: GeneratorWidths) {
    const { decoder, tied, readoutWidth, copy } = config;
    const { hidden, annotations, embedding } = widths;
    if (decoder !== "luong") {
      const inputs = {
        bahdanau: hidden + annotations + embedding,
        cho: 2 * hidden + embedding,
        sutskever: hidden,
      };
      this.#readout = new Readout(scope.scope("readout"), config, inputs[decoder]);
    }
    if (copy) this.#copy = new LinearLayer(scope.scope("copy"), hidden + annotations + embedding, 1);
    const output = scope.scope("output");
    const [words] = table.shape as [number];
    const initial = linearDefault(readoutWidth);
    this.#output = {
      weight: tied === "none" ? output.declare("weight", [words, readoutWidth], initial) : table,
      bias: output.declare("bias", [words], initial),
    };
  }

  /** Records the loss of all steps. */
  loss(tape: Tape, steps: DecoderSteps, answers: Answers): void {
    const { targets, padding: ignored, smoothing, totals, dropReadout } = answers;
    const readout = dropout(tape, this.#readOut(tape, steps.features), dropReadout);
    if (!this.#copy) {
      crossEntropy(tape, readout, { ...this.#output, targets, ignored, smoothing, totals });
      return;
    }
    if (smoothing > 0) {
      throw new RangeError(
        `Cannot train a model that copies words with label smoothing ${smoothing}: a copied word has no other ` +
          "words to share its probability with. Leave labelSmoothing out.",
      );
    }
    pointerLoss(tape, readout, { ...this.#output, ...this.#pointer(tape, steps), targets, ignored, totals });
  }

  /** How many words there are for a source of some steps: copied words are numbered after those of the vocabulary. */
  classes(sourceSteps: number): number {
    return this.#output.weight.rows + (this.#copy ? sourceSteps : 0);
  }

  /** Records the log-probabilities, up to a constant, of the words after the only step: [batch, classes]. */
  logits(tape: Tape, steps: DecoderSteps): Tensor {
    const readout = this.#readOut(tape, steps.features);
    if (!this.#copy) return linear(tape, readout, this.#output).at(0);
    const pointer = this.#pointer(tape, steps);
    const extra = pointer.copies.shape[0]!;
    return pointerLogProbabilities(tape, readout, { ...this.#output, ...pointer, extra });
  }

  /** Records the scores of all words, those included that can be copied, after step `t`: [batch, classes]. */
  scores(tape: Tape, steps: DecoderSteps, t: number): Tensor {
    const readout = this.#readOut(tape, steps.features.map((feature) => feature.at(t)));
    if (!this.#copy) return linear(tape, readout, this.#output);
    const { outputs, attention, memory, start: { embedded } } = steps;
    const gates = this.#copy.forward(tape, [outputs.at(t), attention!.contexts.at(t), embedded.at(t)]);
    const copies = memory.copies!;
    const pointer = { gates, attention: attention!.weights.at(t), copies, lengths: memory.lengths };
    return pointerLogProbabilities(tape, readout, { ...this.#output, ...pointer, extra: copies.shape[0]! });
  }

  #readOut(tape: Tape, features: readonly Tensor[]): Tensor {
    return this.#readout?.forward(tape, features) ?? features[0]!;
  }

  #pointer(tape: Tape, { outputs, attention, memory, start: { embedded } }: DecoderSteps) {
    const { contexts, weights } = attention!;
    const gates = this.#copy!.forward(tape, [outputs, contexts, embedded]);
    return { gates, attention: weights, copies: memory.copies!, lengths: memory.lengths };
  }
}
