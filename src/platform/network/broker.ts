import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { InferOrderBody, NetFault, NetOrder, NetResult, Ordered } from "../../protocol/net-order.ts";
import { ConnectFault, connectTo, DestinationAgent, type ConnectParts, isRepeatable } from "./broker-connect.ts";
import { readHead, readOpening, sendTogether, writeHead } from "./broker-wire.ts";
import { Exchange as AnyExchange } from "./exchange.ts";
import { isReadable } from "./http-exchange.ts";
import { collectBody, countUsage, type InferParts } from "./infer-exchange.ts";
import { createWatch, isPlain, type Injecting } from "./injecting.ts";
import { request as httpRequest } from "./node-http.ts";
import { createTicketDesk } from "./ticket-desk.ts";

/** Destinations whose connections are kept. */
const DESTINATIONS = 32;
const RESPONSE_HEAD_BYTES = 64 * 1024;

type Request = Extract<NetOrder, { kind: "request" }>;

/** The network device of one instance: does what the monitor ordered, once for each ticket, for whoever holds the face's channel. */
export interface Broker {
  /** Resolves with what came of it, when it has ended. Never rejects. */
  exchange(ordered: Ordered): Promise<NetResult>;
  cancel(ticket: string): void;
  /** Ends every exchange and closes every connection, those that are being made and those that rest too. */
  cut(): void;
  /** One stream of the face: names a ticket, and gets that exchange or nothing, or waits for what is ordered for it. */
  serve(stream: Duplex): void;
}

/** One exchange from its order to its end, with what its answer said. */
class Exchange extends AnyExchange<NetOrder, NetFault> {
  readonly ticket: string;
  status: number | null = null;
  usage: NetResult["usage"] = null;

  constructor({ ticket, order, most }: Ordered) {
    super(order, most);
    this.ticket = ticket;
  }
}

/** What a broker works with. */
export interface BrokerParts extends ConnectParts {
  /** The value that it injects and where; null for the broker of everything else, which has none. */
  readonly injecting?: Injecting | null;
  /** Whether a text holds a placeholder of a secret, which no streamed body may. */
  readonly holdsPlaceholder?: (text: string) => boolean;
  /** How bodies for models and their answers are read; without it none is sent. */
  readonly infer?: InferParts;
}

/** Makes a broker. */
export function createBroker(given: BrokerParts): Broker {
  const sockets = new Set<Socket>();
  const parts: BrokerParts = { ...given, sockets };
  const injecting = given.injecting ?? null;
  const desk = createTicketDesk<Exchange>();
  const agents = new Map<string, DestinationAgent>();

  function agentFor(order: Request): DestinationAgent {
    const key = `${order.scheme} ${order.host} ${order.port} ${order.reach} ${order.upgrade}`;
    const agent = agents.get(key) ?? new DestinationAgent(order, parts);
    // Used last goes to the end; the first is the one that rested longest.
    agents.delete(key);
    agents.set(key, agent);
    for (const [oldest, resting] of agents) {
      if (agents.size <= DESTINATIONS) break;
      agents.delete(oldest);
      resting.destroy();
    }
    return agent;
  }

  /** RECORD-FIRST: all that is known of what a stream waits for is a number, until it is ordered. */
  function waitFor(number: number, stream: Duplex): Promise<Exchange | null> {
    const { claimed, leave } = desk.wait(number);
    stream.once("close", leave);
    return claimed;
  }

  async function serve(stream: Duplex): Promise<void> {
    stream.on("error", () => stream.destroy());
    const opening = await readHead(stream, readOpening);
    const exchange = await ("ticket" in opening ? desk.claim(opening.ticket) : waitFor(opening.stream, stream));
    if (exchange === null) return void stream.destroy();
    if (stream.destroyed) return exchange.cut();
    exchange.onCut(() => stream.destroy());
    stream.once("close", () => exchange.breakOff("cut", "cut"));
    if (exchange.order.kind === "connect") await runTunnel(exchange, exchange.order, { stream, parts });
    else runRequest(exchange, exchange.order, { stream, agent: agentFor(exchange.order), parts });
  }

  return Object.freeze({
    exchange: async (ordered: Ordered) => {
      const { ticket, order, stream } = ordered;
      const exchange = new Exchange(ordered);
      // SECRETS-OUTSIDE: whoever holds a value serves its own destination and no other order, whoever gave it.
      if (injecting !== null && !injecting.admits(order)) exchange.finish("failed", "not-bound");
      desk.order(ticket, exchange, stream);
      const ended = await exchange.ended;
      const { status, address } = exchange;
      // Of an answer that broke off nobody knows what it cost.
      const usage = ended.end === "done" ? exchange.usage : null;
      return { ...ended, status, address, usage };
    },
    cancel: (ticket: string) => desk.cancel(ticket),
    cut: () => {
      desk.cutAll();
      for (const socket of sockets) socket.destroy();
    },
    serve: (stream: Duplex) => {
      serve(stream).catch(() => stream.destroy());
    },
  });
}

