import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert } from "../assert.ts";
import { tinyModel, tinyPairs } from "./tiny.ts";

testWithDevice("while a large corpus is prepared, timers have their turn", async (device) => {
  const model = tinyModel(device);
  const pairs = Array.from({ length: 200 }, () => tinyPairs(100)).flat();
  let [turns, before] = [0, 0];
  const timer = setInterval(() => turns++);
  for await (const _ of train(model, pairs, { maxSteps: 1, onReport: () => void (before = turns) }));
  clearInterval(timer);
  assert(before >= 5, `there were ${before} turns`);
  model.close();
});
