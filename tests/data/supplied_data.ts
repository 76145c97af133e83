// Real corpora that lie beside the project on some machines; the tests that use them are skipped elsewhere.

import { fileURLToPath } from "node:url";

/** The folder, whether it is there or not. */
export const SUPPLIED_DATA: string = fileURLToPath(new URL("../../../shared/data/", import.meta.url));

/** English-German pairs as manythings.org packs them. */
export const SUPPLIED_ZIP: string = `${SUPPLIED_DATA}deu-eng.zip`;

/** Movie reviews as Stanford packs them, without the unlabelled ones. */
export const SUPPLIED_REVIEWS: string = `${SUPPLIED_DATA}aclImdb.tar.gz`;

/** Whether the tests that need them must be skipped. */
export const suppliedDataIsAbsent: boolean = !exists(SUPPLIED_ZIP);

/** Whether the tests that need the movie reviews must be skipped. */
export const suppliedReviewsAreAbsent: boolean = !exists(SUPPLIED_REVIEWS);

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
