// The options of a Seq2Seq: what goes with each decoder, and what is refused, with the reason.

import { completeSeq2Seq } from "../../lib/models/complete_seq2seq.ts";
import { SEQ2SEQ_CHOICES, type Seq2SeqOptions } from "../../lib/models/seq2seq_options.ts";
import { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { inventedWords } from "./invented_words.ts";

Deno.test("each decoder of a Seq2Seq comes with the rest of its paper", () => {
  const of = (decoder: Seq2SeqOptions["decoder"]) => {
    const { bidirectional, attention, bridge, readout, inputFeeding } = completeSeq2Seq({ decoder });
    return { bidirectional, attention, bridge, readout, inputFeeding };
  };
  assertEquals(of(undefined), of("bahdanau"));
  assertEquals(of("bahdanau"), {
    ...{
      bidirectional: true,
      attention: "additive",
      bridge: "project",
      readout: "tanh",
      inputFeeding: false,
    },
  });
  assertEquals(of("luong"), {
    ...{ bidirectional: false, attention: "general", bridge: "copy", readout: "tanh", inputFeeding: true },
  });
  assertEquals(of("cho"), {
    ...{ bidirectional: false, attention: "none", bridge: "project", readout: "maxout", inputFeeding: false },
  });
  assertEquals(of("sutskever"), {
    ...{ bidirectional: false, attention: "none", bridge: "copy", readout: "direct", inputFeeding: false },
  });
});

Deno.test("a Seq2Seq's widths follow those given", () => {
  const widths = (options: Seq2SeqOptions) => {
    const { embedding, hidden, attentionWidth, readoutWidth } = completeSeq2Seq(options);
    return [embedding, hidden, attentionWidth, readoutWidth];
  };
  assertEquals(widths({}), [128, 256, 256, 256]);
  assertEquals(widths({ hidden: 6 }), [128, 6, 6, 6]);
  assertEquals(widths({ embedding: 5, hidden: 6, tied: "output" }), [5, 6, 6, 5]);
  assertEquals(widths({ embedding: 5, hidden: 6, attentionWidth: 7, readoutWidth: 8 }), [5, 6, 7, 8]);
});

/** Options that are refused, and a part of the message. */
const refused: readonly (readonly [options: object, message: string])[] = [
  [{ hidden: 0 }, "hidden 0: it must be a positive integer"],
  [{ readoutWidth: 2.5 }, "readoutWidth 2.5"],
  [{ window: -1 }, "window -1"],
  [{ layers: 9 }, "layers 9: it must be an integer from 1 to 8"],
  [{ dropout: 1 }, "dropout 1: it must be in [0, 1)"],
  [{ wordDropout: -0.1 }, "wordDropout -0.1"],
  [{ coverage: true, coverageLoss: NaN }, "coverageLoss NaN"],
  [{ cell: "rnn" }, 'cell "rnn": known are "gru" and "lstm"'],
  [{ decoder: "elman" }, 'decoder "elman": known are "bahdanau", "luong", "cho" and "sutskever"'],
  [{ attention: "bilinear" }, 'attention "bilinear": known are'],
  [{ attention: "none" }, 'it attends; for none take "cho" or "sutskever"'],
  [{ decoder: "cho", attention: "dot" }, 'it has none: attention is "none"'],
  [{ decoder: "sutskever", span: "local-m" }, "there is no attention to narrow"],
  [{ decoder: "sutskever", copy: true }, "words are copied by attention"],
  [{ decoder: "bahdanau", inputFeeding: true }, 'take decoder "luong"'],
  [{ decoder: "luong", coverage: true }, 'coverage is part of the score "additive"'],
  [{ bridge: "copy" }, "there are two final states to start from one; project them"],
  [{ decoder: "cho", bridge: "copy" }, "it starts from the summary"],
  [
    { decoder: "luong", bridge: "project", bidirectional: true, attention: "dot" },
    '"general" or "scaled-dot"',
  ],
  [{ decoder: "luong", readout: "maxout" }, "Luong's attentional vector is a tanh"],
  [{ readout: "direct" }, 'output of decoder "bahdanau" takes more than the state'],
  [{ decoder: "sutskever", readoutWidth: 9 }, "it is the state itself, of 256 numbers"],
  [{ tied: "output", frozen: "target", embedding: 256 }, "the output layer would be frozen"],
  [{ tied: "all", frozen: "source" }, "the output layer would be frozen"],
  [{ attention: "location", span: "local-m" }, "a window could lie beyond the locations"],
  [{ tied: "output", readoutWidth: 9 }, "tied to embeddings of width 128 the readout has to be as wide"],
  // What would do nothing.
  [
    { window: 7 },
    'window 7: only the spans "local-m" and "local-p" have one; set span, or leave window out.',
  ],
  [{ decoder: "cho", window: 10 }, "window 10: only the spans"],
  [
    { locations: 9 },
    'locations 9: only attention "location" knows positions; set it, or leave locations out.',
  ],
  [{ coverageLoss: 2 }, "coverageLoss 2: it is the loss of coverage, and there is none; set coverage, or"],
  [{ coverage: false, coverageLoss: 0 }, "coverageLoss 0: it is the loss of coverage"],
  [
    { decoder: "luong", attentionWidth: 9 },
    'attentionWidth 9: only attention "additive" or "scaled-dot", and',
  ],
  [{ attention: "location", attentionWidth: 9 }, "set one of them, or leave attentionWidth out."],
  [{ decoder: "sutskever", attentionWidth: 9 }, "attentionWidth 9: only attention"],
  [
    { residual: true },
    "residual true: the first layer adds nothing to its outputs; set layers above 1, or leave",
  ],
  [
    { variational: true, dropout: 0 },
    "variational true: there is no dropout to repeat; set dropout above 0, or",
  ],
];

for (const [options, message] of refused) {
  Deno.test(`a Seq2Seq of ${JSON.stringify(options)} is refused: ${message}`, () => {
    assertThrows(() => completeSeq2Seq(options), RangeError, message);
  });
}

Deno.test("options of a Seq2Seq that would do nothing are taken where they do something, or say that they do not", () => {
  const taken: Seq2SeqOptions[] = [
    { span: "local-m", window: 7 },
    { attention: "location", locations: 9 },
    { coverage: true, coverageLoss: 0 },
    { attention: "scaled-dot", attentionWidth: 9 },
    { decoder: "luong", span: "local-p", attentionWidth: 9 },
    { residual: true, layers: 2 },
    { variational: true },
    {
      decoder: "cho",
      inputFeeding: false,
      coverage: false,
      copy: false,
      residual: false,
      variational: false,
    },
    { decoder: "sutskever", span: "global", attention: "none", readoutWidth: 256 },
    { span: undefined, window: undefined, locations: undefined },
  ];
  for (const options of taken) completeSeq2Seq(options);
});

Deno.test("a Seq2Seq's options with all defaults, as config.json stores them, are taken again", () => {
  for (const decoder of SEQ2SEQ_CHOICES.decoder) {
    const stored = JSON.parse(JSON.stringify(completeSeq2Seq({ decoder, hidden: 6 })));
    assertEquals(completeSeq2Seq(stored), stored);
    const changed = { ...stored, window: 7, locations: 9, attentionWidth: 8 }; // an earlier version let it pass
    assertEquals(completeSeq2Seq(changed), changed);
    assertThrows(() => completeSeq2Seq({ ...changed, seed: undefined }), RangeError, "window 7");
  }
});

Deno.test("a Seq2Seq ties both tables only where the vocabularies are one", () => {
  const options = { tied: "all", embedding: 4, hidden: 6 } as const;
  const create = (source: number, target: number) =>
    new Seq2Seq(device, { source: inventedWords(source), target: inventedWords(target), ...options });
  assertThrows(() => create(5, 6), RangeError, "vocabularies of 5 and 6 words differ");
  const model = create(6, 6);
  const names = [...model.parameters.tensors.keys()].filter((name) => /embedding|output/.test(name));
  assertEquals(names, ["decoder.embedding.weight", "decoder.output.bias"]);
  model.close();
});

Deno.test("a Seq2Seq may freeze its source embeddings where only the target's are the output layer", () => {
  const model = new Seq2Seq(device, {
    ...{ source: inventedWords(5), target: inventedWords(6), tied: "output", frozen: "source" },
    ...{ embedding: 4, hidden: 6 },
  });
  const frozen = [...model.parameters.tensors.keys()].filter((name) => !model.parameters.trainable.has(name));
  assertEquals(frozen, ["encoder.embedding.weight"]);
  model.close();
});
