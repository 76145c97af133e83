// PyTorch, where Python has it, in a process of its own.

import { missing, type Peer } from "./peer.ts";

const SCRIPT = new URL("torch_peer.py", import.meta.url);

/** Starts the process. */
export async function torch(): Promise<Peer[]> {
  try {
    const process = new Process();
    const { version, device, threads } = await process.ask({}) as Record<string, string>;
    const threaded = device === "cpu" ? `, ${threads} threads` : "";
    return [{
      label: `PyTorch ${version} ${device}${threaded}`,
      prepare: async (work) => {
        const { number } = await process.ask({ work });
        return { run: async (times) => (await process.ask({ number, times })).seconds as number };
      },
    }];
  } catch (error) {
    return [missing("PyTorch", error)];
  }
}

/** A process that answers each line of JSON with one. */
class Process {
  #child: Deno.ChildProcess;
  #input: WritableStreamDefaultWriter<Uint8Array>;
  #output: ReadableStreamDefaultReader<string>;

  constructor() {
    this.#child = new Deno.Command("python3", {
      args: [decodeURIComponent(SCRIPT.pathname)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#child.unref();
    addEventListener("unload", () => this.#child.kill());
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** @throws {Error} If it answers with an error, or not at all. */
  async ask(question: unknown): Promise<Record<string, unknown>> {
    this.#child.ref(); // only while it works does it keep this process alive
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    let line = "";
    while (!line.endsWith("\n")) {
      const { value } = await this.#output.read();
      if (value === undefined) throw new Error("python3 has no torch");
      line += value;
    }
    this.#child.unref();
    const answer = JSON.parse(line);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }
}
