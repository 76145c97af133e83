// A model's tokenizers on disk: a tokenizer.json each, which Hugging Face's libraries read.

import { HUGGING_FACE_CONFIG } from "../data/hugging_face.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { writeAtomically } from "./write_atomically.ts";

/** How the files' names end: now, and those of earlier versions for lists of words. */
const [NAME, EARLIER] = ["tokenizer.json", "vocabulary.json"];

/** Writes the tokenizers of a model, and what says which of their tokens are special. */
export async function writeTokenizers(
  folder: string,
  tokenizers: Readonly<Record<string, Tokenizer>>,
): Promise<void> {
  for (const [name, tokenizer] of Object.entries(tokenizers)) {
    await writeAtomically(`${folder}/${name}.${NAME}`, JSON.stringify(tokenizer, null, 1));
  }
  const config = `${JSON.stringify(HUGGING_FACE_CONFIG, null, 2)}\n`;
  await writeAtomically(`${folder}/tokenizer_config.json`, config);
}

/** The name of the file that has a tokenizer of the model in a folder. */
export async function tokenizerFile(folder: string, name: string): Promise<string> {
  const isEarlier = await Deno.stat(`${folder}/${name}.${NAME}`).then(() => false, () => true) &&
    await Deno.stat(`${folder}/${name}.${EARLIER}`).then(() => true, () => false);
  return `${name}.${isEarlier ? EARLIER : NAME}`;
}
