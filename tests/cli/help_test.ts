import { type Command, type Context, defineCommand, runCommand } from "../../lib/cli/command.ts";
import type { Options } from "../../lib/cli/option.ts";
import { COMMANDS, main } from "../../lib/cli/main.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";
import { memoryEnvironment } from "./memory_environment.ts";

const greet: Command = defineCommand({
  name: "greet",
  summary: "Greet somebody",
  description: "Says hello to whoever is named, as often as is asked for, and waits for no answer at all.",
  examples: [
    { description: "Greet Ada", args: "Ada" },
    { description: "Greet her three times", args: "--times 3 Ada" },
  ],
  positional: { name: "name", description: "Whom to greet", many: true, required: true },
  options: {
    times: { type: "integer", minimum: 1, default: 1, short: "t", description: "How often" },
    tone: {
      type: "choice",
      choices: ["warm", "formal"],
      description: "How to sound",
      defaultText: "as the hour is",
    },
    output: { type: "string", value: "<file>", description: "Where to write" },
    wave: { type: "boolean", default: true, description: "Leave the hand down" },
    also: { type: "strings", value: "<name>", description: "Whom else to greet" },
  },
  run: () => Promise.resolve(0),
});

const GREET_HELP = `Greet somebody.

Usage: attend greet [options] <name>…

Says hello to whoever is named, as often as is asked for, and waits for no
answer at all.

Arguments:
  <name>  Whom to greet

Options:
  -t, --times <number>      How often (default: 1)
      --tone <warm|formal>  How to sound (default: as the hour is)
      --output <file>       Where to write
      --no-wave             Leave the hand down
      --also <name>         Whom else to greet (may be given several times)

Options of every command:
      --config <file>  Take defaults from a JSON file, its keys in camelCase
      --json           Write one JSON object a line, for machines
      --debug          Show where an error comes from
  -h, --help           Show this help

Examples:
  Greet Ada:
    run greet Ada
  Greet her three times:
    run greet --times 3 Ada
`;

Deno.test("--help shows usage, options with defaults, and examples", async () => {
  for (const args of [["--help"], ["-h"], ["--unknown", "--help"]]) {
    const environment = memoryEnvironment();
    assertEquals(await runCommand(greet, args, environment), 0);
    assertEquals(environment.stdoutText(), GREET_HELP);
  }
});

Deno.test("--help wraps to a narrow terminal", async () => {
  const environment = memoryEnvironment({ columns: 50 });
  await runCommand(greet, ["--help"], environment);
  const options = environment.stdoutText().split("Examples:")[0] ?? "";
  assertEquals(options.split("\n").filter((line) => line.length > 50), []);
});

Deno.test("--help fits 80 columns for every command, whose summary is the one in the list", async () => {
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = await load();
    assertEquals([command.name, command.summary], [name, summary]);
    assert(command.examples.length > 0, `${name} has no example`);
    const environment = memoryEnvironment();
    assertEquals(await main([name, "--help"], environment), 0);
    const options = environment.stdoutText().split("Examples:")[0] ?? "";
    assertEquals(options.split("\n").filter((line) => line.length > 80), []);
  }
});

Deno.test("main() shows its help when asked, and on standard error when nothing is asked", async () => {
  const asked = memoryEnvironment();
  assertEquals(await main(["--help"], asked), 0);
  assertStringIncludes(asked.stdoutText(), "Usage: attend <command> [options]");
  assertStringIncludes(asked.stdoutText(), "  train");
  const bare = memoryEnvironment();
  assertEquals(await main([], bare), 2);
  assertEquals([bare.stdoutText(), bare.stderrText()], ["", asked.stdoutText()]);
});

Deno.test("main() shows its version", async () => {
  const environment = memoryEnvironment();
  assertEquals(await main(["--version"], environment), 0);
  assertStringIncludes(environment.stdoutText(), `(deno ${Deno.version.deno},`);
});

Deno.test("main() refuses unknown commands with a suggestion", async () => {
  for (
    const [typed, message] of [
      ["tarin", 'error: Unknown command "tarin". Did you mean "train"?\nSee attend --help.\n'],
      ["constructor", 'error: Unknown command "constructor".\nSee attend --help.\n'],
      ["--corpus", 'error: Unknown option "--corpus".\nSee attend --help.\n'],
    ] as const
  ) {
    const environment = memoryEnvironment();
    assertEquals(await main([typed], environment), 2);
    assertEquals([environment.stdoutText(), environment.stderrText()], ["", message]);
  }
});

Deno.test("main() points to the help of the command whose arguments are wrong", async () => {
  const environment = memoryEnvironment();
  assertEquals(await main(["doctor", "--fixx"], environment), 2);
  assertEquals(
    environment.stderrText(),
    'error: Unknown option "--fixx". Did you mean "--fix"?\nSee attend doctor --help.\n',
  );
  const surplus = memoryEnvironment();
  assertEquals(await main(["doctor", "now"], surplus), 2);
  assertStringIncludes(surplus.stderrText(), 'Unexpected argument "now" for "doctor".');
});

Deno.test("defineCommand() refuses declarations that contradict themselves", () => {
  const define = (options: Options) =>
    assertThrows(
      () => defineCommand({ name: "try", summary: "", examples: [], options, run: () => Promise.resolve(0) }),
      TypeError,
    ).message;
  const description = "";
  assertEquals(
    define({ size: { type: "integer", minimum: 1, default: 0, description } }),
    'Cannot define --size of the command "try": its default 0 is not allowed.',
  );
  assertStringIncludes(define({ json: { type: "boolean", description } }), "every command has an option");
  assertStringIncludes(define({ high: { type: "string", short: "h", description } }), "-h is already taken");
  assertStringIncludes(define({ "batch-size": { type: "string", description } }), "not in camelCase");
  assertStringIncludes(
    define({ cell: { type: "choice", choices: ["gru"], default: "lstm", description } }),
    '"lstm"',
  );
});

Deno.test("--json keeps text off standard output, and text mode keeps records off it", async () => {
  const write = (_: unknown, { output }: Context): Promise<number> => {
    output.line("text");
    output.record({ event: "end", loss: 0.5 });
    output.notice("remark");
    return Promise.resolve(0);
  };
  const command = defineCommand({ name: "try", summary: "", examples: [], options: {}, run: write });
  const json = memoryEnvironment();
  await runCommand(command, ["--json"], json);
  assertEquals([json.stdoutText(), json.stderrText()], ['{"event":"end","loss":0.5}\n', "remark\n"]);
  const text = memoryEnvironment();
  await runCommand(command, [], text);
  assertEquals([text.stdoutText(), text.stderrText()], ["text\n", "remark\n"]);
});
