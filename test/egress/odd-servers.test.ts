import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startEgressStage, type EgressStage } from "../fakes/egress-stage.ts";
import { ask, rawExchange } from "../fakes/proxy-clients.ts";
import { upload } from "../fakes/early-upload.ts";

// Servers that answer as few do, byte by byte.
let origin: Server;
let port: number;
let answer: (socket: Socket, head: string) => void = () => {};
let stage: EgressStage;
const url = (): string => `http://localhost:${port}/`;
const get = (more: string = ""): string =>
  `GET ${url()} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n${more}\r\n`;

beforeAll(async () => {
  origin = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (first: Buffer) => {
      socket.resume();
      answer(socket, first.toString("latin1"));
    });
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  port = (origin.address() as AddressInfo).port;
});
afterAll(() => origin.close());
afterEach(() => stage.stop());

describe("a long body that its server answers before it has read it", () => {
  test.each([
    ["and keeps the connection", "", "keep-alive"],
    ["and closes", "connection: close\r\n", "keep-alive"],
    ["for a client that closes", "", "close"],
  ])("%s is written to its end, and its answer read then", async (_, more, connection) => {
    answer = (socket) => {
      socket.write(`HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n${more}\r\nearly`);
      if (more !== "") socket.end();
    };
    stage = await startEgressStage();
    const got = await upload(stage.connect(), {
      head: `POST ${url()} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: ${connection}\r\n`,
      next: connection === "close" ? "" : get(),
    });
    expect(got).toMatch(/^HTTP\/1\.1 413 [^]*\r\n\r\nearly/);
    expect(got.match(/HTTP\/1\.1 413/g)?.length).toBe(connection === "close" ? 1 : 2);
  });

  test("is written to its end when it is denied", async () => {
    stage = await startEgressStage({ decide: () => "deny" });
    const got = await upload(stage.connect(), {
      head: `POST ${url()} HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n`,
      next: "",
    });
    expect(got).toMatch(/^HTTP\/1\.1 403 [^]*no-grant/);
  });

  test("is not read for ever", async () => {
    answer = (socket) => void socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n\r\nearly");
    stage = await startEgressStage();
    const client = stage.connect();
    let [got, sent] = ["", 0];
    client.on("data", (chunk: Buffer) => (got += chunk.toString("latin1")));
    client.write(`POST ${url()} HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: ${2 ** 40}\r\n\r\n`);
    const block = Buffer.alloc(1024 * 1024);
    const more = (): void => {
      while (!client.destroyed && client.write(block)) sent += block.length;
    };
    client.on("drain", more);
    more();
    await new Promise((resolve) => client.once("close", resolve));
    expect(got).toContain("413");
    expect(sent).toBeLessThan(256 * 1024 * 1024);
  });
});

describe("an answer", () => {
  test("that breaks off right behind its beginning comes as far as it came, and breaks off", async () => {
    answer = (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this");
    stage = await startEgressStage();
    expect(await rawExchange(stage.connect(), get())).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\n\r\nonly this$/);
    // What is no chunk breaks off in the very turn in which the head came.
    answer = (socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nno chunk");
    expect(await rawExchange(stage.connect(), get())).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\nhello\r\n$/);
    expect(new Set(stage.results.map(({ fault }) => fault))).toEqual(new Set(["broken-response"]));
  });

  test("and a request have the bytes of their heads that were sent", async () => {
    let asked = "";
    answer = (socket, head) => {
      asked = head;
      socket.end("HTTP/1.1 200 Gr\xfc\xdf\r\nx-n: caf\xe9\r\nx-utf: \xc3\xa9\r\ncontent-length: 2\r\n\r\nok", "latin1");
    };
    stage = await startEgressStage();
    const client = stage.connect();
    let got = "";
    client.on("data", (chunk: Buffer) => (got += chunk.toString("latin1")));
    client.write(get("x-mine: caf\xe9\r\nx-utf: \xc3\xa9\r\n"), "latin1");
    await new Promise((resolve) => client.once("close", resolve));
    expect(got).toContain("200 Gr\xfc\xdf\r\nx-n: caf\xe9\r\nx-utf: \xc3\xa9\r\n");
    expect(asked).toContain("x-mine: caf\xe9\r\nx-utf: \xc3\xa9\r\n");
  });

  test.each([
    ["with a head over 64 KiB", `x-a: ${"a".repeat(70_000)}\r\n`],
    ["of two lengths", "content-length: 2\r\ntransfer-encoding: chunked\r\n"],
  ])("%s is told as one that cannot be read", async (_, more) => {
    answer = (socket) => socket.end(`HTTP/1.1 200 OK\r\n${more}\r\n2\r\nok\r\n0\r\n\r\n`);
    stage = await startEgressStage();
    const { status, body } = await ask(stage.socket, url());
    expect(status).toBe(502);
    expect(JSON.parse(body)).toMatchObject({ code: "broken-response" });
  });

  // Handed on as it is, the first two would have the client take the answer to its next request for that to this one, and the last
  // have it take coded bytes for the answer itself.
  test.each([
    ["101 and no other protocol", "101 Switching Protocols\r\n\r\n"],
    [
      "an upgrade that nobody asked for",
      "101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    ],
    ["a status below all others", "099 Odd\r\ncontent-length: 2\r\n\r\nok"],
    ["a body in another coding", "200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
  ])("with %s is none, with a ticket and on a stream that waited", async (_, said) => {
    stage = await startEgressStage();
    answer = (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    expect(await ask(stage.socket, url())).toMatchObject({ status: 200 });
    answer = (socket) => socket.write(`HTTP/1.1 ${said}`);
    for (const method of ["GET", "OPTIONS"]) {
      const { status, body } = await ask(stage.socket, url(), { method });
      expect(status).toBe(502);
      expect(JSON.parse(body)).toMatchObject({ code: "broken-response" });
    }
    expect(stage.streams.length).toBe(1);
    expect(stage.results.slice(1)).toMatchObject([1, 2].map(() => ({ end: "failed", fault: "broken-response" })));
  });
});
