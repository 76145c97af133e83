// Training: what the trainer tells while it works.

/** How training is going: what {@linkcode train} yields about once a second, and after each validation. */
export interface TrainingProgress {
  /** The epoch at work, from 1 on. */
  readonly epoch: number;
  /** Steps since the start of training. */
  readonly step: number;
  /** Steps that the whole training takes. */
  readonly steps: number;
  /** Mean training loss a word since the last report, in nats, label smoothing included. */
  readonly loss: number;
  /** Norm of the last gradient, before clipping. */
  readonly gradientNorm: number;
  /** Target words a second since the last report. */
  readonly tokensPerSecond: number;
  /** Seconds that the rest will take at the pace so far, validations not counted. */
  readonly secondsLeft: number;
  /** Steps left out so far because a gradient was not finite. */
  readonly skipped: number;
  /** The result of a validation, if this report follows one. */
  readonly validation?: Validation;
}

/** How the model does on pairs it does not learn from. */
export interface Validation {
  /** Mean of -log p(right word), under teacher forcing, in nats. */
  readonly loss: number;
  /** exp(loss) */
  readonly perplexity: number;
  /** Mean training loss a word over the epoch, label smoothing and dropout included, in nats. */
  readonly trainingLoss: number;
  /** Whether no earlier validation was better. */
  readonly best: boolean;
  /** Some of the pairs, with what the model makes of them. */
  readonly samples: readonly {
    readonly source: string;
    readonly target: string;
    readonly translation: string;
  }[];
}
