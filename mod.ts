/**
 * Train, inspect and use small translation models with attention, and classifiers of texts, on any GPU that WebGPU can
 * reach.
 *
 * A script goes through four stages, each of them plain data to the next:
 *
 * 1. {@linkcode loadCorpus}, {@linkcode sample} and {@linkcode split} make sentence pairs.
 * 2. {@linkcode Tokenizer} learns the words of both languages, or parts of words; {@linkcode Seq2Seq} is a model for them.
 * 3. {@linkcode train} teaches it; {@linkcode loadModel} reads what training saved.
 * 4. {@linkcode translate} uses it, {@linkcode corpusBleu} and its like measure it, {@linkcode heatMap} shows where it
 *    looked.
 *
 * For texts with a class they are {@linkcode loadMovieReviews}, {@linkcode SequenceClassifier}, the same train, and
 * {@linkcode classify}.
 *
 * Beneath them lie the parts for models of your own: {@linkcode openDevice}, {@linkcode defineKernel},
 * {@linkcode Tape} and {@linkcode Plan}.
 *
 * The module is also a program: `deno run mod.ts --help`.
 *
 * @example Train on ten pairs, and translate
 * ```ts
 * import { openDevice, Seq2Seq, Tokenizer, train, translate } from "./mod.ts";
 *
 * const pairs = ["red", "green", "blue", "black", "white"].flatMap((color, index) => [
 *   { source: `${color} cat`, target: `Katze ${index}` },
 *   { source: `${color} dog`, target: `Hund ${index}` },
 * ]);
 * const model = new Seq2Seq(await openDevice(), {
 *   source: Tokenizer.words(pairs.map(({ source }) => source)),
 *   target: Tokenizer.words(pairs.map(({ target }) => target)),
 *   embedding: 16,
 *   hidden: 16,
 * });
 * for await (const { epoch, loss } of train(model, pairs, { epochs: 2 })) console.log(epoch, loss);
 * console.log((await translate(model, "green dog")).text);
 * model.device.close();
 * ```
 *
 * @module
 */

// First of all: the kernels are the right ones.
import "./lib/ops/kernel_hashes.ts";

// Data
export { type CorpusOptions, type CorpusReport, loadCorpus } from "./lib/data/corpus.ts";
export type { Retry as DownloadRetry } from "./lib/data/retry.ts";
export type { BadLine } from "./lib/data/bad_lines.ts";
export type { Pair } from "./lib/data/pair.ts";
export type { LabelledText } from "./lib/data/labelled_text.ts";
export { loadMovieReviews, type MovieReviewOptions, type MovieReviews } from "./lib/data/movie_reviews.ts";
export { sample, type SampleOptions } from "./lib/data/sample.ts";
export { type Overlap, type Split, split, type SplitOptions, type SplitOverlap } from "./lib/data/split.ts";
export { splitHash } from "./lib/data/split_hash.ts";
export {
  type BpeOptions,
  type CharactersOptions,
  Tokenizer,
  type WordsOptions,
} from "./lib/data/tokenizer.ts";
export type { MergeDropout } from "./lib/data/tokenizer_kind.ts";
export type { Merge } from "./lib/data/merges.ts";
export type { HuggingFaceStep, TextOptions } from "./lib/data/normalization.ts";
export {
  HUGGING_FACE_CONFIG,
  type HuggingFaceModel,
  type HuggingFaceTokenizer,
} from "./lib/data/hugging_face.ts";
export {
  type Coverage,
  EOS,
  PAD,
  SOS,
  UNK,
  type UnknownToken,
  Vocabulary,
  type VocabularyOptions,
} from "./lib/data/vocabulary.ts";
export {
  type Batch,
  batches,
  type BatchOptions,
  type Bucket,
  type BucketOptions,
  type EncodedPair,
  type EpochOptions,
  type PaddingWaste,
  paddingWaste,
  planBuckets,
  withoutLongPairs,
} from "./lib/data/batches.ts";
export { loadWordVectors, type WordVectors, type WordVectorsOptions } from "./lib/data/word_vectors.ts";
export { Random } from "./lib/random.ts";

