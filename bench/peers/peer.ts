// Other libraries that do the same work in the same run. Each says itself what it cannot do.

import type { Run } from "../sampling.ts";
import type { Work } from "../work.ts";

/** A library on one of its backends. */
export interface Peer {
  /** Name, version and backend. */
  readonly label: string;
  /**
   * Makes ready to do the work.
   *
   * @throws {Error} If it cannot; the message says why.
   */
  prepare(work: Work): Ready | Promise<Ready>;
}

/** Something ready to be measured. */
export interface Ready {
  readonly run: Run;
  /** What to multiply its seconds by, if it does another amount of the same; 1 by default. */
  readonly scale?: number;
  /** In what it differs. */
  readonly note?: string;
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

/** A peer that is not on this machine. */
export function missing(label: string, error: unknown): Peer {
  const reason = (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
  return {
    label,
    prepare: () => {
      throw new Error(`not available: ${reason}`);
    },
  };
}

/** Fails runs on a GPU device whose errors nobody else listens to: what it refused to do took no time. */
export function strict(device: GPUDevice, run: Run): Run {
  let refused: string | undefined;
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    refused ??= (event as GPUUncapturedErrorEvent).error.message;
  });
  return async (times) => {
    const seconds = await run(times);
    if (refused !== undefined) throw new Error(`its GPU commands fail: ${refused}`);
    return seconds;
  };
}
