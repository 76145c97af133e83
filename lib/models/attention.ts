// Layer 3: attention with its parameters: the scores of Bahdanau et al. 2015 (appendix A.1.2), Luong et al. 2015 (section
// 3.1) and Vaswani et al. 2017 (section 3.2.1), and the spans of Luong et al. 2015 (section 3.2).

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { Attention, type AttentionScore, type AttentionSpan } from "../ops/attention.ts";
import { copyColumns, copyInto } from "../ops/concatenate.ts";
import { LinearSteps } from "../ops/linear_steps.ts";
import { sourcePosition } from "../ops/source_position.ts";
import { linearDefault } from "./initializers.ts";
import { LinearLayer } from "./linear_layer.ts";
import type { Seq2SeqConfig } from "./seq2seq_options.ts";

/** What attention looks at, prepared once for all steps. */
export interface AttentionMemory {
  /** [source steps, batch, values]: the annotations. */
  readonly values: Tensor;
  /** [source steps, batch, width]: what is compared with the query; the annotations themselves for some scores. */
  readonly keys: Tensor;
  /** [batch] integers: the number of source steps of each row. */
  readonly lengths: Tensor;
}

/** Attention at work on one batch: ask it step by step. */
export interface AttentionSteps {
  /** [steps, batch, values] */
  readonly contexts: Tensor;
  /** [steps, batch, source steps] */
  readonly weights: Tensor;
  /** [steps, batch, source steps]: what was looked at before each step, with coverage. */
  readonly coverage: Tensor | undefined;
  /** Records the context of step `t`. */
  step(t: number): void;
}

/** Where a decoder is when some steps begin. */
export interface AttentionStart {
  /** The number of the first of them. */
  readonly firstStep: number;
  /** [batch, source steps]: what was looked at before, with coverage; nothing if left out. */
  readonly covered?: Tensor | undefined;
}

/** The score and the span of attention, and the layers `query`, `key`, `score` and others that they need. */
export class AttentionLayer {
  #config: Seq2SeqConfig;
  #query: Tensor | undefined;
  #key: LinearLayer | undefined;
  #score: Tensor | undefined;
  #coverage: Tensor | undefined;
  #location: Tensor | undefined;
  #position: Tensor | undefined;
  #positionScore: Tensor | undefined;

  /**
   * Declares the parameters in `scope`.
   *
   * @param values Width of the annotations.
   */
  constructor(scope: ParameterScope, config: Seq2SeqConfig, values: number) {
    const { attention, attentionWidth: width, hidden, span, coverage, locations } = this.#config = config;
    const weight = (name: string, outputs: number, inputs: number) =>
      scope.declare(`${name}.weight`, [outputs, inputs], linearDefault(inputs));
    const projects = attention === "additive" || attention === "scaled-dot";
    if (projects) {
      this.#query = weight("query", width, hidden);
      this.#key = new LinearLayer(scope.scope("key"), values, width, { bias: attention === "additive" });
    }
    if (attention === "additive") this.#score = weight("score", 1, width);
    if (attention === "general") this.#query = weight("query", values, hidden);
    if (attention === "location") this.#location = weight("location", locations, hidden);
    if (coverage) this.#coverage = weight("coverage", width, 1);
    if (span === "local-p") {
      this.#position = weight("position", width, hidden);
      this.#positionScore = weight("position_score", 1, width);
    }
  }

  /** Projects the annotations. */
  prepare(tape: Tape, values: Tensor, lengths: Tensor): AttentionMemory {
    return { values, keys: this.#key?.forward(tape, values) ?? values, lengths };
  }

  /**
   * Prepares to record steps.
   *
   * @param states [steps, batch, hidden]: the states that ask; each must be written before its step is recorded.
   */
  start(tape: Tape, memory: AttentionMemory, states: Tensor, start: AttentionStart): AttentionSteps {
    const { values, lengths } = memory;
    const before: ((t: number) => void)[] = [];
    const layer = (x: Tensor, weight: Tensor, activation: "none" | "tanh" = "none") => {
      const y = tape.tensor([...x.shape.slice(0, 2), weight.rows], `${weight.label} of states`);
      const steps = new LinearSteps(tape, { x, y, weight, activation });
      before.push((t) => steps.step(t));
      return y;
    };
    const score = this.#scoreOf(tape, memory, states, before, layer);
    const span = this.#spanOf(tape, memory, states, layer, before);
    const attention = new Attention(tape, { score, span, values, lengths, ...start });
    const { contexts, weights, coverage } = attention;
    return {
      ...{ contexts, weights, coverage },
      step: (t) => {
        for (const record of before) record(t);
        attention.step(t);
      },
    };
  }

  #scoreOf(
    tape: Tape,
    { values, keys }: AttentionMemory,
    states: Tensor,
    before: ((t: number) => void)[],
    layer: (x: Tensor, weight: Tensor) => Tensor,
  ): AttentionScore {
    const { attention, attentionWidth, locations } = this.#config;
    if (attention === "location") {
      const [source] = values.shape as [number];
      const known = Math.min(source, locations);
      const weight = this.#location!.slice(0, known);
      if (known === source) return { kind: "given", scores: layer(states, weight) };
      const scores = tape.tensor([...states.shape.slice(0, 2), source], "scores by location");
      const unseen = tape.tensor([scores.rows, source - known], "scores of later words");
      tape.fill(unseen, -1e30);
      copyColumns(tape, unseen, scores.reshape(scores.rows, source).columnSlice(known, source));
      const seen = layer(states, weight);
      before.push((t) => copyInto(tape, seen.at(t), scores.at(t).columnSlice(0, known)));
      return { kind: "given", scores };
    }
    const queries = this.#query ? layer(states, this.#query) : states;
    if (attention === "additive") {
      return { kind: "additive", queries, keys, score: this.#score!, coverage: this.#coverage };
    }
    return {
      kind: "dot",
      queries,
      keys,
      scale: attention === "scaled-dot" ? 1 / Math.sqrt(attentionWidth) : 1,
    };
  }

  #spanOf(
    tape: Tape,
    { lengths }: AttentionMemory,
    states: Tensor,
    layer: (x: Tensor, weight: Tensor, activation?: "tanh") => Tensor,
    before: ((t: number) => void)[],
  ): AttentionSpan {
    const { span, window } = this.#config;
    if (span === "global") return { kind: "global" };
    if (span === "local-m") return { kind: "monotonic", window };
    const shares = layer(layer(states, this.#position!, "tanh"), this.#positionScore!);
    const positions = tape.tensor(states.shape.slice(0, 2), "positions");
    before.push((t) => sourcePosition(tape, shares.at(t), lengths, positions.at(t)));
    return { kind: "predictive", window, positions };
  }
}
