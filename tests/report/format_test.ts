import { formatBytes, formatCount, formatDuration } from "../../lib/report/format.ts";
import { assertEquals } from "../assert.ts";

Deno.test("formatDuration() shows the two largest units, rounded into each other", () => {
  const expected: [number, string][] = [
    [0, "0.0s"],
    [0.44, "0.4s"],
    [9.94, "9.9s"],
    [9.96, "10s"],
    [59.4, "59s"],
    [59.6, "1m 00s"],
    [185, "3m 05s"],
    [3_599.6, "1h 00m"],
    [7_620, "2h 07m"],
    [86_399, "23h 59m"],
    [86_400, "1d 00h"],
    [100_800, "1d 04h"],
  ];
  for (const [seconds, text] of expected) assertEquals(formatDuration(seconds), text, String(seconds));
});

Deno.test("formatDuration() shows ? for what no clock shows", () => {
  for (const seconds of [NaN, Infinity, -Infinity, -1]) assertEquals(formatDuration(seconds), "?");
});

Deno.test("formatBytes() uses binary units", () => {
  assertEquals([0, 512, 1_536, 1_572_864, 21_286_093].map(formatBytes), [
    "0 B",
    "512 B",
    "1.5 kiB",
    "1.5 MiB",
    "20.3 MiB",
  ]);
});

Deno.test("formatCount() separates thousands with commas", () => {
  assertEquals([0, 999, 1_000, 169_813, 12_345_678.6].map(formatCount), [
    "0",
    "999",
    "1,000",
    "169,813",
    "12,345,679",
  ]);
});
