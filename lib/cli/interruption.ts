// Turns the first SIGINT or SIGTERM into an aborted signal, so that a command can save its work and leave.

import { InterruptionError } from "./exit_code.ts";

/** Listens to the operating system's requests to stop, from the first call of `listen` to `close`. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #handlers = new Map<Deno.Signal, () => void>();

  /** The signal that arrived, as an error; undefined while none has. */
  get error(): InterruptionError | undefined {
    return this.#controller.signal.aborted ? this.#controller.signal.reason : undefined;
  }

  /** Starts listening; from now on the first signal aborts the returned one and the second ends the process. */
  listen(): AbortSignal {
    // Windows knows no SIGTERM.
    const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
    for (const signal of signals) {
      if (this.#handlers.has(signal)) continue;
      const handler = () => this.#arrive(new InterruptionError(signal));
      this.#handlers.set(signal, handler);
      Deno.addSignalListener(signal, handler);
    }
    return this.#controller.signal;
  }

  /** Stops listening: signals end the process again. */
  close(): void {
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
    this.#handlers.clear();
  }

  #arrive(error: InterruptionError): void {
    if (this.#controller.signal.aborted) Deno.exit(error.exitCode);
    this.#controller.abort(error);
  }
}
