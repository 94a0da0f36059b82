import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { readAnswering, readHead, writeHead, type OpeningHead } from "./broker-wire.ts";
import type { InstanceCa } from "./instance-ca.ts";
import { createServer } from "./node-http.ts";
import { DENIED, joinStreams, sendAnswer, sendProblem, sendUpgrade, writeProblem } from "./proxy-answer.ts";
import type { ProxyProblem } from "./proxy-answer.ts";
import { describeBody, readSome } from "./proxy-body.ts";
import { asksForWebSocket, HeadFault, readAbsolute, readAuthority, readProxyHead } from "./proxy-head.ts";
import type { ProxyTarget } from "./proxy-head.ts";
import { awaitAnswer, type ProxyVerdict } from "./waiting-stream.ts";

const HEAD_BYTES = 32 * 1024;
const HEAD_MS = 10_000;
const IDLE_MS = 60_000;
/** A tunnel's TLS must begin within this. */
const HELLO_MS = 5_000;
/** How long a refused connection may take to hear so. */
const LAST_WORDS_MS = 1_000;
const HELLO_BYTES = 32 * 1024;
/** Hosts whose TLS servers are kept: making one is most of what a handshake costs. */
const ENDS = 64;

type Body =
  | { readonly kind: "none" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "base64"; readonly base64: string }
  | { readonly kind: "stream"; readonly length: number | null };

/** A proposal under way. */
interface Asked {
  /** The number under which a stream may wait for it at the broker, or null. */
  readonly stream: number | null;
  readonly verdict: Promise<ProxyVerdict>;
  withdraw(): void;
}

/** What a proxy asks; the shape of `Egress` in face/egress.ts. */
export interface ProxyPort {
  request(request: {
    readonly scheme: "http" | "https";
    readonly host: string;
    readonly port: number;
    readonly method: string;
    readonly target: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly body: Body;
    readonly upgrade: boolean;
  }): Asked;
  connect(host: string, port: number): Asked;
  route(host: string, port: number): Promise<"terminate" | "pass" | "none">;
  /** What was refused before it could be asked for, and the hosts that it named; resolves when it is on record. */
  refused(what: string, hosts: readonly string[]): Promise<void>;
  readHello(
    bytes: Uint8Array,
  ):
    | { readonly kind: "more" }
    | { readonly kind: "name"; readonly name: string }
    | { readonly kind: "refused"; readonly why: string };
}

export interface ProxyParts {
  readonly port: ProxyPort;
  /** A stream to the broker (0) or to an injector; throws when there is none to be had. */
  readonly openStream: (via: number) => Duplex;
  readonly ca: InstanceCa;
}

type Target = ProxyTarget & { readonly scheme: "http" | "https" };

/**
 * The proxy of one instance (RFC 9112, CONNECT of RFC 9110 section 9.3.6). It reads requests and asks for each; bytes go
 * to the broker under a ticket or nowhere. It is a server for connections that somebody else accepts: emit them to it.
 */
