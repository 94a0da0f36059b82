import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext, TLSSocket } from "node:tls";
import { createNameBook, isNameQuery } from "../../extensions/detonate/names.ts";
import { createInstanceCa } from "../../platform/network/instance-ca.ts";
import type { AskedConnection } from "../../sandbox/evidence.ts";
import { openUnmarked } from "../vet-tools.ts";

/** Bytes that are kept of one connection, and of all. */
const KEPT_OF_ONE = 4 * 1024 * 1024;
const KEPT = 64 * 1024 * 1024;
const CONNECTIONS = 128;
/** Bytes of a connection that are handed out once more with what came after them. */
const OVERLAP = 64 * 1024;
/** A TLS handshake record, and methods of HTTP. */
const HANDSHAKE = 22;
const METHOD = /^(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|CONNECT) /u;
/** How long a client that says nothing is waited for before it is greeted, as mail and login servers do. Milliseconds. */
const QUIET_MS = 300;

/** What one connection let out. `hosts`: every name and address by which it says whom it means. */
export interface Sent {
  readonly hosts: readonly string[];
  readonly bytes: Uint8Array;
}

/** A network in which every name has an address and every address answers, and behind which nobody is. */
export interface FakeNetwork {
  /** The certificate of the authority that vouches for every name, PEM. */
  readonly authority: string;
  /** Serves what connects to this listening socket, which belongs to the network from then on. */
  serve(fd: number): void;
  /** Says where a connection was meant to go. */
  meant(asked: AskedConnection): void;
  /** What was let out and asked for since it was last asked. Resolves when what has arrived was read. */
  take(): Promise<{ readonly sent: readonly Sent[]; readonly names: readonly string[]; readonly overflowed: boolean }>;
  /** The name that an address was made up for, or the address. */
  hostOf(address: string): string;
  close(): void;
}

interface Kept {
  readonly from: number;
  readonly hosts: Set<string>;
  readonly parts: Uint8Array[];
  bytes: number;
  /** Of these bytes so many were handed out before. */
  told: number;
}

function newKept(from: number): Kept {
  return { from, hosts: new Set(), parts: [], bytes: 0, told: 0 };
}