async function runTunnel(
  exchange: Exchange,
  order: Extract<NetOrder, { kind: "connect" }>,
  { stream, parts }: { readonly stream: Duplex; readonly parts: ConnectParts },
): Promise<void> {
  try {
    const socket = await connectTo(order, parts);
    exchange.onCut(() => socket.destroy());
    exchange.address = socket.remoteAddress ?? null;
    writeHead(stream, { kind: "open" });
    join(exchange, stream, socket);
  } catch (error) {
    fail(exchange, stream, error);
  }
}

/** Two streams become one, until both have ended. */
function join(exchange: Exchange, face: Duplex, server: Duplex): void {
  face.on("data", (chunk: Buffer) => exchange.send(chunk.length));
  server.on("data", (chunk: Buffer) => exchange.receive(chunk.length));
  let open = 2;
  const half = (): void => {
    open -= 1;
    if (open === 0) exchange.finish("done", null);
  };
  face.once("finish", half);
  server.once("finish", half);
  server.once("error", () => exchange.breakOff("failed", "broken-response"));
  server.once("close", () => {
    // It said its end and we are done with ours, or it broke off.
    if (server.readableEnded) exchange.finish("done", null);
    else exchange.breakOff("failed", "broken-response");
  });
  face.pipe(server);
  server.pipe(face);
}

