// The kernels of attention that are put together: every score with every span gives WGSL that declares what it uses.

import {
  keysKernel,
  type ScoreName,
  type SpanName,
  stepKernel,
  sumsKernel,
} from "../../lib/ops/attention_kernels.ts";
import { assert, assertEquals } from "../assert.ts";

const scores: readonly ScoreName[] = ["additive", "covered", "dot", "given"];
const spans: readonly SpanName[] = ["global", "monotonic", "predictive"];

Deno.test("kernels of attention are put together once", () => {
  assertEquals(stepKernel("forward", "dot", "global"), stepKernel("forward", "dot", "global"));
  assert(stepKernel("forward", "dot", "global") !== stepKernel("forward", "dot", "monotonic"));
  assert(stepKernel("forward", "dot", "global") !== stepKernel("backward", "dot", "global"));
});

Deno.test("kernels of attention bind no more than browsers allow on desktops, the usual ones no more than anywhere", () => {
  const kernels = [
    ...scores.flatMap((score) =>
      spans.flatMap((span) => [stepKernel("forward", score, span), stepKernel("backward", score, span)])
    ),
    stepKernel("backward_query", "covered", "global"),
    ...[keysKernel.additive, keysKernel.covered, sumsKernel],
  ];
  for (const { 4: { gpu: { label, bindings } } } of kernels) {
    const most = /covered|predictive/.test(label) ? 10 : 8;
    const count = Object.keys(bindings).length;
    assert(count <= most, `${label} has ${count} bindings`);
  }
});

Deno.test("a kernel of attention says what it does with its bindings", () => {
  assertEquals(stepKernel("backward", "given", "predictive")[1].cpu8.bindings, {
    weights_saved: "read",
    values: "read",
    dcontexts: "read",
    dweights: "accumulate",
    positions: "read",
    dpositions: "accumulate",
    dscores: "accumulate",
  });
});
