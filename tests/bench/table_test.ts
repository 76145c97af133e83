// The report: what the table says, and which results it keeps.

import { merge, slug } from "../../bench/results.ts";
import { document, listing } from "../../bench/table.ts";
import { assert, assertEquals } from "../assert.ts";
import { result, row, side } from "./results.ts";

const product = row(
  "product",
  side("the floor", "floor", { seconds: 0.02, ratio: 0.2 }),
  side("one by one", "otherwise", { seconds: 0.7, ratio: 7 }),
  side("Peer 1.0", "peer", { seconds: 0.25, ratio: 2.5 }),
  { label: "Other 2.0", kind: "peer", note: "it has no products" },
);

Deno.test("a row has our time, rate and share of the floor, and the ratio and time of each peer", () => {
  const text = document([result("matmul", product)]);
  const cells = text.split("\n").find((line) => line.startsWith("| product"))!.split("|").map((cell) =>
    cell.trim()
  );
  assertEquals(cells.slice(1, -1), [
    "product",
    "100 ms",
    "20 GFLOP/s",
    "20 %",
    "one by one: 7.0 times (700 ms)",
    "2.5 times (250 ms)",
    "[1]",
  ]);
  assert(text.includes("[1] it has no products"));
});

Deno.test("peers have a column each in all benchmarks, empty where they were not asked", () => {
  const text = document([result("data", row("pairs", side("Third", "peer"))), result("matmul", product)]);
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  assertEquals(new Set(rows.map((line) => line.split("|").length)).size, 1);
  assert(rows[0]!.endsWith("| Third | Peer 1.0 | Other 2.0 |"), rows[0]);
});

Deno.test("a note stands once, however many rows it belongs to", () => {
  const text = document([result("matmul", product, { ...product, title: "again" })]);
  assertEquals(text.split("it has no products").length, 2);
});

Deno.test("the document says adapter, driver, processor, runtime and the highest rates", () => {
  const text = document([result("matmul", product)]);
  for (
    const part of ["Some GPU", "some driver 1.2", "some processor", "Deno 2.9.6", "100 GFLOP/s", "20 GB/s"]
  ) {
    assert(text.includes(part), `${text} has no "${part}"`);
  }
});

Deno.test("the terminal gets a line a side", () => {
  assertEquals(listing(result("matmul", product)).split("\n"), [
    "product: 100 ms, 20 GFLOP/s, 20 %",
    "    one by one: 7.0 times (700 ms)",
    "    Peer 1.0: 2.5 times (250 ms)",
    "    Other 2.0: it has no products",
  ]);
});

Deno.test("new results take the place of old ones of the same benchmark; others stay", () => {
  const old = [result("data", row("a")), result("matmul", row("b"))];
  const merged = merge(old, [result("matmul", row("c")), result("attention", row("d"))]);
  assertEquals(merged.map(({ bench, rows }) => [bench, rows[0]!.title]), [
    ["attention", "d"],
    ["data", "a"],
    ["matmul", "c"],
  ]);
});

Deno.test("an adapter's files are named for it", () => {
  const description = "llvmpipe (LLVM 15.0.6, 256 bits), software, subgroups of 8";
  assertEquals(slug(description), "llvmpipe-llvm-15-0-6-256-bits");
  assertEquals(slug("NVIDIA H100 80GB HBM3, hardware, subgroups of 32"), "nvidia-h100-80gb-hbm3");
});
