// The project as others use it: loaded by URL, from a folder without a configuration, by a script of another origin.

import { fileURLToPath } from "node:url";
import { testWithAdapter } from "./adapter.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "./assert.ts";
import { type Ended, jsonLines, runDeno } from "./cli/program.ts";
import { type Loopback, serve } from "./data/loopback.ts";
import { TemporaryFolder } from "./data/temporary_folder.ts";

const TYPES: Readonly<Record<string, string>> = {
  ts: "application/typescript",
  json: "application/json",
  wgsl: "text/plain",
};

/** Serves the project's files as a web server would. */
function serveProject(): Loopback {
  return serve(async (request) => {
    const { pathname } = new URL(request.url);
    const type = TYPES[pathname.split(".").at(-1)!];
    try {
      const text = await Deno.readTextFile(new URL(`..${pathname}`, import.meta.url));
      return new Response(text, { headers: { "content-type": type! } });
    } catch {
      return new Response("there is no such file", { status: 404 });
    }
  });
}

/** Runs a module by its URL, with nothing of the project around it; leaves nothing of it in Deno's cache. */
async function runByUrl(url: string, args: readonly string[], origins: readonly Loopback[]): Promise<Ended> {
  await using folder = await TemporaryFolder.make();
  const options = ["-A", "--no-config", "--no-lock", "--reload=http://127.0.0.1"];
  try {
    return await runDeno(["run", ...options, url, ...args], { cwd: folder.path });
  } finally {
    const { modulesCache } = JSON.parse((await runDeno(["info", "--json"])).stdout);
    for (const origin of origins) {
      const name = `127.0.0.1_PORT${new URL(origin.url).port}`;
      await Deno.remove(`${modulesCache}/http/${name}`, { recursive: true }).catch(() => {});
    }
  }
}

const script = (project: string) => `
import { heatMap, openDevice, Seq2Seq, split, Tokenizer, train, translate } from "${project}mod.ts";

const digits = [..."0123456789"];
const pairs = digits.flatMap((a) => digits.map((b) => ({ source: a + " " + b, target: b + " " + a })));
const data = split(pairs, { valid: 10, test: 10, seed: 1 });
const model = new Seq2Seq(await openDevice(), {
  source: Tokenizer.words(data.train.map((pair) => pair.source)),
  target: Tokenizer.words(data.train.map((pair) => pair.target)),
  embedding: 8,
  hidden: 8,
});
for await (const { step, loss } of train(model, data.train, { batch: 8, maxSteps: 20, valid: data.valid })) {
  console.log(JSON.stringify({ step, loss }));
}
const translation = await translate(model, "1 2");
console.log(JSON.stringify({ source: translation.source, svg: heatMap(translation).slice(0, 4) }));
model.device.close();
`;

testWithAdapter("a script of another origin imports mod.ts by URL and trains 20 steps", async () => {
  await using project = serveProject();
  await using other = serve(() =>
    new Response(script(project.url), { headers: { "content-type": "application/typescript" } })
  );
  const { code, stdout, stderr } = await runByUrl(`${other.url}script.ts`, [], [project, other]);
  assertEquals(code, 0, stderr);
  const lines = jsonLines(stdout);
  const { step, loss } = lines.at(-2) as { step: number; loss: number };
  assertEquals([step, loss > 0 && loss < 5], [20, true]);
  assertEquals(lines.at(-1), { source: ["<sos>", "1", "2", "<eos>"], svg: "<svg" });
});

testWithAdapter("`deno run http://…/mod.ts doctor` works", async () => {
  await using project = serveProject();
  const { code, stdout, stderr } = await runByUrl(`${project.url}mod.ts`, ["doctor"], [project]);
  assertEquals(code, 0, stdout + stderr);
  const help = await runByUrl(`${project.url}mod.ts`, ["train", "--help"], [project]);
  assertEquals(help.code, 0, help.stderr);
  assertStringIncludes(help.stdout, `deno run --allow-read=data,runs,examples/demo.json --allow-write=runs `);
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  const shown = await runByUrl(`${project.url}mod.ts`, ["--version"], [project]);
  assertMatch(shown.stdout, new RegExp(`^attend ${version.replaceAll(".", "\\.")} \\(deno `));
});

Deno.test("importing mod.ts by path runs nothing and prints nothing", async () => {
  await using folder = await TemporaryFolder.make();
  const path = fileURLToPath(new URL("../mod.ts", import.meta.url));
  const module = await folder.write(
    "import.ts",
    `import * as attend from ${JSON.stringify(`file://${path}`)};
    if (typeof attend.train !== "function") throw new Error("train is missing");`,
  );
  const ended = await runDeno(["run", "--no-config", "--no-lock", module], { cwd: folder.path });
  assertEquals(ended, { code: 0, stdout: "", stderr: "" });
});
