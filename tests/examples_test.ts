// Every example runs, and prints what it should.

import { fileURLToPath } from "node:url";
import { testWithAdapter } from "./adapter.ts";
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import { runDeno } from "./cli/program.ts";
import { TemporaryFolder } from "./data/temporary_folder.ts";

const examples = new URL("../examples/", import.meta.url);
/** Arguments that make each example quick, and what it must print. */
const EXPECTED: Readonly<Record<string, { args: readonly string[]; output: string }>> = {
  "bahdanau_2015.ts": { args: ["cldr:en-de", "1500"], output: "validation: perplexity" },
  "cho_2014.ts": { args: ["cldr:en-de", "1500"], output: "validation: perplexity" },
  "luong_2015.ts": { args: ["cldr:en-de", "1500"], output: "validation: perplexity" },
  "sutskever_2014.ts": { args: ["cldr:en-de", "1500"], output: "validation: perplexity" },
  "imdb.ts": { args: ["--cell", "gru", "--epochs", "3", "--words"], output: "test: accuracy 1.0000" },
  "own_operation.ts": { args: [], output: "3, 6, 9, 12" },
  "tour.ts": { args: ["cldr:en-de", "2500", "1", "chart.svg"], output: "| Luong 2015 |" },
  "translator.ts": { args: ["1"], output: "validation: perplexity" },
};

for (const { name } of [...Deno.readDirSync(examples)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (!name.endsWith(".ts")) continue;
  testWithAdapter(`examples/${name} runs`, async () => {
    const { args, output } = EXPECTED[name] ?? { args: [], output: `a row for ${name} in this test` };
    await using folder = await TemporaryFolder.make();
    const path = fileURLToPath(new URL(name, examples));
    const lock = fileURLToPath(new URL("../deno.lock", examples));
    // With the flags that its first command line shows, and none besides.
    const shown = /^\/\/ {3}deno run (.*?)examples\//m.exec(await Deno.readTextFile(path))?.[1];
    assert(shown !== undefined, `${name} does not begin with how it is run`);
    const flags = shown.split(" ").filter((word) => word !== "");
    const options = [...flags, "--no-prompt", "--check", `--lock=${lock}`, "--frozen"];
    // Elsewhere than in the project, so that what it writes without a path does not stay here.
    const { code, stdout, stderr } = await runDeno(["run", ...options, path, ...args], { cwd: folder.path });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, output);
  });
}
