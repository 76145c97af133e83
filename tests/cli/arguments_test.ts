import { parseArguments } from "../../lib/cli/arguments.ts";
import { UsageError } from "../../lib/cli/exit_code.ts";
import { type Options, type Values, withDefaults } from "../../lib/cli/option.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const OPTIONS = {
  corpus: { type: "string", short: "c", default: "cldr:en-de", description: "Corpus" },
  epochs: { type: "integer", minimum: 1, default: 10, description: "Epochs" },
  batchSize: { type: "integer", minimum: 1, maximum: 1024, description: "Batch size" },
  learningRate: { type: "number", above: 0, description: "Learning rate" },
  dropout: { type: "number", minimum: 0, below: 1, default: 0.1, description: "Dropout" },
  offset: { type: "number", description: "Any number" },
  attention: { type: "boolean", default: true, description: "Attention" },
  quiet: { type: "boolean", short: "q", description: "Quiet" },
  cell: { type: "choice", choices: ["gru", "lstm"], default: "gru", description: "Cell" },
  input: { type: "strings", short: "i", description: "Input files" },
} as const satisfies Options;

function given(...args: string[]): Record<string, unknown> {
  return parseArguments(args, OPTIONS).given;
}

function assertUsageError(args: string[], message: string): void {
  const error = assertThrows(() => parseArguments(args, OPTIONS), UsageError);
  assertEquals(error.message, message);
}

Deno.test("parseArguments() reads each type of option", () => {
  assertEquals(
    given(
      "--corpus",
      "a.tsv",
      "--epochs=5",
      "--batch-size",
      "64",
      "--learning-rate",
      "1e-3",
      "--cell",
      "lstm",
    ),
    { corpus: "a.tsv", epochs: 5, batchSize: 64, learningRate: 1e-3, cell: "lstm" },
  );
  assertEquals(given("--attention"), { attention: true });
  assertEquals(given("--no-attention", "--quiet"), { attention: false, quiet: true });
  assertEquals(given("--attention=false", "--quiet=true"), { attention: false, quiet: true });
  assertEquals(given("--attention", "--no-attention"), { attention: false });
  assertEquals(given("-c", "b.tsv", "-q"), { corpus: "b.tsv", quiet: true });
  assertEquals(given("--input", "a", "-i", "b", "--input=c"), { input: ["a", "b", "c"] });
});

Deno.test("parseArguments() leaves absent options out", () => {
  assertEquals(parseArguments([], OPTIONS), { given: {}, positional: [] });
});

Deno.test("parseArguments() keeps text that looks like a number as text", () => {
  assertEquals(given("--corpus", "007"), { corpus: "007" });
  assertEquals(parseArguments(["42", "1e3"], OPTIONS).positional, ["42", "1e3"]);
});

Deno.test("parseArguments() takes a dash or a negative number as a value", () => {
  assertEquals(given("--corpus", "-"), { corpus: "-" });
  assertEquals(given("--offset", "-1.5"), { offset: -1.5 });
  assertUsageError(["--epochs", "-1"], 'Cannot read --epochs as an integer of at least 1: "-1".');
});

Deno.test("parseArguments() collects positional arguments, all of them after --", () => {
  assertEquals(parseArguments(["a b", "-q", "-", "", "--", "--epochs", "-1"], OPTIONS), {
    given: { quiet: true },
    positional: ["a b", "-", "", "--epochs", "-1"],
  });
});

Deno.test("parseArguments() refuses unknown options with a suggestion", () => {
  assertUsageError(["--epoch", "5"], 'Unknown option "--epoch". Did you mean "--epochs"?');
  assertUsageError(["--batchSize=5"], 'Unknown option "--batchSize". Did you mean "--batch-size"?');
  assertUsageError(["--learn", "5"], 'Unknown option "--learn". Did you mean "--learning-rate"?');
  assertUsageError(["-epochs", "5"], 'Unknown option "-epochs". Did you mean "--epochs"?');
  assertUsageError(["--no-attentoin"], 'Unknown option "--no-attentoin". Did you mean "--no-attention"?');
  assertUsageError(["--zebra"], 'Unknown option "--zebra".');
  assertUsageError(["--__proto__=1"], 'Unknown option "--__proto__".');
  assertUsageError(
    ["--no-epochs"],
    'Unknown option "--no-epochs": "--epochs" takes a value and cannot be switched off.',
  );
});

Deno.test("parseArguments() names the limit and the value of a wrong option", () => {
  assertUsageError(["--epochs", "ten"], 'Cannot read --epochs as an integer of at least 1: "ten".');
  assertUsageError(["--epochs", "0"], 'Cannot read --epochs as an integer of at least 1: "0".');
  assertUsageError(["--epochs", "1.5"], 'Cannot read --epochs as an integer of at least 1: "1.5".');
  assertUsageError(["--epochs", "1e99"], 'Cannot read --epochs as an integer of at least 1: "1e99".');
  assertUsageError(["--epochs", " "], 'Cannot read --epochs as an integer of at least 1: " ".');
  assertUsageError(
    ["--batch-size", "2000"],
    'Cannot read --batch-size as an integer from 1 to 1024: "2000".',
  );
  assertUsageError(["--dropout", "1"], 'Cannot read --dropout as a number of at least 0 and below 1: "1".');
  assertUsageError(["--learning-rate=0"], 'Cannot read --learning-rate as a number above 0: "0".');
  assertUsageError(["--offset", "Infinity"], 'Cannot read --offset as a number: "Infinity".');
  assertUsageError(
    ["--cell", "lsmt"],
    'Cannot read --cell as one of gru, lstm: "lsmt". Did you mean "lstm"?',
  );
  assertUsageError(["--attention=maybe"], 'Cannot read --attention as true or false: "maybe".');
  assertUsageError(["-q=maybe"], 'Cannot read --quiet as true or false: "maybe".');
  assertUsageError(["--no-epochs=5"], 'Option --no-epochs takes no value: got "5".');
});

Deno.test("parseArguments() refuses missing and repeated values", () => {
  assertUsageError(["--epochs"], "Option --epochs needs a value: an integer of at least 1.");
  assertUsageError(["--epochs", "--quiet"], "Option --epochs needs a value: an integer of at least 1.");
  assertUsageError(["--epochs="], "Option --epochs needs a value: an integer of at least 1.");
  assertUsageError(
    ["--epochs", "1", "--epochs", "2"],
    'Option --epochs can be given only once: got "1" and "2".',
  );
});

Deno.test("withDefaults() fills in what was not given, with the declared types", () => {
  const values: Values<typeof OPTIONS> = withDefaults(OPTIONS, { epochs: 3 });
  const epochs: number = values.epochs;
  const cell: "gru" | "lstm" = values.cell;
  const batchSize: number | undefined = values.batchSize;
  const input: readonly string[] = values.input;
  const quiet: boolean = values.quiet;
  assertEquals({ epochs, cell, batchSize, input, quiet }, {
    epochs: 3,
    cell: "gru",
    batchSize: undefined,
    input: [],
    quiet: false,
  });
  // @ts-expect-error An option without a default may be absent.
  const never: number = values.learningRate;
  assertEquals(never, undefined);
});
