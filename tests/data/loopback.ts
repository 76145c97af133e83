// Servers on this machine that stand for the web in the tests, good ones and bad ones.

/** What is kept of a request, which itself ends with its answer. */
export interface ReceivedRequest {
  readonly url: string;
  readonly userAgent: string;
}

/** A server with its address. */
export interface Loopback extends AsyncDisposable {
  /** The address, with a slash at the end. */
  readonly url: string;
  /** The requests received so far. */
  readonly requests: readonly ReceivedRequest[];
}

/** Starts a web server; `await using` stops it. */
export function serve(handler: (request: Request) => Response | Promise<Response>): Loopback {
  const requests: ReceivedRequest[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    requests.push({ url: request.url, userAgent: request.headers.get("user-agent") ?? "" });
    return handler(request);
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Starts a server that answers one connection with bytes of any kind, and then hangs up. */
export function serveRaw(answer: Uint8Array): Loopback {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(10_000));
    for (let rest = answer; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
    await connection.closeWrite();
  })().catch(() => {});
  return {
    url: `http://127.0.0.1:${listener.addr.port}/`,
    requests: [],
    async [Symbol.asyncDispose]() {
      await served;
      listener.close();
    },
  };
}

/** Returns an address where nobody listens. */
export function deadAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}/`;
}
