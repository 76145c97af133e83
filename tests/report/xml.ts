// A look at XML for the tests of drawings: enough to find what a browser would refuse.

import { assert, assertEquals } from "../assert.ts";

/** Fails unless tags are nested rightly and every other character may stand where it stands. */
export function checkXml(xml: string): void {
  const open: string[] = [];
  const pattern = /<(\/?)([a-zA-Z]+)((?: [\w:-]+="[^"<]*")*) ?(\/?)>|([^<]+)/gy;
  let end = 0;
  for (const [whole, close, name, attributes = "", empty, text = ""] of xml.matchAll(pattern)) {
    end += whole.length;
    assert(!/&(?!(amp|lt|gt|quot|#\d+);)/.test(attributes + text), `A bare "&" in ${whole}`);
    if (close) assertEquals(open.pop(), name);
    else if (name !== undefined && !empty) open.push(name);
  }
  assertEquals(end, xml.length, `Not well-formed at: ${xml.slice(end, end + 80)}`);
  assertEquals(open, []);
  // deno-lint-ignore no-control-regex
  const forbidden = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
  assert(xml.isWellFormed() && !forbidden.test(xml), "Characters that XML forbids");
}

/** The first numeric attribute of the name. */
export function attribute(xml: string, name: string): number {
  const found = xml.match(new RegExp(` ${name}="([-\\d.]+)`));
  assert(found !== null, `No attribute ${name}`);
  return Number(found[1]);
}
