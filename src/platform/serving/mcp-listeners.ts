import { createServer, type Server, type Socket } from "node:net";
import type { IncomingMessage, ServerResponse } from "node:http";
import { socketChannel } from "../channels/channel.ts";
import { openLines, type Lines } from "../channels/line-channel.ts";
import { readBody, sendJson, sendWeb } from "../network/http-exchange.ts";

/** Connections that each of the two sockets accepts at a time; more are closed at once. */
export const CONNECTIONS = 64;
/** Longest MCP message from an agent, in bytes. */
export const MESSAGE_BYTES: number = 1024 * 1024;
/** What may wait for an agent that does not read: a few results of the largest size that a frame carries. */
const QUEUED_BYTES = 16 * 1024 * 1024;
const SKIPPED_BYTES = 64 * 1024 * 1024;
/** How long an agent may take to say what it wants. */
const HEAD_MS = 10_000;
const HTTP_PATH = "/mcp";
const HTTP_METHODS: ReadonlySet<string> = new Set(["POST", "GET", "DELETE"]);

/** What answers an HTTP exchange; the shape of `HttpExchange` and `HttpAnswer` in face/http-face.ts. */
export type HttpHandler = (exchange: {
  readonly method: string;
  readonly session: string | null;
  readonly body: string;
  readonly request: () => Request;
}) => Promise<
  | { readonly kind: "web"; readonly response: Response }
  | { readonly kind: "json"; readonly status: number; readonly body: object }
>;

/** A socket that listens; closing it ends its connections too. */
export interface McpListener {
  close(): void;
}

/**
 * Listens for MCP in stdio framing on a unix socket and hands each connection's lines to what `load` makes with the first
 * of them: an agent starts without waiting for what it may never use.
 */
export function listenForLines(path: string, load: () => Promise<(lines: Lines) => void>): Promise<McpListener> {
  const bounds = { lineBytes: MESSAGE_BYTES, queuedBytes: QUEUED_BYTES, skippedBytes: SKIPPED_BYTES };
  let serve: Promise<(lines: Lines) => void> | null = null;
  const onSocket = (socket: Socket): void => {
    (serve ??= load()).then(
      (onLines) => void (socket.destroyed || onLines(openLines(socketChannel(socket), bounds))),
      () => socket.destroy(),
    );
  };
  return listenForSockets(path, { most: CONNECTIONS, onSocket });
}

/**
 * Listens for MCP's streamable HTTP on a unix socket, at `/mcp`. Node's HTTP and the handler are loaded with the first
 * connection: a face whose agent speaks stdio never pays for them. Host and Origin are not looked at: who can open the
 * socket is decided by the sandbox that it is mounted into, and it carries no authority beyond that agent's own.
 */
export function listenForHttp(path: string, loadHandler: () => Promise<HttpHandler>): Promise<McpListener> {
  let http: Promise<Fed> | null = null;
  return listenForServer(path, { most: CONNECTIONS, load: () => (http ??= makeHttpServer(loadHandler)) });
}

/** A server that gets its connections from somebody else. */
type Fed = { emit(event: "connection", socket: Socket): boolean };

/** Listens on a unix socket and feeds a server with its connections, which `load` makes with the first of them. */
export function listenForServer(path: string, server: FedServer): Promise<McpListener> {
  return listenForSockets(path, feeding(server));
}

/** The same on a socket that listens already; its descriptor then belongs to the listener. */
export function serveListener(fd: number, server: FedServer): Promise<McpListener> {
  return listenForSockets({ fd }, feeding(server));
}

/** A server that is fed with connections. */
export interface FedServer {
  /** Connections at a time. */
  readonly most: number;
  readonly load: () => Promise<Fed>;
  /** Whether a connection whose client has ended its side is left open for the answer. */
  readonly halfOpen?: boolean;
}

interface Accepting {
  readonly most: number;
  readonly halfOpen?: boolean;
  readonly onSocket: (socket: Socket) => void;
}

function feeding({ most, load, halfOpen = false }: FedServer): Accepting {
  const onSocket = (socket: Socket): void => {
    load().then(
      (server) => server.emit("connection", socket),
      () => socket.destroy(),
    );
  };
  return { most, halfOpen, onSocket };
}

async function makeHttpServer(loadHandler: () => Promise<HttpHandler>): Promise<Fed> {
  const [{ createServer: createHttpServer }, handler] = await Promise.all([
    import("../network/node-http.ts"),
    loadHandler(),
  ]);
  const server = createHttpServer(
    {
      maxHeaderSize: 16 * 1024,
      requestTimeout: 30_000,
      headersTimeout: HEAD_MS,
      connectionsCheckingInterval: HEAD_MS / 4,
      keepAliveTimeout: 60_000,
    },
    (request, response) => {
      answer(request, response, handler).catch(() => response.destroy());
    },
  );
  server.maxRequestsPerSocket = 0;
  // Node looks for connections that are slow to say what they want only once its server listens, which this one never does.
  server.emit("listening");
  return server;
}

async function answer(request: IncomingMessage, response: ServerResponse, handler: HttpHandler): Promise<void> {
  const method = request.method ?? "";
  if (request.url !== HTTP_PATH) return sendJson(response, 404, { error: "not found" });
  if (!HTTP_METHODS.has(method)) return sendJson(response, 405, { error: "method not allowed" });
  if (method === "POST" && !/^application\/json *(;|$)/i.test(request.headers["content-type"] ?? "")) {
    return sendJson(response, 415, { error: "the content type is not application/json" });
  }
  const body = method === "POST" ? await readBody(request, MESSAGE_BYTES) : "";
  if (body === null) return sendJson(response, 413, { error: "the body is over 1 MiB or not UTF-8" });
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const session = request.headers["mcp-session-id"];
  const reply = await handler({
    method,
    session: typeof session === "string" ? session : null,
    body,
    request: () =>
      new Request(`http://localhost${HTTP_PATH}`, { method, headers: plainHeaders(request), signal: gone.signal }),
  });
  if (reply.kind === "json") return sendJson(response, reply.status, reply.body);
  await sendWeb(response, reply.response);
}

function plainHeaders(request: IncomingMessage): [string, string][] {
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(request.headers)) {
    // The body is handed over apart from the request; its length would contradict the empty one.
    if (typeof value === "string" && name !== "content-length" && name !== "transfer-encoding")
      headers.push([name, value]);
  }
  return headers;
}

async function listenForSockets(
  place: string | { readonly fd: number },
  { most, halfOpen = false, onSocket }: Accepting,
): Promise<McpListener> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: halfOpen }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    onSocket(socket);
  });
  server.maxConnections = most;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(place, resolve);
  });
  server.removeAllListeners("error");
  server.on("error", () => undefined); // accept(2) out of descriptors: that connection is lost, the listener stays
  return Object.freeze({
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
}
