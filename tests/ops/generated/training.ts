// Properties of losses, and of what is done with gradients.

import fc from "npm:fast-check@4.10.2";
import { Plan } from "../../../lib/gpu/plan.ts";
import { Tape } from "../../../lib/gpu/tape.ts";
import { overwrite, persistent } from "../../../lib/gpu/tensor.ts";
import { copyInto } from "../../../lib/ops/concatenate.ts";
import { coverageLoss } from "../../../lib/ops/coverage.ts";
import { gradientScale } from "../../../lib/ops/gradient_scale.ts";
import { gradientSum } from "../../../lib/ops/gradient_sum.ts";
import { movingAverage } from "../../../lib/ops/moving_average.ts";
import { CONTROL_SIZE, initialControl, lossScaleOf, optimizerStep } from "../../../lib/ops/optimizer.ts";
import { Parameters } from "../../../lib/gpu/parameters.ts";
import { Random } from "../../../lib/random.ts";
import { assert, assertEquals } from "../../assert.ts";
import { check as checkBinaryCrossEntropy } from "../binary_cross_entropy_check.ts";
import { assertWithin, normals } from "../check.ts";
import { check as checkCoverageLoss, FACTOR, lossOf } from "../coverage_check.ts";
import { check as checkCrossEntropy } from "../cross_entropy_check.ts";
import { check as checkPointerLoss } from "../pointer_check.ts";
import { HALF_ULP } from "./bounds.ts";
import { length, lengthsOf, numbersBelow, property, seed } from "./property.ts";

const smoothing = fc.constantFrom(0, 0.1, 0.3);

