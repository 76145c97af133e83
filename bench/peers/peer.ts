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
  prepare(work: Work): Run | Promise<Run>;
}

/** Ways to do some of the work, by its kind. */
export type Ways<R> = { readonly [K in Work["kind"]]?: (work: Extract<Work, { kind: K }>) => R };

/** The way to do the work. */
export function wayOf<R>(ways: Ways<R>, work: Work): (work: Work) => R {
  const way = ways[work.kind];
  if (!way) throw new Error("not written for this peer");
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
