import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Servers elsewhere: each answers at a path of its own, with the tools that it offers. */
export interface Endpoint {
  /** Where a server with these tools is. */
  offer(name: string, tools: readonly object[]): string;
  /** What was said to any of them since it was last asked. */
  take(): readonly Uint8Array[];
  /** Connections since it began. */
  connections(): number;
  close(): void;
}

interface Asked {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string };
}

/** Starts it on the loopback interface. */
export async function startEndpoint(): Promise<Endpoint> {
  const offers = new Map<string, readonly object[]>();
  let told: Buffer[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      told.push(Buffer.from(`${request.url} ${request.rawHeaders.join("\n")}`), body);
      if (request.method !== "POST") return void response.writeHead(405).end();
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a client of this machine
      const asked = JSON.parse(body.toString("utf8")) as Asked;
      if (asked.id === undefined) return void response.writeHead(202).end();
      const answer = answerOf(asked, offers.get(request.url ?? "") ?? []);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: asked.id, ...answer }));
    });
  });
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens
  return {
    offer(name, tools) {
      const path = `/${name.replaceAll(" ", "-")}/mcp`;
      offers.set(path, tools);
      return `http://127.0.0.1:${port}${path}`;
    },
    take() {
      const taken = told;
      told = [];
      return taken;
    },
    connections: () => connections,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function answerOf({ method, params }: Asked, tools: readonly object[]): object {
  switch (method) {
    case "initialize":
      return {
        result: {
          protocolVersion: params?.protocolVersion ?? "2025-06-18",
          capabilities: { tools: {} },
          serverInfo: { name: "notes", version: "1.0.0" },
        },
      };
    case "tools/list":
      return { result: { tools } };
    case "tools/call":
      return { result: { content: [{ type: "text", text: "7 words" }] } };
    default:
      return { error: { code: -32601, message: "no such method" } };
  }
}
