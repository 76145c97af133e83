// "Did you mean …?" for a misspelt option, command or configuration key.

import { closestString } from "npm:deno-std@1.4.0/text/closest_string.js";
import { levenshteinDistance } from "npm:deno-std@1.4.0/text/levenshtein_distance.js";

const closest: (word: string, words: readonly string[]) => string = closestString;
const distance: (left: string, right: string) => number = levenshteinDistance;

/**
 * Returns ` Did you mean "…"?` with a leading space when one of `words` resembles `word`, and an empty
 * string otherwise, so that it can be appended to a message as it is.
 *
 * @param word What was typed.
 * @param words What would have been understood.
 */
export function suggestion(word: string, words: readonly string[]): string {
  const bare = bareWord(word);
  const candidates = new Map(words.map((each) => [bareWord(each), each]));
  if (bare === "" || candidates.size === 0) return "";
  const bareWords = [...candidates.keys()];
  const begun = bare.length >= 3 ? bareWords.find((each) => each.startsWith(bare)) : undefined;
  const nearest = begun ?? closest(bare, bareWords);
  // Two swapped letters are two edits; words farther off than that, or than a third, would mislead.
  const tolerance = bare.length < 4 ? 1 : Math.max(2, Math.floor(bare.length / 3));
  const near = begun !== undefined || distance(bare, nearest) <= tolerance;
  return near ? ` Did you mean "${candidates.get(nearest)}"?` : "";
}

function bareWord(word: string): string {
  return word.replace(/^-+/, "").toLowerCase();
}
