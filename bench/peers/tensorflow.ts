// TensorFlow.js on its backends: webgpu on the same adapter, wasm and cpu on the processor.

import type { Run } from "../sampling.ts";
import { cost, type Translation, type Work } from "../work.ts";
import { type Library, strict, wayOf, type Ways } from "./library.ts";

const VERSION = "4.22.0";

/** Whether plain JavaScript, which does about one operation in a nanosecond, finishes in a few seconds. */
function doneInSeconds(work: Work): boolean {
  return ["matmul", "adam"].includes(work.kind) && cost(work).flop < 2.5e9;
}

// deno-lint-ignore no-explicit-any
type Any = any;

/** Loads what is missing from npm. */
export async function tensorflow(backend: string): Promise<Library> {
  // Computed, so that neither the lock file nor a type check needs these packages.
  const load = (name: string) => import(`npm:@tensorflow/${name}@${VERSION}`);
  const tf = await load("tfjs");
  if (backend !== "cpu") await load(`tfjs-backend-${backend}`);
  if (!await tf.setBackend(backend)) throw new Error(`it has no backend ${backend} here`);
  const ways = waysOf(tf);
  return {
    label: `TensorFlow.js ${VERSION} ${backend}`,
    prepare: (work) => {
      if (backend === "cpu" && !doneInSeconds(work)) {
        throw new Error("left out: plain JavaScript takes many seconds");
      }
      const run = repeated(tf, wayOf(ways, work)(work));
      return { run: backend === "webgpu" ? strict(tf.backend().device, run) : run };
    },
  };
}

/** Does the same several times and waits for the last. */
function repeated(tf: Any, once: () => Any): Run {
  return async (times) => {
    let last: Any;
    for (let time = 0; time < times; time++) {
      tf.dispose(last);
      last = tf.tidy(once);
    }
    await [last].flat().at(-1).data();
    tf.dispose(last);
  };
}

/** As PyTorch's layers; the default initializer of recurrent weights alone takes half a minute. */
const KERAS = { recurrentActivation: "sigmoid", recurrentInitializer: "glorotUniform" };

/** Each returns tensors that are its results. */
function waysOf(tf: Any): Ways<() => Any> {
  const normal = (...shape: number[]) => tf.randomNormal(shape, 0, 0.125);
  const integers = (limit: number, ...shape: number[]) =>
    tf.cast(tf.floor(tf.randomUniform(shape, 0, limit)), "int32");
  return {
    matmul: ({ rows, inner, columns }) => {
      const [a, b] = [normal(rows, inner), normal(inner, columns)];
      return () => tf.matMul(a, b);
    },
    recurrent: ({ cell, steps, batch, inputs, hidden }) => {
      const layer = tf.layers[cell]({ units: hidden, ...KERAS });
      const x = tf.variable(normal(batch, steps, inputs));
      layer.apply(x); // makes the weights
      const variables = [x, ...layer.trainableWeights.map(({ val }: Any) => val)];
      return () => Object.values(tf.variableGrads(() => tf.sum(layer.apply(x)), variables).grads);
    },
    attention: ({ steps, source, batch, width, values }) => {
      const operands = [normal(steps, batch, width), normal(batch, source, width)];
      operands.push(normal(batch, source, values), normal(width));
      const gradients = tf.grads((queries: Any, keys: Any, values: Any, score: Any) =>
        tf.sum(tf.stack(tf.unstack(queries).map((query: Any) => attend(tf, query, keys, values, score))))
      );
      return () => gradients(operands);
    },
    "cross-entropy": ({ rows, width, classes }) => {
      const targets = tf.cast(tf.oneHot(integers(classes, rows), classes), "float32");
      const operands = [normal(rows, width), normal(classes, width), normal(classes)];
      const gradients = tf.grads((x: Any, weight: Any, bias: Any) =>
        tf.losses.softmaxCrossEntropy(targets, tf.add(tf.matMul(x, weight, false, true), bias))
      );
      return () => gradients(operands);
    },
    embedding: ({ tokens, vocabulary, width }) => {
      const [table, ids] = [normal(vocabulary, width), integers(vocabulary, tokens)];
      const gradient = tf.grad((table: Any) => tf.sum(tf.gather(table, ids)));
      return () => gradient(table);
    },
    adam: ({ parameters }) => {
      const variable = tf.variable(normal(parameters));
      const gradient = normal(parameters);
      return step(tf, [variable], () => ({ [variable.name]: gradient }));
    },
    translation: (work) => {
      const { variables, loss } = translator(tf, work);
      const source = integers(work.sourceVocabulary, work.source, work.batch);
      const words = integers(work.targetVocabulary, work.target, work.batch);
      const targets = tf.oneHot(
        integers(work.targetVocabulary, work.target * work.batch),
        work.targetVocabulary,
      );
      return step(tf, variables, () => tf.variableGrads(() => loss(source, words, targets), variables).grads);
    },
    imdb: ({ cell, steps, batch, hidden }) => {
      const layer = tf.layers[cell];
      const model = tf.sequential({
        layers: [
          layer({
            units: hidden,
            inputShape: [steps, 1],
            returnSequences: true,
            ...KERAS,
          }),
          layer({ units: 1, ...KERAS }),
        ],
      });
      const [x, labels] = [normal(batch, steps, 1), tf.cast(integers(2, batch, 1), "float32")];
      const variables = model.trainableWeights.map(({ val }: Any) => val);
      const loss = () => tf.losses.sigmoidCrossEntropy(labels, model.apply(x));
      return step(tf, variables, () => tf.variableGrads(loss, variables).grads);
    },
    data: "it has no vocabularies and no buckets",
  };
}

