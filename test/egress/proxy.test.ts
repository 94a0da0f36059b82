import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startEgressStage, type EgressStage } from "../fakes/egress-stage.ts";
import { ask, rawExchange } from "../fakes/proxy-clients.ts";

// The face's proxy and the broker in this process, real sockets, and an origin on loopback.
let origin: Server;
let port: number;
let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {};
let stage: EgressStage;
const url = (path: string): string => `http://localhost:${port}${path}`;

beforeAll(async () => {
  origin = createServer((request, response) => handle(request, response));
  origin.on("upgrade", (request, socket) => {
    const accept = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  port = (origin.address() as AddressInfo).port;
});
afterAll(() => origin.close());
afterEach(() => stage.stop());

describe("a request through the proxy", () => {
  test("is asked for as it is, and its answer comes back as it is", async () => {
    handle = (request, response) => {
      response.writeHead(201, { "x-answer": "yes", "content-type": "text/plain" });
      response.end(`${request.method} ${request.url} ${request.headers.host} ${String(request.headers["x-a"])}`);
    };
    stage = await startEgressStage();
    const answer = await ask(stage.socket, url("/a/b?c=d"), { headers: { "x-a": "b" } });
    expect(answer).toMatchObject({ status: 201, body: `GET /a/b?c=d localhost:${port} b` });
    expect(answer.headers["x-answer"]).toBe("yes");
    expect(stage.proposed).toMatchObject([
      { name: "fetch", arguments: { scheme: "http", host: "localhost", port, path: "/a/b", target: "/a/b?c=d" } },
    ]);
    expect(stage.results).toMatchObject([{ end: "done", status: 201, address: "127.0.0.1" }]);
  });

  test("that is denied gets 403 with stage, code and message, and reaches nobody", async () => {
    let reached = 0;
    handle = (_, response) => {
      reached += 1;
      response.end();
    };
    stage = await startEgressStage({
      decide: (call) => (call.tool === "fetch" && call.path === "/yes" ? "grant" : "deny"),
    });
    const denied = await ask(stage.socket, url("/no"));
    expect(denied.status).toBe(403);
    expect(JSON.parse(denied.body)).toEqual({ stage: "validate", code: "no-grant", message: "no", proposal: null });
    expect(reached).toBe(0);
    expect((await ask(stage.socket, url("/yes"))).status).toBe(200);
  });

  test("with a body holds it in the action, text as text and anything else as base64", async () => {
    const got: string[] = [];
    handle = (request, response) => {
      request.setEncoding("latin1");
      let body = "";
      request.on("data", (chunk: string) => (body += chunk));
      request.on("end", () => {
        got.push(body);
        response.end("ok");
      });
    };
    stage = await startEgressStage();
    await ask(stage.socket, url("/text"), { method: "POST", body: "grüße" });
    await ask(stage.socket, url("/bytes"), { method: "PUT", body: Buffer.of(255, 0, 1) });
    await ask(stage.socket, url("/empty"), { method: "DELETE" });
    await ask(stage.socket, url("/get"), { method: "GET", body: "odd", headers: { "content-length": "3" } });
    expect(stage.proposed.map(({ name, arguments: args }) => [name, args["body"]])).toEqual([
      ["send", { kind: "text", text: "grüße" }],
      ["send", { kind: "base64", base64: "/wAB" }],
      ["send", { kind: "none" }],
      ["send", { kind: "text", text: "odd" }],
    ]);
    expect(got).toEqual([Buffer.from("grüße").toString("latin1"), "\xff\0\x01", "", "odd"]);
  });

  test("with a long body streams it, and says only its length", async () => {
    let size = 0;
    handle = (request, response) => {
      request.on("data", (chunk: Buffer) => (size += chunk.length));
      request.on("end", () => response.end(String(size)));
    };
    stage = await startEgressStage();
    const answer = await ask(stage.socket, url("/upload"), { method: "POST", body: Buffer.alloc(5_000_000, "x") });
    expect(answer.body).toBe("5000000");
    expect(stage.proposed[0]?.arguments["body"]).toEqual({ kind: "stream", length: 5_000_000 });
    expect(stage.results[0]?.sent).toBeGreaterThanOrEqual(5_000_000);
  });

  test("that expects to be told to go on is told so", async () => {
    handle = (request, response) => {
      request.resume();
      request.on("end", () => response.end("done"));
    };
    stage = await startEgressStage();
    const raw = `POST ${url("/")} HTTP/1.1\r\nHost: localhost:${port}\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok`;
    const got = await rawExchange(stage.connect(), raw);
    expect(got).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    expect(stage.proposed[0]?.arguments["headers"]).toEqual([]);
  });

  test("carries a large body both whole and bounded in memory", async () => {
    const chunk = Buffer.alloc(1024 * 1024, "y");
    handle = (_, response) => {
      let left = 32;
      const more = (): void => {
        while (left > 0) {
          left -= 1;
          if (!response.write(chunk)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    };
    stage = await startEgressStage();
    expect((await ask(stage.socket, url("/big"))).body.length).toBe(32 * 1024 * 1024);
    expect(stage.results[0]?.received).toBeGreaterThan(32 * 1024 * 1024);
  });

  test("for an event stream gets each event when it comes", async () => {
    let send: (text: string) => void = () => {};
    handle = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      send = (text) => void response.write(text);
    };
    stage = await startEgressStage();
    const socket = stage.connect();
    let got = "";
    socket.on("data", (chunk: Buffer) => (got += chunk.toString()));
    socket.write(`GET ${url("/events")} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
    const until = async (text: string): Promise<void> => {
      for (let tries = 0; tries < 6000 && !got.includes(text); tries++)
        await new Promise((resolve) => setTimeout(resolve, 10));
      expect(got).toContain(text);
    };
    await until("text/event-stream");
    send("data: one\n\n");
    await until("data: one");
    send("data: two\n\n");
    await until("data: two");
    expect(stage.results).toEqual([]);
    socket.destroy();
  });

  test("whose client goes away ends the exchange", async () => {
    handle = (_, response) => void response.write("begun");
    stage = await startEgressStage();
    const socket = stage.connect();
    socket.write(`GET ${url("/")} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    for (let tries = 0; tries < 6000 && stage.results.length === 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(stage.results).toMatchObject([{ end: "cut", status: 200 }]);
    expect(stage.withdrawn.length).toBe(1);
  });

  test("that was answered in full is not taken back while its record is being written", async () => {
    handle = (_, response) => response.end("all of it");
    const record = Promise.withResolvers<void>();
    stage = await startEgressStage({ recorded: record.promise });
    // Each connection is closed when its answer has ended, so that the first is over when the second is.
    for (const path of ["/one", "/two"]) expect((await ask(stage.socket, url(path))).body).toBe("all of it");
    expect(stage.results.length).toBe(2);
    expect(stage.withdrawn).toEqual([]);
    record.resolve();
  });

  test("with a small answer has its client written to once, for head and body", async () => {
    handle = (_, response) => response.end("small");
    stage = await startEgressStage();
    const socket = stage.connect();
    let got = "";
    socket.on("data", (piece: Buffer) => (got += piece.toString("latin1")));
    for (let each = 1; each <= 5; each += 1) {
      socket.write(`GET ${url("/")} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
      while (got.split("small").length <= each) await new Promise((resolve) => socket.once("data", resolve));
    }
    expect(stage.writes()).toBe(5);
    socket.destroy();
  });

  test("that is cut while it runs breaks off, and does not look complete", async () => {
    handle = (_, response) => void response.write("begun");
    stage = await startEgressStage();
    const running = ask(stage.socket, url("/"));
    for (let tries = 0; tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 2));
    stage.cut();
    await expect(running).rejects.toThrow();
  });

  test("to a server that does not answer gets 502 and why", async () => {
    stage = await startEgressStage();
    const answer = await ask(stage.socket, "http://localhost:1/");
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ stage: "execute", code: "unreachable" });
  });

  test("follows another on the same connection, and a redirect is the client's to follow", async () => {
    handle = (request, response) => {
      if (request.url !== "/from") return void response.end("arrived");
      response.writeHead(302, { location: "/to" });
      response.end();
    };
    stage = await startEgressStage();
    const raw = (path: string, last: string): string =>
      `GET ${url(path)} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: ${last}\r\n\r\n`;
    const got = await rawExchange(stage.connect(), raw("/from", "keep-alive") + raw("/to", "close"));
    expect(got.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 302", "HTTP/1.1 200"]);
    expect(stage.proposed.map(({ arguments: args }) => args["path"])).toEqual(["/from", "/to"]);
  });
});

describe("a WebSocket", () => {
  const upgrade = (path: string): string =>
    `GET ${url(path)} HTTP/1.1\r\nHost: localhost:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`;

  test("is an action of its own, and then carries bytes both ways", async () => {
    stage = await startEgressStage();
    const socket = stage.connect();
    let got = "";
    socket.on("data", (chunk: Buffer) => {
      got += chunk.toString("latin1");
      if (got.endsWith("\r\n\r\n")) socket.write("ping");
      if (got.endsWith("ping")) socket.end();
    });
    socket.write(upgrade("/live"));
    await new Promise((resolve) => socket.once("close", resolve));
    expect(got).toContain("HTTP/1.1 101 Switching Protocols");
    expect(got).toContain("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    expect(got.endsWith("\r\n\r\nping")).toBe(true);
    expect(stage.proposed).toMatchObject([
      { name: "send", arguments: { method: "GET", path: "/live", upgrade: true } },
    ]);
  });

  test("that is denied gets 403 and no connection", async () => {
    stage = await startEgressStage({ decide: () => "deny" });
    expect(await rawExchange(stage.connect(), upgrade("/live"))).toMatch(/^HTTP\/1\.1 403 Forbidden/);
  });

  test("is not what any other upgrade becomes", async () => {
    handle = (request, response) => response.end(String(request.headers.upgrade));
    stage = await startEgressStage();
    const got = await rawExchange(
      stage.connect(),
      `GET ${url("/")} HTTP/1.1\r\nHost: localhost:${port}\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n`,
    );
    expect(got).toMatch(/^HTTP\/1\.1 200/);
    expect(got).toContain("undefined");
    expect(stage.proposed[0]?.name).toBe("fetch");
  });
});
