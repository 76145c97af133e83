// What README.md shows works: its TypeScript is checked and run, its command lines are understood.

import { fileURLToPath } from "node:url";
import { COMMANDS, main } from "../lib/cli/main.ts";
import { parseArguments } from "../lib/cli/arguments.ts";
import { SHARED_OPTIONS } from "../lib/cli/command.ts";
import { testWithAdapter } from "./adapter.ts";
import { assert, assertEquals } from "./assert.ts";
import { memoryEnvironment } from "./cli/memory_environment.ts";
import { runDeno } from "./cli/program.ts";
import { TemporaryFolder } from "./data/temporary_folder.ts";
import { checkXml } from "./report/xml.ts";

const root = new URL("../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));
const { tasks, permissions } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));

/** The code blocks of a language; a comment `<!-- skip: … -->` above one says why it is not to be run. */
function blocks(language: string): { code: string; line: number; skip: boolean }[] {
  const pattern = new RegExp(`(<!-- skip: [^\\n]* -->\\s*)?^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm");
  return [...readme.matchAll(pattern)].map(({ 1: comment, 2: code, index }) => ({
    code: code!,
    line: readme.slice(0, index).split("\n").length,
    skip: comment !== undefined,
  }));
}

for (const { code, line, skip } of blocks("ts")) {
  testWithAdapter(
    `README.md, line ${line}: the script ${skip ? "has the right types" : "runs"}`,
    async () => {
      await using folder = await TemporaryFolder.make();
      const project = new URL("mod.ts", root).href;
      assert(code.includes('"./mod.ts"'), "it does not import ./mod.ts");
      const script = await folder.write(
        "script.ts",
        code.replaceAll('"./mod.ts"', JSON.stringify(project)).replace(/epochs: \d+/, "epochs: 1"),
      );
      const options = ["--check", "--frozen", "--lock", fileURLToPath(new URL("deno.lock", root))];
      const written = [...code.matchAll(/writeTextFile\("([^"]+\.svg)"/g)].map(([, name]) => name!);
      const flags = written.length === 0 ? [] : [`--allow-write=${written.join(",")}`]; // as the README says
      const command = skip ? ["check", ...options.slice(1)] : ["run", "--no-prompt", ...flags, ...options];
      const ended = await runDeno([...command, script], { cwd: folder.path });
      assertEquals(ended.code, 0, ended.stderr);
      if (skip) return;
      assert(ended.stdout.trim() !== "", "it printed nothing");
      for (const name of written) checkXml(await Deno.readTextFile(folder.at(name)));
    },
  );
}

Deno.test("the command lines of README.md are understood", async () => {
  const lines = blocks("sh").flatMap(({ code }) => code.split("\n")).filter((line) => line.trim() !== "");
  assert(lines.length >= 2);
  for (const line of lines) {
    const words = [...line.replace(/\s#.*/, "").matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) =>
      quoted ?? word
    );
    const task = words.indexOf("task");
    if (task >= 0) {
      assert(words[task + 1]! in tasks, line);
      continue;
    }
    const program = words.indexOf("mod.ts");
    assert(program > 0, `the test does not understand "${line}"`);
    const [name, ...args] = words.slice(program + 1);
    const own = args.includes("--fix") ? "repair" : name;
    for (const [, set] of line.matchAll(/-P=(\w+)/g)) assertEquals([set! in permissions, set], [true, own]);
    const command = await COMMANDS[name!]!.load();
    parseArguments(args, { ...command.options, ...SHARED_OPTIONS }); // throws what the program would print
  }
});

Deno.test("the commands that README.md shows are all the commands", async () => {
  const environment = memoryEnvironment();
  assertEquals(await main(["--help"], environment), 0);
  for (const name of Object.keys(COMMANDS)) {
    assert(readme.includes(`mod.ts ${name}`), `README.md does not show ${name}`);
    assert(environment.stdoutText().includes(name));
  }
});
