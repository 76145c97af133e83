// jax-js on its backends: webgpu on the same adapter, wasm on the processor.

import type { Run } from "../sampling.ts";
import { type Library, strict, wayOf, type Ways } from "./library.ts";

const VERSION = "0.1.25";
/** Steps of a recurrent layer to unroll: there is no scan, and 300 of them compile for minutes. */
const MOST_STEPS = 10;

// deno-lint-ignore no-explicit-any
type Any = any;

/** What is done each time; returns arrays that are its results. */
interface Task {
  readonly once: () => Any[];
  readonly scale?: number;
  readonly note?: string;
}

/** Loads what is missing from npm. */
export async function jax(backend: string): Promise<Library> {
  // Computed, so that neither the lock file nor a type check needs this package.
  const jax = await import(`npm:@jax-js/jax@${VERSION}`);
  if (!(await jax.init()).includes(backend)) throw new Error(`it has no backend ${backend} here`);
  jax.defaultDevice(backend);
  const ways = waysOf(jax);
  return {
    label: `jax-js ${VERSION} ${backend}`,
    prepare: (work) => {
      const { once, ...task } = wayOf(ways, work)(work);
      const run = repeated(jax, once);
      return { ...task, run: backend === "webgpu" ? strict(jax.getWebGPUDevice(), run) : run };
    },
  };
}

/** Does the same several times and waits for all: what nobody waits for is not computed. */
function repeated(jax: Any, once: () => Any[]): Run {
  return async (times) => {
    const results: Any[] = [];
    for (let time = 0; time < times; time++) results.push(...once());
    await jax.blockUntilReady(results);
    for (const array of results) array.dispose();
  };
}

