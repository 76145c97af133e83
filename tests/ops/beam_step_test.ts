// Steps of a beam search against plain loops: ranks and ties, what finishes, what is cut off, and what is over.

import { testEachProfile } from "../device.ts";
import { checkRandom } from "./beam_step_check.ts";

testEachProfile("beamStep() agrees with sorting, ties and impossible candidates included", async (device) => {
  for (
    const [sentences, beam, count, steps] of [[5, 1, 1, 6], [3, 2, 3, 9], [4, 5, 6, 7], [2, 9, 10, 4], [
      1,
      32,
      33,
      2,
    ]]
  ) {
    for (const few of [false, true]) {
      const sizes = { sentences: sentences!, beam: beam!, count: count!, steps: steps! };
      await checkRandom(device, sizes, few);
    }
  }
});
