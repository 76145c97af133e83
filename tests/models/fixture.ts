// What PyTorch computed for the same model, weights and batch: written by tests/oracle/seq2seq_fixture.py.

import type { Batch } from "../../lib/data/batches.ts";
import type { NamedArray } from "../../lib/gpu/parameters.ts";
import { decodeSafetensors } from "../training/safetensors.ts";

/** Sentences padded at the end, time-major. */
interface Sentences {
  readonly ids: readonly (readonly number[])[];
  readonly lengths: readonly number[];
}

/** Greedy translations of the source. */
interface Greedy extends Pick<Sentences, "ids"> {
  /** [steps, batch, source steps] */
  readonly attention: readonly (readonly (readonly number[])[])[];
}

interface Oracle {
  readonly sizes: Record<
    "source_vocabulary" | "target_vocabulary" | "embedding" | "hidden" | "attention" | "readout",
    number
  >;
  readonly training:
    & Record<"steps" | "label_smoothing" | "clip_norm" | "learning_rate" | "epsilon", number>
    & {
      readonly betas: readonly [number, number];
    };
  readonly source: Sentences;
  readonly target: Sentences;
  readonly loss_without_smoothing: number;
  readonly losses: readonly number[];
  readonly gradient_norms: readonly number[];
  readonly greedy: {
    readonly maximum_length: number;
    readonly before: Greedy;
    readonly after: Greedy;
  };
}

const folder = new URL("../fixtures/", import.meta.url);

/** Sizes, batch, losses and translations. */
export const oracle: Oracle = JSON.parse(await Deno.readTextFile(new URL("seq2seq.json", folder)));

const { tensors } = decodeSafetensors(await Deno.readFile(new URL("seq2seq.safetensors", folder)));

/** The tensors whose names begin with a prefix, without it: `grad.`, `after.`, or none for the initial weights. */
export function fixtureTensors(prefix: "" | "grad." | "after."): Map<string, NamedArray> {
  const chosen = [...tensors].filter(([name]) => {
    return prefix === "" ? !/^(grad|after)\./.test(name) : name.startsWith(prefix);
  });
  return new Map(chosen.map(([name, { shape, data }]) => {
    return [name.slice(prefix.length), { shape, data: data as Float32Array<ArrayBuffer> }];
  }));
}

/** The fixture's batch, with `more` empty rows and padding after every sentence. */
export function fixtureBatch(more = 0): Batch {
  const { source, target } = oracle;
  const rows = source.lengths.length + more;
  const bucket = { sourceLength: source.ids.length + more, targetLength: target.ids.length + more, rows };
  const pad = (ids: Sentences["ids"], steps: number) => {
    return Uint32Array.from({ length: steps * rows }, (_, i) => ids[Math.floor(i / rows)]?.[i % rows] ?? 0);
  };
  const lengths = (given: readonly number[]) => Uint32Array.from({ length: rows }, (_, i) => given[i] ?? 0);
  return {
    bucket,
    size: source.lengths.length,
    source: pad(source.ids, bucket.sourceLength),
    sourceLengths: lengths(source.lengths),
    target: pad(target.ids, bucket.targetLength),
    targetLengths: lengths(target.lengths),
    tokens: target.lengths.reduce((sum, length) => sum + length - 1, 0),
    indices: Uint32Array.from(source.lengths, (_, i) => i),
  };
}