/** @param fetched the program that is run when what came from here is run by a shell, and the file when it is by a script. */
export function createFakeNetwork(fetched: { readonly program: string; readonly file: string }): FakeNetwork {
  const book = createNameBook();
  const ca = createInstanceCa(() => Date.now());
  const meantFor = new Map<number, string>();
  const kept = new Map<Socket, Kept>();
  let finished: Kept[] = [];
  let names: string[] = [];
  let total = 0;
  let overflowed = false;
  const closers: (() => void)[] = [];

  const http = createHttpServer({ requireHostHeader: false, insecureHTTPParser: false }, answer);
  http.on("clientError", (_error, socket) => socket.destroy());
  http.on("connect", (_request, socket: Duplex) => {
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    receive(socket, owners.get(socket) ?? newKept(0));
  });
  const owners = new WeakMap<Duplex, Kept>();

  function keep(to: Kept, bytes: Uint8Array): void {
    total += bytes.length;
    to.bytes += bytes.length;
    if (total > KEPT || to.bytes > KEPT_OF_ONE) overflowed = true;
    else to.parts.push(Uint8Array.from(bytes));
  }

  /** What a client says first tells how it is answered. */
  function receive(socket: Duplex, to: Kept): void {
    socket.on("error", () => socket.destroy());
    const greet = setTimeout(() => {
      socket.write("220 ready\r\n");
    }, QUIET_MS);
    socket.once("close", () => clearTimeout(greet));
    socket.once("data", (first: Buffer) => {
      clearTimeout(greet);
      socket.pause();
      if (first[0] === HANDSHAKE) return secure(socket, first, to);
      if (METHOD.test(first.toString("latin1", 0, 10))) return speakHttp(socket, first, to);
      if (isNameQuery(first)) return serveNames(socket, first);
      keep(to, first);
      socket.on("data", (more: Buffer) => keep(to, more));
      socket.on("end", () => socket.end());
      socket.write("250 ok\r\n");
      socket.resume();
    });
  }

  function speakHttp(socket: Duplex, first: Buffer, to: Kept): void {
    // As it came, should it be no HTTP after all; the parser gives what it reads of it once more.
    keep(to, first);
    owners.set(socket, to);
    socket.unshift(first);
    http.emit("connection", socket);
    socket.resume();
  }

  function secure(socket: Duplex, first: Buffer, to: Kept): void {
    socket.unshift(first);
    const named = hostOf(meantFor.get(to.from) ?? "198.18.0.0");
    const end = new TLSSocket(socket, {
      isServer: true,
      ALPNProtocols: ["http/1.1"],
      secureContext: createSecureContext(ca.leafFor(named)),
      SNICallback: (name, done) => {
        to.hosts.add(name.toLowerCase());
        done(null, createSecureContext(ca.leafFor(name.slice(0, 253))));
      },
    });
    end.on("error", () => socket.destroy());
    receive(end, to);
  }

  function serveNames(socket: Duplex, first: Buffer): void {
    let held = Buffer.alloc(0);
    const take = (part: Buffer): void => {
      held = Buffer.concat([held, part]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const end = 2 + held.readUInt16BE(0);
        const found = book.answer(held.subarray(2, end));
        held = held.subarray(end);
        if (found === null) return void socket.destroy();
        if (names.length < 10_000) names.push(found.name);
        const size = Buffer.alloc(2);
        size.writeUInt16BE(found.message.length);
        socket.write(Buffer.concat([size, found.message]));
      }
    };
    socket.on("data", take);
    socket.on("end", () => socket.end());
    take(first);
    socket.resume();
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const to = owners.get(request.socket);
    const host = (request.headers.host ?? "").replace(/:\d+$/u, "").toLowerCase();
    if (host !== "") to?.hosts.add(host);
    const head = [`${request.method} ${request.url}`, ...request.rawHeaders].join("\n");
    if (to !== undefined) keep(to, Buffer.from(`${head}\n`));
    const body: Buffer[] = [];
    request.on("data", (part: Buffer) => {
      if (to === undefined) return;
      keep(to, part);
      if (!overflowed) body.push(part);
    });
    request.once("end", () => {
      // A body whole, without what divides it on its way: what is packed opens from its first byte on.
      if (to !== undefined && body.length > 0)
        for (const inner of openUnmarked(Buffer.concat(body), KEPT_OF_ONE / 2)) keep(to, inner);
      const data = bodyFor(request, host, fetched);
      response.writeHead(200, { "content-type": data.type, "content-length": Buffer.byteLength(data.text) });
      response.end(request.method === "HEAD" ? undefined : data.text);
    });
  }

  function hostOf(address: string): string {
    return book.nameOf(address) ?? address;
  }

  return {
    authority: ca.certificate,
    serve(fd) {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        const to = newKept(socket.remotePort ?? 0);
        kept.set(socket, to);
        socket.once("close", () => {
          kept.delete(socket);
          finished.push(to);
        });
        receive(socket, to);
      });
      server.maxConnections = CONNECTIONS;
      server.listen({ fd });
      closers.push(() => {
        server.close();
        for (const socket of kept.keys()) socket.destroy();
      });
    },
    meant: ({ from, address }) => void meantFor.set(from, address),
    async take() {
      // What is in the sockets' buffers is read first.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      const all = [...finished, ...kept.values()].filter(({ parts, bytes, told }) => parts.length > 0 && bytes > told);
      finished = [];
      const sent = all.map((each) => {
        // Parts of a connection that goes on belong together: a marker may lie across two of them.
        const bytes = Buffer.concat(each.parts).subarray(Math.max(0, each.told - OVERLAP));
        each.told = each.bytes;
        const address = meantFor.get(each.from);
        const means = address === undefined ? [] : [hostOf(address)];
        return { hosts: [...new Set([...means, ...each.hosts])], bytes };
      });
      const taken = { sent, names, overflowed };
      names = [];
      return taken;
    },
    hostOf,
    close() {
      for (const close of closers) close();
      http.close();
    },
  };
}

/**
 * Data for who asks for data, else a program that does nothing but say that it was run: read as shell it starts
 * `fetched.program`, read as JavaScript it makes `fetched.file`.
 */
function bodyFor(
  request: IncomingMessage,
  host: string,
  fetched: { readonly program: string; readonly file: string },
): { readonly type: string; readonly text: string } {
  const path = request.url ?? "/";
  const isData =
    (request.headers.accept ?? "").includes("json") ||
    /^api\.|\.api\./u.test(host) ||
    /\.json\b|\/api\/|\/v\d+\b|\/graphql\b|\/rpc\b/u.test(path) ||
    request.method !== "GET";
  if (isData)
    return { type: "application/json", text: JSON.stringify({ ok: true, id: 1, data: [], items: [], results: [] }) };
  const script = `try { process.getBuiltinModule("fs").writeFileSync(process.env.HOME + "/${fetched.file}", ""); } catch {}`;
  return { type: "text/plain", text: `"true" //; ${fetched.program}; exit 0\n${script}\n` };
}
