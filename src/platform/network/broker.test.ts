import { randomBytes } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import type { NetOrder } from "../../protocol/net-order.ts";
import { joinBroker } from "../../../test/fakes/broker-pair.ts";
import { createBroker, type Broker } from "./broker.ts";
import { readAnswering, readHead, writeHead, type AnsweringHead } from "./broker-wire.ts";

const TICKET = "0123456789abcdef0123456789abcdef";
const OTHER = "ffffffffffffffffffffffffffffffff";
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const serve = (handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> =>
  listen(createHttpServer(handler));

const LOOPBACK = { resolve: () => Promise.resolve([{ address: "127.0.0.1" }]), authorities: null };

function order(port: number, change: Partial<Extract<NetOrder, { kind: "request" }>> = {}): NetOrder {
  return {
    kind: "request",
    scheme: "http",
    host: "localhost",
    port,
    reach: "loopback",
    method: "GET",
    target: "/a?b",
    headers: [{ name: "accept", value: "text/plain" }],
    body: { kind: "none" },
    upgrade: false,
    ...change,
  };
}

/** Orders an exchange without a bound on its bytes. */
const exchangeOf =
  (broker: Broker) =>
  (ticket: string, ordered: NetOrder): ReturnType<Broker["exchange"]> =>
    broker.exchange({ ticket, order: ordered, most: null });

/** Names a ticket as a face does; the head that comes back and the stream after it. */
async function use(broker: Broker, ticket: string): Promise<{ head: AnsweringHead; stream: Duplex }> {
  const near = joinBroker(broker).connect();
  near.on("error", () => {});
  writeHead(near, { ticket });
  return { head: await readHead(near, readAnswering), stream: near };
}

async function read(stream: Duplex): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

describe("a broker", () => {
  test("does what was ordered, and says what came of it", async () => {
    const port = await serve((request, response) => {
      response.end(`${request.method} ${request.url} ${request.headers.host} ${request.headers.accept}`);
    });
    const broker = createBroker(LOOPBACK);
    const ended = exchangeOf(broker)(TICKET, order(port));
    const { head, stream } = await use(broker, TICKET);
    stream.end();
    expect(head).toMatchObject({ kind: "response", status: 200 });
    expect(await read(stream)).toBe(`GET /a?b localhost:${port} text/plain`);
    expect(await ended).toMatchObject({ end: "done", fault: null, status: 200, address: "127.0.0.1" });
  });

  test("hands a small answer on in one piece with its head", async () => {
    const port = await serve((_, response) => response.end("small"));
    const broker = createBroker(LOOPBACK);
    const ended = exchangeOf(broker)(TICKET, order(port));
    const pieces: string[] = [];
    const stream = new Duplex({
      read: () => {},
      write(chunk: Buffer, _, done) {
        pieces.push(chunk.toString());
        done();
      },
      writev(chunks, done) {
        pieces.push(chunks.map(({ chunk }) => String(chunk)).join(""));
        done();
      },
    });
    const opening = JSON.stringify({ ticket: TICKET });
    broker.serve(stream);
    stream.push(Buffer.from(`\0\0\0${String.fromCharCode(opening.length)}${opening}`));
    stream.push(null);
    expect(await ended).toMatchObject({ end: "done", status: 200 });
    expect(pieces).toEqual([expect.stringMatching(/"status":200.*small$/su)]);
  });

  test("waits a moment for an order that is behind its ticket", async () => {
    const port = await serve((_, response) => response.end("late"));
    const broker = createBroker(LOOPBACK);
    const used = use(broker, TICKET);
    await new Promise((resolve) => setTimeout(resolve, 50));
    void exchangeOf(broker)(TICKET, order(port));
    expect((await used).head).toMatchObject({ status: 200 });
  });

  test("sends a body that was decided, and no byte of the face's", async () => {
    let got = "";
    const port = await serve((request, response) => {
      request.on("data", (chunk: Buffer) => (got += chunk.toString()));
      request.on("end", () => response.end(request.headers["content-length"]));
    });
    const broker = createBroker(LOOPBACK);
    void exchangeOf(broker)(TICKET, order(port, { method: "POST", body: { kind: "text", text: "decided" } }));
    const near = joinBroker(broker).connect();
    writeHead(near, { ticket: TICKET });
    near.end("GET /smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n");
    expect(await readHead(near, readAnswering)).toMatchObject({ status: 200 });
    expect(await read(near)).toBe("7");
    expect(got).toBe("decided");
  });

  test("sends a streamed body of exactly the length that was said", async () => {
    const bodies: string[] = [];
    const port = await serve((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("error", () => bodies.push("broken"));
      request.on("end", () => {
        bodies.push(body);
        response.end();
      });
    });
    const broker = createBroker(LOOPBACK);
    const streamed = async (length: number | null, text: string): Promise<string> => {
      const ended = exchangeOf(broker)(TICKET, order(port, { method: "PUT", body: { kind: "stream", length } }));
      const near = joinBroker(broker).connect();
      near.on("error", () => {});
      near.resume();
      writeHead(near, { ticket: TICKET });
      near.end(text);
      const { end, fault } = await ended;
      return `${end} ${fault}`;
    };
    expect(await streamed(5, "hello")).toBe("done null");
    expect(await streamed(null, "chunks")).toBe("done null");
    expect(bodies).toEqual(["hello", "chunks"]);
    expect(await streamed(5, "hello, and another request")).toBe("failed broken-request");
    expect(await streamed(50, "too little")).toBe("failed broken-request");
    expect(bodies.filter((body) => body !== "broken")).toEqual(["hello", "chunks"]);
  });

  test("keeps a connection for the next request, and asks again when the server had closed it", async () => {
    const sockets = new Set<Socket>();
    const port = await serve((request, response) => {
      sockets.add(request.socket);
      response.end(String(sockets.size));
    });
    const broker = createBroker(LOOPBACK);
    const ask = async (): Promise<string> => {
      void exchangeOf(broker)(TICKET, order(port));
      const { stream } = await use(broker, TICKET);
      stream.end();
      return read(stream);
    };
    expect(await ask()).toBe("1");
    expect(await ask()).toBe("1");
    for (const socket of sockets) socket.destroy();
    expect(await ask()).toBe("2");
  });

  test("hands a long answer on whole while another comes in, both read slowly", async () => {
    const bodies = [randomBytes(3 * 1024 * 1024), randomBytes(3 * 1024 * 1024 + 1)];
    const port = await serve((request, response) => void response.end(bodies[Number(request.url?.slice(1))]));
    const broker = createBroker(LOOPBACK);
    const got = await Promise.all(
      [TICKET, OTHER].map(async (ticket, index) => {
        void exchangeOf(broker)(ticket, order(port, { target: `/${index}` }));
        const { stream } = await use(broker, ticket);
        stream.end();
        const parts: Buffer[] = [];
        for await (const chunk of stream) {
          parts.push(chunk as Buffer);
          await new Promise((resolve) => setImmediate(resolve));
        }
        return Buffer.concat(parts);
      }),
    );
    for (const [index, body] of bodies.entries()) expect(got[index]?.equals(body)).toBe(true);
  });

  test("hands an answer without a body on, with its end", async () => {
    const port = await serve((_, response) => void response.writeHead(307, { location: "/elsewhere" }).end());
    const broker = createBroker(LOOPBACK);
    const ended = exchangeOf(broker)(TICKET, order(port));
    const { head, stream } = await use(broker, TICKET);
    stream.end();
    expect(head).toMatchObject({ status: 307 });
    expect(await read(stream)).toBe("");
    expect(await ended).toMatchObject({ end: "done", status: 307 });
  });

  test("says why there is no answer", async () => {
    const port = await listen(createTcpServer((socket) => socket.destroy()));
    const broker = createBroker(LOOPBACK);
    void exchangeOf(broker)(TICKET, order(port));
    expect((await use(broker, TICKET)).head).toEqual({ kind: "fault", fault: "unreachable" });
    const unknown = createBroker({ resolve: () => Promise.reject(new Error("ENOTFOUND")), authorities: null });
    void exchangeOf(unknown)(TICKET, order(port));
    expect((await use(unknown, TICKET)).head).toEqual({ kind: "fault", fault: "name-unknown" });
  });

  test("breaks the face's stream off when the server breaks off", async () => {
    const port = await serve((request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setTimeout(() => request.socket.destroy(), 20);
    });
    const broker = createBroker(LOOPBACK);
    const ended = exchangeOf(broker)(TICKET, order(port));
    const { stream } = await use(broker, TICKET);
    stream.end();
    await expect(read(stream)).rejects.toThrow();
    expect(await ended).toMatchObject({ end: "failed", fault: "broken-response", status: 200 });
  });
});

describe("a bound on bytes", () => {
  test("cuts an answer that is longer, and no answer that is not", async () => {
    const port = await serve((_, response) => response.end(Buffer.alloc(1_000_000, "x")));
    const broker = createBroker(LOOPBACK);
    const ended = broker.exchange({ ticket: TICKET, order: order(port), most: 500_000 });
    const long = await use(broker, TICKET);
    await expect(read(long.stream)).rejects.toThrow();
    expect(await ended).toMatchObject({ end: "cut", fault: "limit-bytes", status: 200 });
    const enough = broker.exchange({ ticket: OTHER, order: order(port), most: 1_100_000 });
    const { stream } = await use(broker, OTHER);
    stream.end();
    expect((await read(stream)).length).toBe(1_000_000);
    expect(await enough).toMatchObject({ end: "done" });
  });
});

describe("a ticket", () => {
  test("is used once", async () => {
    const port = await serve((_, response) => response.end("once"));
    const broker = createBroker(LOOPBACK);
    void exchangeOf(broker)(TICKET, order(port));
    const first = await use(broker, TICKET);
    await expect(use(broker, TICKET)).rejects.toThrow();
    first.stream.end();
    expect(await read(first.stream)).toBe("once");
    await expect(use(broker, TICKET)).rejects.toThrow();
  });

  test("that nobody ordered gets nothing", async () => {
    const broker = createBroker(LOOPBACK);
    await expect(use(broker, OTHER)).rejects.toThrow();
    const near = joinBroker(broker).connect();
    near.on("error", () => {});
    const gone = new Promise((resolve) => near.once("close", resolve));
    near.resume();
    near.end("GET / HTTP/1.1\r\n\r\n");
    await gone;
  });

  test("that was cancelled gets nothing, and what was running breaks off", async () => {
    const port = await serve((_, response) => response.write("and then nothing more"));
    const broker = createBroker(LOOPBACK);
    const early = exchangeOf(broker)(OTHER, order(port));
    broker.cancel(OTHER);
    expect(await early).toMatchObject({ end: "cut" });
    const ended = exchangeOf(broker)(TICKET, order(port));
    const { stream } = await use(broker, TICKET);
    broker.cancel(TICKET);
    await expect(read(stream)).rejects.toThrow();
    expect(await ended).toMatchObject({ end: "cut", status: 200 });
  });
});

describe("a stream that waits", () => {
  const STREAM = 4_294_967_297;
  /** Opens a stream as a face does that says nothing more on it. */
  function open(broker: Broker, stream: number = STREAM): { near: Duplex; head: Promise<AnsweringHead | null> } {
    const near = joinBroker(broker).connect();
    near.on("error", () => {});
    writeHead(near, { stream });
    near.end();
    return { near, head: readHead(near, readAnswering).catch(() => null) };
  }
  const ordered = (
    port: number,
    target: string,
    stream: number | null = STREAM,
  ): Parameters<Broker["exchange"]>[0] => ({
    ticket: TICKET,
    order: order(port, { target }),
    most: null,
    stream,
  });

  test("reaches nobody before there is an order for it, and then does that", async () => {
    const seen: string[] = [];
    const port = await serve((request, response) => {
      seen.push(request.url ?? "");
      response.end("done");
    });
    const broker = createBroker(LOOPBACK);
    const { near, head } = open(broker);
    // Another is carried from its beginning to its end meanwhile.
    const other = broker.exchange({ ticket: OTHER, order: order(port, { target: "/other" }), most: null });
    const { stream } = await use(broker, OTHER);
    stream.end();
    stream.resume();
    await other;
    expect(seen).toEqual(["/other"]);
    const ended = broker.exchange(ordered(port, "/waited"));
    expect(await head).toMatchObject({ status: 200 });
    expect(await read(near)).toBe("done");
    expect(await ended).toMatchObject({ end: "done" });
    expect(seen).toEqual(["/other", "/waited"]);
  });

  test("may come behind its order, which no ticket gets", async () => {
    const port = await serve((_, response) => response.end("done"));
    const broker = createBroker(LOOPBACK);
    const ended = broker.exchange(ordered(port, "/"));
    await expect(use(broker, TICKET)).rejects.toThrow();
    expect(await open(broker).head).toMatchObject({ status: 200 });
    expect(await ended).toMatchObject({ end: "done" });
  });

  test("has the number alone: a second under it gets nothing, nor does one under another", async () => {
    const port = await serve((_, response) => response.end("done"));
    const broker = createBroker(LOOPBACK);
    const [first, , other] = [open(broker), await open(broker).head, open(broker, STREAM + 1)];
    const ended = broker.exchange(ordered(port, "/"));
    expect(await first.head).toMatchObject({ status: 200 });
    expect(await ended).toMatchObject({ end: "done" });
    other.near.destroy();
    expect(await other.head).toBeNull();
  });

  test("that left before its order has nothing done for it", async () => {
    let reached = 0;
    const port = await serve((_, response) => {
      reached += 1;
      response.end();
    });
    const broker = createBroker(LOOPBACK);
    const { near } = open(broker);
    // It is waiting once another under its number is sent away.
    expect(await open(broker).head).toBeNull();
    near.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await broker.exchange(ordered(port, "/"))).toMatchObject({ end: "cut", status: null });
    expect(reached).toBe(0);
  });

  test("gets nothing when its order is cancelled before it comes", async () => {
    const broker = createBroker(LOOPBACK);
    const ended = broker.exchange(ordered(9, "/"));
    broker.cancel(TICKET);
    expect(await ended).toMatchObject({ end: "cut" });
  });
});

