// What sacreBLEU says about invented sentences, as tests/oracle/sacrebleu_fixtures.py stored it.

import type { BleuTokenizer } from "../../lib/evaluation/bleu_tokenizer.ts";
import { assert } from "../assert.ts";

interface BleuResult {
  tokenize: BleuTokenizer;
  lowerCase: boolean;
  score: number;
  precisions: number[];
  brevityPenalty: number;
  hypothesisLength: number;
  referenceLength: number;
  counts: number[];
  totals: number[];
  printed: string;
  signature: string;
  tokens: [string[], string[]][];
}

interface ChrfResult {
  wordOrder: 0 | 2;
  lowerCase: boolean;
  score: number;
  printed: string;
  signature: string;
}

interface Fixture {
  sacrebleu: string;
  cases: { name: string; pairs: [string, string][]; results: BleuResult[]; chrf: ChrfResult[] }[];
}

/** All corpora with their results. */
export const fixture: Fixture = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/sacrebleu.json", import.meta.url)),
);

/** A signature but for its last part, which names the program that computed the score. */
export function withoutVersion(signature: string): string {
  return signature.replace(/\|version:.*$/, "");
}

/** Fails unless two figures agree but for the order of floating-point operations: they are at most 100. */
export function assertClose(actual: number, expected: number, what: string): void {
  assert(Math.abs(actual - expected) <= 1e-9, `${what}: ${actual} is not ${expected}`);
}
