// A sealed safetensors file in one piece, for tests to spoil.

import { Buffer } from "node:buffer";
import { encodeSealed } from "../../lib/training/sealed.ts";

/** What {@linkcode encodeSealed} gives, put together. */
export function sealed(...[tensors, metadata]: Parameters<typeof encodeSealed>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(encodeSealed(tensors, metadata)));
}