describe("an address", () => {
  const to = (addresses: readonly string[]): Broker =>
    createBroker({ resolve: () => Promise.resolve(addresses.map((address) => ({ address }))), authorities: null });

  test.each([
    ["private", ["10.0.0.1"]],
    ["loopback", ["127.0.0.1"]],
    ["loopback as IPv6", ["::1"]],
    ["loopback mapped into IPv6", ["::ffff:127.0.0.1"]],
    ["link-local", ["169.254.1.1"]],
    ["of a metadata service", ["169.254.169.254"]],
    ["unique local", ["fd00:ec2::254"]],
    ["multicast", ["224.0.0.1"]],
    ["public and private together (rebinding)", ["93.184.216.34", "192.168.0.1"]],
    ["none", []],
  ])("that is %s is never connected to for a public name", async (_, addresses) => {
    const port = await serve((_request, response) => response.end("reached"));
    const broker = to(addresses);
    const ended = exchangeOf(broker)(TICKET, order(port, { host: "rebinding.example.com", reach: "public" }));
    const { head } = await use(broker, TICKET);
    expect(head.kind).toBe("fault");
    expect(await ended).toMatchObject({ end: "failed", status: null, address: null });
  });

  test("that is not of this machine is never connected to for localhost", async () => {
    const broker = to(["127.0.0.1", "93.184.216.34"]);
    void exchangeOf(broker)(TICKET, order(9, {}));
    expect((await use(broker, TICKET)).head).toEqual({ kind: "fault", fault: "address-refused" });
  });
});

describe("a tunnel", () => {
  test("carries bytes both ways and ends when both have", async () => {
    const port = await listen(createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)));
    const broker = createBroker(LOOPBACK);
    const ended = exchangeOf(broker)(TICKET, { kind: "connect", host: "localhost", port, reach: "loopback" });
    const { head, stream } = await use(broker, TICKET);
    expect(head).toEqual({ kind: "open" });
    stream.end("echo");
    expect(await read(stream)).toBe("echo");
    expect(await ended).toEqual({
      end: "done",
      fault: null,
      status: null,
      usage: null,
      sent: 4,
      received: 4,
      address: "127.0.0.1",
    });
  });
});
