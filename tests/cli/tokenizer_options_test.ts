import { UsageError } from "../../lib/cli/exit_code.ts";
import { assertTokenizerOptions, learnTokenizers } from "../../lib/cli/tokenizer_options.ts";
import { testWithAdapter } from "../adapter.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { attend } from "./program.ts";
import { COLORS_TSV, TINY } from "./tiny_corpus.ts";

type Values = Parameters<typeof assertTokenizerOptions>[0];

const DEFAULTS: Values = {
  tokenizer: "words",
  merges: undefined,
  joint: false,
  byteFallback: false,
  punctuation: false,
  lowerCase: undefined,
  nfc: false,
  plainPunctuation: false,
  minFrequency: 1,
  maxVocabulary: undefined,
};
const PAIRS = [{ source: "The old cat!", target: "Die alte Katze!" }];

const learn = (values: Partial<Values>) => learnTokenizers(PAIRS, { ...DEFAULTS, ...values });

Deno.test("each kind of tokenizer is learned as the options say", () => {
  const plain = learn({});
  assertEquals([plain.source.kind, plain.source.tokenize("The Cat!").join()], ["words", "the,cat"]);
  assertEquals(learn({ punctuation: true }).target.normalize("Die Katze!"), "Die Katze!");
  assertEquals(learn({ punctuation: true, lowerCase: true }).target.normalize("Die Katze!"), "die katze!");
  assertEquals(learn({ lowerCase: false }).target.normalize("Die Katze!"), "Die Katze");
  const bpe = learn({ tokenizer: "bpe", merges: 3, byteFallback: true });
  assertEquals([bpe.source.kind, bpe.source.unknown("ß").length], ["bpe", 0]);
  assertEquals(learn({ tokenizer: "bpe", minFrequency: 3 }).source.unknown("old").sort().join(""), "dlo");
  const characters = learn({ tokenizer: "characters", lowerCase: true, maxVocabulary: 5 });
  assertEquals([characters.target.kind, characters.target.vocabulary.tokens.slice(4).join()], [
    "characters",
    "e",
  ]);
});

Deno.test("--joint makes one tokenizer of both languages", () => {
  for (const tokenizer of ["words", "bpe", "characters"] as const) {
    const { source, target } = learn({ tokenizer, joint: true });
    assert(source === target && source.unknown("cat Katze").length === 0);
    const apart = learn({ tokenizer });
    assert(apart.source !== apart.target && apart.source.unknown("Katze").length > 0);
  }
});

Deno.test("options of tokenizers that contradict each other are refused", () => {
  const conflicts: [values: Partial<Values>, says: string][] = [
    [{ merges: 5 }, "--merges needs --tokenizer bpe"],
    [{ merges: 5, tokenizer: "characters" }, "--merges needs --tokenizer bpe"],
    [{ byteFallback: true }, "--byte-fallback needs"],
    [{ plainPunctuation: true }, "--plain-punctuation needs --punctuation: words leave none to make plain"],
    [{ punctuation: true, tokenizer: "bpe" }, "--punctuation is for words: bpe always"],
    [{ maxVocabulary: 9, tokenizer: "bpe" }, "--max-vocabulary is not for bpe"],
  ];
  for (const [values, says] of conflicts) {
    assertThrows(() => assertTokenizerOptions({ ...DEFAULTS, ...values }), UsageError, says);
  }
  assertTokenizerOptions({ ...DEFAULTS, tokenizer: "characters", maxVocabulary: 300, byteFallback: true });
});

testWithAdapter("the program trains, evaluates and translates with parts of words", async () => {
  await using folder = await TemporaryFolder.make();
  const corpus = await folder.write("colors.tsv", COLORS_TSV);
  const model = folder.at("model");
  const kind = ["--tokenizer", "bpe", "--merges", "20", "--joint", "--byte-fallback", "--tied", "all"];
  const training = await attend(
    ["train", "--corpus", corpus, "--output", model, "--max-steps", "2", ...TINY, ...kind],
  );
  assertEquals(training.code, 0, training.stderr);
  assertStringIncludes(training.stdout, "tokens, which cover 100.0 % of the validation text");
  const names = [...Deno.readDirSync(model)].map(({ name }) => name).filter((name) => name.includes("token"));
  assertEquals(names.sort(), ["source.tokenizer.json", "target.tokenizer.json", "tokenizer_config.json"]);
  const translation = await attend(["translate", "--model", model, "red 🐘", "?!"]);
  assertEquals([translation.code, translation.stderr], [0, ""]);
  const evaluation = await attend(["evaluate", "--model", model]);
  assertEquals(evaluation.code, 0, evaluation.stderr);
  const refused = await attend(["train", "--corpus", corpus, "--merges", "5"]);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "--merges needs --tokenizer bpe");
});
