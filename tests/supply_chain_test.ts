// What the project runs is what it was made with: packages and modules by the lock file, kernels by their hashes, which
// the lock file of whoever imports mod.ts by URL covers. Everything here is served from this machine.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import { type Ended, runDeno } from "./cli/program.ts";
import { type Loopback, serve } from "./data/loopback.ts";
import { buildTar, gzip } from "./data/tar_builder.ts";
import { TemporaryFolder } from "./data/temporary_folder.ts";

const root = new URL("../", import.meta.url);
const project = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
const lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", root)));
const TYPES: Readonly<Record<string, string>> = { ts: "application/typescript", json: "application/json" };

/** The packages that this machine has downloaded already. */
const { npmCache } = JSON.parse((await runDeno(["info", "--json"])).stdout);

/** All files below a folder whose name has one of the endings. */
async function* filesBelow(folder: URL, ending: RegExp): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesBelow(new URL(`${name}/`, folder), ending);
    else if (ending.test(name)) yield new URL(name, folder);
  }
}

/** The project on a web server, where `change` may change a file on its way. */
function serveProject(change: (path: string, text: string) => string): Loopback {
  return serve(async ({ url }) => {
    const path = new URL(url).pathname.slice(1);
    const text = await Deno.readTextFile(new URL(path, root)).catch(() => undefined);
    if (text === undefined) return new Response("there is no such file", { status: 404 });
    const type = TYPES[path.split(".").at(-1)!] ?? "text/plain";
    return new Response(change(path, text), { headers: { "content-type": type } });
  });
}

/** Somebody's own project: a folder with a script, a lock file and a cache of its own. */
class Importer {
  constructor(readonly folder: TemporaryFolder, readonly env: Record<string, string> = {}) {}

  /** Loads everything anew and runs the script. */
  async run(...options: string[]): Promise<Ended> {
    const cache = this.folder.at("cache");
    await Deno.remove(cache, { recursive: true }).catch(() => {});
    return await this.again(...options);
  }

  /** Runs the script with what was loaded before. */
  async again(...options: string[]): Promise<Ended> {
    await Deno.mkdir(this.folder.at("cache"), { recursive: true });
    if (this.env["NPM_CONFIG_REGISTRY"] === undefined) {
      await Deno.symlink(npmCache, this.folder.at("cache/npm")).catch(() => {});
    }
    return await runDeno(["run", "-A", "--no-config", "--lock=deno.lock", ...options, "script.ts"], {
      cwd: this.folder.path,
      env: { DENO_DIR: this.folder.at("cache"), ...this.env },
    });
  }
}

Deno.test("the lock file is frozen and has all that mod.ts, tests and examples import", async () => {
  assertEquals(project.lock, { path: "./deno.lock", frozen: true });
  const files = ["mod.ts"];
  for (const name of ["tests/", "examples/"]) {
    for await (const url of filesBelow(new URL(name, root), /\.ts$/)) files.push(fileURLToPath(url));
  }
  const { code, stderr } = await runDeno(["cache", "--frozen", ...files], { cwd: fileURLToPath(root) });
  assertEquals(code, 0, stderr);
});

Deno.test("a lock file that lacks a package is refused", async () => {
  await using folder = await TemporaryFolder.make();
  const shorter = structuredClone(lock);
  delete shorter.specifiers["npm:valibot@1.5.0"];
  delete shorter.npm["valibot@1.5.0"];
  const path = await folder.write("deno.lock", JSON.stringify(shorter));
  const options = ["--config", fileURLToPath(new URL("deno.json", root)), "--frozen", "--cached-only"];
  const mod = fileURLToPath(new URL("mod.ts", root));
  assertEquals((await runDeno(["run", ...options, mod, "--version"])).code, 0);
  const ended = await runDeno(["run", ...options, `--lock=${path}`, mod, "--version"]);
  assertEquals(ended.code, 1);
  assertStringIncludes(ended.stderr, "The lockfile is out of date");
});

