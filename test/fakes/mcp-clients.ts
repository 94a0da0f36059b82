import { fileURLToPath } from "node:url";
import { createServer, request, type Server } from "node:http";
import { createConnection, type AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

/** The two revisions that a face serves, as the SDK's client asks for them. */
export const REVISIONS = ["legacy", "auto"] as const;
export type Revision = (typeof REVISIONS)[number];

function makeClient(revision: Revision): Client {
  return new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode: revision } });
}

/** A real client over the bridge program, as an agent's configuration would start it. */
export async function connectStdio(folder: string, revision: Revision): Promise<Client> {
  const client = makeClient(revision);
  const bridge = fileURLToPath(new URL("../../src/main/mcp-stdio.ts", import.meta.url));
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [bridge, `${folder}/mcp-stdio.sock`],
      stderr: "inherit",
    }),
  );
  return client;
}

/** A real client over HTTP on the unix socket; `fetch` of Node cannot reach one, so a relay on loopback stands between. */
export async function connectHttp(
  folder: string,
  revision: Revision,
): Promise<{ client: Client; close(): Promise<void> }> {
  const relay = await startRelay(`${folder}/mcp.sock`);
  const { port } = relay.address() as AddressInfo;
  const client = makeClient(revision);
  const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`));
  await client.connect(transport);
  return {
    client,
    close: async () => {
      await client.close();
      relay.closeAllConnections();
      await new Promise((resolve) => {
        relay.close(resolve);
      });
    },
  };
}

function startRelay(socketPath: string): Promise<Server> {
  const relay = createServer((incoming, answer) => {
    const onward = request(
      { socketPath, path: incoming.url, method: incoming.method, headers: incoming.headers },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        answer.flushHeaders();
        reply.pipe(answer);
      },
    );
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  return new Promise((resolve) => {
    relay.listen(0, "127.0.0.1", () => resolve(relay));
  });
}

/** One HTTP request on a unix socket, as bytes. */
export function rawHttp(
  socketPath: string,
  options: {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: { readonly [name: string]: string };
    readonly body?: string;
  },
): Promise<{ readonly status: number; readonly body: string; readonly headers: { readonly [name: string]: unknown } }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath,
        method: options.method ?? "POST",
        path: options.path ?? "/mcp",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...options.headers,
        },
      },
      (reply) => {
        let body = "";
        reply.on("data", (chunk: Buffer) => (body += chunk.toString()));
        reply.on("end", () => resolve({ status: reply.statusCode ?? 0, body, headers: reply.headers }));
      },
    );
    sent.on("error", reject);
    sent.end(options.body);
  });
}

/** A raw line connection to the face, for what no client would send. */
export class RawLines {
  readonly lines: string[] = [];
  readonly closed: Promise<void>;
  readonly #socket;
  #pending = "";
  #wake: (() => void)[] = [];

  constructor(folder: string) {
    this.#socket = createConnection(`${folder}/mcp-stdio.sock`);
    this.#socket.on("error", () => undefined);
    this.#socket.on("data", (chunk: Buffer) => {
      const parts = (this.#pending + chunk.toString()).split("\n");
      this.#pending = parts.pop() ?? "";
      this.lines.push(...parts);
      for (const wake of this.#wake.splice(0)) wake();
    });
    this.closed = new Promise((resolve) => {
      this.#socket.once("close", () => resolve());
    });
  }

  send(text: string | Uint8Array): void {
    this.#socket.write(text);
  }

  /** Sends one JSON-RPC message and resolves with the next line. */
  async ask(message: object): Promise<{ readonly [key: string]: unknown }> {
    this.send(`${JSON.stringify(message)}\n`);
    return this.next();
  }

  async next(): Promise<{ readonly [key: string]: unknown }> {
    while (this.lines.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
    return JSON.parse(this.lines.shift() ?? "null") as { [key: string]: unknown };
  }

  close(): void {
    this.#socket.destroy();
  }
}
