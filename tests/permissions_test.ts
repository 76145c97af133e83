// Every command gets along with its permission set in deno.json, and needs all of it. Deno's audit log tells what a
// command asked for, also where it was refused and went on without.

import { testWithAdapter } from "./adapter.ts";
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import { type Asked, type Audited, AuditedProject, SETS } from "./audit.ts";
import { COMMANDS } from "../lib/cli/main.ts";
import { COLORS_TSV, TINY } from "./cli/tiny_corpus.ts";
import { serve } from "./data/loopback.ts";
import { buildZip } from "./data/zip_builder.ts";

/** What no run of this test can use, and why a set grants it all the same. */
const UNUSED: Readonly<Record<string, string>> = {
  "doctor read /usr/lib/os-release": "systemd's systems without /etc/os-release",
  "repair read /usr/lib/os-release": "systemd's systems without /etc/os-release",
  "repair read /usr/bin/sudo": "whoever is not root",
  "repair run": "Deno 2.9.6 does not log programs; that they ran is seen by what they wrote",
};
/** The variables that hide every adapter from Vulkan and OpenGL, so that doctor looks further. */
const NO_ADAPTER = {
  VK_DRIVER_FILES: "/nonexistent",
  VK_ICD_FILENAMES: "/nonexistent",
  __EGL_VENDOR_LIBRARY_FILENAMES: "/nonexistent",
};

const project = await AuditedProject.make();
Deno.test.afterAll(() => project[Symbol.asyncDispose]());
await project.folder.write("data/colors.tsv", COLORS_TSV);
await project.folder.write("data/cats.txt", "red cat\nblue cat\n");

/** What the runs of each set asked for. */
const asked = new Map<string, Asked[]>();

/** Runs a command under a set; fails unless all that it asks for is in the set or in the flags besides. */
async function runUnder(set: string, args: readonly string[], options: {
  readonly also?: Readonly<Record<string, readonly string[]>>;
  readonly env?: Record<string, string>;
  readonly code?: number;
} = {}): Promise<Audited> {
  const { also = {}, env = {}, code = 0 } = options;
  const flags = Object.entries(also).map(([kind, values]) => `--allow-${kind}=${values.join(",")}`);
  const ended = await project.run([`-P=${set}`, ...flags], args, env);
  assertEquals(ended.code, code, ended.stderr);
  const grants = { ...SETS[set], ...also };
  const denied = ended.asked.filter((one) => {
    const granted = grants[one.permission] ?? [];
    return granted !== true && !granted.some((entry) => project.covers(entry, one));
  });
  const lines = new Set(denied.map(({ permission, value }) => `${permission} ${value}`));
  assertEquals(
    [...lines],
    [],
    `\`${
      args.join(" ")
    }\` asked for what permissions.${set} of deno.json does not grant: add it there, or do without`,
  );
  asked.set(set, [...asked.get(set) ?? [], ...ended.asked]);
  return ended;
}

/** Fails if a set grants what none of its runs asked for. */
function assertAllUsed(set: string): void {
  const used = asked.get(set) ?? [];
  const unused = Object.entries(SETS[set]!).flatMap(([kind, granted]) => {
    const ofKind = used.filter(({ permission }) => permission === kind);
    if (granted === true) return ofKind.length > 0 ? [] : [`${set} ${kind}`];
    return granted.filter((entry) => !ofKind.some((one) => project.covers(entry, one)))
      .map((entry) => `${set} ${kind} ${entry}`);
  });
  assertEquals(
    unused.filter((entry) => !(entry in UNUSED)),
    [],
    `deno.json grants what no run of this test needs: take it out, add a run that needs it, or a reason to UNUSED`,
  );
}

const tiny = ["train", "--corpus", "data/colors.tsv", ...TINY];

testWithAdapter("train reads data and runs, writes runs, and needs all of its permission set", async () => {
  await runUnder("train", [...tiny, "--output", "runs/tiny", "--epochs", "2", "--keep", "2"]);
  await runUnder("train", ["train", "--resume", "runs/tiny", "--epochs", "3"]);
  const demo = [
    "--config",
    "examples/demo.json",
    "--output",
    "runs/demo",
    "--max-steps",
    "1",
    "--hidden",
    "8",
  ];
  await runUnder("train", ["train", ...demo, "--embedding", "8"]);
  const zip = buildZip([{ name: "deu.txt", content: COLORS_TSV }]);
  await using mirror = serve(() => new Response(zip));
  const tatoeba = [
    "train",
    "--corpus",
    "tatoeba:deu-eng",
    "--output",
    "runs/deu",
    "--max-steps",
    "1",
    ...TINY,
  ];
  // As the README has it, but from this machine.
  await runUnder("train", [...tatoeba, "--cache", "data"], {
    also: { net: [new URL(mirror.url).host], write: ["data", "runs"] },
    env: { ATTEND_MIRROR: mirror.url },
  });
  const again = await runUnder("train", tatoeba, {
    env: { ATTEND_CACHE: "data", ATTEND_MIRROR: mirror.url },
  });
  assertStringIncludes(again.stdout, "from the cache");
  assertEquals(mirror.requests.length, 1);
  assertAllUsed("train");
});

