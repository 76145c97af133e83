import { Tokenizer as Theirs } from "npm:@huggingface/tokenizers@0.2.0";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { tokenizerFile, writeTokenizers } from "../../lib/training/tokenizer_files.ts";
import { assertEquals } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";

const TEXTS = ["low lower lowest", "new newer"];
const bpe = Tokenizer.bpe(TEXTS, { merges: 10 });
const characters = Tokenizer.characters(TEXTS, { byteFallback: true });
const words = Tokenizer.words(TEXTS);

const json = async (path: string) => JSON.parse(await Deno.readTextFile(path));

Deno.test("a model folder has what Hugging Face's library loads", async () => {
  await using folder = await TemporaryFolder.make();
  await writeTokenizers(folder.path, { source: bpe, target: characters });
  assertEquals(await folder.files(), [
    "source.tokenizer.json",
    "target.tokenizer.json",
    "tokenizer_config.json",
  ]);
  const config = await json(folder.at("tokenizer_config.json"));
  for (const [name, tokenizer] of [["source", bpe], ["target", characters]] as const) {
    const file = await json(folder.at(await tokenizerFile(folder.path, name)));
    const theirs = new Theirs(file, config);
    assertEquals(theirs.encode("slow newt").ids, tokenizer.encode("slow newt"));
    assertEquals(JSON.stringify(Tokenizer.fromJSON(file)), JSON.stringify(tokenizer));
  }
});

Deno.test("tokenizers of one kind take the place of another's files, and lists of words stay as they were", async () => {
  await using folder = await TemporaryFolder.make();
  await writeTokenizers(folder.path, { text: bpe });
  await writeTokenizers(folder.path, { text: words });
  assertEquals(await folder.files(), ["text.vocabulary.json"]);
  assertEquals(await json(folder.at("text.vocabulary.json")), {
    kind: "words",
    punctuation: false,
    lowerCase: true,
    vocabulary: ["<pad>", "<unk>", "<sos>", "<eos>", "low", "lower", "lowest", "new", "newer"],
  });
  assertEquals(await tokenizerFile(folder.path, "text"), "text.vocabulary.json");
  await writeTokenizers(folder.path, { text: bpe });
  assertEquals(await folder.files(), ["text.tokenizer.json", "tokenizer_config.json"]);
});
