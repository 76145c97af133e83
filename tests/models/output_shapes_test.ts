// The shapes of what the parts of models put out, as their summaries show them.

import { completeSeq2Seq } from "../../lib/models/complete_seq2seq.ts";
import type { Seq2SeqOptions } from "../../lib/models/seq2seq_options.ts";
import { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { seq2seqOutputShapes } from "../../lib/models/output_shapes.ts";
import { assert, assertEquals } from "../assert.ts";
import { device } from "../device.ts";
import { family } from "./family_fixture.ts";
import { inventedWords } from "./invented_words.ts";

Deno.test("each part of every translator and classifier says what it puts out", () => {
  const words = inventedWords(13);
  const options: Seq2SeqOptions[] = Object.values(family.cases).map(({ options }) => options);
  for (const each of options) {
    const model = new Seq2Seq(device, { source: words, target: words, ...each });
    for (const name of model.parameters.tensors.keys()) {
      const part = name.slice(0, name.lastIndexOf("."));
      assert(part in model.outputShapes, `there is no shape for ${part} of ${JSON.stringify(each)}`);
    }
    model.close();
  }
  const classifier = new SequenceClassifier(device, { text: words, layers: [6, 4], bidirectional: true });
  assertEquals(classifier.outputShapes, {
    ...{
      "embedding": "[T, B, 128]",
      "recurrent.0": "[T, B, 12]",
      "recurrent.1": "[T, B, 8]",
      "output": "[B, 1]",
    },
  });
  classifier.close();
});

Deno.test("a translator's shapes follow its options", () => {
  const config = completeSeq2Seq({
    decoder: "luong",
    cell: "lstm",
    embedding: 5,
    hidden: 6,
    readoutWidth: 7,
  });
  const shapes = seq2seqOutputShapes(config, 17);
  assertEquals(shapes["encoder.recurrent"], "[S, B, 6]");
  assertEquals(shapes["decoder.attention.query"], "[T, B, 6]");
  assertEquals(shapes["decoder.readout"], "[T, B, 7]");
  assertEquals(shapes["decoder.output"], "[T, B, 17]");
});
