// A model's tokenizers on disk: a tokenizer.json where that is their stored form, and lists of words otherwise.

import { HUGGING_FACE_CONFIG } from "../data/hugging_face.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { removeIfThere } from "./checkpoint_files.ts";
import { writeAtomically } from "./write_atomically.ts";

/** How the files' names end; the one without a list of words comes with a tokenizer_config.json. */
const WORDS = "vocabulary.json";
const HUGGING_FACE = "tokenizer.json";

/** Writes the tokenizers of a model, and removes what an earlier model with others left in the folder. */
export async function writeTokenizers(
  folder: string,
  tokenizers: Readonly<Record<string, Tokenizer>>,
): Promise<void> {
  for (const [name, tokenizer] of Object.entries(tokenizers)) {
    const [file, other] = tokenizer.kind === "words" ? [WORDS, HUGGING_FACE] : [HUGGING_FACE, WORDS];
    await removeIfThere(`${folder}/${name}.${other}`);
    await writeAtomically(`${folder}/${name}.${file}`, JSON.stringify(tokenizer, null, 1));
  }
  const config = `${folder}/tokenizer_config.json`;
  const isNeeded = Object.values(tokenizers).some(({ kind }) => kind !== "words");
  if (isNeeded) await writeAtomically(config, `${JSON.stringify(HUGGING_FACE_CONFIG, null, 2)}\n`);
  else await removeIfThere(config);
}

/** The name of the file that has a tokenizer of the model in a folder. */
export async function tokenizerFile(folder: string, name: string): Promise<string> {
  const isThere = await Deno.stat(`${folder}/${name}.${HUGGING_FACE}`).then(() => true, () => false);
  return `${name}.${isThere ? HUGGING_FACE : WORDS}`;
}
