// Layer 3: GRU or LSTM layers one upon the other, in one direction or both, with the parameters of PyTorch's `nn.GRU`
// and `nn.LSTM`.

import type { ParameterScope } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { dropout, type DropoutOptions } from "../ops/dropout.ts";
import { add } from "../ops/add.ts";
import { beside, type RecurrentCell, RecurrentLayer, type RecurrentWeights } from "./recurrent_layer.ts";

/** What {@linkcode RecurrentLayers} are made of. */
export interface RecurrentLayersOptions {
  /** The kind of cell. */
  readonly cell: RecurrentCell;
  /** Width of the input. */
  readonly inputs: number;
  /** Width of the state, for each layer and direction the same. */
  readonly hidden: number;
  /** How many layers, from 1 to 8; 1 by default. */
  readonly layers?: number;
  /** Whether each layer also reads from the end; false by default. */
  readonly bidirectional?: boolean;
  /** Whether each layer but the first adds its input to its outputs; false by default. */
  readonly residual?: boolean;
  /**
   * Dropout on the outputs of each layer but the last, as PyTorch has it; none by default. Layer `l` draws from the
   * stream `stream + l`.
   */
  readonly dropout?: DropoutOptions;
}

/** What the layers run over besides their input. */
export interface RecurrentLayersInput {
  /** [batch] integers: the number of steps of each row, which may be 0. */
  readonly lengths: Tensor;
  /** The states before the first step, [batch, hidden] each, in the order of the final ones; zeros if left out. */
  readonly initial?: readonly Tensor[];
  /** The memory cells of an LSTM before the first step, likewise. */
  readonly initialCells?: readonly Tensor[];
}

/** What the layers leave behind. */
export interface RecurrentLayersOutput {
  /**
   * [steps, batch, directions x hidden]: the last layer's states after each step, those of both directions side by
   * side. Beyond its length a row repeats its last state, in reverse the initial one, where PyTorch's packed sequences
   * have zeros.
   */
  readonly outputs: Tensor;
  /** [steps, batch, directions x hidden]: the last layer's outputs without what residual layers add to them. */
  readonly states: Tensor;
  /**
   * The state after all steps of a row, [batch, hidden], for each layer and direction: as PyTorch's `h_n`, first layer
   * forward, first layer in reverse, second layer forward, and so on.
   */
  readonly finals: readonly Tensor[];
  /** The memory cells that belong to the final states; empty for GRUs. */
  readonly finalCells: readonly Tensor[];
}

const MOST_LAYERS = 8;

/**
 * Layers of GRUs (Cho et al. 2014, reset-after form) or LSTMs (Hochreiter & Schmidhuber 1997) over padded sequences, in
 * one direction or both (Schuster & Paliwal 1997). Each layer reads the outputs of the one below.
 *
 * Parameters have the names, shapes and gate order of PyTorch's `nn.GRU` and `nn.LSTM`: `weight_ih_l0` [gates x hidden,
 * inputs], `weight_hh_l0` [gates x hidden, hidden], `bias_ih_l0` and `bias_hh_l0` [gates x hidden], in reverse with
 * `_reverse` at their end, and `l1` for the second layer. Like there they start uniform up to 1 / sqrt(hidden).
 *
 * @example The final states of two bidirectional layers
 * ```ts
 * import { openDevice, Parameters, Plan, Random, RecurrentLayers, Tape } from "../../mod.ts";
 *
 * const device = await openDevice();
 * const parameters = new Parameters(device);
 * const options = { cell: "lstm", inputs: 3, hidden: 5, layers: 2, bidirectional: true } as const;
 * const layers = new RecurrentLayers(parameters.scope("encoder"), options);
 * parameters.allocate(new Random(1));
 *
 * const tape = new Tape(device, { training: false });
 * const x = tape.input("x", [4, 2, 3], "f32"); // four steps of two rows
 * const { outputs, finals } = layers.forward(tape, x, { lengths: tape.input("lengths", [2], "u32") });
 * const plan = await Plan.compile(tape);
 * plan.run({ x: new Float32Array(4 * 2 * 3).fill(0.5), lengths: Uint32Array.of(4, 1) });
 * console.log(outputs.shape, finals.length); // [ 4, 2, 10 ] 4
 * device.close();
 * ```
 */
export class RecurrentLayers {
  /** All options but dropout, defaults filled in. */
  readonly options: Required<Omit<RecurrentLayersOptions, "dropout">>;

  #dropout: DropoutOptions | undefined;
  #layers: readonly RecurrentLayer[];

