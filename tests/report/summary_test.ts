import { summary } from "../../lib/report/summary.ts";
import { assertEquals } from "../assert.ts";

function model(shapes: Record<string, number[]>, frozen: string[] = []) {
  const tensors = new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape }]));
  const trainable = new Map([...tensors].filter(([name]) => !frozen.includes(name)));
  return {
    parameters: { tensors, trainable },
    outputShapes: { "encoder.embedding": "[S, B, 8]", other: "[1]" },
  };
}

Deno.test("summary() lists the parts, their parameters and the totals", () => {
  const shapes = {
    "encoder.embedding.weight": [1000, 8],
    "encoder.cell.weight": [24, 8],
    "encoder.cell.bias": [24],
    "scale": [1],
  };
  assertEquals(
    summary(model(shapes, ["encoder.embedding.weight"])),
    `
part               output shape  parameters    share
────────────────────────────────────────────────────────────
encoder.embedding     [S, B, 8]       8,000   97.4 %
  weight              [1000, 8]       8,000           frozen
encoder.cell                            216    2.6 %
  weight                [24, 8]         192
  bias                     [24]          24
(model)                                   1    0.0 %
  scale                     [1]           1
────────────────────────────────────────────────────────────
total                  32.1 kiB       8,217  100.0 %
trainable                 868 B         217    2.6 %
not trainable          31.3 kiB       8,000   97.4 %
`.trim(),
  );
});

Deno.test("summary() of nothing has no parts", () => {
  const lines = summary(model({})).split("\n");
  assertEquals(lines.length, 6);
  assertEquals(lines[3]!.split(/\s{2,}/), ["total", "0 B", "0", "0.0 %"]);
});