function runRequest(
  exchange: Exchange,
  order: Request,
  way: { readonly stream: Duplex; readonly agent: DestinationAgent; readonly parts: BrokerParts },
): void {
  const { stream, agent, parts } = way;
  const injecting = parts.injecting ?? null;
  const sent = injecting?.fill(order) ?? order;
  const request = httpRequest({
    agent,
    host: order.host,
    port: order.port,
    method: order.method,
    path: sent.target,
    setHost: false,
    maxHeaderSize: RESPONSE_HEAD_BYTES,
  });
  exchange.onCut(() => request.destroy());
  writeRequest(exchange, request, { order, sent: sent.headers, stream, parts });
  request.once("socket", (socket) => (exchange.address = socket.remoteAddress ?? null));
  let answered: IncomingMessage | null = null;
  request.on("response", (response) => {
    answered = response;
    void respond(exchange, { request, response, order, stream, parts });
  });
  request.on("upgrade", (response, socket, head) => {
    if (!order.upgrade || injecting !== null) {
      socket.destroy();
      return fail(exchange, stream, new ConnectFault("broken-response", "another protocol that nobody asked for"));
    }
    answer(exchange, stream, { response, injecting });
    exchange.onCut(() => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    join(exchange, stream, socket);
  });
  request.on("error", (error) => {
    // A connection that the server closed while it rested was never a request to it; what only asks is asked again.
    const again = request.reusedSocket && exchange.status === null && !exchange.over && isRepeatable(order);
    if (again) return runRequest(exchange, order, way);
    // Behind a whole answer it is about the rest of a body that the server did not want.
    if (answered?.complete !== true) fail(exchange, stream, error);
  });
}

/** Hands an answer on, as it comes. */
async function respond(
  exchange: Exchange,
  way: {
    readonly request: ClientRequest;
    readonly response: IncomingMessage;
    readonly order: Request;
    readonly stream: Duplex;
    readonly parts: BrokerParts;
  },
): Promise<void> {
  const { request, response, order, stream, parts } = way;
  const injecting = parts.injecting ?? null;
  if (injecting !== null && !isPlain(response)) {
    fail(exchange, stream, new ConnectFault("encoded-response", "an answer that cannot be scrubbed"));
    return void request.destroy();
  }
  if (!isReadable(response)) {
    fail(exchange, stream, new ConnectFault("broken-response", "an answer that is not the last, or in another coding"));
    return void request.destroy();
  }
  response.on("error", () => breakAnswer(exchange));
  response.once("close", () => {
    if (!response.complete) breakAnswer(exchange);
  });
  response.once("end", () => {
    if (request.writableEnded) return;
    // The rest of a body that the server did not want; a connection on which it is missing is of no further use.
    stream.unpipe(request);
    stream.resume();
    request.destroy();
  });
  // Nothing of it flows before it is read below.
  if (injecting !== null && response.statusCode === 401) await injecting.refused(exchange.ticket);
  if (exchange.over) return;
  answer(exchange, stream, { response, injecting });
  response.on("data", (chunk: Buffer) => exchange.receive(chunk.length));
  if (order.body.kind === "infer") countUsage(response, parts.infer, (usage) => (exchange.usage = usage));
  stream.once("finish", () => exchange.finish("done", null));
  if (injecting === null) response.pipe(stream);
  else response.pipe(injecting.scrubber.stream()).pipe(stream);
}

/** Head and body as they were decided; the length is ours to say, so that nothing can follow the body. */
function writeRequest(
  exchange: Exchange,
  request: ClientRequest,
  way: {
    readonly order: Request;
    readonly sent: Request["headers"];
    readonly stream: Duplex;
    readonly parts: BrokerParts;
  },
): void {
  const { order, sent, stream, parts } = way;
  const usual = order.scheme === "https" ? 443 : 80;
  request.setHeader("host", order.port === usual ? order.host : `${order.host}:${order.port}`);
  for (const { name, value } of sent) request.appendHeader(name, value);
  const headers = order.headers.reduce((sum, { name, value }) => sum + name.length + value.length + 4, 0);
  exchange.send(headers + order.method.length + order.target.length);
  if (order.upgrade) {
    request.setHeader("connection", "Upgrade");
    request.setHeader("upgrade", "websocket");
  }
  const { body } = order;
  switch (body.kind) {
    case "none":
      if (!["GET", "HEAD", "OPTIONS"].includes(order.method)) request.setHeader("content-length", "0");
      stream.resume();
      return void request.end();
    case "text":
    case "base64": {
      const bytes = body.kind === "text" ? Buffer.from(body.text) : Buffer.from(body.base64, "base64");
      request.setHeader("content-length", String(bytes.length));
      exchange.send(bytes.length);
      stream.resume();
      return void request.end(bytes);
    }
    case "infer":
      return void sendChecked(exchange, request, { stream, body, parts });
    case "stream":
      streamBody(exchange, request, { stream, length: body.length, holds: parts.holdsPlaceholder ?? null });
  }
}

/** A body for a model: sent when all of it is there and asks for what was decided. */
async function sendChecked(
  exchange: Exchange,
  request: ClientRequest,
  way: { readonly stream: Duplex; readonly body: InferOrderBody; readonly parts: BrokerParts },
): Promise<void> {
  const { stream, body, parts } = way;
  const bytes = await collectBody(stream, body.bytes);
  if (bytes === null || parts.infer?.fits(bytes, body) !== true) {
    fail(exchange, stream, new ConnectFault("broken-request", "not the body that was decided"));
    return void request.destroy();
  }
  request.setHeader("content-length", String(bytes.length));
  exchange.send(bytes.length);
  request.end(bytes);
}

/** A body that comes from the face: exactly as long as was said, since a byte more would begin another request. */
function streamBody(
  exchange: Exchange,
  request: ClientRequest,
  way: {
    readonly stream: Duplex;
    readonly length: number | null;
    readonly holds: ((text: string) => boolean) | null;
  },
): void {
  const { stream, length } = way;
  const watch = way.holds === null ? null : createWatch(way.holds);
  if (length === null) request.setHeader("transfer-encoding", "chunked");
  else request.setHeader("content-length", String(length));
  let left = length ?? Infinity;
  stream.on("data", (chunk: Buffer) => {
    exchange.send(chunk.length);
    left -= chunk.length;
    if (watch?.(chunk) === true) {
      stream.unpipe(request);
      fail(exchange, stream, new ConnectFault("placeholder", "a placeholder in a body"));
      request.destroy();
    }
    if (left < 0) exchange.breakOff("failed", "broken-request");
  });
  stream.once("end", () => {
    if (length !== null && left > 0) exchange.breakOff("failed", "broken-request");
  });
  stream.pipe(request);
}

function answer(
  exchange: Exchange,
  stream: Duplex,
  { response, injecting }: { readonly response: IncomingMessage; readonly injecting: Injecting | null },
): void {
  const { statusCode = 502, statusMessage = "", rawHeaders } = response;
  exchange.status = statusCode;
  exchange.receive(rawHeaders.reduce((sum, text) => sum + text.length + 2, 0));
  const shown = (text: string): string => injecting?.scrubber.text(text) ?? text;
  const headers = rawHeaders.map(shown);
  sendTogether(stream);
  writeHead(stream, { kind: "response", status: statusCode, reason: shown(statusMessage), headers });
}

function fail(exchange: Exchange, stream: Duplex, error: unknown): void {
  if (exchange.over) return;
  if (exchange.status !== null) return breakAnswer(exchange);
  const fault = error instanceof ConnectFault ? error.fault : isUnreadable(error) ? "broken-response" : "unreachable";
  writeHead(stream, { kind: "fault", fault });
  stream.end();
  stream.resume();
  exchange.finish("failed", fault);
}

/** Breaks an exchange off behind what there is of its answer: head and body of this turn go out first. */
function breakAnswer(exchange: Exchange): void {
  setImmediate(() => exchange.breakOff("failed", "broken-response"));
}

/** Whether it is Node's parser that found no answer in what the server sent. */
function isUnreadable(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("HPE_");
}
