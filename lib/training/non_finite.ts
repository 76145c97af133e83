// Training: what happens when numbers are not finite: steps are left out, and in the end training gives up and says where.

import type { Batch } from "../data/batches.ts";
import type { NamedArray } from "../gpu/parameters.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Anomaly } from "../ops/finite_watch.ts";
import { MOST_SKIPPED } from "../ops/optimizer.ts";
import type { BatchAnomaly, Optimization, Sums } from "./optimization.ts";

/** A step that has been started. */
interface Step {
  readonly group: readonly Batch[];
  readonly number: number;
  readonly rate: number;
}

/** Takes the steps of a training, and ends it when it makes no sense to take more. */
export class NonFiniteGuard {
  /** The steps since the last look; one of them may have to be repeated. */
  #steps: Step[] = [];
  #skipped = 0;
  #broken = false;

  /** Guards the steps of one training. */
  constructor(readonly optimization: Optimization) {}

  /** Goes on from a checkpoint, when so many steps had been left out. */
  goOn(skipped: number): void {
    this.#skipped = skipped;
  }

  /**
   * Whether a step has broken off in its middle, as anomaly mode does: it may have changed weights, and its losses are among
   * the sums, so nothing that there is now is worth a checkpoint.
   */
  get broken(): boolean {
    return this.#broken;
  }

  /**
   * Takes a step; see {@linkcode Optimization.step}. Only in anomaly mode there is something to wait for.
   *
   * @throws {Error} In anomaly mode, if a kernel writes something that is not finite.
   */
  async step(group: readonly Batch[], number: number, rate: number): Promise<void> {
    this.#steps.push({ group, number, rate });
    if (!this.optimization.config.anomaly) return this.optimization.step(group, number, rate);
    const anomaly = await this.optimization.watchedStep(group, number, rate);
    if (!anomaly) return;
    this.#broken = true;
    throw new Error(describeAnomaly(anomaly, number, group.length));
  }

  /**
   * Looks at how the steps since the last look went.
   *
   * @throws {Error} If ten in a row were left out, naming the first parameter whose gradient is not finite; or if the loss
   *   is not finite although all gradients are.
   */
  async look(sums: Sums): Promise<void> {
    if (sums.skippedInARow >= MOST_SKIPPED) throw new Error(await this.#diagnosis(sums));
    if (!Number.isFinite(sums.loss) && sums.skipped === this.#skipped) {
      throw new Error(
        `Cannot go on training: the loss of the steps up to ${
          1 + this.#steps.at(-1)!.number
        } is ${sums.loss}, ` +
          `although their gradients are finite. ${REMEDY}`,
      );
    }
    this.#steps = [];
    this.#skipped = sums.skipped;
  }

  /** Repeats the last of the steps that count, as gradients of later ones are in its place by now, and looks at its gradients. */
  async #diagnosis({ skippedInARow }: Sums): Promise<string> {
    const { optimization } = this;
    const { group, number, rate } = this.#steps.at(MOST_SKIPPED - skippedInARow - 1)!;
    const { control, epochLoss } = await optimization.standing();
    optimization.step(group, number, rate);
    const gradients = await optimization.gradients();
    optimization.restore(control, epochLoss);
    const values = await optimization.model.parameters.read();
    return `Cannot go on training: the gradients of ${MOST_SKIPPED} steps in a row were not finite, so none of these ` +
      `steps changed anything. ${describeGradients(gradients, values, number)} ${REMEDY}`;
  }
}

const REMEDY =
  "Lower the learning rate or the norm that gradients are clipped to; anomaly mode (anomaly: true, " +
  "--anomaly) finds the operation where it begins.";

/** Says which gradient is the first that is not finite, or, if all are, whose squares are too large. */
function describeGradients(
  gradients: ReadonlyMap<string, NamedArray>,
  values: ReadonlyMap<string, NamedArray>,
  number: number,
): string {
  for (const [name, { shape, data }] of gradients) {
    const { nan, infinite } = count(data);
    if (nan + infinite === 0) continue;
    const own = count(values.get(name)!.data);
    const state = own.nan + own.infinite === 0
      ? "its values are finite"
      : `of its values ${own.nan + own.infinite} are not finite either, so go back to an earlier checkpoint`;
    return `In step ${
      number + 1
    } the first is that of "${name}" [${shape}]: of ${data.length} elements ${nan} are NaN and ` +
      `${infinite} infinite; ${state}.`;
  }
  const largest = [...gradients].map(([name, { data }]) => [name, magnitude(data)] as const)
    .reduce((largest, other) => other[1] > largest[1] ? other : largest);
  return `In step ${number + 1} each element is, but the sum of their squares is not: the largest, of "${
    largest[0]
  }", is ` +
    `${largest[1].toExponential(1)}.`;
}

function count(data: Float32Array): { nan: number; infinite: number } {
  let [nan, infinite] = [0, 0];
  for (const value of data) {
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) infinite++;
  }
  return { nan, infinite };
}

function magnitude(data: Float32Array): number {
  return data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

/** Says which kernel wrote what is not finite, and from what. */
function describeAnomaly(anomaly: BatchAnomaly, number: number, batches: number): string {
  const { kernel, number: run, kernels, phase, output, inputs, batch } = anomaly;
  const where = batches > 1 ? `step ${number + 1}, batch ${batch + 1} of ${batches}` : `step ${number + 1}`;
  const { tensor, nan, infinite, first } = output;
  const place = indices(first, tensor.shape);
  const given = inputs.map(({ tensor, largest, nan, infinite }) =>
    `"${tensor.label}" [${tensor.shape}], ` +
    (isGiven(tensor) && nan + infinite > 0
      ? `of which ${nan} are NaN and ${infinite} infinite`
      : `at most ${show(largest)}`)
  );
  return `Cannot go on training: in ${where}, the kernel "${kernel}", number ${run} of ${kernels}, in the ${phase}, wrote ` +
    `"${tensor.label}" [${tensor.shape}] with ${nan} NaN and ${infinite} infinite of ${tensor.size} elements, the first at ` +
    `[${place}]; nothing that a kernel wrote before was so. It was given ${
      given.join("; ") || "no floats"
    }. ` +
    advice(inputs);
}

/** Whether no kernel of the step has written it; what one overwrites in part may be whatever memory held before. */
function isGiven({ storage: { kind } }: Tensor): boolean {
  return kind === "bound" || kind === "input";
}

function advice(inputs: Anomaly["inputs"]): string {
  const bad = inputs.find(({ tensor, nan, infinite }) => isGiven(tensor) && nan + infinite > 0);
  return bad
    ? `"${bad.tensor.label}" was not finite before the step: go back to an earlier checkpoint or other vectors.`
    : "If these are large, lower the learning rate or the norm that gradients are clipped to.";
}

/** The place of an element in a tensor. */
function indices(element: number, shape: readonly number[]): number[] {
  const places: number[] = [];
  for (const length of shape.toReversed()) {
    places.unshift(element % length);
    element = Math.floor(element / length);
  }
  return places;
}

function show(value: number): string {
  return value === 0 || (value >= 0.01 && value < 1e4)
    ? String(Number(value.toPrecision(3)))
    : value.toExponential(1);
}
