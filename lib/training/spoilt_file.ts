// Training: a file of a model folder whose contents are not what they should be.

/** Thrown for such a file, and for nothing else: a disk or a GPU that fails says nothing about what is in a file. */
export class SpoiltFileError extends SyntaxError {
  /** The name of the class. */
  override readonly name = "SpoiltFileError";
  /** Which file it is and what is wrong with it, without what to do where nothing stands in for it. */
  readonly problem: string;

  /**
   * Creates the error.
   *
   * @param path The file.
   * @param reason What is wrong with it, with a full stop.
   * @param cause The error that says so.
   */
  constructor(path: string, reason: string, cause: Error) {
    const problem = `Cannot load a model from "${path}": ${reason}`;
    super(`${problem} Restore the file from a copy, or train the model again.`, { cause });
    this.problem = problem;
  }
}
