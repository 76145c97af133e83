// Layer 2: the kernels of attention. A kernel of a step is put together from a score and a span when it is first used, and
// its WGSL, whose pieces have their own bindings, says what it binds.

import { attentionKeys } from "../../kernels/attention_keys.ts";
import type { ScoreName } from "../../kernels/attention_scores.ts";
import type { SpanName } from "../../kernels/attention_spans.ts";
import { attentionBackward, attentionBackwardQuery, attentionForward } from "../../kernels/attention_step.ts";
import sumsSource from "../../kernels/attention_sums.wgsl" with { type: "text" };
import type { Profile } from "../gpu/device.ts";
import {
  type Access,
  defineKernel,
  type Kernel,
  type ParameterType,
  type Workgroups,
} from "../gpu/kernel.ts";
import { oneARow, perProfile } from "./lanes.ts";
import { byPart, type PartSize } from "./parts.ts";

export type { ScoreName, SpanName };

/** A kernel for each size of part and each profile. */
export type Variants<P extends Record<string, ParameterType>> = Readonly<
  Record<PartSize, Readonly<Record<Profile, Kernel<Record<string, Access>, P>>>>
>;

const stepParams = {
  step: "u32",
  source: "u32",
  batch: "u32",
  width: "u32",
  values_width: "u32",
  window: "u32",
  scale: "f32",
  values_offset: "u32",
  weights_offset: "u32",
  contexts_offset: "u32",
  dcontexts_offset: "u32",
  dweights_offset: "u32",
  queries_offset: "u32",
  keys_offset: "u32",
  dqueries_offset: "u32",
  coverage_offset: "u32",
  dcoverage_offset: "u32",
  scores_offset: "u32",
  dscores_offset: "u32",
  positions_offset: "u32",
  dpositions_offset: "u32",
  accumulate_dweights: "u32",
  accumulate_dqueries: "u32",
  accumulate_dcoverage: "u32",
  accumulate_dscores: "u32",
  accumulate_dpositions: "u32",
} as const;

const texts = {
  forward: attentionForward,
  backward: attentionBackward,
  backward_query: attentionBackwardQuery,
};

/** The entry points of a step's kernels. */
export type StepEntryPoint = keyof typeof texts;

const stepKernels = new Map<string, Variants<typeof stepParams>>();

/** The kernel of a step with that entry point. */
export function stepKernel(
  entryPoint: StepEntryPoint,
  score: ScoreName,
  span: SpanName,
): Variants<typeof stepParams> {
  const name = `attention(${score}, ${span})`;
  const key = `${name}:${entryPoint}`;
  let kernel = stepKernels.get(key);
  if (!kernel) {
    const source = texts[entryPoint](score, span);
    kernel = define(name, source, entryPoint, stepParams, ({ batch }) => [batch!]);
    stepKernels.set(key, kernel);
  }
  return kernel;
}

const oneASourceRow = ({ source, batch }: Readonly<Record<string, number>>) => oneARow(source! * batch!);

/** From the gradients of scores to those of keys, and to shares of those of the score vector and the coverage weight. */
export const keysKernel = {
  additive: defineKeys("additive"),
  covered: defineKeys("covered"),
} as const;

function defineKeys(score: "additive" | "covered") {
  return define(`attention_keys(${score})`, attentionKeys(score), "backward_keys", {
    steps: "u32",
    source: "u32",
    batch: "u32",
    width: "u32",
    queries_offset: "u32",
    keys_offset: "u32",
    dscores_offset: "u32",
    coverage_offset: "u32",
    dkeys_offset: "u32",
    accumulate_dkeys: "u32",
  }, oneASourceRow);
}

/** `sums[s] += scale` times the sum over the steps of `weights[s] rows`. */
export const sumsKernel = define("attention_sums", sumsSource, "backward", {
  steps: "u32",
  source: "u32",
  batch: "u32",
  width: "u32",
  scale: "f32",
  weights_offset: "u32",
  rows_offset: "u32",
  sums_offset: "u32",
  accumulate_sums: "u32",
}, oneASourceRow);

/** Defines a kernel that binds what its text declares. */
function define<const P extends Record<string, ParameterType>>(
  name: string,
  source: string,
  entryPoint: string,
  params: P,
  workgroups: (params: Readonly<Record<string, number>>) => Workgroups,
): Variants<P> {
  const bindings = bindingsOf(source, params);
  return byPart(
    source,
    (source) =>
      perProfile((LANES) =>
        defineKernel({ name, source, entryPoint, bindings, params, overrides: { LANES }, workgroups })
      ),
  );
}

/** The bindings in a text; what it writes is a gradient if it has a parameter for whether to add to it. */
function bindingsOf(source: string, params: Readonly<Record<string, ParameterType>>): Record<string, Access> {
  const declared = [...source.matchAll(/var<storage, (read|read_write)> (\w+):/g)];
  return Object.fromEntries(declared.map(([, access, name]) => {
    return [name, access === "read" ? "read" : `accumulate_${name}` in params ? "accumulate" : "write"];
  }));
}