/** Gradients, clipping, Adam; returns a number that is there when all is done. */
function step(tf: Any, variables: Any[], gradientsOf: () => Record<string, Any>): () => Any {
  const optimizer = tf.train.adam(0.001);
  return () => {
    const gradients = gradientsOf();
    const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)));
    const factor = tf.minimum(1, tf.div(1, tf.add(tf.sqrt(squares.reduce((a, b) => tf.add(a, b))), 1e-6)));
    optimizer.applyGradients(
      Object.fromEntries(
        Object.entries(gradients).map(([name, gradient]) => [name, tf.mul(gradient, factor)]),
      ),
    );
    return variables.at(-1).flatten().slice(0, 1);
  };
}

/** Additive attention: query [batch, width], keys and values [batch, source, ...]; returns the context. */
function attend(tf: Any, query: Any, keys: Any, values: Any, score: Any): Any {
  const energies = tf.sum(tf.mul(tf.tanh(tf.add(tf.expandDims(query, 1), keys)), score), 2);
  return tf.squeeze(tf.matMul(tf.expandDims(tf.softmax(energies), 1), values), [1]);
}

/** The translation model of lib/models, from TensorFlow.js' operations. */
function translator(tf: Any, work: Translation): { variables: Any[]; loss(...batch: Any[]): Any } {
  const { batch, source, target, embedding: e, hidden: h, sourceVocabulary, targetVocabulary } = work;
  const variables: Any[] = [];
  const weight = (...shape: number[]) => {
    variables.push(tf.variable(tf.randomNormal(shape, 0, 0.05)));
    return variables.at(-1);
  };
  const linear = (inputs: number, outputs: number) => {
    const [kernel, bias] = [weight(inputs, outputs), weight(outputs)];
    return (x: Any) => tf.add(tf.matMul(x, kernel), bias);
  };
  const gru = (inputs: number) => {
    const [project, recur] = [linear(inputs, 3 * h), linear(h, 3 * h)];
    const next = (projected: Any, state: Any) => {
      const [rx, zx, nx] = tf.split(projected, 3, 1);
      const [rh, zh, nh] = tf.split(recur(state), 3, 1);
      const z = tf.sigmoid(tf.add(zx, zh));
      const n = tf.tanh(tf.add(nx, tf.mul(tf.sigmoid(tf.add(rx, rh)), nh)));
      return tf.add(n, tf.mul(z, tf.sub(state, n)));
    };
    return { project, next };
  };
  const [sourceTable, targetTable] = [weight(sourceVocabulary, e), weight(targetVocabulary, e)];
  const encoders = [gru(e), gru(e)];
  const [bridge, key, query] = [linear(h, h), linear(2 * h, h), linear(h, h)];
  const [score, cell] = [weight(h), gru(e + 2 * h)];
  const [readout, output] = [linear(3 * h + e, h), linear(h, targetVocabulary)];
  const embed = (table: Any, ids: Any) => tf.reshape(tf.gather(table, ids), [-1, e]);

  const encode = (ids: Any) => {
    const directions = encoders.map(({ project, next }, reverse) => {
      const steps = tf.unstack(tf.reshape(project(embed(sourceTable, ids)), [source, batch, 3 * h]));
      let state = tf.zeros([batch, h]);
      const states = (reverse ? steps.reverse() : steps).map((step: Any) => state = next(step, state));
      return reverse ? states.reverse() : states;
    });
    const annotations = tf.stack(
      directions[0].map((forward: Any, t: number) => tf.concat([forward, directions[1][t]], 1)),
      1,
    );
    return { annotations, state: tf.tanh(bridge(directions[1][0])) };
  };
  const loss = (sourceIds: Any, words: Any, targets: Any) => {
    const { annotations, state: first } = encode(sourceIds);
    const keys = tf.reshape(key(tf.reshape(annotations, [-1, 2 * h])), [batch, source, h]);
    const embedded = embed(targetTable, words);
    let state = first;
    const inputs = tf.unstack(tf.reshape(embedded, [target, batch, e])).map((word: Any) => {
      const context = attend(tf, query(state), keys, annotations, score);
      state = cell.next(cell.project(tf.concat([word, context], 1)), state);
      return tf.concat([state, context, word], 1);
    });
    const logits = output(tf.tanh(readout(tf.concat(inputs, 0))));
    return tf.losses.softmaxCrossEntropy(targets, logits);
  };
  return { variables, loss };
}
