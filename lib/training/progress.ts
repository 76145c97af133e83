// Training: what the trainer tells while it works.

/** How training is going: what {@linkcode train} yields about once a second, and after each validation. */
export interface TrainingProgress<Sample = TranslationSample> {
  /** The epoch at work, from 1 on. */
  readonly epoch: number;
  /** Steps since the start of training. */
  readonly step: number;
  /** Steps that the whole training takes. */
  readonly steps: number;
  /** Mean training loss an answer (a word, or a text) since the last report, in nats, label smoothing included. */
  readonly loss: number;
  /** The learning rate of the last step. */
  readonly learningRate: number;
  /** Norm of the last gradient, before clipping. */
  readonly gradientNorm: number;
  /** Answers a second since the last report: target words, or texts. */
  readonly tokensPerSecond: number;
  /** Seconds that the rest will take at the pace so far, validations not counted. */
  readonly secondsLeft: number;
  /** Steps left out so far because a gradient was not finite. */
  readonly skipped: number;
  /** The result of a validation, if this report follows one. */
  readonly validation?: Validation<Sample>;
}

/** How the model does on examples it does not learn from. */
export interface Validation<Sample = TranslationSample> {
  /** Mean of -log p(right answer), of a translator under teacher forcing, in nats. */
  readonly loss: number;
  /** exp(loss) */
  readonly perplexity: number;
  /** The share of answers that were right; only of classifiers. */
  readonly accuracy?: number;
  /** BLEU of the translations, from 0 to 100; only where it decides which validation is the best. */
  readonly bleu?: number;
  /** Mean training loss an answer over the epoch, label smoothing and dropout included, in nats. */
  readonly trainingLoss: number;
  /**
   * Whether no earlier validation was better. One in the middle of an epoch, where `maxSteps` ends training, is not compared
   * with others, nor others with it: it is the best only as long as there is no other.
   */
  readonly best: boolean;
  /** Validations since the best one: 0 if this is it. */
  readonly sinceBest: number;
  /** Whether training stops here, as the best one is `patience` validations ago. */
  readonly stops: boolean;
  /** Some of the examples, with what the model makes of them. */
  readonly samples: readonly Sample[];
}

/** What a translator makes of a sentence pair. */
export interface TranslationSample {
  /** The sentence. */
  readonly source: string;
  /** Its translation in the data. */
  readonly target: string;
  /** The model's. */
  readonly translation: string;
}

/** What a classifier makes of a text. */
export interface ClassificationSample {
  /** The text. */
  readonly text: string;
  /** Its class in the data. */
  readonly label: 0 | 1;
  /** The probability that the model gives to class 1. */
  readonly probability: number;
}