  /**
   * Declares the parameters in `scope`.
   *
   * @throws {RangeError} If an option cannot be; the message names it.
   */
  constructor(scope: ParameterScope, options: RecurrentLayersOptions) {
    this.options = complete(options);
    this.#dropout = options.dropout;
    const { cell, inputs, hidden, layers, bidirectional } = this.options;
    this.#layers = Array.from({ length: layers }, (_, index) => {
      const width = index === 0 ? inputs : (bidirectional ? 2 : 1) * hidden;
      return new RecurrentLayer(scope, { cell, inputs: width, hidden, bidirectional, index });
    });
  }

  /**
   * Records the layers over a padded sequence.
   *
   * @param x [steps, batch, inputs], or several that stand for their concatenation; rows are padded at their end.
   * @param input The lengths, and the states to begin from.
   * @throws {RangeError} If shapes do not fit, or there are too few or too many initial states.
   */
  forward(tape: Tape, x: Tensor | readonly Tensor[], input: RecurrentLayersInput): RecurrentLayersOutput {
    const inputs = x instanceof Array ? x : [x as Tensor];
    this.#check(inputs, input);
    const { lengths, initial, initialCells } = input;
    const finals: Tensor[] = [];
    const finalCells: Tensor[] = [];
    let states!: Tensor;
    let outputs!: Tensor;
    for (const [index, layer] of this.#layers.entries()) {
      const drop = this.dropoutBelow(index);
      const below = index === 0 ? inputs : [drop ? dropout(tape, outputs, drop) : outputs];
      const range = [finals.length, finals.length + layer.directions.length] as const;
      const runs = layer.run(tape, below, lengths, {
        initial: initial?.slice(...range),
        initialCells: initialCells?.slice(...range),
      });
      states = outputs = beside(tape, runs.map(({ outputs }) => outputs));
      if (index > 0 && this.options.residual) outputs = add(tape, states, below[0]!);
      finals.push(...runs.map(({ final }) => final));
      finalCells.push(...runs.flatMap(({ finalCells }) => finalCells ?? []));
    }
    return { outputs, states, finals, finalCells };
  }

  /** The parameters of a layer, those of its forward direction. */
  weights(layer: number): RecurrentWeights {
    return this.#layers[layer]!.directions[0]!;
  }

  /** The dropout between a layer and the one below it; undefined for the lowest, or if there is none. */
  dropoutBelow(layer: number): DropoutOptions | undefined {
    if (!this.#dropout || layer === 0) return undefined;
    return { ...this.#dropout, stream: this.#dropout.stream + layer - 1 };
  }

  #check(x: readonly Tensor[], { initial, initialCells }: RecurrentLayersInput): void {
    const { cell, inputs, hidden, layers, bidirectional } = this.options;
    const columns = x.reduce((sum, { columns }) => sum + columns, 0);
    if (x.some(({ shape }) => shape.length !== 3) || columns !== inputs) {
      const given = x.map(({ label, shape }) => `"${label}" [${shape}]`).join(" and ");
      throw new RangeError(`Cannot run recurrent layers over ${given}: expected [steps, batch, ${inputs}].`);
    }
    if (cell === "gru" && initialCells) {
      throw new RangeError("Cannot start GRU layers from memory cells: only LSTMs have any.");
    }
    const count = layers * (bidirectional ? 2 : 1);
    const shape = `${x[0]!.shape[1]},${hidden}`;
    for (const [name, states] of Object.entries({ initial, initialCells })) {
      if (states && (states.length !== count || states.some((state) => String(state.shape) !== shape))) {
        throw new RangeError(
          `Cannot start recurrent layers from ${name} of ${states.length} tensors ` +
            `[${states.map((state) => state.shape.join()).join("], [")}]: expected ${count} of [${shape}], ` +
            "one for each layer and direction.",
        );
      }
    }
  }
}

/** Fills in the defaults and refuses what cannot be. */
function complete(options: RecurrentLayersOptions): RecurrentLayers["options"] {
  const { cell, inputs, hidden, layers = 1, bidirectional = false, residual = false, dropout } = options;
  const refuse = (what: string): never => {
    throw new RangeError(`Cannot create recurrent layers ${what}.`);
  };
  if (cell !== "gru" && cell !== "lstm") refuse(`of "${cell}" cells: known are "gru" and "lstm"`);
  for (const [name, size] of Object.entries({ inputs, hidden })) {
    if (!Number.isInteger(size) || size < 1) refuse(`with ${name} ${size}: it must be a positive integer`);
  }
  if (!Number.isInteger(layers) || layers < 1 || layers > MOST_LAYERS) {
    refuse(`with layers ${layers}: it must be an integer from 1 to ${MOST_LAYERS}`);
  }
  if (dropout && !(dropout.rate >= 0 && dropout.rate < 1)) {
    refuse(`with dropout of rate ${dropout.rate}: it must be in [0, 1)`);
  }
  return { cell, inputs, hidden, layers, bidirectional, residual };
}
