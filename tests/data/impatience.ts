// Patience for tests of downloads: waits take no time and are written down, and stalls are short.

import type { Patience } from "../../lib/data/retry.ts";

/** Patience whose waits take no time. */
export interface Impatience {
  /** The milliseconds of each wait so far. */
  readonly waits: readonly number[];
  readonly patience: Partial<Patience>;
}

/** Returns fresh patience; its stalls are long enough for a busy machine to send a byte. */
export function impatience(changes: Partial<Patience> = {}): Impatience {
  const waits: number[] = [];
  const wait = (milliseconds: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    waits.push(milliseconds);
    return Promise.resolve();
  };
  return { waits, patience: { wait, random: () => 1, ...changes } };
}
