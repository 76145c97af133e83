// Layer 2: the ways to take a recurrent layer through a whole sequence in one dispatch, and the choice among them.
// Where none is chosen, gru.ts and lstm.ts record step by step.

import type { Device } from "../gpu/device.ts";
import type { Tape } from "../gpu/tape.ts";
import { type CellName, persistentGru, persistentLstm, persistentShape } from "./recurrent_persistent.ts";
import {
  fitsWholeSequences,
  gruSequence,
  type LstmSequence,
  lstmSequence,
  type RecurrentSequence,
  takesWholeSequences,
} from "./recurrent_sequence.ts";
import type { RecurrentSizes } from "./recurrent_states.ts";

/** One way to take a recurrent layer through a whole sequence. */
export interface RecurrentVariant {
  /** What it is called in tests and benches. */
  readonly name: string;
  /** Whether it can run such a layer on this device. */
  fits(device: Device, cell: CellName, sizes: RecurrentSizes): boolean;
  /** Whether it is faster than step by step. */
  suits(device: Device, sizes: RecurrentSizes): boolean;
  /** Whether it adds the input's bias itself, and sums up the gradients of both biases. */
  readonly takesBiases: boolean;
  /** Records a GRU. */
  gru(tape: Tape, sequence: RecurrentSequence): void;
  /** Records an LSTM, but for the gradient of its weight, and of its bias where it takes none. */
  lstm(tape: Tape, sequence: LstmSequence): void;
}

/** The variants, at most one a profile. */
export const recurrentVariants: readonly RecurrentVariant[] = [
  {
    name: "blocks of rows",
    fits: (device, _cell, sizes) => fitsWholeSequences(device, sizes),
    suits: takesWholeSequences,
    takesBiases: true,
    gru: gruSequence,
    lstm: lstmSequence,
  },
  {
    name: "persistent",
    fits: (device, cell, { hidden }) =>
      device.profile === "gpu" && persistentShape(device, cell, hidden) !== undefined,
    suits: () => true,
    takesBiases: false,
    gru: persistentGru,
    lstm: persistentLstm,
  },
];

/**
 * The variant for a layer; undefined if it is to be recorded step by step.
 *
 * @param wholeSequence Whether it has to be one, if one fits, or must not be; by default the faster way is taken.
 */
export function recurrentVariant(
  device: Device,
  cell: CellName,
  sizes: RecurrentSizes,
  wholeSequence?: boolean,
): RecurrentVariant | undefined {
  const variant = recurrentVariants.find(({ fits }) => fits(device, cell, sizes));
  return variant && (wholeSequence ?? variant.suits(device, sizes)) ? variant : undefined;
}
