import { checkTexts, textHash } from "../../lib/gpu/text_integrity.ts";
import { KERNELS } from "../../lib/ops/kernel_hashes.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const remote = new URL("https://example.com/kernels/");

Deno.test("textHash() is SHA-256 of the text in UTF-8", () => {
  assertEquals(textHash("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
});

Deno.test("checkTexts() refuses a text that came by URL and has another hash, with its address", () => {
  checkTexts(remote, [["a.wgsl", "a", textHash("a")]]);
  const texts = [["a.wgsl", "a", textHash("a")], ["b.wgsl", "b ", textHash("b")]] as const;
  assertThrows(
    () => checkTexts(remote, texts),
    Deno.errors.InvalidData,
    "Cannot use https://example.com/kernels/b.wgsl: it is not the text that this version of attend was made with",
  );
  checkTexts(new URL("file:///kernels/"), texts); // its owner may change it
});

Deno.test("all kernels are looked at in a few milliseconds", () => {
  const started = performance.now();
  checkTexts(remote, KERNELS);
  const time = performance.now() - started;
  assert(time < 100, `${time} ms`);
  assert(KERNELS.length > 30);
});
