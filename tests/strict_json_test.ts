import fc from "npm:fast-check@4.10.2";
import {
  decodeStrictJson,
  excerpt,
  parseStrictJson,
  StrictJsonError,
  type StrictJsonErrorCode,
  type StrictJsonOptions,
} from "../lib/strict_json.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";

function assertRefused(
  text: string,
  code: StrictJsonErrorCode,
  what: string,
  options?: StrictJsonOptions,
): void {
  const error = assertThrows(() => parseStrictJson(text, options), StrictJsonError);
  assertEquals([error.code, error.message], [code, `Cannot parse the text as JSON: ${what}`]);
}

Deno.test("parseStrictJson() reads what JSON.parse() reads", () => {
  fc.assert(fc.property(fc.json(), (text) => assertEquals(parseStrictJson(text), JSON.parse(text))));
  assertEquals(parseStrictJson("\ufeff [ ] "), []);
  assertEquals(parseStrictJson("null"), null);
});

Deno.test("parseStrictJson() refuses whatever JSON.parse() refuses", () => {
  const pieces = "{}[]\",:\\/ud8001.eE+- \t\n\rtruefalsnul\u00a0\u2028\ufeff\u0000\u001f*'x";
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom(...pieces), maxLength: 12 }),
    fc.tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.constantFrom(...pieces), fc.nat(1)).map(
      ([json, place, piece, removed]) => {
        const at = place % (json.length + 1);
        return json.slice(0, at) + piece + json.slice(at + removed);
      },
    ),
  ).filter((text) => !text.startsWith("\ufeff"));
  fc.assert(
    fc.property(text, (text) => {
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        assertThrows(() => parseStrictJson(text), StrictJsonError);
        return;
      }
      try {
        assertEquals(parseStrictJson(text), expected);
      } catch (error) { // beyond JSON.parse() it refuses these alone
        assert(
          error instanceof StrictJsonError && ["duplicate-key", "number"].includes(error.code),
          `${error}`,
        );
      }
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("parseStrictJson() tells the place of a mistake", () => {
  assertRefused('{\n  "a": 1\n  "b": 2\n}', "syntax", 'unexpected "b" on line 3, column 3');
  assertRefused('{"a": NaN}', "syntax", "unexpected NaN on line 1, column 7");
  assertRefused('{"a": 1,\n', "syntax", "the text ends too early on line 2, column 1");
  assertRefused("", "syntax", "the text ends too early on line 1, column 1");
  assertRefused("{} {}", "syntax", "unexpected { on line 1, column 4");
  assertRefused('"a\nb"', "syntax", 'unexpected "a on line 1, column 1');
  assertRefused("[1,]", "syntax", "unexpected ] on line 1, column 4");
  assertRefused("[1 /* one */]", "syntax", "unexpected / on line 1, column 4");
  assertRefused("[1e999]", "number", "the number 1e999 is too large on line 1, column 2");
});

Deno.test("parseStrictJson() refuses a key that is there twice, also if it is spelled otherwise", () => {
  assertRefused('{"a":1,"a":1}', "duplicate-key", 'the key "a" is there twice, again on line 1, column 8');
  assertRefused(
    '[{"a":1,\n"\\u0061":2}]',
    "duplicate-key",
    'the key "a" is there twice, again on line 2, column 1',
  );
  assertRefused(
    '{"__proto__":1,"__proto__":1}',
    "duplicate-key",
    'the key "__proto__" is there twice, again on line 1, column 16',
  );
  assertEquals(parseStrictJson('[{"a":1},{"a":{"a":2}}]'), [{ a: 1 }, { a: { a: 2 } }]);
});

Deno.test("parseStrictJson() makes own properties of __proto__ and constructor", () => {
  const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  const value = parseStrictJson(text) as { polluted?: number };
  assertEquals(JSON.stringify(value), text);
  assertEquals(value.polluted, undefined);
  assert(Object.getPrototypeOf(value) === Object.prototype);
  assertEquals(({} as { polluted?: number }).polluted, undefined);
});

Deno.test("parseStrictJson() bounds the depth, however deep the text", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  parseStrictJson(nested(64));
  assertRefused(nested(65), "depth", "more than 64 objects and lists lie in each other on line 1, column 65");
  for (const opening of ["[", '{"a":', '[{"a":']) {
    const error = assertThrows(() => parseStrictJson(opening.repeat(1_000_000)), StrictJsonError);
    assertEquals(error.code, "depth");
  }
  assertRefused("[[1]]", "depth", "more than 1 objects and lists lie in each other on line 1, column 2", {
    depth: 1,
  });
});

Deno.test("parseStrictJson() can insist on plain integers", () => {
  assertEquals(parseStrictJson("[0, 10]", { integers: true }), [0, 10]);
  for (const number of ["-1", "-0", "1.0", "1e0", "1E2"]) {
    assertRefused(
      `[${number}]`,
      "number",
      `the number ${number} is not a plain non-negative integer on line 1, column 2`,
      { integers: true },
    );
  }
});

Deno.test("parseStrictJson() allows comments and trailing commas where people write", () => {
  assertEquals(parseStrictJson('{ // one\n "a": [1,], /* two */ }', { comments: true }), { a: [1] });
  assertThrows(() => parseStrictJson("{} /* open", { comments: true }), StrictJsonError);
  assertThrows(() => parseStrictJson('{"a":1,"a":2}', { comments: true }), StrictJsonError);
});

Deno.test("a text of a hundred thousand keys is read in a moment", () => {
  const object = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`key ${index}`, index]));
  assertEquals(Object.keys(parseStrictJson(JSON.stringify(object)) as object).length, 100_000);
  assertThrows(
    () => decodeStrictJson(new Uint8Array(10_000_000).fill(0x20)),
    StrictJsonError,
    "ends too early",
  );
});

Deno.test("excerpt() keeps messages short", () => {
  assertEquals(excerpt("a\n"), '"a\\n"');
  assertEquals(excerpt(undefined), "nothing");
  assertEquals(excerpt("x".repeat(1_000_000)).length, 61);
});
