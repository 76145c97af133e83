// Runs benchmarks one after the other, each in a process of its own, and writes what they say as Markdown and JSON.
//
//   deno task bench:report [names]   writes bench/results/<adapter>.md and .json
//   deno task bench:check [names]    compares with that JSON instead, and fails if a ratio fell

import { RESULT_VARIABLE } from "./harness.ts";
import { compare, describe } from "./regression.ts";
import { type BenchResult, merge, slug } from "./results.ts";
import { document } from "./table.ts";

const FOLDER = new URL("./", import.meta.url);
const RESULTS = new URL("results/", FOLDER);
const SUFFIX = ".bench.ts";

/** The benchmarks that are wanted: all, or those named. */
function choose(names: readonly string[]): string[] {
  const all = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length)).sort();
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) {
    console.error(`Cannot run the benchmark "${unknown}": there are ${all.join(", ")}.`);
    Deno.exit(2);
  }
  return names.length > 0 ? [...names] : all;
}

/** Runs one benchmark; what it prints is shown. Undefined if it has nothing to compare, such as the host's time. */
async function run(name: string): Promise<BenchResult | undefined> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["bench", "-A", "--no-lock", new URL(name + SUFFIX, FOLDER).href],
      env: { [RESULT_VARIABLE]: file },
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    const text = await Deno.readTextFile(file);
    if (text === "" && code === 0) return undefined;
    const result = text === "" ? undefined : JSON.parse(text) as BenchResult;
    // The exit code says little: drivers break at the exit of a process, too.
    if (!result || result.rows.some(({ sides }) => !sides[0]?.measured)) {
      throw new Error(
        `Cannot report the benchmark "${name}": it ended with code ${code} before it was done.`,
      );
    }
    return result;
  } finally {
    await Deno.remove(file);
  }
}

/** The results of an adapter so far. */
async function load(file: URL): Promise<BenchResult[]> {
  try {
    return JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function main(args: readonly string[]): Promise<number> {
  const checking = args.includes("--check");
  const fresh: BenchResult[] = [];
  for (const name of choose(args.filter((arg) => arg !== "--check"))) {
    const result = await run(name);
    if (result) fresh.push(result);
  }
  if (fresh.length === 0) return 0;
  const name = slug(fresh[0]!.environment.adapter);
  const json = new URL(`${name}.json`, RESULTS);
  const old = await load(json);
  if (checking) {
    if (old.length === 0) throw new Error(`There is nothing to compare with: bench/results/${name}.json.`);
    const verdict = compare(old, fresh);
    console.log(describe(verdict).join("\n"));
    return verdict.regressions.length + verdict.missing.length > 0 ? 1 : 0;
  }
  const results = merge(old, fresh);
  await Deno.mkdir(RESULTS, { recursive: true });
  await Deno.writeTextFile(json, `${JSON.stringify(results, null, 1)}\n`);
  await Deno.writeTextFile(new URL(`${name}.md`, RESULTS), document(results));
  console.log(`Written: bench/results/${name}.md and .json`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
