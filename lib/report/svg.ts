// The few pieces of SVG that drawings here share: elements as text, escaped so that any token may be shown.

/** The attributes of an element; those that are undefined are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/**
 * Escapes a text for XML, whatever is in it.
 *
 * @param text The text; characters that XML forbids become U+FFFD.
 * @returns The text for use between tags or in a quoted attribute.
 */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/**
 * Composes an element.
 *
 * @param name The element's name.
 * @param attributes Its attributes, escaped here; numbers are rounded to two decimals.
 * @param children Its content, composed and escaped already.
 * @returns The element as text.
 */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const list = Object.entries(attributes).filter(([, value]) => value !== undefined).map(([key, value]) =>
    ` ${key}="${typeof value === "number" ? Math.round(value * 100) / 100 : escapeXml(String(value))}"`
  ).join("");
  return children.length === 0 ? `<${name}${list}/>` : `<${name}${list}>${children.join("")}</${name}>`;
}

/** Which edge of a text stands at its position, as one sees it. */
export type Edge = "left" | "middle" | "right";

/**
 * Composes a line of text that is set in its own direction.
 *
 * @param content The text, not escaped.
 * @param edge Which visible edge stands at `x`: what SVG calls the start is the right edge of Arabic.
 * @param attributes Further attributes, such as `x` and `y`.
 * @returns The element as text.
 */
export function text(content: string, edge: Edge, attributes: Attributes): string {
  const isRightToLeft = startsRightToLeft(content);
  const anchors = isRightToLeft ? { left: "end", right: "start" } : { left: "start", right: "end" };
  return element("text", {
    ...attributes,
    "text-anchor": edge === "middle" ? "middle" : anchors[edge],
    ...(isRightToLeft ? { "direction": "rtl", "unicode-bidi": "embed" } : {}),
  }, escapeXml(content));
}

/** Whether the first letter is of a script written from right to left. */
function startsRightToLeft(content: string): boolean {
  const letter = content.match(/\p{L}/u)?.[0] ?? "";
  return /[\p{sc=Arabic}\p{sc=Hebrew}\p{sc=Syriac}\p{sc=Thaana}\p{sc=Nko}\p{sc=Adlam}]/u.test(letter);
}
