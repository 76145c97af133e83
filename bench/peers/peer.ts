// Other libraries that do the same work in the same run, each in a process of its own: what one of them takes, or
// breaks, is not ours. A process answers each line of JSON with one: `{}` with its label, `{ work }` with a number, and
// `{ number, times }` with the seconds that it took to do that work so many times; `{ error }` says why it cannot.

import type { Run } from "../sampling.ts";
import type { Work } from "../work.ts";

/** A library on one of its backends. */
export interface Peer {
  /** Name, version and backend. */
  readonly label: string;
  /**
   * Makes ready to do the work.
   *
   * @throws {Error} If it cannot; the message says why.
   */
  prepare(work: Work): Promise<Ready>;
}

/** Something ready to be measured. */
export interface Ready {
  readonly run: Run;
  /** What to multiply its seconds by, if it does another amount of the same; 1 by default. */
  readonly scale?: number;
  /** In what it differs. */
  readonly note?: string;
}

type Command = readonly [program: string, ...args: string[]];

const library = (...args: string[]): Command => {
  return [Deno.execPath(), "run", "-A", "--no-lock", new URL("serve.ts", import.meta.url).href, ...args];
};

/** What to start, by what it is called if it cannot be. */
const COMMANDS: Readonly<Record<string, Command>> = {
  "TensorFlow.js webgpu": library("tensorflow", "webgpu"),
  "TensorFlow.js wasm": library("tensorflow", "wasm"),
  "TensorFlow.js cpu": library("tensorflow", "cpu"),
  "jax-js webgpu": library("jax", "webgpu"),
  "jax-js wasm": library("jax", "wasm"),
  "PyTorch": ["python3", decodeURIComponent(new URL("torch_peer.py", import.meta.url).pathname)],
};

/** Starts all peers. */
export async function openPeers(): Promise<readonly Peer[]> {
  return await Promise.all(Object.entries(COMMANDS).map(([name, command]) => openPeer(name, command)));
}

/** Starts a peer; one that cannot be started refuses all work. A process that ended is started anew for other work. */
export async function openPeer(name: string, command: Command): Promise<Peer> {
  let process = new PeerProcess(command);
  try {
    const { label } = await process.ask({}) as { label: string };
    return {
      label,
      prepare: async (work) => {
        if (process.ended) process = new PeerProcess(command);
        const worker = process;
        const { number, ...ready } = await worker.ask({ work });
        return { ...ready, run: async (times) => (await worker.ask({ number, times })).seconds as number };
      },
    };
  } catch (error) {
    const reason = (error as Error).message;
    return { label: name, prepare: () => Promise.reject(new Error(`not on this machine: ${reason}`)) };
  }
}

/** A process that answers. It ends when its input does, so at the latest with this process. */
export class PeerProcess {
  #child: Deno.ChildProcess | undefined;
  #input!: WritableStreamDefaultWriter<Uint8Array>;
  #output!: ReadableStreamDefaultReader<string>;
  /** Whether it does not answer any more. */
  ended = false;

  /** Not started yet. */
  constructor(readonly command: Command) {}

  /**
   * Asks one question; the first starts the process.
   *
   * @throws {Error} If it answers with an error, or not at all.
   */
  async ask(question: unknown): Promise<Record<string, unknown>> {
    const child = this.#child ??= this.#start();
    child.ref(); // only while it works does it keep this process alive
    const line = await this.#exchange(`${JSON.stringify(question)}\n`);
    if (line === undefined) {
      await this.end();
      const { code, signal } = await child.status;
      throw new Error(`its process ended with ${signal ?? `code ${code}`}`);
    }
    child.unref();
    const answer = JSON.parse(line);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  /** Writes a line and reads one; undefined if the process has ended. */
  async #exchange(question: string): Promise<string | undefined> {
    let line = "";
    try {
      await this.#input.write(new TextEncoder().encode(question));
      while (!line.endsWith("\n")) {
        const { value } = await this.#output.read();
        if (value === undefined) return undefined;
        line += value;
      }
      return line;
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return undefined;
      throw error;
    }
  }

  #start(): Deno.ChildProcess {
    const [program, ...args] = this.command;
    const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "null" })
      .spawn();
    this.#input = child.stdin.getWriter();
    this.#output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    return child;
  }

  /** Ends the process, if it was started. */
  async end(): Promise<void> {
    this.ended = true;
    const child = this.#child;
    if (!child) return;
    child.ref();
    await Promise.allSettled([this.#input.close(), this.#output.cancel(), child.status]);
  }
}
