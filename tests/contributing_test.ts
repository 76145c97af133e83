// CONTRIBUTING.md promises an operation in three files: they are written into a copy of the project and tested there.

import { assert, assertEquals } from "./assert.ts";

const project = new URL("../", import.meta.url);
const needed = [
  "deno.json",
  "deno.lock",
  "lib/",
  "kernels/",
  "tests/assert.ts",
  "tests/device.ts",
  "tests/ops/check.ts",
  "tests/tolerances.ts",
];

Deno.test("the operation of CONTRIBUTING.md passes its test, and fails it with a wrong formula", async () => {
  const folder = await Deno.makeTempDir({ prefix: "attend-contributing-" });
  try {
    for (const path of needed) await copy(new URL(path, project), `${folder}/${path}`);
    const files = filesIn(await Deno.readTextFile(new URL("CONTRIBUTING.md", project)));
    assertEquals([...files.keys()], ["kernels/square.wgsl", "lib/ops/square.ts", "tests/ops/square_test.ts"]);
    for (const [path, text] of files) await Deno.writeTextFile(`${folder}/${path}`, text);
    const right = await runTest(folder);
    assert(right.success, right.output);

    const kernel = files.get("kernels/square.wgsl")!;
    const wrong = kernel.replace("2.0 * x_saved[i]", "2.01 * x_saved[i]");
    assert(wrong !== kernel);
    await Deno.writeTextFile(`${folder}/kernels/square.wgsl`, wrong);
    assertEquals((await runTest(folder)).success, false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The code blocks of a text that begin with the name of a file. */
function filesIn(markdown: string): Map<string, string> {
  const blocks = markdown.matchAll(/^```\w+\n\/\/ (\S+\/\S+)\n([^]*?)^```$/gm);
  return new Map([...blocks].map(([, path, text]) => [path!, text!]));
}

async function copy(from: URL, to: string): Promise<void> {
  if (!from.pathname.endsWith("/")) {
    await Deno.mkdir(to.replace(/\/[^/]*$/, ""), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const slash = isDirectory ? "/" : "";
    await copy(new URL(name + slash, from), `${to}${name}${slash}`);
  }
}

async function runTest(folder: string): Promise<{ success: boolean; output: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "tests/ops/square_test.ts"],
    cwd: folder,
    env: { NO_COLOR: "1" },
  });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}
