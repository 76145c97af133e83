// Real corpora that lie beside the project on some machines; the tests that use them are skipped elsewhere.

import { fileURLToPath } from "node:url";

/** The folder, whether it is there or not. */
export const SUPPLIED_DATA: string = fileURLToPath(new URL("../../../shared/data/", import.meta.url));

/** English-German pairs as manythings.org packs them. */
export const SUPPLIED_ZIP: string = `${SUPPLIED_DATA}deu-eng.zip`;

/** Whether the tests that need them must be skipped. */
export const suppliedDataIsAbsent: boolean = !exists(SUPPLIED_ZIP);

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
