// The options by which commands choose sentence pairs, and how they tell what was read.

import { type CorpusReport, loadCorpus } from "../data/corpus.ts";
import type { Pair } from "../data/pair.ts";
import { formatBytes, formatCount } from "../report/format.ts";
import type { Output } from "./output.ts";

/** The options of every command that reads a corpus. */
export const corpusOptions = {
  reverse: { type: "boolean", description: "Translate from the second language to the first" },
  mirror: {
    type: "string",
    value: "<url>",
    description:
      "Where tatoeba: corpora are downloaded from, in place of manythings.org (or ATTEND_MIRROR); several, " +
      "with commas between them, are tried in turn",
  },
  offline: {
    type: "boolean",
    description: "Take downloads from the cache alone, and never from the network",
  },
  sha256: {
    type: "string",
    value: "<hex>",
    description: "The SHA-256 that the corpus file must have",
  },
  cache: {
    type: "string",
    value: "<folder>",
    defaultText: "the user's cache folder, or ATTEND_CACHE",
    description: "Where downloads are kept",
  },
} as const;

/** Their values. */
export interface CorpusValues {
  readonly reverse: boolean;
  readonly mirror: string | undefined;
  readonly offline: boolean;
  readonly sha256: string | undefined;
  readonly cache: string | undefined;
}

/**
 * Loads a corpus, with progress on the terminal and a line about what was read.
 *
 * @param signal Cancels a download.
 */
export async function readCorpus(
  specification: string,
  values: CorpusValues,
  output: Output,
  signal?: AbortSignal,
): Promise<Pair[]> {
  const progress = output.progress();
  return await loadCorpus(specification, {
    reverse: values.reverse,
    offline: values.offline,
    ...(values.sha256 === undefined ? {} : { sha256: values.sha256 }),
    ...(signal === undefined ? {} : { signal }),
    ...(values.mirror === undefined ? {} : { mirror: values.mirror }),
    ...(values.cache === undefined ? {} : { cacheFolder: values.cache }),
    onProgress: (received, total) =>
      progress.update({
        label: "download",
        ...(total ? { fraction: received / total } : {}),
        fields: [formatBytes(received)],
      }),
    onRetry: ({ reason, wait, attempt, attempts }) => {
      const seconds = Math.max(1, Math.round(wait / 1000));
      output.notice(`download: ${reason}, retrying in ${seconds} s (${attempt} of ${attempts})`);
    },
    onReport: (report) => {
      progress.finish();
      tell(report, output);
    },
  });
}

function tell(report: CorpusReport, output: Output): void {
  const { name, lines, pairs, badCount, badLines, cached } = report;
  output.record({ type: "corpus", name, lines, pairs, badLines: badCount, cached });
  const from = cached ? ", from the cache" : "";
  output.line(`corpus      ${name}: ${formatCount(lines)} lines, ${formatCount(pairs)} pairs${from}`);
  if (badCount === 0) return;
  output.notice(`${formatCount(badCount)} lines were left out, such as`);
  for (const { line, reason } of badLines.slice(0, 5)) output.notice(`  line ${line}: ${reason}`);
}
