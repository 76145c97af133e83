// Layer 1: the errors that only a GPU can be to blame for, each of a class of its own, so that a program can tell them apart.

/** Thrown when the machine has no WebGPU adapter at all. */
export class AdapterNotFoundError extends Error {
  /** The name of the class. */
  override name = "AdapterNotFoundError";
}

/**
 * Thrown by whatever uses or waits for a device that is gone: its driver was reset or updated, its card was removed, or
 * somebody destroyed it. What the GPU held is lost; what was saved is not. {@linkcode openDevice} opens another.
 */
export class DeviceLostError extends Error {
  /** The name of the class. */
  override name = "DeviceLostError";

  /**
   * Tells how a device was lost.
   *
   * @param reason WebGPU's word for it: `"destroyed"` by this program, or `"unknown"`.
   * @param detail What the driver says.
   */
  constructor(readonly reason: string, detail: string) {
    super(
      `The GPU was lost (${reason}): ${detail || "its driver does not say why"}. ` +
        "Open it again and go on from what was saved; if it happens often, update its driver or use a smaller batch.",
    );
  }
}
