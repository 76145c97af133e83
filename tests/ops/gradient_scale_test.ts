// The factor with which gradients begin: the input alone, or in half precision times the loss scale.

import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent } from "../../lib/gpu/tensor.ts";
import { CONTROL_SIZE, initialControl, lossScaleOf } from "../../lib/ops/optimizer.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { gradientScale } from "../../lib/ops/gradient_scale.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";

testEachProfile("gradientScale() is the input, in half precision times the loss scale", async (device) => {
  const control = persistent(device, [CONTROL_SIZE], "control");
  overwrite(device, control, initialControl());
  for (const [lossScale, expected] of [[undefined, 0.25], [lossScaleOf(control), 1024]] as const) {
    const tape = new Tape(device, { training: true, lossScale });
    const result = tape.kept([1], "result");
    copyInto(tape, gradientScale(tape), result);
    const plan = await Plan.compile(tape);
    plan.run({ scale: Float32Array.of(0.25) });
    assertEquals((await plan.read(result))[0]![0], expected);
    plan.close();
  }
  device.destroyBuffer(control.storage.buffer!);
});
