import { splitHash } from "../../lib/data/split_hash.ts";
import { assert, assertEquals } from "../assert.ts";

const one = { source: "one", target: "eins" };
const odd = { source: 'a "quote"\t\u2028', target: "zürich 🐈\n" };
const three = { source: "three", target: "drei" };

Deno.test("splitHash() is the SHA-256 of lines of JSON", async () => {
  // hashlib.sha256("".join(json.dumps([part, *pair], ensure_ascii=False, separators=(",", ":")) + "\n" …).encode())
  const hash = await splitHash({ train: [one], valid: [odd], test: [three] });
  assertEquals(hash, "45b2cab4fb60ca7233f7f67bd326da24c8e3cf8aa3fc3401e8a67625c488b224");
});

Deno.test("splitHash() does not depend on how much is hashed at once", async () => {
  const pairs = Array.from({ length: 20_000 }, (_, index) => ({ source: `s${index}`, target: `t${index}` }));
  const text = pairs.map(({ source, target }) => `["valid","${source}","${target}"]\n`).join("");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  assertEquals(await splitHash({ train: [], valid: pairs, test: [] }), new Uint8Array(digest).toHex());
});

Deno.test("splitHash() changes with parts, order and sides", async () => {
  const splits = [
    { train: [one, odd], valid: [], test: [three] },
    { train: [odd, one], valid: [], test: [three] },
    { train: [one], valid: [odd], test: [three] },
    { train: [one, odd], valid: [three], test: [] },
    { train: [one, odd], valid: [], test: [{ source: "drei", target: "three" }] },
    { train: [one, odd], valid: [], test: [{ source: "threed", target: "rei" }] },
  ];
  const hashes = await Promise.all(splits.map(splitHash));
  assertEquals(new Set(hashes).size, splits.length);
  assert(hashes.every((hash) => /^[0-9a-f]{64}$/.test(hash)));
});