/** By the operation's file in lib/ops/, or what of it is meant. */
export const training = {
  binary_cross_entropy: property(
    length(129).chain((rows) =>
      fc.record({ rows: fc.constant(rows), seed, labels: numbersBelow(3, rows), smoothing })
    ),
    (device, { rows, seed, ...rest }) => {
      const logits = Array.from(normals(new Random(seed), rows), (x) => Math.fround(3 * x));
      return checkBinaryCrossEntropy(device, { logits, ...rest });
    },
  ),
  "coverage, its loss": property(
    fc.tuple(length(5), length(33), length(9)).chain(([steps, source, batch]) =>
      fc.tuple(fc.constant([steps, source] as const), lengthsOf(batch, steps))
    ),
    (device, [[steps, source], lengths]) => {
      const shape = [steps, lengths.length, source];
      return checkCoverageLoss(device, {
        shapes: { weights: shape, coverage: shape },
        lengths: { lengths },
        record: (tape, { weights, coverage, lengths }, totals) => {
          coverageLoss(tape, {
            weights: weights!,
            coverage: coverage!,
            lengths: lengths!,
            factor: FACTOR,
            totals,
          });
        },
        reference: ({ weights, coverage }) => lossOf(weights!, coverage!, source, lengths),
      });
    },
  ),
  cross_entropy: property(
    fc.tuple(length(9), length(9), length(65)).chain(([rows, width, classes]) =>
      fc.record({
        rows: fc.constant(rows),
        width: fc.constant(width),
        classes: fc.constant(classes + 1),
        targets: numbersBelow(classes + 1, rows),
        smoothing,
      })
    ),
    (device, options) => checkCrossEntropy(device, options),
  ),
  gradient_scale: property(fc.integer({ min: 1, max: 10_000 }), async (device, answers) => {
    const control = persistent(device, [CONTROL_SIZE], "control");
    overwrite(device, control, initialControl());
    const scale = Math.fround(1 / answers);
    for (const [lossScale, factor] of [[undefined, 1], [lossScaleOf(control), 4096]] as const) {
      const tape = new Tape(device, { training: true, lossScale });
      const result = tape.kept([1], "result");
      copyInto(tape, gradientScale(tape), result);
      const plan = await Plan.compile(tape);
      plan.run({ scale: Float32Array.of(scale) });
      assertEquals((await plan.read(result))[0]![0], factor * scale);
      plan.close();
    }
    device.destroyBuffer(control.storage.buffer!);
  }),
  gradient_sum: property(fc.tuple(length(129), length(3), seed), async (device, [fours, batches, seed]) => {
    const size = 4 * fours;
    const [gradients, sum] = [persistent(device, [size], "gradients"), persistent(device, [size], "sum")];
    const tape = new Tape(device, { training: true });
    gradientSum(tape, gradients, sum);
    const plan = await Plan.compile(tape);
    const random = new Random(seed);
    const expected = new Float32Array(size);
    for (let earlier = 0; earlier < batches; earlier++) {
      const drawn = normals(random, size);
      drawn.forEach((value, i) => expected[i]! += value);
      overwrite(device, gradients, drawn);
      plan.run({ earlier: Uint32Array.of(earlier) });
    }
    assertEquals((await plan.read(sum))[0], expected);
    plan.close();
    for (const { storage } of [gradients, sum]) device.destroyBuffer(storage.buffer!);
  }),
  moving_average: property(fc.tuple(length(129), length(33), seed), async (device, [fours, step, seed]) => {
    const size = 4 * fours;
    const [values, average] = [persistent(device, [size], "values"), persistent(device, [size], "average")];
    const control = persistent(device, [CONTROL_SIZE], "control", "u32");
    const tape = new Tape(device, { training: true });
    movingAverage(tape, values, control, average, 0.9);
    const plan = await Plan.compile(tape);
    const random = new Random(seed);
    const [before, weights] = [normals(random, size), normals(random, size)];
    overwrite(device, average, before);
    overwrite(device, values, weights);
    overwrite(device, control, Uint32Array.of(0, 0, 0, 0, step, 0, 0));
    plan.run();
    const rate = 1 - Math.min(0.9, (1 + step) / (10 + step));
    const expected = Array.from(before, (value, i) => (1 - rate) * value + rate * weights[i]!);
    // The rate is a division and a difference, off by up to 4 units in the last place of 1; three roundings more.
    const bounds = Array.from(
      before,
      (value, i) => 11 * HALF_ULP * (Math.abs(value) + Math.abs(weights[i]!)),
    );
    assertWithin((await plan.read(average))[0]!, expected, bounds, "average");
    plan.close();
    for (const { storage } of [values, average, control]) device.destroyBuffer(storage.buffer!);
  }),
  optimizer: property(
    fc.record({ shapes: fc.array(fc.tuple(length(33), length(65)), { minLength: 1, maxLength: 4 }), seed }),
    async (device, { shapes, seed }) => {
      const parameters = new Parameters(device);
      const [values, gradients] = [new Map<string, Float32Array>(), new Map<string, Float32Array>()];
      shapes.forEach((shape, index) => {
        const name = `${index}`;
        parameters.declare(name, shape, (random, size) => {
          values.set(name, normals(random, size));
          return values.get(name)!;
        });
      });
      const random = new Random(seed);
      parameters.allocate(random);
      const control = persistent(device, [CONTROL_SIZE], "control");
      const tape = new Tape(device, { training: false });
      for (const [name, { shape, size, grad }] of parameters.tensors) {
        gradients.set(name, normals(random, size));
        copyInto(tape, tape.input(name, shape, "f32"), grad);
      }
      optimizerStep(tape, parameters.flat, control, { method: "sgd", maxNorm: 0.5 });
      const plan = await Plan.compile(tape);
      plan.run({ ...Object.fromEntries(gradients), learning_rate: Float32Array.of(0.5) });
      const after = await parameters.read();
      const squares = [...gradients.values()].flatMap((all) => Array.from(all, (g) => g * g));
      const norm = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
      const clip = Math.min(1, 0.5 / (norm + 1e-6));
      for (const [name, { data }] of after) {
        const steps = Array.from(gradients.get(name)!, (g) => 0.5 * clip * g);
        const expected = steps.map((step, i) => values.get(name)![i]! - step);
        // Half the error of the sum of squares counts, then a root, a division and two products.
        const error = (squares.length / 2 + 12) * HALF_ULP;
        const bounds = steps.map((step, i) => error * Math.abs(step) + HALF_ULP * Math.abs(expected[i]!));
        assertWithin(data, expected, bounds, name);
      }
      assert(after.size === shapes.length);
      plan.close();
      parameters.close();
      device.destroyBuffer(control.storage.buffer!);
    },
  ),
  pointer: property(
    fc.tuple(length(3), length(5), length(33), fc.integer({ min: 1, max: 3 })).chain((
      [steps, width, classes, batch],
    ) =>
      fc.record({
        steps: fc.constant(steps),
        width: fc.constant(width),
        classes: fc.constant(classes + 1),
        sources: fc.array(
          fc.array(fc.integer({ min: 1, max: classes + 3 }), { maxLength: 9 }),
          { minLength: batch, maxLength: batch },
        ),
        targets: numbersBelow(classes + 4, steps * batch),
      })
    ),
    (device, options) => checkPointerLoss(device, options),
  ),
};
