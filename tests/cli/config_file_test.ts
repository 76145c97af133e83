import { type Command, defineCommand, runCommand } from "../../lib/cli/command.ts";
import { parseConfig, readConfigFile } from "../../lib/cli/config_file.ts";
import { UsageError } from "../../lib/cli/exit_code.ts";
import type { Options } from "../../lib/cli/option.ts";
import { assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { memoryEnvironment } from "./memory_environment.ts";

const OPTIONS = {
  corpus: { type: "string", description: "Corpus" },
  epochs: { type: "integer", minimum: 1, default: 10, description: "Epochs" },
  batchSize: { type: "integer", minimum: 1, default: 64, description: "Batch size" },
  attention: { type: "boolean", default: true, description: "Attention" },
  cell: { type: "choice", choices: ["gru", "lstm"], default: "gru", description: "Cell" },
  input: { type: "strings", description: "Input files" },
} as const satisfies Options;

function assertRefused(text: string, message: string): void {
  const error = assertThrows(() => parseConfig(text, "a.json", OPTIONS), UsageError);
  assertEquals(error.message, message);
}

Deno.test("parseConfig() reads values, comments and a byte order mark", () => {
  const text = '\uFEFF{\n  // a comment\n  "epochs": 3, "attention": false, "input": ["a", "b"],\n}\n';
  assertEquals(parseConfig(text, "a.json", OPTIONS), { epochs: 3, attention: false, input: ["a", "b"] });
  assertEquals(parseConfig("{}", "a.json", OPTIONS), {});
});

Deno.test("parseConfig() refuses unknown keys with a suggestion", () => {
  assertRefused('{"epoch": 3}', 'Unknown key "epoch" in "a.json". Did you mean "epochs"?');
  assertRefused('{"batch-size": 3}', 'Unknown key "batch-size" in "a.json". Did you mean "batchSize"?');
  assertRefused('{"constructor": 3}', 'Unknown key "constructor" in "a.json".');
  assertRefused('{"__proto__": {"epochs": 3}}', 'Unknown key "__proto__" in "a.json".');
});

Deno.test("parseConfig() names the limit and the value, for every mistake", () => {
  assertRefused('{"epochs": "3"}', 'Cannot read "epochs" in "a.json" as an integer of at least 1: "3".');
  assertRefused('{"epochs": 0}', 'Cannot read "epochs" in "a.json" as an integer of at least 1: 0.');
  assertRefused('{"epochs": 1.5}', 'Cannot read "epochs" in "a.json" as an integer of at least 1: 1.5.');
  assertRefused('{"epochs": null}', 'Cannot read "epochs" in "a.json" as an integer of at least 1: null.');
  assertRefused('{"attention": "no"}', 'Cannot read "attention" in "a.json" as true or false: "no".');
  assertRefused('{"input": ["a", 1]}', 'Cannot read "input" in "a.json" as a list of texts: ["a",1].');
  assertRefused(
    '{"cell": "gruu", "corpus": 1}',
    'Cannot read "corpus" in "a.json" as text: 1.\n' +
      'Cannot read "cell" in "a.json" as one of gru, lstm: "gruu". Did you mean "gru"?',
  );
});

Deno.test("parseConfig() names the file and the line of a syntax error", () => {
  assertRefused(
    '{\n  "epochs": 3\n  "cell": "gru"\n}',
    'Cannot parse "a.json" as JSON: unexpected "cell" on line 3, column 3.',
  );
  assertRefused(
    '{\n  "epochs": NaN }',
    'Cannot parse "a.json" as JSON: unexpected NaN on line 2, column 13.',
  );
  assertRefused(
    '{\n  "epochs": 3,\n',
    'Cannot parse "a.json" as JSON: the text ends too early on line 3, column 1.',
  );
  assertRefused("", 'Cannot parse "a.json" as JSON: the text ends too early on line 1, column 1.');
  assertRefused('{"corpus": "a\n}', 'Cannot parse "a.json" as JSON: unexpected "a on line 1, column 12.');
  assertRefused("[]", 'Cannot use "a.json" as a configuration file: it must hold one JSON object.');
  assertRefused("null", 'Cannot use "a.json" as a configuration file: it must hold one JSON object.');
});

Deno.test("parseConfig() refuses an option that is given twice", () => {
  assertRefused(
    '{"epochs": 3,\n "epochs": 4}',
    'Cannot parse "a.json" as JSON: the key "epochs" is there twice, again on line 2, column 2.',
  );
});

Deno.test("readConfigFile() tells why a file cannot be read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const missing = await assertRejects(() => readConfigFile(`${folder}/none.json`, OPTIONS), UsageError);
    assertEquals(
      missing.message,
      `Cannot read the configuration file "${folder}/none.json": there is no such file.`,
    );
    await assertRejects(() => readConfigFile(folder, OPTIONS), UsageError, "it is not a file");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("--config gives defaults that options override", async () => {
  let seen: unknown;
  const command: Command = defineCommand({
    name: "try",
    summary: "Try",
    examples: [],
    options: OPTIONS,
    run: (options) => {
      seen = options;
      return Promise.resolve(0);
    },
  });
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, '{"epochs": 3, "batchSize": 8, "attention": false}');
    await runCommand(command, ["--config", path, "--epochs", "5", "--attention"], memoryEnvironment());
  } finally {
    await Deno.remove(path);
  }
  assertEquals(seen, {
    corpus: undefined,
    epochs: 5,
    batchSize: 8,
    attention: true,
    cell: "gru",
    input: [],
  });
});
