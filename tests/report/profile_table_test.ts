import { profileTable } from "../../lib/report/profile_table.ts";
import { assertEquals } from "../assert.ts";

Deno.test("profileTable() lines up kernels, shares, rates and sums", () => {
  const kernels = [
    { kernel: "matmul:forward", dispatches: 12, milliseconds: 7.5, bytes: 15_000_000 },
    { kernel: "fill:forward", dispatches: 3, milliseconds: 2.5, bytes: 50_000 },
    { kernel: "tiny:forward", dispatches: 1, milliseconds: 0, bytes: 4 },
  ];
  assertEquals(
    profileTable(kernels).join("\n"),
    `\
kernel          runs     ms    share    MB  GB/s
matmul:forward    12   7.50   75.0 %  15.0   2.0
fill:forward       3   2.50   25.0 %   0.1   0.0
tiny:forward       1   0.00    0.0 %   0.0
together          16  10.00  100.0 %  15.1   1.5`,
  );
});

Deno.test("profileTable() of nothing has its headings and sums of zero", () => {
  assertEquals(profileTable([]), [
    "kernel    runs    ms  share   MB  GB/s",
    "together     0  0.00         0.0",
  ]);
});