Deno.test("packages are named by exact versions, each the same everywhere, and all are locked with a hash", async () => {
  const versions = new Map<string, Set<string>>();
  for (const name of ["lib/", "kernels/", "tests/", "examples/"]) {
    for await (const url of filesBelow(new URL(name, root), /\.ts$/)) {
      const text = await Deno.readTextFile(url);
      for (const [, specifier] of text.matchAll(/(?:from|import\(?|types=)\s*["'`](npm:[^"'`]+)["'`]/g)) {
        const [, packageName, version] = /^npm:((?:@[^/]+\/)?[^@/]+)@?([^/]*)/.exec(specifier!)!;
        const known = versions.get(packageName!) ?? new Set();
        versions.set(packageName!, known.add(version!));
        assert(/^\d+\.\d+\.\d+$/.test(version!), `${url} imports ${specifier}, which is no exact version`);
        assert(`npm:${packageName}@${version}` in lock.specifiers, `deno.lock lacks ${specifier} of ${url}`);
      }
    }
  }
  assert(versions.size > 5, "this test sees no packages");
  assertEquals([...versions].filter(([, each]) => each.size > 1).map(([name, each]) => [name, ...each]), []);
  for (const [name, { integrity }] of Object.entries<{ integrity?: string }>(lock.npm)) {
    assert(/^sha512-/.test(integrity ?? ""), `deno.lock has no hash of ${name}`);
  }
  assertEquals([lock.remote, lock.jsr, lock.redirects], [undefined, undefined, undefined]);
});

Deno.test("no package runs a script when it is installed", () => {
  const scripted = Object.entries<{ scripts?: boolean }>(lock.npm).filter(([, { scripts }]) => scripts);
  assertEquals(scripted.map(([name]) => name), []);
  assertEquals([project.nodeModulesDir, project.allowScripts], ["none", undefined]);
  assertEquals(JSON.stringify(project.tasks).includes("--allow-scripts"), false);
});

Deno.test("a package that was changed is refused when it is downloaded, also with a hash that fits it", async () => {
  const pack = async (said: string) =>
    gzip(
      await buildTar([
        ["package/package.json", JSON.stringify({ name: "probe", version: "1.0.0", exports: "./index.mjs" })],
        ["package/index.mjs", `console.log("${said}");`],
      ]),
    );
  const hashOf = (bytes: Uint8Array) => `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  const [right, wrong] = [await pack("right"), await pack("wrong")];
  let [served, hash] = [right, hashOf(right)];
  await using registry = serve(({ url }) => {
    if (url.endsWith(".tgz")) return new Response(served);
    const dist = { tarball: new URL("/probe/-/probe-1.0.0.tgz", url).href, integrity: hash };
    const versions = { "1.0.0": { name: "probe", version: "1.0.0", dist } };
    return Response.json({ name: "probe", "dist-tags": { latest: "1.0.0" }, versions });
  });
  await using folder = await TemporaryFolder.make();
  const specifier = "npm:probe@1.0.0";
  await folder.write("script.ts", `import "${specifier}";`);
  const importer = new Importer(folder, { NPM_CONFIG_REGISTRY: registry.url });
  assertEquals((await importer.run()).stdout, "right\n");

  served = wrong;
  for (hash of [hashOf(right), hashOf(wrong)]) {
    const ended = await importer.run("--frozen");
    assertEquals([ended.code, ended.stdout], [1, ""]);
    assertStringIncludes(ended.stderr, "Tarball checksum did not match");
  }
  [served, hash] = [right, hashOf(right)];
  assertEquals((await importer.run("--frozen")).stdout, "right\n");

  // What lies unpacked in the cache is trusted: Deno has hashes of archives only. Decision 20 tells of it.
  const cache = new URL(`file://${folder.at("cache/npm")}/`);
  for await (const url of filesBelow(cache, /^index\.mjs$/)) {
    await Deno.writeTextFile(url, `console.log("wrong");`);
  }
  assertEquals((await importer.again("--frozen", "--cached-only")).stdout, "wrong\n");
});

Deno.test("mod.ts by URL: a module, a kernel, and a kernel with its hash are refused when changed by a byte", async () => {
  const changed = new Map<string, (text: string) => string>();
  await using server = serveProject((path, text) => changed.get(path)?.(text) ?? text);
  await using folder = await TemporaryFolder.make();
  await folder.write("script.ts", `import { Tape } from "${server.url}mod.ts"; console.log(typeof Tape);`);
  const importer = new Importer(folder);
  const first = await importer.run();
  assertEquals([first.code, first.stdout], [0, "function\n"], first.stderr);
  const { remote } = JSON.parse(await Deno.readTextFile(folder.at("deno.lock")));
  for (const path of ["mod.ts", "lib/ops/kernel_hashes.ts", "kernels/matmul_tiled.ts", "deno.json"]) {
    assert(`${server.url}${path}` in remote, `deno.lock does not cover ${path}`);
  }
  // The reason for the hashes: if Deno covers texts one day, they can go.
  assertEquals(
    `${server.url}kernels/gru.wgsl` in remote,
    false,
    "deno.lock covers texts now: see decision 20",
  );
  const kernels = server.requests.filter(({ url }) => url.endsWith("/kernels/gru.wgsl"));
  assertEquals(kernels.length, 1, "the text that is checked is not the one that is used");

  const refused = async (what: string, says: string) => {
    const ended = await importer.run("--frozen");
    assert(ended.code !== 0 && ended.stdout === "", `${what} was changed and ran`);
    assertStringIncludes(ended.stderr, says);
  };
  changed.set("lib/ops/gru.ts", (text) => `${text} `);
  await refused("a module", "Integrity check failed for remote specifier");
  changed.clear();
  changed.set("kernels/gru.wgsl", (text) => text.replace("+", "-"));
  await refused("a kernel", `Cannot use ${server.url}kernels/gru.wgsl: it is not the text that this version`);
  const { textHash } = await import("../lib/gpu/text_integrity.ts");
  const kernel = await Deno.readTextFile(new URL("kernels/gru.wgsl", root));
  changed.set(
    "lib/ops/kernel_hashes.ts",
    (text) => text.replace(textHash(kernel), textHash(kernel.replace("+", "-"))),
  );
  await refused("a kernel with its hash", "Integrity check failed for remote specifier");
  changed.clear();
  assertEquals((await importer.run("--frozen")).code, 0);
});

Deno.test("`deno task audit` fails for a known weakness, and only says so where nobody can be asked", async () => {
  const run = (registry: string) =>
    runDeno(project.tasks.audit.command.split(" ").slice(1), {
      cwd: fileURLToPath(root),
      env: { NPM_CONFIG_REGISTRY: registry },
    });
  let answer: Record<string, unknown> = {};
  await using registry = serve(() => Response.json(answer));
  const clean = await run(registry.url);
  assertEquals(clean.code, 0, clean.stderr);
  assert(registry.requests.some(({ url }) => url.endsWith("/advisories/bulk")), "it did not ask");
  const weakness = {
    id: 1,
    url: "https://example.com",
    title: "A weakness",
    severity: "low",
    vulnerable_versions: "<=1.5.0",
  };
  answer = { valibot: [weakness] };
  const found = await run(registry.url);
  assertEquals(found.code, 1, found.stdout);
  assertStringIncludes(found.stdout + found.stderr, "A weakness");
  const alone = await run("http://127.0.0.1:9/");
  assertEquals(alone.code, 0, alone.stderr);
  assertStringIncludes(alone.stdout + alone.stderr, "Failed to get data from the registry");
});

Deno.test("whoever changes a kernel is told how to go on", async () => {
  const { KERNEL_HASHES, kernelHashes } = await import("./kernel_hashes.ts");
  assertEquals(
    await Deno.readTextFile(KERNEL_HASHES),
    await kernelHashes(),
    `${join("lib", "ops", "kernel_hashes.ts")} is not of these kernels: run \`deno task kernels\``,
  );
});