/** A function consumes its arguments, unless they are a `.ref`. */
function waysOf({ grad, jit, nn, numpy: np, random }: Any): Ways<Task> {
  const normal = (...shape: number[]) => random.normal(random.key(1), shape).mul(0.125);
  const several = (count: number, make: () => Any) => Array.from({ length: count }, make);
  const integers = (limit: number, count: number) =>
    random.randint(random.key(1), { minval: 0, maxval: limit, shape: [count] });
  const references = (tree: Any): Any => tree instanceof Array ? tree.map(references) : tree.ref;
  /** The gradients of a scalar function by all its arguments, compiled. */
  const gradients = (f: (...operands: Any[]) => Any, operands: Any[]) => {
    const compiled = jit(grad(f, { argnums: operands.map((_, index) => index) }));
    return () => compiled(...references(operands)).flat();
  };
  const product = jit((a: Any, b: Any) => np.matmul(a, b));
  return {
    matmul: ({ rows, inner, columns }) => {
      const [a, b] = [normal(rows, inner), normal(inner, columns)];
      return { once: () => [product(a.ref, b.ref)] };
    },
    recurrent: ({ cell, steps: all, batch, inputs, hidden }) => {
      const steps = Math.min(all, MOST_STEPS);
      const gates = (cell === "lstm" ? 4 : 3) * hidden;
      const operands = [
        several(steps, () => normal(batch, inputs)), // apart, as the gradient of slicing is slow
        normal(inputs, gates),
        normal(hidden, gates),
        normal(gates),
        normal(gates),
      ];
      const next = cell === "lstm" ? lstmCell(np, nn) : gruCell(np, nn);
      const loss = (xs: Any[], weightIh: Any, weightHh: Any, biasIh: Any, biasHh: Any) => {
        let states = several(cell === "lstm" ? 2 : 1, () => np.zeros([batch, hidden]));
        for (const x of xs) {
          const projected = np.matmul(x, weightIh.ref).add(biasIh.ref);
          const recurrent = np.matmul(states[0].ref, weightHh.ref).add(biasHh.ref);
          states = next(projected, recurrent, states);
        }
        for (const array of [weightIh, weightHh, biasIh, biasHh, ...states.slice(1)]) array.dispose();
        return np.sum(states[0]);
      };
      const note = `${steps} of ${all} steps, times ${all / steps}: it has no scan`;
      return { once: gradients(loss, operands), ...(steps < all && { scale: all / steps, note }) };
    },
    attention: ({ steps, source, batch, width, values }) => {
      const operands = [
        several(steps, () => normal(batch, 1, width)),
        normal(batch, source, width),
        normal(batch, source, values),
        normal(width),
      ];
      const loss = (queries: Any[], keys: Any, values: Any, score: Any) => {
        const contexts = queries.map((query) => {
          const energies = np.sum(np.tanh(query.add(keys.ref)).mul(score.ref), 2);
          return np.sum(np.matmul(nn.softmax(energies, -1).reshape([batch, 1, source]), values.ref));
        });
        for (const array of [keys, values, score]) array.dispose();
        return contexts.reduce((sum, context) => sum.add(context));
      };
      return { once: gradients(loss, operands) };
    },
    "cross-entropy": ({ rows, width, classes }) => {
      const targets = nn.oneHot(integers(classes, rows), classes);
      const operands = [normal(rows, width), normal(width, classes), normal(classes)];
      const loss = (x: Any, weight: Any, bias: Any) => {
        const logits = nn.logSoftmax(np.matmul(x, weight).add(bias), -1);
        return np.sum(logits.mul(targets.ref)).mul(-1 / rows);
      };
      return { once: gradients(loss, operands) };
    },
    embedding: ({ tokens, vocabulary, width }) => {
      const ids = integers(vocabulary, tokens);
      const loss = (table: Any) => np.sum(np.matmul(nn.oneHot(ids.ref, vocabulary), table));
      const note =
        "as a product with one-hot rows: the gradient of its take() can be neither jitted nor run by Deno";
      return { once: gradients(loss, [normal(vocabulary, width)]), note };
    },
    adam: ({ parameters }) => {
      const gradient = normal(parameters);
      let [weight, m, v] = [normal(parameters), np.zeros([parameters]), np.zeros([parameters])];
      const step = jit((weight: Any, gradient: Any, m: Any, v: Any) => {
        const norm = np.sqrt(np.sum(np.square(gradient.ref)));
        const clipped = gradient.mul(np.minimum(1, np.reciprocal(norm.add(1e-6))));
        const mean = m.mul(0.9).add(clipped.ref.mul(0.1));
        const square = v.mul(0.999).add(np.square(clipped).mul(0.001));
        const change = mean.ref.mul(0.001).div(np.sqrt(square.ref).add(1e-8));
        return [weight.sub(change), mean, square];
      });
      return {
        once: () => {
          [weight, m, v] = step(weight, gradient.ref, m, v);
          return [weight.ref];
        },
      };
    },
    translation: "not written: without scan 30 steps would be unrolled, and the gradient of its take() fails",
    imdb: "not written: without scan 600 steps would be unrolled; see the layer alone",
    data: "it has no text pipeline",
  };
}

type Cell = (projected: Any, recurrent: Any, states: Any[]) => Any[];

function lstmCell(np: Any, nn: Any): Cell {
  return (projected, recurrent, [, c]) => {
    const [i, f, g, o] = np.split(projected.add(recurrent), 4, 1);
    const cells = nn.sigmoid(f).mul(c).add(nn.sigmoid(i).mul(np.tanh(g)));
    return [nn.sigmoid(o).mul(np.tanh(cells.ref)), cells];
  };
}

function gruCell(np: Any, nn: Any): Cell {
  return (projected, recurrent, [h]) => {
    const [rx, zx, nx] = np.split(projected, 3, 1);
    const [rh, zh, nh] = np.split(recurrent, 3, 1);
    const z = nn.sigmoid(zx.add(zh));
    const n = np.tanh(nx.add(nn.sigmoid(rx.add(rh)).mul(nh)));
    return [n.ref.add(z.mul(h.sub(n)))];
  };
}
