// Answers questions about a library in JavaScript, as peer.ts says: deno run -A serve.ts <library> <backend>

import { secondsOf } from "../sampling.ts";
import type { Work } from "../work.ts";
import { jax } from "./jax.ts";
import type { Ready } from "./peer.ts";
import { tensorflow } from "./tensorflow.ts";

/** One of the questions. */
interface Question {
  readonly work?: Work;
  readonly number?: number;
  readonly times?: number;
}

const [name, backend] = Deno.args as ["tensorflow" | "jax", string];
const respond = console.log;
console.log = console.error; // only answers go to the standard output
const library = await { tensorflow, jax }[name](backend);
const ready: Ready[] = [];

async function answer({ work, number, times }: Question): Promise<Record<string, unknown>> {
  if (work) {
    const { scale, note } = ready[ready.push(library.prepare(work)) - 1]!;
    return { number: ready.length - 1, scale, note };
  }
  if (number !== undefined && times !== undefined) {
    return { seconds: await secondsOf(ready[number]!.run, times) };
  }
  return { label: library.label };
}

let text = "";
for await (const part of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  text += part;
  if (!text.endsWith("\n")) continue;
  const result = await answer(JSON.parse(text)).catch((error) => ({ error: error.message.split("\n")[0] }));
  respond(JSON.stringify(result));
  text = "";
}
Deno.exit(0); // a library's workers would keep the process alive
