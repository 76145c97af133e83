// Training: going on where the GPU is lost. The loop around the loop: it opens another device, and goes on from the last
// checkpoint as if nothing had happened.

import { type Device, DeviceLostError, openDevice } from "../gpu/device.ts";
import type { LabelledText } from "../data/labelled_text.ts";
import type { Pair } from "../data/pair.ts";
import type { NamedArray } from "../gpu/parameters.ts";
import type { Model } from "../models/model.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import type { SequenceClassifier } from "../models/sequence_classifier.ts";
import { loadCheckpoint } from "./checkpoint.ts";
import { kindOfModel } from "./kinds.ts";
import type { TrainOptions } from "./options.ts";
import type { ClassificationSample, TrainingProgress } from "./progress.ts";
import type { TrainingPosition, TrainingState } from "./state.ts";
import { train } from "./trainer.ts";

/** What {@linkcode trainThroughDeviceLosses} says of a lost device before it goes on. */
export interface DeviceLoss {
  /** How it was lost. */
  readonly error: DeviceLostError;
  /** The last checkpoint of this training; undefined if none has been saved, so that it starts again. */
  readonly saved: TrainingPosition | undefined;
  /** Losses since there was a new checkpoint, this one included. */
  readonly losses: number;
}

/** What to do about lost devices. */
export interface DeviceLossOptions {
  /** Opens the next device, for the caller to close; {@linkcode openDevice} with its defaults if left out. */
  readonly open?: () => Promise<Device>;
  /** How many devices in a row may be lost without a new checkpoint before it gives up; 3 by default. */
  readonly mostLosses?: number;
  /** Told of each loss that it goes on from. */
  readonly onLoss?: (loss: DeviceLoss) => void;
  /** Told where it goes on, once another device has what it takes. */
  readonly onGoOn?: (from: GoingOn) => void;
}

/** Where {@linkcode trainThroughDeviceLosses} goes on. */
export interface GoingOn {
  /** The step of the checkpoint; undefined if it starts again. */
  readonly step: number | undefined;
  /** What was wrong with newer checkpoints, which were passed over for this one. */
  readonly passedOver: readonly string[];
}

/** Options of a training that leaves checkpoints: those of {@linkcode TrainOptions}, with a folder. */
export type TrainOptionsWithFolder<Example> = TrainOptions<Example> & { readonly folder: string };

/**
 * Trains as {@linkcode train} does, and where the device is lost goes on from the last checkpoint on another one. What comes
 * out is, on the same adapter, what a training without a loss comes to, bit for bit.
 *
 * Before the first checkpoint it starts again, with the weights that the model had. Steps since the last checkpoint are taken
 * again, and told of again. After a loss `model` is of no use any more: the trained one is in the folder.
 *
 * @param model What to train.
 * @param examples What to learn from.
 * @param options How; there must be a folder for checkpoints.
 * @param losses What to do about lost devices.
 * @throws {DeviceLostError} If devices are lost again and again.
 * @throws {AdapterNotFoundError} If there is no other device.
 *
 * @example
 * ```ts
 * import { openDevice, Seq2Seq, Tokenizer, trainThroughDeviceLosses } from "../../mod.ts";
 *
 * const pairs = [{ source: "good morning", target: "guten Morgen" }, { source: "good night", target: "gute Nacht" }];
 * let device = await openDevice();
 * const model = new Seq2Seq(device, {
 *   source: Tokenizer.words(pairs.map(({ source }) => source)),
 *   target: Tokenizer.words(pairs.map(({ target }) => target)),
 *   embedding: 8,
 *   hidden: 8,
 * });
 * const options = { epochs: 2, batch: 2, folder: await Deno.makeTempDir() };
 * const open = async () => device = await openDevice();
 * for await (const { epoch, loss } of trainThroughDeviceLosses(model, pairs, options, { open })) console.log(epoch, loss);
 * device.close();
 * await Deno.remove(options.folder, { recursive: true });
 * ```
 */
export function trainThroughDeviceLosses(
  model: Seq2Seq,
  examples: readonly Pair[],
  options: TrainOptionsWithFolder<Pair>,
  losses?: DeviceLossOptions,
): AsyncGenerator<TrainingProgress, void, void>;
/** Trains a classifier through losses of devices. */
export function trainThroughDeviceLosses(
  model: SequenceClassifier,
  examples: readonly LabelledText[],
  options: TrainOptionsWithFolder<LabelledText>,
  losses?: DeviceLossOptions,
): AsyncGenerator<TrainingProgress<ClassificationSample>, void, void>;
export async function* trainThroughDeviceLosses<Example, Sample>(
  model: Model<Example>,
  examples: readonly Example[],
  options: TrainOptionsWithFolder<Example>,
  { open = openDevice, mostLosses = 3, onLoss, onGoOn }: DeviceLossOptions = {},
): AsyncGenerator<TrainingProgress<Sample>, void, void> {
  let start: Start<Example> = { model, state: options.resume };
  let weights: Weights | undefined = mostLosses > 0 ? await model.parameters.read() : undefined;
  let saved: TrainingPosition | undefined;
  let losses = 0;
  const onSave = (position: TrainingPosition) => {
    [weights, saved, losses] = [undefined, position, 0]; // from now on the folder has them
    options.onSave?.(position);
  };
  for (let device = model.device;;) {
    try {
      if (device !== start.model.device) {
        start = weights
          ? { ...start, model: again(model, device, weights) }
          : await loadCheckpoint<Model<Example>>(device, options.folder, "last", kindOfModel(model).of);
        onGoOn?.({ step: start.state?.position.step, passedOver: start.passedOver ?? [] });
      }
      const resume = start.state && { resume: start.state };
      yield* training<Example, Sample>(start.model, examples, { ...options, ...resume, onSave });
      return;
    } catch (error) {
      if (!(error instanceof DeviceLostError) || ++losses > mostLosses) throw error;
      onLoss?.({ error, saved, losses });
      device.close();
      device = await open();
    }
  }
}

type Weights = ReadonlyMap<string, NamedArray>;

/** A model, and where its training stands. */
interface Start<Example> {
  readonly model: Model<Example>;
  readonly state?: TrainingState | undefined;
  readonly passedOver?: readonly string[];
}

/** The same model on another device, with these weights. */
function again<Example>(model: Model<Example>, device: Device, weights: Weights): Model<Example> {
  const copy: Model<Example> = new (kindOfModel(model).of)(device, { ...model.tokenizers, ...model.config });
  copy.parameters.load(weights);
  return copy;
}

/** {@linkcode train}, whose overloads are for those who know which model they have. */
const training = train as unknown as <Example, Sample>(
  model: Model<Example>,
  examples: readonly Example[],
  options: TrainOptions<Example>,
) => AsyncGenerator<TrainingProgress<Sample>, void, void>;
