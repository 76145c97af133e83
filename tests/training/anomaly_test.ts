// Anomaly mode: no alarm and the same bits where all is well, and else the operation where it begins.

import type { Device } from "../../lib/gpu/device.ts";
import type { Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import type { TrainOptions } from "../../lib/training/options.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { fingerprint, tinyClassifier, tinyModel, tinyPairs, tinyTexts } from "./tiny.ts";

const pairs = tinyPairs(24);

/** Does something while the memory of activations begins with NaN in every number, as earlier work may have left it. */
async function withUsedMemory<T>(device: Device, run: () => Promise<T>): Promise<T> {
  const create = device.createBuffer;
  device.createBuffer = (label, size, usage) => {
    const buffer = create.call(device, label, size, usage | GPUBufferUsage.COPY_DST);
    if (label.startsWith("activations")) {
      device.gpu.queue.writeBuffer(buffer, 0, new Uint32Array(size / 4).fill(0x7fc00000));
    }
    return buffer;
  };
  try {
    return await run();
  } finally {
    device.createBuffer = create;
  }
}

const models: Readonly<Record<string, [Seq2SeqOptions, TrainOptions]>> = {
  "Bahdanau's decoder": [{}, { labelSmoothing: 0.1, accumulation: 2, averageDecay: 0.9 }],
  "copies and coverage": [{ copy: true, coverage: true, cell: "lstm" }, { optimizer: "adadelta" }],
  "Luong's decoder": [
    { decoder: "luong", cell: "lstm", layers: 2, span: "local-p", inputFeeding: true },
    { teacherForcing: "constant", teacherShare: 0.5, optimizer: "adamw" },
  ],
  "Cho's decoder": [{ decoder: "cho" }, { optimizer: "sgd", momentum: 0.9 }],
  "Sutskever's decoder": [
    { decoder: "sutskever", cell: "lstm", layers: 2, reverseSource: true },
    { optimizer: "rmsprop", clipValue: 0.5 },
  ],
};

for (const [name, [options, training]] of Object.entries(models)) {
  testEachProfile(`anomaly mode gives no alarm and the same bits: ${name}`, async (device) => {
    const bits = [];
    for (const anomaly of [false, true]) {
      const model = tinyModel(device, options);
      await withUsedMemory(device, async () => {
        for await (const _ of train(model, pairs, { ...training, epochs: 1, batch: 8, anomaly }));
      });
      for (const [name, { data }] of await model.parameters.read()) assert(data.every(Number.isFinite), name);
      bits.push(await fingerprint(model));
      model.close();
    }
    assertEquals(bits[1], bits[0]);
  });
}

testEachProfile("anomaly mode gives no alarm and the same bits: classifiers", async (device) => {
  for (const layers of [[6], [6, 4]]) {
    const bits = [];
    for (const anomaly of [false, true]) {
      const model = tinyClassifier(device, { layers });
      await withUsedMemory(device, async () => {
        for await (const _ of train(model, tinyTexts(24), { epochs: 1, batch: 8, anomaly }));
      });
      bits.push(await fingerprint(model));
      model.close();
    }
    assertEquals(bits[1], bits[0]);
  }
});

/** Trains in anomaly mode with weights that a function changes; returns the error's message, and whether they are the same. */
async function failed(
  device: Device,
  options: Seq2SeqOptions,
  change: (weights: Map<string, { data: Float32Array }>) => void,
  training: TrainOptions = {},
): Promise<string> {
  const model = tinyModel(device, { dropout: 0, ...options });
  const weights = await model.parameters.read();
  change(weights);
  model.parameters.load(weights);
  const before = device.bufferCount;
  const { message } = await assertRejects(
    async () => {
      for await (const _ of train(model, pairs, { batch: 8, anomaly: true, ...training }));
    },
    Error,
    "Cannot go on training: in step ",
  );
  assertEquals(device.bufferCount, before);
  assertEquals(await model.parameters.read(), weights, "the step changed something");
  model.close();
  return message;
}

testWithDevice(
  "anomaly mode names the first kernel that meets a parameter that is not finite",
  async (device) => {
    const message = await failed(
      device,
      {},
      (weights) => weights.get("decoder.readout.weight")!.data[7] = NaN,
    );
    assertMatch(
      message,
      /^Cannot go on training: in step 1, the kernel "matmul[^"]*", number \d+ of \d+, in the forward pass/,
    );
    assertMatch(
      message,
      /wrote "linear\(decoder\.readout\.weight\)" \[[\d,]+\] with \d+ NaN and 0 infinite of \d+ elements, the first at \[0,0,0\]/,
    );
    assertStringIncludes(message, '"decoder.readout.weight" [6,12], of which 1 are NaN and 0 infinite');
    assertStringIncludes(message, '"decoder.readout.weight" was not finite before the step');
  },
);

testWithDevice(
  "anomaly mode names the kernel whose sums overflow, with how large its operands are",
  async (device) => {
    const message = await failed(
      device,
      {},
      (weights) => weights.get("decoder.output.weight")!.data.fill(3e38),
      {
        accumulation: 3,
      },
    );
    assertMatch(
      message,
      /in step 1, batch 1 of 3, the kernel "matmul[^"]*".* in the forward pass, wrote "logits" /,
    );
    assertMatch(message, /"decoder\.output\.weight" \[9,6\], at most 3\.0e\+38/);
    assertStringIncludes(message, "If these are large, lower the learning rate");
  },
);

testWithDevice("anomaly mode tells where a backward pass goes wrong", async (device) => {
  // Embeddings of zeros keep the gates open on the way forward; on the way back both weights multiply.
  const message = await failed(device, { decoder: "sutskever", cell: "lstm" }, (weights) => {
    weights.get("decoder.embedding.weight")!.data.fill(0);
    weights.get("decoder.recurrent.weight_ih_l0")!.data.fill(1e25);
    weights.get("decoder.output.weight")!.data.forEach((value, i, data) => data[i] = value * 1e20);
  });
  assertMatch(message, /in the backward pass, wrote "d [^"]*embedding[^"]*"/);
});

testWithDevice("anomaly mode tells where the optimizer cannot go on", async (device) => {
  // Gradients are finite, their squares are not.
  const message = await failed(device, { decoder: "sutskever", cell: "lstm" }, (weights) => {
    weights.get("decoder.output.weight")!.data.forEach((value, i, data) => data[i] = value * 1e25);
    for (const name of ["weight_ih_l0", "weight_hh_l0"]) {
      weights.get(`decoder.recurrent.${name}`)!.data.fill(0);
    }
  });
  assertMatch(
    message,
    /the kernel "optimizer:square_sums", .* in the optimizer, wrote "squares of gradients"/,
  );
});

testWithDevice("a step of anomaly mode makes nothing", async (device) => {
  const model = tinyModel(device);
  const counts = new Set<string>();
  for await (const _ of train(model, pairs, { epochs: 4, batch: 24, anomaly: true })) {
    counts.add(JSON.stringify(device.bufferCount));
  }
  assertEquals(counts.size, 1);
  model.close();
});
