// jax-js on its backends: webgpu on the same adapter, wasm on the processor.

import type { Run } from "../sampling.ts";
import { missing, type Peer, wayOf, type Ways } from "./peer.ts";

const VERSION = "0.1.25";
const BACKENDS = ["webgpu", "wasm"];

// deno-lint-ignore no-explicit-any
type Any = any;

/** Loads what is missing from npm. */
export async function jax(): Promise<Peer[]> {
  const label = (backend: string) => `jax-js ${VERSION} ${backend}`;
  try {
    // Computed, so that neither the lock file nor a type check needs this package.
    const library = await import(`npm:@jax-js/jax@${VERSION}`);
    const available = await library.init();
    return BACKENDS.map((backend) => ({
      label: label(backend),
      prepare: (work) => {
        if (!available.includes(backend)) throw new Error(`it has no backend ${backend} here`);
        library.defaultDevice(backend);
        return repeated(library, backend, wayOf(waysOf(library), work)(work));
      },
    }));
  } catch (error) {
    return BACKENDS.map((backend) => missing(label(backend), error));
  }
}

/** Does the same several times and waits for all: what nobody waits for is not computed. */
function repeated(library: Any, backend: string, once: () => Any[]): Run {
  return async (times) => {
    library.defaultDevice(backend);
    const results: Any[] = [];
    for (let time = 0; time < times; time++) results.push(...once());
    await library.blockUntilReady(results);
    for (const array of results) array.dispose();
  };
}

/** Each returns the arrays that are its results. A function consumes its arguments, unless they are a `.ref`. */
function waysOf({ jit, numpy: np, random }: Any): Ways<() => Any[]> {
  const normal = (...shape: number[]) => random.normal(random.key(1), shape).mul(0.125);
  return {
    matmul: ({ rows, inner, columns }) => {
      const [a, b] = [normal(rows, inner), normal(inner, columns)];
      const product = jit((a: Any, b: Any) => np.matmul(a, b));
      return () => [product(a.ref, b.ref)];
    },
  };
}
