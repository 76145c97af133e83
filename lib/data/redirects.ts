// Follows the redirects of a download, but not from https to http, and not for ever.

const MOST_REDIRECTS = 10;

/**
 * Fetches from an address, or from where it leads.
 *
 * @throws {Deno.errors.InvalidData} If it leads to what is neither http nor https, from https to http, or too far.
 */
export async function follow(url: URL, headers: HeadersInit, signal: AbortSignal): Promise<Response> {
  let address = url;
  for (let count = 0; count <= MOST_REDIRECTS; count++) {
    const response = await fetch(address, { headers, signal, redirect: "manual" });
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    address = nextAddress(url, address, location);
  }
  throw new Deno.errors.InvalidData(
    `Cannot download ${url}: it leads from address to address, more than ${MOST_REDIRECTS} times. Check it in a browser.`,
  );
}

function nextAddress(url: URL, address: URL, location: string): URL {
  const next = URL.parse(location, address.href);
  const allowed = address.protocol === "https:" ? ["https:"] : ["https:", "http:"];
  if (next !== null && allowed.includes(next.protocol)) return next;
  throw new Deno.errors.InvalidData(
    `Cannot download ${url}: it leads to ${location}, which is no ${
      allowed.join(" or ").replaceAll(":", "")
    } address. ` +
      `If you trust it, give it instead.`,
  );
}