export function createProxy(parts: ProxyParts): Server {
  const { port, openStream, ca } = parts;
  /** Where the requests of a connection go whose TLS ends here. */
  const inside = new WeakMap<Duplex, Target>();
  /** Servers at which TLS ends, by host and port, the one used last at the end. */
  const ends = new Map<string, TlsServer>();

  const server = createServer(
    {
      maxHeaderSize: HEAD_BYTES,
      headersTimeout: HEAD_MS,
      connectionsCheckingInterval: HEAD_MS / 4,
      // A body may take as long as its connection lives; its grant and its size are its bounds.
      requestTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      requireHostHeader: true,
      // Any other protocol that is offered is not taken up, as RFC 9110 section 7.8 lets a server do.
      shouldUpgradeCallback: asksForWebSocket,
    },
    (request, response) => {
      answer(request, response).catch(async (error: unknown) => {
        await report(request, error);
        sendProblem(response, statusOf(error), problemOf(error));
      });
    },
  );
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    upgrade(request, socket, head).catch((error: unknown) => refuseRaw(request, socket, error));
  });
  server.on("connect", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    tunnel(request, socket, head).catch((error: unknown) => refuseRaw(request, socket, error));
  });
  server.on("clientError", (error: Error & { readonly code?: string }, socket: Duplex) => {
    const gone = error.code === undefined || error.code === "ECONNRESET";
    const recorded = gone ? Promise.resolve() : port.refused(`Not HTTP: ${error.code}`, []);
    void recorded.then(() => refuseBytes(socket, error.code));
  });
  // Node looks for connections that are slow to say what they want only once its server listens, which this one never does.
  server.emit("listening");
  return server;

  async function refuseRaw(request: IncomingMessage, socket: Duplex, error: unknown): Promise<void> {
    await report(request, error);
    if (!socket.destroyed) writeProblem(socket, statusOf(error), problemOf(error));
  }

  /** What was sent on purpose to be read in two ways is to show in the log. */
  async function report({ method, url, headers }: IncomingMessage, error: unknown): Promise<void> {
    if (!(error instanceof HeadFault)) return;
    await port.refused(`${error.message}: ${method} ${url} host ${headers.host}`, [url ?? "", headers.host ?? ""]);
  }

  /** Where a request goes and what it asks for there. */
  function place(request: IncomingMessage): { readonly to: Target; readonly target: string } {
    const url = request.url ?? "";
    const known = inside.get(request.socket);
    if (known !== undefined) {
      if (!url.startsWith("/")) throw new HeadFault(400, "Inside a tunnel a request names its path only");
      return { to: known, target: url };
    }
    const { host, port: number, target } = readAbsolute(url);
    return { to: { scheme: "http", host, port: number }, target };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { to, target } = place(request);
    const head = readProxyHead(request, to);
    const read = head.length === 0 ? { bytes: Buffer.alloc(0), whole: true } : await readSome(request);
    const body: Body = !read.whole
      ? { kind: "stream", length: head.length }
      : read.bytes.length === 0
        ? { kind: "none" }
        : describeBody(read.bytes);
    const method = request.method ?? "";
    const asked = port.request({ ...to, method, target, headers: head.headers, body, upgrade: false });
    let stream: Duplex | null = null;
    response.once("close", () => {
      // Of what was answered in full there is nothing left to take back.
      if (stream?.readableEnded !== true || !response.writableFinished) asked.withdraw();
      stream?.destroy();
    });
    if (asked.stream !== null) {
      stream = openWaiting(asked.stream);
      const answered = await awaitAnswer(stream, asked.verdict);
      if (answered !== null) return sendAnswer(response, stream, { read: answered });
    }
    const verdict = await asked.verdict;
    if (verdict.kind === "stopped") return sendProblem(response, DENIED, verdict.problem);
    stream = open(verdict);
    if (body.kind === "stream") {
      stream.write(read.bytes);
      request.pipe(stream);
      request.once("close", () => {
        if (!request.complete) stream?.destroy();
      });
    } else stream.end();
    await sendAnswer(response, stream);
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { to, target } = place(request);
    const { headers, length } = readProxyHead(request, to);
    if (length !== 0) throw new HeadFault(400, "A WebSocket begins with a GET without a body");
    const asked = port.request({ ...to, method: "GET", target, headers, body: { kind: "none" }, upgrade: true });
    socket.once("close", asked.withdraw);
    const verdict = await asked.verdict;
    if (verdict.kind === "stopped") return writeProblem(socket, DENIED, verdict.problem);
    if (head.length > 0) socket.unshift(head);
    await sendUpgrade(socket, open(verdict));
  }

  async function tunnel(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (inside.has(request.socket)) throw new HeadFault(400, "There is no tunnel inside a tunnel");
    const to: Target = { scheme: "https", ...readAuthority(request.url ?? "", null) };
    // Clients leave out the port that is usual for what they are about to speak inside.
    readProxyHead(request, to.port === 80 ? { ...to, scheme: "http" } : to);
    if (head.length > 0) socket.unshift(head);
    if ((await port.route(to.host, to.port)) === "terminate") {
      socket.write(ESTABLISHED);
      return (await beginsTls(socket)) ? terminate(socket, to) : readOn(socket, to);
    }
    const asked = port.connect(to.host, to.port);
    socket.once("close", asked.withdraw);
    const verdict = await asked.verdict;
    if (verdict.kind === "stopped") return writeProblem(socket, DENIED, verdict.problem);
    socket.write(ESTABLISHED);
    const name = await helloName(socket, port);
    if (name !== to.host) {
      asked.withdraw();
      await port.refused(
        `TLS ${name === "" ? "without a name, or none" : `for ${name}`} in a tunnel to ${to.host}:${to.port}`,
        [name],
      );
      return void socket.destroy();
    }
    joinOpen(socket, open(verdict));
  }

  /** Requests in clear inside a tunnel, as Node's own fetch sends them through a proxy: read like any others. */
  function readOn(socket: Duplex, to: Target): void {
    inside.set(socket, { ...to, scheme: "http" });
    server.emit("connection", socket);
  }

  /** Ends the agent's TLS here, as the server that it asked for; its requests are then read like any others. */
  function terminate(socket: Duplex, to: Target): void {
    const key = `${to.host}:${to.port}`;
    const end = ends.get(key) ?? makeEnd(to);
    ends.delete(key);
    ends.set(key, end);
    for (const oldest of ends.keys()) {
      if (ends.size <= ENDS) break;
      ends.delete(oldest);
    }
    end.emit("connection", socket);
  }

  function makeEnd(to: Target): TlsServer {
    const end = createTlsServer({
      ...ca.leafFor(to.host),
      ALPNProtocols: ["http/1.1"],
      minVersion: "TLSv1.2",
      handshakeTimeout: HELLO_MS,
      SNICallback: (name, done) => {
        if (name === to.host) return done(null);
        const recorded = port.refused(`TLS for ${name} in a tunnel to ${to.host}:${to.port}`, [name]);
        void recorded.then(() => done(new Error("another name")));
      },
    });
    end.on("tlsClientError", (_error, secure) => secure.destroy());
    end.on("secureConnection", (secure) => {
      secure.on("error", () => secure.destroy());
      // A client that names no server is not asked which one it means.
      if (secure.servername !== to.host) {
        const recorded = port.refused(`TLS without a name in a tunnel to ${to.host}:${to.port}`, []);
        return void recorded.then(() => secure.destroy());
      }
      inside.set(secure, to);
      server.emit("connection", secure);
    });
    return end;
  }

  function open({ ticket, via }: { readonly ticket: string; readonly via: number }): Duplex {
    return begin(openStream(via), { ticket });
  }

  /** A stream on which nothing but the number is said before the request goes out, and nothing after. */
  function openWaiting(number: number): Duplex {
    return begin(openStream(0), { stream: number }).end();
  }
}

