// Training: which model a checkpoint is of, so that it is not taken for one of another, and what differs can be named.

import * as v from "npm:valibot@1.5.0";
import type { Model } from "../models/model.ts";
import { check } from "./config.ts";

/** What a model is, apart from its weights. */
export interface ModelIdentity {
  /** Its options. */
  readonly model: Readonly<Record<string, unknown>>;
  /** The SHA-256 of each of its tokenizers, as JSON. */
  readonly tokenizers: Readonly<Record<string, string>>;
}

/** Says which model this is. */
export async function identityOf(model: Model<never>): Promise<ModelIdentity> {
  const tokenizers: Record<string, string> = {};
  for (const [name, tokenizer] of Object.entries(model.tokenizers)) {
    const bytes = new TextEncoder().encode(JSON.stringify(tokenizer));
    tokenizers[name] = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  }
  return { model: { ...model.config }, tokenizers };
}

/**
 * Names what differs between the model of a checkpoint and another; undefined if nothing does. Options that the
 * checkpoint does not know, of later versions, do not count.
 *
 * @param now What the other is called: `here`, `in config.json`.
 */
export function differenceOf(saved: ModelIdentity, other: ModelIdentity, now: string): string | undefined {
  for (const [name, value] of Object.entries(saved.model)) {
    const [then, here] = [value, other.model[name]].map((value) => JSON.stringify(value));
    if (then !== here) return `the model's ${name} is ${then} in the checkpoint and ${here} ${now}`;
  }
  for (const [name, hash] of Object.entries(saved.tokenizers)) {
    const here = other.tokenizers[name];
    if (hash !== here) {
      return `the tokenizer "${name}" has the SHA-256 ${hash} in the checkpoint and ${here} ${now}`;
    }
  }
  return undefined;
}

const schema = v.strictObject({
  model: v.record(v.string(), v.unknown()),
  tokenizers: v.record(v.string(), v.pipe(v.string(), v.hexadecimal(), v.length(64))),
});

/**
 * Checks what a checkpoint says of its model.
 *
 * @throws {TypeError} If something is missing, unknown or of the wrong kind; the message names it.
 */
export function parseIdentity(json: unknown): ModelIdentity {
  return check(schema, json);
}
