// Gives up a connection over which too little comes: nothing for a while, or next to nothing for long.

import type { Patience } from "./retry.ts";

/** Too little came. */
export class StallError extends Error {
  override readonly name = "StallError";
}

/** Watches one connection from its request to its last byte. */
export class Watch implements Disposable {
  /** Aborts when too little came, or when the caller's own signal does. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #patience: Patience;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #spanBegan: number;
  #spanBytes = 0;

  /** Starts to watch. */
  constructor(patience: Patience, signal: AbortSignal | undefined) {
    this.signal = AbortSignal.any([this.#controller.signal, ...signal ? [signal] : []]);
    this.#patience = patience;
    this.#spanBegan = patience.now();
    this.#await();
  }

  /** Takes note of bytes that came. */
  received(bytes: number): void {
    this.#await();
    const { now, span, leastBytes } = this.#patience;
    this.#spanBytes += bytes;
    if (now() - this.#spanBegan < span) return;
    if (this.#spanBytes < leastBytes) this.#giveUp(`only ${this.#spanBytes} bytes came in ${span / 1000} s`);
    this.#spanBegan = now();
    this.#spanBytes = 0;
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #await(): void {
    const { stall } = this.#patience;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#giveUp(`no byte came for ${stall / 1000} s`), stall);
  }

  #giveUp(reason: string): void {
    this.#controller.abort(new StallError(reason));
  }
}
