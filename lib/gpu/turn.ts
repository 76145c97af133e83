// Layer 1: long work on the host is cut into pieces, and between them everything else that this thread has to do gets its turn.

/** Lets timers, signals and input have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
