// Looking up the words of a batch, and the gradient of the whole table.

import { embedding } from "../lib/ops/embedding.ts";
import { Bench } from "./harness.ts";
import { gradients, integers, parametersOf } from "./operands.ts";

const [tokens, vocabulary, width] = [640, 8_000, 128];

const bench = await Bench.open("embedding");
const operands = parametersOf(bench.device, { weight: [vocabulary, width] });
const ours = await gradients(bench.device, operands, (tape) => {
  return embedding(tape, operands.weight, tape.input("ids", [tokens], "u32"));
}, { ids: integers(tokens, vocabulary) });
await bench.compare({ kind: "embedding", tokens, vocabulary, width }, ours);
