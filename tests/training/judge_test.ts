import { Judge } from "../../lib/training/judge.ts";
import { assertEquals } from "../assert.ts";

const constant = { name: "constant" } as const;

Deno.test("the best validation is the one with the lowest loss, and patience counts from there", () => {
  const judge = new Judge({ schedule: constant, patience: 2, bestBy: "loss" });
  const seen = [3, 2, 2, 1.5, 1.6, 1.5].map((loss) => {
    const best = judge.see({ loss });
    return [best, judge.standing.sinceBest, judge.stops];
  });
  assertEquals(seen, [
    [true, 0, false],
    [true, 0, false],
    [false, 1, false],
    [true, 0, false],
    [false, 1, false],
    [false, 2, true],
  ]);
  assertEquals(judge.standing.bestLoss, 1.5);
});

Deno.test("by BLEU, the loss does not count, and zero is better than nothing", () => {
  const judge = new Judge({ schedule: constant, patience: 3, bestBy: "bleu" });
  const figures = [{ loss: 3, bleu: 0 }, { loss: 2, bleu: 0 }, { loss: 4, bleu: 7 }, { loss: 1, bleu: 6 }];
  assertEquals(figures.map((each) => judge.see(each)), [true, false, true, false]);
  const { bestLoss, bestBleu, sinceBest } = judge.standing;
  assertEquals([bestLoss, bestBleu, sinceBest], [1, 7, 1]);
});

Deno.test("without patience training never stops", () => {
  const judge = new Judge({ schedule: constant, patience: null, bestBy: "loss" });
  for (let epoch = 0; epoch < 100; epoch++) judge.see({ loss: epoch });
  assertEquals([judge.stops, judge.standing.sinceBest, judge.standing.reductions], [false, 99, 0]);
});