function begin(stream: Duplex, opening: OpeningHead): Duplex {
  stream.on("error", () => stream.destroy());
  writeHead(stream, opening);
  return stream;
}

/** The content type of TLS handshake records. */
const HANDSHAKE = 22;
const ESTABLISHED = "HTTP/1.1 200 Connection Established\r\n\r\n";

function joinOpen(socket: Duplex, stream: Duplex): void {
  // The broker says that bytes flow before any do; a fault ends the tunnel, in which nothing else can be said any more.
  readHead(stream, readAnswering).then(
    (head) => (head.kind === "open" ? joinStreams(socket, stream) : socket.destroy()),
    () => socket.destroy(),
  );
}

/** Whether the first byte of a tunnel is that of a TLS handshake (RFC 8446 section 5.1); it stays unread. */
function beginsTls(socket: Duplex): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (first: number | undefined): void => {
      clearTimeout(late);
      socket.off("readable", onReadable);
      socket.off("close", onGone);
      resolve(first === HANDSHAKE);
    };
    const onGone = (): void => settle(undefined);
    const onReadable = (): void => {
      const part: unknown = socket.read();
      if (!(part instanceof Buffer)) return;
      socket.unshift(part);
      settle(part[0]);
    };
    const late = setTimeout(() => socket.destroy(), HELLO_MS);
    socket.on("readable", onReadable);
    socket.once("close", onGone);
  });
}

/** The name in the first bytes of a tunnel, which stay unread; the empty name when there is none, or no TLS. */
function helloName(socket: Duplex, port: ProxyPort): Promise<string> {
  return new Promise((resolve) => {
    let held: Buffer = Buffer.alloc(0);
    const settle = (name: string): void => {
      clearTimeout(late);
      socket.off("readable", onReadable);
      socket.off("close", onGone);
      if (held.length > 0) socket.unshift(held);
      resolve(name);
    };
    const onGone = (): void => settle("");
    const late = setTimeout(onGone, HELLO_MS);
    const onReadable = (): void => {
      for (let part: unknown = socket.read(); part instanceof Buffer; part = socket.read()) {
        held = Buffer.concat([held, part]);
      }
      const hello = port.readHello(held);
      if (hello.kind === "more" && held.length < HELLO_BYTES) return;
      settle(hello.kind === "name" ? hello.name : "");
    };
    socket.on("readable", onReadable);
    socket.once("close", onGone);
  });
}

/** Answers what Node's strict parser refused, unless an answer is under way on that connection. */
function refuseBytes(socket: Duplex, code: string | undefined): void {
  if (socket.writable && "bytesWritten" in socket && socket.bytesWritten === 0) {
    const status = code === "HPE_HEADER_OVERFLOW" ? 431 : code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
    writeProblem(socket, status, problemOf(new HeadFault(status, "The request is not HTTP/1.1")));
  }
  // The words, once they are out, and whatever else comes are the end of it.
  setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref();
}

function statusOf(error: unknown): number {
  return error instanceof HeadFault ? error.status : 502;
}

function problemOf(error: unknown): ProxyProblem {
  const bad = error instanceof HeadFault;
  const message = bad ? error.message : "The request could not be carried out";
  return { stage: bad ? "decide" : "execute", code: bad ? "malformed" : "driver-unavailable", message, proposal: null };
}
