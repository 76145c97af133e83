// Tries again what failed for a reason that may pass, waiting longer each time.

/** How long to wait, and how often to try. A test passes its own, whose waiting takes no time. */
export interface Patience {
  /** How often it is tried at most. */
  readonly attempts: number;
  /** The longest wait after the first failure in milliseconds; each failure doubles it. */
  readonly firstWait: number;
  /** The longest wait of all in milliseconds, even where a server asks for more. */
  readonly longestWait: number;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly stall: number;
  /** Milliseconds over which the speed of a connection is judged … */
  readonly span: number;
  /** … and the bytes that must come in each of them. */
  readonly leastBytes: number;
  /** Resolves after some milliseconds, or rejects with the signal's reason. */
  readonly wait: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** A number from 0 to 1, so that not all who failed together try again together. */
  readonly random: () => number;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** The patience of everybody but tests. */
export const PATIENCE: Patience = {
  attempts: 5,
  firstWait: 2_000,
  longestWait: 120_000,
  stall: 30_000,
  span: 300_000,
  leastBytes: 30_000,
  wait,
  random: Math.random,
  now: Date.now,
};

/** A failure that may pass by itself. */
export class PassingFailure extends Error {
  /**
   * @param error What to throw if it does not pass.
   * @param reason Why it failed, in a few words.
   * @param askedWait How many milliseconds somebody asked to wait, if so.
   */
  constructor(readonly error: Error, reason: string, readonly askedWait?: number) {
    super(reason, { cause: error });
  }
}

/** What is told before each new attempt. */
export interface Retry {
  /** Why the last attempt failed, in a few words. */
  readonly reason: string;
  /** How long the wait before the next one is, in milliseconds. */
  readonly wait: number;
  /** Which attempt the next one is, from 2. */
  readonly attempt: number;
  /** How many attempts there are at most. */
  readonly attempts: number;
}

/**
 * Runs something until it succeeds, fails for good, or has failed too often.
 *
 * @param run Throws a `PassingFailure` where trying again may help.
 * @param patience How long and how often.
 * @param onRetry Called before each wait.
 * @param signal Ends a wait.
 * @throws What `run` threw last.
 */
export async function retry(
  run: () => Promise<void>,
  patience: Patience,
  onRetry?: (retry: Retry) => void,
  signal?: AbortSignal,
): Promise<void> {
  const { attempts } = patience;
  for (let attempt = 1;; attempt++) {
    try {
      return await run();
    } catch (failure) {
      if (!(failure instanceof PassingFailure) || attempt >= attempts) throw failure;
      const wait = waitAfter(failure, attempt, patience);
      onRetry?.({ reason: failure.message, wait, attempt: attempt + 1, attempts });
      await patience.wait(wait, signal);
    }
  }
}

function waitAfter({ askedWait }: PassingFailure, attempt: number, patience: Patience): number {
  const { firstWait, longestWait, random } = patience;
  const longest = Math.min(firstWait * 2 ** (attempt - 1), longestWait);
  return Math.min(askedWait ?? 0, longestWait) || longest * (1 + random()) / 2;
}

/** Reads a Retry-After header, in seconds or a date, as milliseconds from now; undefined if it has no meaning. */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const milliseconds = /^\s*\d+\s*$/.test(header) ? 1000 * Number(header) : Date.parse(header) - now;
  return milliseconds > 0 ? milliseconds : undefined;
}

function wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
