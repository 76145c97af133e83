// What the libraries in JavaScript have in common; serve.ts runs them.

import type { Run } from "../sampling.ts";
import type { Work } from "../work.ts";
import type { Ready } from "./peer.ts";

/** A library on one of its backends. */
export interface Library {
  /** Name, version and backend. */
  readonly label: string;
  /**
   * Makes ready to do the work.
   *
   * @throws {Error} If it cannot; the message says why.
   */
  prepare(work: Work): Ready;
}

/** How to do each kind of work, or why not. */
export type Ways<R> = { readonly [K in Work["kind"]]: ((work: Extract<Work, { kind: K }>) => R) | string };

/**
 * The way to do the work.
 *
 * @throws {TypeError} If there is none.
 */
export function wayOf<R>(ways: Ways<R>, work: Work): (work: Work) => R {
  const way = ways[work.kind];
  if (typeof way === "string") throw new TypeError(way);
  return way as (work: Work) => R;
}

/** Fails runs on a GPU device whose errors nobody else listens to: what it refused to do took no time. */
export function strict(device: GPUDevice, run: Run): Run {
  let refused: string | undefined;
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    refused ??= (event as GPUUncapturedErrorEvent).error.message;
  });
  return async (times) => {
    refused = undefined;
    const seconds = await run(times);
    if (refused !== undefined) throw new Error(`its GPU commands fail: ${refused}`);
    return seconds;
  };
}
