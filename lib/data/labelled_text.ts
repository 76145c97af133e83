// What a classifier learns from.

/** A text and the class that it belongs to. */
export interface LabelledText {
  /** The text. */
  readonly text: string;
  /** The class: 1 for yes (a review that praises), 0 for no. */
  readonly label: 0 | 1;
}
