// TensorFlow.js on its backends: webgpu on the same adapter, wasm and cpu on the processor.

import type { Run } from "../sampling.ts";
import { cost } from "../work.ts";
import { missing, type Peer, wayOf, type Ways } from "./peer.ts";

const VERSION = "4.22.0";
const BACKENDS = ["webgpu", "wasm", "cpu"];
/** The most operations to ask of plain JavaScript, which does about one in a nanosecond. */
const MOST_FLOP = 2.5e9;

// deno-lint-ignore no-explicit-any
type Any = any;

/** Loads what is missing from npm. */
export async function tensorflow(): Promise<Peer[]> {
  const label = (backend: string) => `TensorFlow.js ${VERSION} ${backend}`;
  // Computed, so that neither the lock file nor a type check needs these packages.
  const load = (name: string) => import(`npm:@tensorflow/${name}@${VERSION}`);
  try {
    const tf = await load("tfjs");
    for (const backend of ["webgpu", "wasm"]) await load(`tfjs-backend-${backend}`);
    return BACKENDS.map((backend) => ({
      label: label(backend),
      prepare: async (work) => {
        if (backend === "cpu" && cost(work).flop > MOST_FLOP) {
          throw new Error("left out: it takes many seconds");
        }
        if (!await tf.setBackend(backend)) throw new Error(`it has no backend ${backend} here`);
        await tf.ready();
        const once = wayOf(waysOf(tf), work)(work);
        return repeated(tf, backend, once);
      },
    }));
  } catch (error) {
    return BACKENDS.map((backend) => missing(label(backend), error));
  }
}

/** Does the same several times and waits for the last. */
function repeated(tf: Any, backend: string, once: () => Any[]): Run {
  return async (times) => {
    tf.setBackend(backend);
    let last: Any[] = [];
    for (let time = 0; time < times; time++) {
      tf.dispose(last);
      last = once();
    }
    await last[0].data();
    tf.dispose(last);
  };
}

/** Each returns the tensors that are its results. */
function waysOf(tf: Any): Ways<() => Any[]> {
  const normal = (...shape: number[]) => tf.randomNormal(shape, 0, 0.125);
  return {
    matmul: ({ rows, inner, columns }) => {
      const [a, b] = [normal(rows, inner), normal(inner, columns)];
      return () => [tf.matMul(a, b)];
    },
  };
}
