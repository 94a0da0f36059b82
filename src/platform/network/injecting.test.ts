import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { hash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { joinBroker } from "../../../test/fakes/broker-pair.ts";
import { holdsPlaceholder } from "../../kernel/secrets.ts";
import { INFER_PARTS } from "../../main/infer-parts.ts";
import { readInferBody } from "../../protocol/infer-body.ts";
import type { InferOrderBody, NetOrder, NetResult } from "../../protocol/net-order.ts";
import { createBroker, type Broker, type BrokerParts } from "./broker.ts";
import { readAnswering, readHead, writeHead, type AnsweringHead } from "./broker-wire.ts";
import { createWatch, injectHeaders, type Injecting } from "./injecting.ts";
import { createInstanceCa } from "./instance-ca.ts";
import { createScrubber } from "./scrub.ts";

const VALUE = "sk-0123456789abcdef";
const MARK = `aios-secret-bank-${"0".repeat(32)}`;
const TICKET = "0123456789abcdef0123456789abcdef";
let seen: { headers: IncomingMessage["headers"]; body: string }[] = [];
const servers: Server[] = [];
beforeEach(() => (seen = []));
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Says back what it was sent. */
const echo: RequestListener = (request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    seen.push({ headers: request.headers, body });
    response.setHeader("x-echo", String(request.headers["x-api-key"]));
    response.end(`you sent ${String(request.headers["x-api-key"])}`);
  });
};

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function injecting(port: number, refused: Injecting["refused"] = () => Promise.resolve()): Injecting {
  return {
    refused,
    admits: (asked): asked is Extract<NetOrder, { kind: "request" }> => asked.kind === "request" && asked.port === port,
    fill: ({ target, headers }) => ({ target, headers: injectHeaders(headers, { header: "x-api-key", text: VALUE }) }),
    scrubber: createScrubber(VALUE),
  };
}

function order(port: number, change: Partial<Extract<NetOrder, { kind: "request" }>> = {}): NetOrder {
  return {
    kind: "request",
    scheme: "http",
    host: "localhost",
    port,
    reach: "loopback",
    method: "GET",
    target: "/",
    headers: [
      { name: "x-api-key", value: MARK },
      { name: "accept-encoding", value: "gzip, br" },
    ],
    body: { kind: "none" },
    upgrade: false,
    ...change,
  };
}

function start(parts: Partial<BrokerParts>): Broker {
  return createBroker({
    resolve: async () => [{ address: "127.0.0.1" }],
    authorities: null,
    holdsPlaceholder,
    ...parts,
  });
}

/** One exchange: what the face gets, and what is recorded. */
async function run(
  broker: Broker,
  ordered: NetOrder,
  body: string = "",
): Promise<{ head: AnsweringHead | null; body: string; result: NetResult }> {
  const ended = broker.exchange({ ticket: TICKET, order: ordered, most: null });
  const stream: Duplex = joinBroker(broker).connect();
  stream.on("error", () => {});
  writeHead(stream, { ticket: TICKET });
  stream.end(body);
  const head = await readHead(stream, readAnswering).catch(() => null);
  return { head, body: head?.kind === "response" ? await text(stream) : "", result: await ended };
}

