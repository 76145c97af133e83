// How often a test of endurance repeats itself: a few times among all tests, as often as docs/reliability.md promises under
// `deno task test:soak`.

/**
 * @param quick How often among all tests.
 * @param soak How often under `deno task test:soak`.
 */
export function repetitions(quick: number, soak: number): number {
  return Deno.env.get("ATTEND_SOAK") === "1" ? soak : quick;
}
