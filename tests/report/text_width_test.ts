import { textWidth, truncate } from "../../lib/report/text_width.ts";
import { assertEquals } from "../assert.ts";

Deno.test("textWidth() counts columns, not code units", () => {
  const expected: [string, number][] = [
    ["", 0],
    ["key", 3],
    ["Schlüssel", 9],
    ["cafe\u0301", 4],
    ["钥匙。", 6],
    ["カギ ｶｷﾞ", 8],
    ["열쇠", 4],
    ["Ａ１", 4],
    ["مِفْتَاح", 5],
    ["🗝️👍🏽", 3],
    ["a\u200bb\u0007", 2],
  ];
  for (const [text, width] of expected) assertEquals(textWidth(text), width, text);
});

Deno.test("truncate() cuts between graphemes and marks the cut", () => {
  assertEquals(truncate("key", 3), "key");
  assertEquals(truncate("keys", 3), "ke…");
  assertEquals(truncate("钥匙钥匙", 6), "钥匙…");
  assertEquals(truncate("cafe\u0301s", 5), "cafe\u0301s");
  assertEquals(truncate("e\u0301e\u0301e\u0301", 2), "e\u0301…");
  assertEquals(truncate("keys", 1), "…");
  assertEquals(truncate("keys", 0), "");
});