describe("an injector", () => {
  test("puts the value in, asks for an answer that it can read, and takes the value out of it", async () => {
    const port = await listen(createServer(echo));
    const { head, body } = await run(start({ injecting: injecting(port) }), order(port));
    expect(seen[0]?.headers).toMatchObject({ "x-api-key": VALUE, "accept-encoding": "identity" });
    expect(body).toBe(`you sent ${"*".repeat(VALUE.length)}`);
    expect(JSON.stringify(head)).not.toContain(VALUE);
    expect(JSON.stringify(head)).toContain("*".repeat(VALUE.length));
  });

  test("says that a value was refused before anybody sees the answer, and of nothing else", async () => {
    const port = await listen(
      createServer((request, response) => {
        response.statusCode = request.url === "/refused" ? 401 : 403;
        response.end("no");
      }),
    );
    const { promise: known, resolve: know } = Promise.withResolvers<void>();
    const said: string[] = [];
    const broker = start({
      injecting: injecting(port, (ticket) => {
        said.push(ticket);
        return known;
      }),
    });
    expect((await run(broker, order(port))).head).toMatchObject({ status: 403 });
    expect(said).toEqual([]);
    const answered = run(broker, order(port, { target: "/refused" }));
    let seenIt = false;
    void answered.then(() => (seenIt = true));
    while (said.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(seenIt).toBe(false);
    know();
    expect(await answered).toMatchObject({ head: { status: 401 }, body: "no", result: { end: "done", status: 401 } });
    expect(said).toEqual([TICKET]);
  });

  test("ends when its server breaks off while the refusal is being said", async () => {
    const server = createServer((_request, response) => {
      response.writeHead(401, { "content-length": "100" });
      response.write("part");
    });
    const port = await listen(server);
    const broker = start({
      injecting: injecting(port, () => {
        server.closeAllConnections();
        return new Promise(() => {});
      }),
    });
    expect((await run(broker, order(port))).result).toMatchObject({ end: "failed", fault: "broken-response" });
  });

  test("does so over TLS, to a server that proves its name", async () => {
    const ca = createInstanceCa(Date.now);
    const port = await listen(createTlsServer(ca.leafFor("localhost"), echo));
    const https = order(port, { scheme: "https" });
    const { body } = await run(start({ injecting: injecting(port), authorities: ca.certificate }), https);
    expect(seen[0]?.headers["x-api-key"]).toBe(VALUE);
    expect(body).not.toContain(VALUE);
    // Its twin: whoever cannot prove the name gets nothing.
    const { result } = await run(start({ injecting: injecting(port) }), https);
    expect(result).toMatchObject({ end: "failed", fault: "tls-refused" });
    expect(seen).toHaveLength(1);
  });

  test("serves no other order than its destination's, whoever gives it", async () => {
    const [port, other] = [await listen(createServer(echo)), await listen(createServer(echo))];
    const broker = start({ injecting: injecting(port) });
    expect((await run(broker, order(other))).result).toMatchObject({ end: "failed", fault: "not-bound" });
    const tunnel: NetOrder = { kind: "connect", host: "localhost", port, reach: "loopback" };
    expect((await run(broker, tunnel)).result).toMatchObject({ end: "failed", fault: "not-bound" });
    expect(seen).toEqual([]);
    expect((await run(broker, order(port))).result).toMatchObject({ end: "done" });
  });

  test("does not become a WebSocket, whatever the server says", async () => {
    const server = createServer();
    server.on("upgrade", (_request, socket) =>
      socket.end("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
    );
    const port = await listen(server);
    const { result } = await run(start({ injecting: injecting(port) }), order(port, { upgrade: true }));
    expect(result).toMatchObject({ end: "failed" });
  });
});

describe("a body for a model", () => {
  const asked = JSON.stringify({ model: "m", max_tokens: 10, messages: [{ role: "user", content: "hi" }] });
  function bodyOf(sent: string): InferOrderBody {
    const read = readInferBody("messages", sent);
    if (read.kind === "refused") throw new Error(read.message);
    const { model, maxOutput, stream, inputTokens, features } = read.value;
    const terms = { endpoint: "messages", model, maxOutput, stream, inputTokens, features } as const;
    return { kind: "infer", bytes: Buffer.byteLength(sent), digest: `sha256:${hash("sha256", sent, "hex")}`, terms };
  }

  test("is sent as it was decided", async () => {
    const port = await listen(createServer(echo));
    const ordered = order(port, { method: "POST", body: bodyOf(asked) });
    expect((await run(start({ infer: INFER_PARTS }), ordered, asked)).result).toMatchObject({ end: "done" });
    expect(seen[0]?.body).toBe(asked);
  });

  const searching = asked.replace(
    '"max_tokens":10',
    '"max_tokens":10,"tools":[{"type":"web_search_20250305","name":"s"}]',
  );
  test.each<[string, string, (body: InferOrderBody) => InferOrderBody]>([
    ["another body", asked.replace("hi", "ho"), (body) => body],
    ["a body with more after it", `${asked} `, (body) => body],
    ["less of it", asked.slice(0, -1), (body) => body],
    // A face that was taken over says the digest of a body that asks for more than it says.
    [
      "a search that was not said",
      searching,
      (body) => ({ ...bodyOf(searching), terms: { ...body.terms, inputTokens: bodyOf(searching).terms.inputTokens } }),
    ],
    ["a longer answer than was said", asked, (body) => ({ ...body, terms: { ...body.terms, maxOutput: 1 } })],
    ["another model than was said", asked, (body) => ({ ...body, terms: { ...body.terms, model: "cheap" } })],
    ["more tokens than were said", asked, (body) => ({ ...body, terms: { ...body.terms, inputTokens: 1 } })],
  ])("is not sent as %s", async (_, sent, change) => {
    const port = await listen(createServer(echo));
    const ordered = order(port, { method: "POST", body: change(bodyOf(asked)) });
    const { result } = await run(start({ infer: INFER_PARTS }), ordered, sent);
    expect(result).toMatchObject({ end: "failed", fault: "broken-request" });
    expect(seen).toEqual([]);
  });
});

test("a watch finds a placeholder across pieces, and nothing in what has none", () => {
  const watch = createWatch(holdsPlaceholder);
  expect([watch(Buffer.from(`x${MARK.slice(0, 6)}`)), watch(Buffer.from(MARK.slice(6)))]).toEqual([false, true]);
  const quiet = createWatch(holdsPlaceholder);
  expect(Array.from({ length: 50 }, () => quiet(Buffer.alloc(1000, "aios secret ")))).not.toContain(true);
});