testWithAdapter("translate only reads, and needs all of its permission set", async () => {
  await trained();
  const args = ["translate", "--model", "runs/tiny", "--input", "data/cats.txt"];
  await runUnder("translate", args);
  assertEquals(
    asked.get("translate")!.filter(({ permission }) => !["read", "env", "sys"].includes(permission)),
    [],
  );
  assertEquals("write" in SETS["translate"]!, false);
  const drawing = [...args, "--attention", "runs/attention.svg"];
  const refused = await project.run(["-P=translate"], drawing);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "Requires write access to ");
  assertStringIncludes(refused.stderr, ": --allow-write=<yours>");
  await runUnder("translate", drawing, { also: { write: ["runs"] } });
  assertAllUsed("translate");
});

testWithAdapter("evaluate and average need all of their permission sets, and no more", async () => {
  await trained();
  const drawings = [
    "--attention",
    "runs/test.svg",
    "--by-length",
    "runs/length.svg",
    "--alignment",
    "runs/test.align",
  ];
  await runUnder("evaluate", ["evaluate", "--model", "runs/tiny", "--show", "1", ...drawings]);
  await runUnder("evaluate", ["evaluate", "--model", "runs/tiny", "--corpus", "data/colors.tsv"]);
  const zip = buildZip([{ name: "deu.txt", content: COLORS_TSV }]);
  await using mirror = serve(() => new Response(zip));
  const env = { ATTEND_CACHE: "data/evaluate", ATTEND_MIRROR: mirror.url };
  await runUnder("evaluate", ["evaluate", "--model", "runs/tiny", "--corpus", "tatoeba:deu-eng"], {
    also: { net: [new URL(mirror.url).host], write: ["data", "runs"] },
    env,
  });
  assertAllUsed("evaluate");
  const epochs = [...Deno.readDirSync(project.folder.at("runs/tiny"))].map(({ name }) => `runs/tiny/${name}`)
    .filter((path) => path.includes("/epoch-"));
  assertEquals(epochs.length, 2);
  await runUnder("average", ["average", "--output", "runs/averaged", ...epochs]);
  assertAllUsed("average");
});

testWithAdapter("train is refused what lies elsewhere, and says how to grant it", async () => {
  const { code, stderr } = await project.run(["-P=train"], ["train", "--corpus", "/etc/pairs.tsv", ...TINY]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'Requires read access to "/etc/pairs.tsv"');
  const flag = `--allow-read=${(SETS["train"]!["read"] as string[]).join(",")},<yours>`;
  assertStringIncludes(stderr, `${flag}, in place of what -P=train grants`);
});

Deno.test({
  name: "doctor and its repair need all of their permission sets, and no more",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await runUnder("doctor", ["doctor"], { env: NO_ADAPTER, code: 69 });
    assertAllUsed("doctor");

    // The programs that install are played by one that does nothing.
    const nothing = '#!/bin/sh\necho "$0 $*" >> "$ATTEND_RAN"\n';
    await Deno.mkdir(project.folder.at("bin"));
    for (const name of ["env", "rm", "sudo", "tee"]) {
      await Deno.chmod(await project.folder.write(`bin/${name}`, nothing), 0o755);
    }
    const env = {
      ...NO_ADAPTER,
      PATH: `${project.folder.at("bin")}:${Deno.env.get("PATH")}`,
      ATTEND_RAN: project.folder.at("ran"),
      DENO_AUDIT_PERMISSIONS: "/dev/stderr",
    };
    const { stderr } = await runUnder("repair", ["doctor", "--fix"], { env, code: 69 });
    if (!stderr.includes("About to run")) return; // nothing can be installed here, so nothing was asked for
    assertStringIncludes(await Deno.readTextFile(project.folder.at("ran")), "apt-get");
    assertAllUsed("repair");
  },
});

Deno.test("every command has a permission set, and the README grants nothing else wholesale", async () => {
  const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));
  for (const name of Object.keys(COMMANDS)) {
    assert(name in SETS, `deno.json has no permission set for ${name}`);
  }
  assertEquals(readme.match(/deno (run|test|task)[^\n`]*? (-A|--allow-all)\b[^\n`]*/g) ?? [], []);
});

Deno.test("training, translating and measuring never use network or programs, and only ask how much memory there is", () => {
  for (const set of ["train", "translate", "evaluate", "average"]) {
    const { sys, ...grants } = SETS[set]!;
    assertEquals(sys, set === "average" ? undefined : ["systemMemoryInfo"], set);
    assertEquals(Object.keys(grants).filter((kind) => !["read", "write", "env"].includes(kind)), [], set);
    assertEquals(Object.values(SETS[set]!).includes(true), false, `${set} is granted all of a kind`);
  }
});

/** Makes sure that the model which the other commands use is there. */
async function trained(): Promise<void> {
  if (await Deno.stat(project.folder.at("runs/tiny")).then(() => true, () => false)) return;
  await runUnder("train", [...tiny, "--output", "runs/tiny", "--epochs", "2", "--keep", "2"]);
}
