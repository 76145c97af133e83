// Turns the first SIGINT or SIGTERM into an aborted signal, so that a command can save its work and leave, and SIGUSR1 into a
// wish that it save its work and go on.

import { InterruptionError } from "./exit_code.ts";

const IS_WINDOWS = Deno.build.os === "windows";
// Windows knows no SIGTERM.
const SIGNALS: readonly Deno.Signal[] = IS_WINDOWS ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** Listens to the operating system's requests to stop, from the first call of `listen` to `close`. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #handlers = new Map<Deno.Signal, () => void>();
  #saveAsked = false;

  /** The signal that arrived, as an error; undefined while none has. */
  get error(): InterruptionError | undefined {
    return this.#controller.signal.aborted ? this.#controller.signal.reason : undefined;
  }

  /** Starts listening; from now on the first signal aborts the returned one and the second ends the process. */
  listen(): AbortSignal {
    for (const signal of SIGNALS) {
      this.#handle(signal, () => this.#arrive(new InterruptionError(signal)));
    }
    if (!IS_WINDOWS) this.#handle("SIGUSR1", () => this.#saveAsked = true);
    return this.#controller.signal;
  }

  /** Whether SIGUSR1 has arrived since the last question. */
  readonly saveAsked = (): boolean => {
    const asked = this.#saveAsked;
    this.#saveAsked = false;
    return asked;
  };

  /** Stops listening: signals end the process again. */
  close(): void {
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
    this.#handlers.clear();
  }

  #handle(signal: Deno.Signal, handler: () => void): void {
    if (this.#handlers.has(signal)) return;
    this.#handlers.set(signal, handler);
    Deno.addSignalListener(signal, handler);
  }

  #arrive(error: InterruptionError): void {
    if (this.#controller.signal.aborted) Deno.exit(error.exitCode);
    this.#controller.abort(error);
  }
}
