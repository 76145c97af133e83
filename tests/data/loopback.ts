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

/** Answers one connection, whose request has been read; the connection is closed behind it. */
export type Answer = (connection: Deno.TcpConn, request: string) => Promise<void>;

/** A server of which every connection is answered to the byte. */
export interface Script extends AsyncDisposable {
  /** The address, with a slash at the end. */
  readonly url: string;
  /** The heads of the requests received so far. */
  readonly requests: readonly string[];
}

/** Starts a server that has an answer for each connection to come, good or bad; behind the last one it is gone. */
export function serveScript(answers: readonly Answer[]): Script {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  const served = (async () => {
    for (const answer of answers) {
      using connection = await listener.accept();
      const bytes = new Uint8Array(10_000);
      const length = await connection.read(bytes) ?? 0;
      requests.push(new TextDecoder().decode(bytes.subarray(0, length)));
      await answer(connection, requests.at(-1)!).catch(() => {}); // the client may have gone
    }
  })().catch(() => {}).finally(() => close(listener));
  return {
    url: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`,
    requests,
    async [Symbol.asyncDispose]() {
      close(listener);
      await served;
    },
  };
}

function close(listener: Deno.Listener): void {
  try {
    listener.close();
  } catch {
    // It has been closed before.
  }
}

/** An answer of these lines as its head and these bytes as its body. */
export function reply(head: readonly string[], body: Uint8Array | string = ""): Answer {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return async (connection) => {
    await send(connection, new TextEncoder().encode([...head, "connection: close", "", ""].join("\r\n")));
    await send(connection, bytes);
    await connection.closeWrite();
  };
}

/** Sends all of some bytes. */
export async function send(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

/** Waits until the client hangs up. */
export async function hang(connection: Deno.Conn): Promise<void> {
  while (await connection.read(new Uint8Array(100)) !== null);
}

/** Returns an address where nobody listens. */
export function deadAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}/`;
}
