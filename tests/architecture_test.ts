// The rules of docs/architecture.md that a machine can check: who may import whom, from where, and how much.

import { assert, assertEquals } from "./assert.ts";

/** What each part of lib/ may import besides itself, the files that stand alone in lib/. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  random: [],
  cache_folder: [],
  strict_json: [],
  bounded_file: ["strict_json"],
  gpu: [],
  data: [],
  ops: ["gpu"],
  models: ["data", "gpu", "ops"],
  inference: ["data", "gpu", "ops", "models"],
  evaluation: ["data", "gpu", "ops", "models"],
  report: [],
  training: ["data", "gpu", "ops", "models", "inference", "evaluation"],
  cli: ["data", "gpu", "ops", "models", "inference", "evaluation", "report", "training"],
};
const ALONE = ["random", "cache_folder", "strict_json", "bounded_file"];
const MOST_LINES = 300;

/** What `deno doc --json` says of a module, as far as it is looked at here. */
interface DocumentedModule {
  readonly symbols: readonly { readonly name: string }[];
}

const root = new URL("../", import.meta.url);
/** The text of each file in lib/, examples/ and kernels/, and of mod.ts, by its path from the root. */
const files = new Map<string, string>();
for (const folder of ["lib/", "examples/", "kernels/"]) await load(folder);
files.set("mod.ts", await Deno.readTextFile(new URL("mod.ts", root)));

async function load(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
    if (isDirectory) await load(`${folder}${name}/`);
    else files.set(folder + name, await Deno.readTextFile(new URL(folder + name, root)));
  }
}

/** The files in a folder that are TypeScript. */
function sources(folder: string): string[] {
  return [...files.keys()].filter((path) => path.startsWith(folder) && path.endsWith(".ts"));
}

/** A text without the lines of comments, which hold examples. */
function code(path: string): string {
  return files.get(path)!.replace(/^\s*(\/\/|\/?\*).*$/gm, "");
}

/** The specifiers that a file imports or exports from, dynamic imports included. */
function specifiers(path: string): string[] {
  const patterns = [
    /^(?:import|export)\b[^"';]*?\bfrom\s+"([^"]+)"/gm,
    /^import\s+"([^"]+)"/gm,
    /\bimport\(\s*"([^"]+)"/g,
  ];
  return patterns.flatMap((pattern) => [...code(path).matchAll(pattern)].map(([, specifier]) => specifier!));
}

/** The files of this project that a file imports. */
function imports(path: string): string[] {
  return specifiers(path).filter((specifier) => specifier.startsWith(".")).map((specifier) => {
    return new URL(specifier, new URL(path, root)).href.slice(root.href.length);
  });
}

/** The part of lib/ that a file belongs to; undefined outside lib/. */
function part(path: string): string | undefined {
  return /^lib\/(\w+)/.exec(path)?.[1];
}

/** All that some files break; the test fails with the list. */
function assertNone(offences: Iterable<string>): void {
  assertEquals([...offences], []);
}

Deno.test("this test sees every import that Deno sees", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL("mod.ts", root).href],
    cwd: root,
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  let count = 0;
  for (const { specifier, dependencies = [] } of modules) {
    const path = specifier.slice(root.href.length);
    if (!specifier.startsWith(root.href) || !files.has(path) || !path.endsWith(".ts")) continue;
    const seen = specifiers(path);
    for (const { specifier } of dependencies) {
      assert(seen.includes(specifier), `${path} imports ${specifier}`);
    }
    count++;
  }
  assert(count > 50, `Deno lists ${count} modules of this project`);
});

Deno.test("imports go down: cli, training, inference, models, ops, gpu; data and report stand alone", () => {
  const offences = sources("lib/").flatMap((path) => {
    const from = part(path)!;
    assert(from in ALLOWED, `${path} is in no known part of lib/`);
    return imports(path).filter((target) => {
      const to = part(target);
      return to !== undefined && to !== from && !ALLOWED[from]!.includes(to) &&
        (!ALONE.includes(to) || ALONE.includes(from));
    }).map((target) => `${path} imports ${target}`);
  });
  assertNone(offences);
});

