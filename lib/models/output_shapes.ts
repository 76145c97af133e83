// Layer 3: the shapes of what the parts of a translator put out, for its summary. S source steps, T target steps, B sentences.

import type { Seq2SeqConfig } from "./seq2seq_options.ts";

/**
 * The output of each part of a translator by the name of its parameters, such as `[S, B, 128]` of `encoder.embedding`.
 *
 * @param words The size of the target vocabulary.
 */
export function seq2seqOutputShapes(config: Seq2SeqConfig, words: number): Readonly<Record<string, string>> {
  const { embedding, hidden, attention, attentionWidth, readoutWidth, readout, bidirectional, layers } =
    config;
  const shape = (...axes: (string | number)[]) => `[${axes.join(", ")}]`;
  const annotations = (bidirectional ? 2 : 1) * hidden;
  const state = shape("B", hidden);
  const bridge = Array.from({ length: layers }, (_, layer) => [
    [`bridge.${layer}`, state],
    [`bridge.cells.${layer}`, state],
  ]).flat();
  return {
    "encoder.embedding": shape("S", "B", embedding),
    "encoder.recurrent": shape("S", "B", annotations),
    ...Object.fromEntries(bridge),
    "decoder.embedding": shape("T", "B", embedding),
    "decoder.summary": state,
    "decoder.attention.query": shape("T", "B", attention === "general" ? annotations : attentionWidth),
    "decoder.attention.key": shape("S", "B", attentionWidth),
    "decoder.attention.score": shape("T", "B", "S"),
    "decoder.attention.coverage": shape("T", "B", "S", attentionWidth),
    "decoder.attention.location": shape("T", "B", "S"),
    "decoder.attention.position": shape("T", "B", attentionWidth),
    "decoder.attention.position_score": shape("T", "B", 1),
    "decoder.recurrent": shape("T", "B", hidden),
    "decoder.readout": shape("T", "B", readout === "maxout" ? 2 * readoutWidth : readoutWidth),
    "decoder.copy": shape("T", "B", 1),
    "decoder.output": shape("T", "B", words),
  };
}
