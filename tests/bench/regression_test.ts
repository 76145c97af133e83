// The regression check: what counts as slower, and what does not.

import { compare, describe } from "../../bench/regression.ts";
import type { Row, Side } from "../../bench/results.ts";
import { assert, assertEquals } from "../assert.ts";
import { result, row, side } from "./results.ts";

const peer = (ratio: number, spread = 0.01): Side => side("Peer 1.0", "peer", { ratio, spread });
const floor = (ratio: number, spread = 0.01): Side => side("the floor", "floor", { ratio, spread });

/** The comparison of one row with another of the same title. */
function compared(before: Row, now: Row) {
  return compare([result("matmul", before)], [result("matmul", now)]);
}

Deno.test("a ratio to a peer that falls further than its spread explains is a regression", () => {
  const { regressions } = compared(row("product", peer(4)), row("product", peer(3)));
  assertEquals(regressions.length, 1);
  const { bench, title, against, before, now } = regressions[0]!;
  assertEquals([bench, title, against, before, now], ["matmul", "product", "Peer 1.0", 4, 3]);
});

Deno.test("the words name the row, the peer and both ratios", () => {
  const lines = describe(compared(row("product", peer(4)), row("product", peer(3)))).join("\n");
  for (const part of ["matmul: product", "Peer 1.0", "4.00", "3.00", "1 fell"]) {
    assert(lines.includes(part), `${lines} has no "${part}"`);
  }
});

Deno.test("the margin grows with the spread of the samples of either run", () => {
  const fell = (before: number, now: number) =>
    compared(row("product", peer(4, before)), row("product", peer(3.6, now))).regressions.length;
  assertEquals(fell(0.01, 0.01), 1);
  assertEquals(fell(0.03, 0.01), 0);
  assertEquals(fell(0.01, 0.03), 0);
});

Deno.test("the margin is four standard deviations of the ratio of the ratios", () => {
  const [found] = compared(row("product", peer(4, 0.03)), row("product", peer(4, 0.04))).compared;
  assert(Math.abs(found!.limit - 4 * Math.exp(-4 * 0.05)) < 1e-12, `${found!.limit}`);
});

Deno.test("a slower machine and a faster one give the same verdict: times do not count", () => {
  const slower = (share: number): Row => {
    const times = row("product", peer(4));
    const sides = times.sides.map((side) => ({
      ...side,
      measured: { ...side.measured!, seconds: side.measured!.seconds * share },
    }));
    return { ...times, sides };
  };
  for (const share of [0.1, 10]) {
    assertEquals(compared(row("product", peer(4)), slower(share)).regressions, []);
  }
});

Deno.test("becoming faster is no regression", () => {
  assertEquals(compared(row("product", peer(4)), row("product", peer(9))).regressions, []);
});

Deno.test("a row without a peer is compared by its share of the floor", () => {
  const { regressions } = compared(row("product", floor(0.5)), row("product", floor(0.4)));
  assertEquals(regressions.map(({ against }) => against), ["the floor"]);
});

Deno.test("a row with a peer is not compared with the floor", () => {
  const { compared: found } = compared(row("a", floor(0.5), peer(4)), row("a", floor(0.1), peer(4)));
  assertEquals(found.map(({ against }) => against), ["Peer 1.0"]);
});

Deno.test("where the peers of both runs differ, the floor takes their place", () => {
  const other = side("Peer 2.0", "peer", { ratio: 1 });
  const { compared: found } = compared(row("a", floor(0.5), peer(4)), row("a", floor(0.5), other));
  assertEquals(found.map(({ against }) => against), ["the floor"]);
});

Deno.test("our own other ways are not watched: they become faster with us", () => {
  const way = (ratio: number) => side("operation by operation", "otherwise", { ratio });
  const { compared: found, missing } = compared(row("a", way(7), peer(1)), row("a", way(2), peer(1)));
  assertEquals([found.map(({ against }) => against), missing], [["Peer 1.0"], []]);
});

Deno.test("a row that is not measured any more is missing, one of another benchmark is not", () => {
  const before = [result("matmul", row("a", peer(1)), row("b", peer(1))), result("data", row("c", peer(1)))];
  const { missing } = compare(before, [result("matmul", row("a", peer(1)))]);
  assertEquals(missing, ["matmul: b"]);
});

Deno.test("a row in which ours or everything else was not measured is missing", () => {
  const gone: Row = { title: "a", sides: [{ label: "attend", kind: "ours", note: "not measured" }, peer(1)] };
  assertEquals(compared(row("a", peer(1)), gone).missing, ["matmul: a"]);
  assertEquals(compared(row("a", peer(1)), row("a")).missing, ["matmul: a"]);
});

Deno.test("a peer that was measured once has the usual spread of its benchmark", () => {
  const { measured, ...rest } = peer(4);
  const { spread: _, ...once } = measured!;
  const before = row("a", { ...rest, measured: once });
  const quiet = compare([result("matmul", before)], [result("matmul", before, row("b", peer(1, 0.001)))]);
  const wild = compare([result("matmul", before)], [
    result("matmul", before, row("b", peer(1, 0.1), peer(1, 0.1), peer(1, 0.1))),
  ]);
  assert(wild.compared[0]!.limit < quiet.compared[0]!.limit);
});
