// What `attend train --profile` tells.

import { profileTable } from "../report/profile_table.ts";
import type { StepTime, TrainingProfile } from "../training/profile.ts";
import type { Output } from "./output.ts";

/** Writes a profile: for people a table and its totals, for machines all of it. */
export function tellProfile(profile: TrainingProfile, output: Output): void {
  output.record({ type: "profile", ...profile });
  const { bucket, bucketShare, buckets, kernels, clock, gpu, wall, host, data, steps } = profile;
  const { rows, sourceLength, targetLength } = bucket;
  output.line(
    `profile     ${rows} pairs a step, up to ${sourceLength} source and ${targetLength} target tokens: ` +
      `${(100 * bucketShare).toFixed(0)} % of all steps, the most frequent of ${buckets} shapes`,
  );
  const [headings, ...lines] = profileTable(kernels);
  output.line();
  output.line(output.bold(headings!));
  for (const line of lines) output.line(line);
  output.line();
  const measured = clock === "gpu"
    ? "by the GPU's clock, each run in a pass of its own"
    : "by the host's clock, each kernel repeated by itself";
  output.line(`GPU         ${gpu.toFixed(2)} ms a step, ${measured}`);
  output.line(`wall        ${wall.toFixed(2)} ms a step, ${steps} in a row`);
  output.line(`host        ${stepTime(host)}: write, encode and submit, while the GPU is idle`);
  output.line(`data        ${stepTime(data)}: put the batch together`);
  output.line(
    output.dim("MB: what the runs are given to read and write, each tensor once; a lookup reads less."),
  );
}

function stepTime({ mean, maximum }: StepTime): string {
  return `${mean.toFixed(2)} ms a step, ${maximum.toFixed(2)} at most`;
}
