import { Tokenizer as Theirs } from "npm:@huggingface/tokenizers@0.2.0";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { tokenizerFile, writeTokenizers } from "../../lib/training/tokenizer_files.ts";
import { assertEquals } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";

const TEXTS = ["low lower lowest", "new newer"];
const bpe = Tokenizer.bpe(TEXTS, { merges: 10 });
const characters = Tokenizer.characters(TEXTS, { byteFallback: true });
const words = Tokenizer.words(TEXTS);
const marks = Tokenizer.words(["low, lower!"], { punctuation: true, lowerCase: false });

const json = async (path: string) => JSON.parse(await Deno.readTextFile(path));

Deno.test("a model folder has what Hugging Face's library loads", async () => {
  await using folder = await TemporaryFolder.make();
  const tokenizers = { bpe, characters, words, marks };
  await writeTokenizers(folder.path, tokenizers);
  const files = Object.keys(tokenizers).map((name) => `${name}.tokenizer.json`);
  assertEquals(await folder.files(), [...files, "tokenizer_config.json"].sort());
  const config = await json(folder.at("tokenizer_config.json"));
  for (const [name, tokenizer] of Object.entries(tokenizers)) {
    const file = await json(folder.at(await tokenizerFile(folder.path, name)));
    const theirs = new Theirs(file, config);
    assertEquals(theirs.encode("slow, newt!").ids, tokenizer.encode("slow, newt!"));
    assertEquals(JSON.stringify(Tokenizer.fromJSON(file)), JSON.stringify(tokenizer));
  }
});

Deno.test("tokenizers take the place of those that the folder has, of whatever kind, and lists of words", async () => {
  await using folder = await TemporaryFolder.make();
  for (const tokenizer of [bpe, words, marks, characters]) {
    await writeTokenizers(folder.path, { text: tokenizer });
    assertEquals(await folder.files(), ["text.tokenizer.json", "tokenizer_config.json"]);
    const file = await json(folder.at(await tokenizerFile(folder.path, "text")));
    assertEquals(JSON.stringify(Tokenizer.fromJSON(file)), JSON.stringify(tokenizer));
  }
  const list = { kind: "words", punctuation: false, lowerCase: true, vocabulary: words.vocabulary };
  await folder.write("text.vocabulary.json", JSON.stringify(list)); // as an earlier version left it
  assertEquals(await tokenizerFile(folder.path, "text"), "text.tokenizer.json");
  await Deno.remove(folder.at("text.tokenizer.json"));
  const file = await tokenizerFile(folder.path, "text");
  assertEquals(file, "text.vocabulary.json");
  assertEquals(JSON.stringify(Tokenizer.fromJSON(await json(folder.at(file)))), JSON.stringify(words));
});
