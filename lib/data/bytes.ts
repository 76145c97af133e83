// Tokens that stand for single bytes, by which text outside a tokenizer's alphabet is spelled.

const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;
const encoder = new TextEncoder();
// A byte order mark is a character like others here; by default a decoder would swallow it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The 256 tokens, `<0x00>` to `<0xFF>`. */
export const BYTE_TOKENS: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
});

/** Tells whether a token is spelled like one of these. */
export function isByteToken(token: string): boolean {
  return BYTE_TOKEN.test(token);
}

/** Spells a text by the bytes of its UTF-8. */
export function toByteTokens(text: string): string[] {
  return Array.from(encoder.encode(text), (byte) => BYTE_TOKENS[byte]!);
}

/** Joins tokens, of which runs of bytes become the characters that they spell; what spells none becomes U+FFFD. */
export function joinBytes(tokens: readonly string[]): string {
  let text = "";
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) text += decoder.decode(Uint8Array.from(bytes));
    bytes = [];
  };
  for (const token of tokens) {
    if (isByteToken(token)) {
      bytes.push(parseInt(token.slice(3, 5), 16));
      continue;
    }
    flush();
    text += token;
  }
  flush();
  return text;
}
