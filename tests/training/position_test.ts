import { parsePosition } from "../../lib/training/state.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const position = { epoch: 2, stepInEpoch: 3, step: 19, stepsPerEpoch: 8, bestLoss: null };

Deno.test("a position is one that a training can have", () => {
  assertEquals(parsePosition(position).step, 19);
  assertEquals(parsePosition({ ...position, stepInEpoch: 8, step: 24 }).stepInEpoch, 8); // not validated yet
  assertEquals(parsePosition({ ...position, stepInEpoch: 0, step: 16 }).step, 16);
});

Deno.test("a position is refused whose steps are not those of its epochs, by name", () => {
  const wrong: [Partial<typeof position>, string][] = [
    [{ stepInEpoch: 9, step: 25 }, 'at "stepInEpoch": it is 9, and an epoch has 8 steps.'],
    [{ step: 2 }, 'at "step": it is 2, and 2 epochs of 8 steps with 3 more have 19.'],
    [{ step: 20 }, 'at "step": it is 20'],
    [{ epoch: 0 }, 'at "step": it is 19, and 0 epochs'],
    [{ stepInEpoch: -1, step: 15 }, 'at "stepInEpoch": '],
    [{ stepsPerEpoch: 0, stepInEpoch: 1, step: 1 }, 'at "stepInEpoch": it is 1, and an epoch has 0 steps.'],
  ];
  for (const [change, message] of wrong) {
    assertThrows(() => parsePosition({ ...position, ...change }), TypeError, message);
  }
});