Deno.test("no module imports itself, not even through others", () => {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
    if (trail.includes(path) || done.has(path) || !files.has(path)) return;
    for (const target of imports(path)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of [...sources("lib/"), "mod.ts"]) visit(path, []);
  assertNone(cycles);
});

Deno.test("the library imports nothing from outside but exact npm versions and node: modules", () => {
  const known = /^(\.{1,2}\/|node:[a-z/]+$|npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/|$))/;
  assertNone([...sources("lib/"), ...sources("kernels/"), "mod.ts"].flatMap((path) => {
    const named = [...code(path).matchAll(/["'`]((?:npm|jsr|https?):[^"'`\s]*)["'`]/g)].map(([, name]) =>
      name!
    );
    const remote = named.filter((name) => /^(npm|jsr):|\.[jt]s$/.test(name));
    return [...specifiers(path), ...remote].filter((specifier) => !known.test(specifier))
      .map((specifier) => `${path} names ${specifier}`);
  }));
});

Deno.test("only mod.ts is for users: nothing in lib/ imports it, and examples import nothing else", () => {
  const upward = sources("lib/").filter((path) => imports(path).includes("mod.ts"));
  const inward = sources("examples/").filter((path) => specifiers(path).some((name) => name !== "../mod.ts"));
  assertNone([...upward, ...inward]);
});

Deno.test("kernels are imported by lib/ops and lib/gpu/fill.ts only", () => {
  const importers = [...sources("lib/"), "mod.ts"].filter((path) => {
    return imports(path).some((target) => target.startsWith("kernels/"));
  });
  assertNone(importers.filter((path) => part(path) !== "ops" && path !== "lib/gpu/fill.ts"));
});

Deno.test("every kernel belongs to an operation whose test checks it", async () => {
  for (const kernel of [...files.keys()].filter((path) => path.startsWith("kernels/"))) {
    // That module has the hashes of all kernels, and runs none.
    const users = sources("lib/").filter((path) =>
      path !== "lib/ops/kernel_hashes.ts" && imports(path).includes(kernel)
    );
    const part = sources("kernels/").some((path) => imports(path).includes(kernel)); // of other kernels
    assert(users.length > 0 || part, `nothing imports ${kernel}`);
    for (const user of users) {
      const test = user.replace(/^lib\//, "tests/").replace(/\.ts$/, "_test.ts");
      // What a test shares with those of generated shapes stands beside it.
      const texts = await Promise.all([test, test.replace("_test.ts", "_check.ts")].map((path) => {
        return Deno.readTextFile(new URL(path, root)).catch(() => "");
      }));
      const tested = texts.some((text) => text.includes(`from "../../${user}"`));
      assert(texts[0] && tested, `${test} does not test ${user}, which runs ${kernel}`);
    }
  }
});

Deno.test(`no file in lib/ has more than ${MOST_LINES} lines`, () => {
  const long = sources("lib/").map((path) => [path, files.get(path)!.trimEnd().split("\n").length] as const);
  assertNone(
    long.filter(([, lines]) => lines > MOST_LINES).map(([path, lines]) => `${path} has ${lines} lines`),
  );
});

Deno.test("the library prints nothing; the program does, in lib/cli", () => {
  const printing = sources("lib/").filter((path) => /\bconsole\./.test(code(path)));
  assertNone(printing.filter((path) => part(path) !== "cli"));
});

Deno.test("the documentation of what mod.ts exports links to nothing that it does not export", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", new URL("mod.ts", root).href],
    cwd: root,
  }).output();
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, DocumentedModule>;
  };
  const [{ symbols }] = Object.values(nodes) as [DocumentedModule];
  assert(symbols.length > 150, `Deno lists ${symbols.length} exports`);
  const exported = new Map(symbols.map((symbol) => [symbol.name, JSON.stringify(symbol)]));
  assertNone(
    [...exported].flatMap(([name, text]) =>
      [...text.matchAll(/\{@link(?:code|plain)? +(\w+)(?:\.(\w+))?/g)]
        .filter(([, target, member]) => {
          const isMember = text.includes(`"name":"${target}"`); // of the same class or interface
          return !isMember &&
            !exported.get(target!)?.includes(member === undefined ? "" : `"name":"${member}"`);
        })
        .map(([link]) => `${name} says ${link}}`)
    ),
  );
});
