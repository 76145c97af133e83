// What the benchmarks compute, as plain data that every peer can be told, also one in another process; and what each
// computation costs at the least.

/** `[rows, inner] x [inner, columns]`. */
export interface Matmul {
  readonly kind: "matmul";
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** A recurrent layer over whole sequences [steps, batch, inputs], forward and backward from its last state. */
export interface Recurrent {
  readonly kind: "recurrent";
  readonly cell: "lstm" | "gru";
  readonly steps: number;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
}

/** Additive attention of `steps` decoder steps, one after the other, over `source` annotations; forward and backward. */
export interface Attention {
  readonly kind: "attention";
  readonly steps: number;
  readonly source: number;
  readonly batch: number;
  /** Width of queries and keys. */
  readonly width: number;
  /** Width of the annotations. */
  readonly values: number;
}

/** An output layer [rows, width] to `classes`, softmax cross-entropy, and the gradients of input, weight and bias. */
export interface CrossEntropy {
  readonly kind: "cross-entropy";
  readonly rows: number;
  readonly width: number;
  readonly classes: number;
}

/** Looking up `tokens` rows of a table, and the table's gradient. */
export interface Embedding {
  readonly kind: "embedding";
  readonly tokens: number;
  readonly vocabulary: number;
  readonly width: number;
}

/** Clipping the gradient's norm, and a step of Adam. */
export interface Adam {
  readonly kind: "adam";
  readonly parameters: number;
}

/** A training step of the translation model: forward, backward, clipping, Adam. No dropout. */
export interface Translation {
  readonly kind: "translation";
  readonly batch: number;
  /** Words of the source. */
  readonly source: number;
  /** Words to predict, the end included. */
  readonly target: number;
  readonly embedding: number;
  readonly hidden: number;
  readonly sourceVocabulary: number;
  readonly targetVocabulary: number;
}

/** A training step of the IMDB benchmark: cell of `hidden` units, sequences; the same cell of 1 unit; sigmoid; Adam. */
export interface Imdb {
  readonly kind: "imdb";
  readonly cell: "lstm" | "gru";
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
}

/** A stage of the data pipeline over the pairs of a corpus, on the processor. */
export interface Data {
  readonly kind: "data";
  readonly task: "learn" | "encode" | "batches";
  /** Tab-separated pairs. */
  readonly file: string;
  readonly pairs: number;
}

/** Anything that a peer can be asked to compute. */
export type Work =
  | Matmul
  | Recurrent
  | Attention
  | CrossEntropy
  | Embedding
  | Adam
  | Translation
  | Imdb
  | Data;

/** The least that a computation takes. */
export interface Cost {
  /** Floating-point operations: two for each multiply-add of a product, nothing for activations. */
  readonly flop: number;
  /** Bytes that must move between memory and processor: each operand read once, each result written once. */
  readonly bytes: number;
}

const TASKS = {
  learn: "learn the vocabularies of",
  encode: "encode",
  batches: "an epoch of batches of 64 of",
};

/** The name of a computation with its shape, as it stands in tables. */
export function title(work: Work): string {
  switch (work.kind) {
    case "matmul":
      return `matmul ${work.rows} x ${work.inner} x ${work.columns}`;
    case "recurrent":
      return `${work.cell.toUpperCase()} ${work.hidden} over [${work.steps}, ${work.batch}, ${work.inputs}], ` +
        "forward and backward";
    case "attention":
      return `additive attention, ${work.steps} steps over ${work.source}, batch ${work.batch}, widths ` +
        `${work.width} and ${work.values}, forward and backward`;
    case "cross-entropy":
      return `cross-entropy of [${work.rows}, ${work.width}] over ${work.classes} classes, with gradients`;
    case "embedding":
      return `embedding of ${work.tokens} tokens from [${work.vocabulary}, ${work.width}], with gradient`;
    case "adam":
      return `clipping and Adam, ${work.parameters} parameters`;
    case "translation":
      return `translation step, batch ${work.batch}, ${work.source} to ${work.target} words, embedding ` +
        `${work.embedding}, GRU ${work.hidden}, vocabularies ${work.sourceVocabulary} and ${work.targetVocabulary}`;
    case "imdb":
      return `IMDB step, ${work.cell.toUpperCase()} ${work.hidden} and 1, batch ${work.batch}, ${work.steps} steps`;
    case "data":
      return `${TASKS[work.task]} ${work.pairs} pairs`;
  }
}

/** Counts what a computation takes at the least. */
export function cost(work: Work): Cost {
  switch (work.kind) {
    case "matmul": {
      const { rows, inner, columns } = work;
      return {
        flop: product(rows, inner, columns),
        bytes: floats(rows * inner, inner * columns, rows * columns),
      };
    }
    case "recurrent": {
      const { steps, batch, inputs, hidden } = work;
      const gates = gatesOf(work.cell) * hidden;
      const weights = gates * (inputs + hidden + 2);
      const sequences = steps * batch * (inputs + hidden);
      return {
        // Forward, to the input and the state before, to the weights.
        flop: 3 * product(steps * batch, inputs + hidden, gates),
        bytes: floats(2 * weights, 2 * sequences),
      };
    }
    case "attention": {
      const { steps, source, batch, width, values } = work;
      // Forward: scores and contexts; backward: to query and key, to the score vector, to weights and values.
      const flop = product(steps, source, batch) * (width + values + 2 * width + 2 * values);
      return { flop, bytes: floats(2 * batch * (source + steps) * (width + values)) };
    }
    case "cross-entropy": {
      const { rows, width, classes } = work;
      return {
        flop: 3 * product(rows, width, classes),
        bytes: floats(2 * rows * width, 2 * (width + 1) * classes, rows),
      };
    }
    case "embedding": {
      const { tokens, vocabulary, width } = work;
      // Reads the rows and writes them; reads their gradients and writes the table's.
      return { flop: 0, bytes: floats(3 * tokens * width, vocabulary * width, tokens) };
    }
    case "adam":
      // The norm reads the gradients; the update reads and writes values and both moments, and reads the gradients.
      return { flop: 0, bytes: floats(8 * work.parameters) };
    case "translation":
      return translationCost(work);
    case "imdb": {
      const { cell, steps, batch, hidden } = work;
      const gates = gatesOf(cell);
      const weights = gates * hidden * (1 + hidden + 2) + gates * (hidden + 1 + 2);
      const perStep = product(batch, 1 + hidden, gates * hidden) + product(batch, hidden + 1, gates);
      return { flop: 3 * steps * perStep, bytes: floats(8 * weights, steps * batch) };
    }
    case "data":
      return { flop: 0, bytes: 0 };
  }
}

/** Bahdanau's model: every weight takes part in three products a position: forward, to its input, to the weight. */
function translationCost(work: Translation): Cost {
  const { batch, source, target, embedding: e, hidden: h, sourceVocabulary, targetVocabulary } = work;
  const encoder = 2 * 3 * h * (e + h);
  const keys = 2 * h * h;
  const cell = 3 * h * (e + 2 * h + h);
  const query = h * h;
  const readout = h * (3 * h + e);
  const output = h * targetVocabulary;
  const positions = batch * (source * (encoder + keys) + target * (cell + query + readout + output) + h * h);
  const attention = cost({ kind: "attention", steps: target, source, batch, width: h, values: 2 * h });
  const parameters = (sourceVocabulary + targetVocabulary) * e + encoder + keys + cell + query + readout +
    output;
  return { flop: 3 * 2 * positions + attention.flop, bytes: floats(8 * parameters) };
}

function gatesOf(cell: "lstm" | "gru"): number {
  return cell === "lstm" ? 4 : 3;
}

/** The operations of a matrix product. */
function product(rows: number, inner: number, columns: number): number {
  return 2 * rows * inner * columns;
}

/** The bytes of so many numbers. */
function floats(...counts: number[]): number {
  return 4 * counts.reduce((sum, count) => sum + count, 0);
}