// Models, training and use
export {
  Seq2Seq,
  type Seq2SeqConfig,
  type Seq2SeqOptions,
  type Seq2SeqTokenizers,
} from "./lib/models/seq2seq.ts";
export {
  SequenceClassifier,
  type SequenceClassifierConfig,
  type SequenceClassifierOptions,
} from "./lib/models/sequence_classifier.ts";
export { type EncodedSource, LONGEST_SENTENCE } from "./lib/models/encoded_source.ts";
export { SEQ2SEQ_CHOICES, type Seq2SeqChoice } from "./lib/models/seq2seq_options.ts";
export type { GivenWords, LossOptions, Model, TextShape } from "./lib/models/model.ts";
export type { DecoderState, DecoderStep, DecodingShape, WordByWord } from "./lib/models/word_by_word.ts";
export { RECURRENT_CELLS, type RecurrentCell, type RecurrentWeights } from "./lib/models/recurrent_layer.ts";
export {
  RecurrentLayers,
  type RecurrentLayersInput,
  type RecurrentLayersOptions,
  type RecurrentLayersOutput,
} from "./lib/models/recurrent_layers.ts";
export type { DropoutMask, DropoutOptions } from "./lib/ops/dropout.ts";
export {
  type ClassificationSample,
  train,
  type TrainingProgress,
  type TranslationSample,
  type Validation,
} from "./lib/training/trainer.ts";
export {
  type DeviceLoss,
  type DeviceLossOptions,
  type GoingOn,
  type TrainOptionsWithFolder,
  trainThroughDeviceLosses,
} from "./lib/training/device_losses.ts";
export type { ModelClass } from "./lib/training/kinds.ts";
export type { TrainingReport, TrainOptions } from "./lib/training/options.ts";
export {
  type ProfileOptions,
  profileTraining,
  type StepTime,
  type TrainingProfile,
} from "./lib/training/profile.ts";
export { type TrainingConfig, VALIDATION_MEASURES, type ValidationMeasure } from "./lib/training/config.ts";
export { type Precision, PRECISIONS } from "./lib/ops/matmul_variants.ts";
export type { OptimizerConfig, OptimizerOptions, StepConfig } from "./lib/training/optimizer_options.ts";
export {
  OPTIMIZER_DEFAULTS,
  OPTIMIZER_METHODS,
  type OptimizerMethod,
  type OptimizerSettings,
} from "./lib/ops/optimizer.ts";
export {
  SCHEDULE_DEFAULTS,
  SCHEDULE_NAMES,
  type ScheduleConfig,
  scheduledRate,
  type ScheduleName,
  type ScheduleOptions,
  type SchedulePlace,
  type ScheduleSettings,
} from "./lib/training/schedule.ts";
export {
  TEACHER_FORCING_DEFAULTS,
  TEACHER_FORCING_NAMES,
  type TeacherForcingConfig,
  type TeacherForcingName,
  type TeacherForcingOptions,
  type TeacherForcingSettings,
  teacherShare,
} from "./lib/training/teacher_forcing.ts";
export type { Standing } from "./lib/training/judge.ts";
export { averageCheckpoints } from "./lib/training/average_checkpoints.ts";
export type { EpochLosses, TrainingPlace, TrainingPosition, TrainingState } from "./lib/training/state.ts";
export type { ModelIdentity } from "./lib/training/identity.ts";
export type { CheckpointName } from "./lib/training/checkpoint_files.ts";
export type { SavedState } from "./lib/training/checkpoint_contents.ts";
export { type Checkpoint, loadCheckpoint, loadModel, saveCheckpoint } from "./lib/training/checkpoint.ts";
export { type Classification, classify, type ClassifyOptions } from "./lib/inference/classify.ts";
export { translate } from "./lib/inference/translate.ts";
export {
  LARGEST_BEAM,
  type SamplingOptions,
  type TranslateOptions,
} from "./lib/inference/decoding_options.ts";
export type { Translation, TranslationAlternative, TranslationScore } from "./lib/inference/translation.ts";
export { type Mean, MEANS } from "./lib/ops/mixture.ts";

// Evaluation and inspection
export {
  alignment,
  alignmentErrorRate,
  type AlignmentLink,
  type AlignmentOptions,
  type Attended,
  formatAlignment,
  parseAlignment,
  type ReferenceAlignment,
} from "./lib/evaluation/alignment.ts";
export { forcedAttention, type ForcedAttentionOptions } from "./lib/evaluation/forced_attention.ts";
export { type Bleu, type BleuOptions, type BleuTokenizer, corpusBleu } from "./lib/evaluation/bleu.ts";
export { type Chrf, type ChrfOptions, corpusChrf } from "./lib/evaluation/chrf.ts";
export { exactMatch } from "./lib/evaluation/exact_match.ts";
export { type HeldOutLoss, heldOutLoss, type HeldOutOptions } from "./lib/evaluation/held_out.ts";
export { perplexity } from "./lib/evaluation/perplexity.ts";
export { type SummarizedModel, summary } from "./lib/report/summary.ts";
export {
  type LengthScore,
  type LengthScoreOptions,
  scoreByLength,
} from "./lib/evaluation/score_by_length.ts";
export { heatMap, type HeatMapInput, type HeatMapOptions } from "./lib/report/heat_map.ts";
export {
  lengthChart,
  type LengthChartOptions,
  type LengthPoint,
  type LengthSeries,
} from "./lib/report/length_chart.ts";
export { type ChartOptions, lossCurve, type LossPoint } from "./lib/report/line_chart.ts";

// The GPU layer, for operations and models of your own
export {
  AdapterNotFoundError,
  type BufferCount,
  type CreatedCount,
  Device,
  DeviceLostError,
  type DeviceOptions,
  openDevice,
  type Profile,
} from "./lib/gpu/device.ts";
export {
  type Access,
  type AnyKernel,
  defineKernel,
  type FilledInParameter,
  type GivenParameters,
  type Kernel,
  type KernelDeclaration,
  type Overrides,
  type ParameterType,
  type Workgroups,
} from "./lib/gpu/kernel.ts";
export type { Alternative, Dispatch, Watch } from "./lib/gpu/dispatch.ts";
export { type DerivedInput, Tape, type TapeOptions } from "./lib/gpu/tape.ts";
export { type DataType, Storage, type StorageKind, Tensor } from "./lib/gpu/tensor.ts";
export { Plan, type PlanInputs } from "./lib/gpu/plan.ts";
export type { Clock, KernelTime, KernelTimeOptions } from "./lib/gpu/kernel_times.ts";
export { BufferPool, type MemoryLayout } from "./lib/gpu/memory.ts";
export {
  type FlatParameters,
  type Initializer,
  type NamedArray,
  type ParameterOptions,
  Parameters,
  type ParameterScope,
} from "./lib/gpu/parameters.ts";

if (import.meta.main) {
  const { main } = await import("./lib/cli/main.ts");
  Deno.exit(await main(Deno.args));
}
