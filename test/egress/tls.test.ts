import { createServer as createHttpsServer } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createInstanceCa } from "../../src/platform/network/instance-ca.ts";
import { startEgressStage, type EgressStage } from "../fakes/egress-stage.ts";
import { ask, openTunnel, secureTunnel } from "../fakes/proxy-clients.ts";

// Origins on loopback with certificates of a test authority that the broker trusts and the agent does not.
const authority = createInstanceCa(Date.now);
const HOST = "localhost";
let origin: Server;
let port: number;
let strange: Server;
let strangePort: number;
let stage: EgressStage;
const handle = (request: IncomingMessage, response: ServerResponse): void => {
  response.end(`${request.method} ${request.url} ${request.headers.host}`);
};
const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

beforeAll(async () => {
  origin = createHttpsServer(authority.leafFor(HOST), handle);
  origin.on("upgrade", (_request: IncomingMessage, socket: Socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n");
    socket.pipe(socket);
  });
  port = await listen(origin);
  strange = createHttpsServer(authority.leafFor("other.example.com"), handle);
  strangePort = await listen(strange);
});
afterAll(() => {
  origin.close();
  strange.close();
});
afterEach(() => stage.stop());

const start = (options: Parameters<typeof startEgressStage>[0] = {}): Promise<EgressStage> =>
  startEgressStage({ authorities: authority.certificate, ...options });

async function inside(to: number = port): Promise<{ ask: (path: string, host?: string) => ReturnType<typeof ask> }> {
  const { head, socket } = await openTunnel(stage.connect(), `${HOST}:${to}`);
  expect(head).toMatch(/^HTTP\/1\.1 200/);
  const tls = await secureTunnel(socket, { ca: stage.ca, servername: HOST });
  return { ask: (path, host = `${HOST}:${to}`) => ask("", path, { over: tls, headers: { host } }) };
}

describe("TLS that ends at the face", () => {
  test("shows method and path, and goes on to a server whose certificate is checked", async () => {
    stage = await start();
    const answer = await (await inside()).ask("/a?b");
    expect(answer).toMatchObject({ status: 200, body: `GET /a?b ${HOST}:${port}` });
    expect(stage.proposed).toMatchObject([
      { name: "fetch", arguments: { scheme: "https", host: HOST, port, path: "/a", target: "/a?b" } },
    ]);
  });

  test("is denied by path, as a response inside it", async () => {
    stage = await start({ decide: (call) => (call.tool === "fetch" && call.path === "/yes" ? "grant" : "deny") });
    expect((await (await inside()).ask("/no")).status).toBe(403);
    expect((await (await inside()).ask("/yes")).status).toBe(200);
  });

  test("begins also when the client does not wait for the proxy's word", async () => {
    stage = await start();
    const hello = await new Promise<Buffer>((resolve) => {
      const wire = new Duplex({ read: () => {}, write: (chunk: Buffer) => resolve(chunk) });
      connectTls({ socket: wire, servername: HOST });
    });
    const socket = stage.connect();
    socket.write(
      Buffer.concat([Buffer.from(`CONNECT ${HOST}:${port} HTTP/1.1\r\nHost: ${HOST}:${port}\r\n\r\n`), hello]),
    );
    let got = "";
    socket.on("data", (chunk: Buffer) => (got += chunk.toString("latin1")));
    // The proxy's word, and behind it the first record of a handshake (type 22, version 3.3).
    const handshake = (): string => Buffer.from(got.split("\r\n\r\n")[1] ?? "", "latin1").toString("hex", 0, 3);
    for (let tries = 0; tries < 6000 && handshake().length < 6; tries++)
      await new Promise((done) => setTimeout(done, 10));
    expect(got).toMatch(/^HTTP\/1\.1 200 /);
    expect(handshake()).toBe("160303");
    socket.destroy();
  });

  test("is refused to a server whose certificate is another's, and to one that nobody vouches for", async () => {
    stage = await start();
    const other = await (await inside(strangePort)).ask("/");
    expect(other.status).toBe(502);
    expect(JSON.parse(other.body)).toMatchObject({ code: "tls-refused" });
    await stage.stop();
    stage = await startEgressStage();
    expect(JSON.parse((await (await inside()).ask("/")).body)).toMatchObject({ code: "tls-refused" });
    expect(stage.results).toMatchObject([{ end: "failed", fault: "tls-refused", status: null }]);
  });

  test("carries a WebSocket, which is an action of its own", async () => {
    stage = await start();
    const { socket } = await openTunnel(stage.connect(), `${HOST}:${port}`);
    const tls = await secureTunnel(socket, { ca: stage.ca, servername: HOST });
    const got = await new Promise<string>((resolve) => {
      let text = "";
      tls.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        if (text.endsWith("\r\n\r\n")) tls.write("ping");
        if (text.endsWith("ping")) resolve(text);
      });
      tls.write(
        `GET /live HTTP/1.1\r\nHost: ${HOST}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
      );
    });
    expect(got).toMatch(/^HTTP\/1\.1 101 /);
    expect(stage.proposed).toMatchObject([
      { name: "send", arguments: { scheme: "https", path: "/live", upgrade: true } },
    ]);
    tls.destroy();
  });

  test("is trusted by nobody but the instance's own agent", async () => {
    stage = await start();
    const { socket } = await openTunnel(stage.connect(), `${HOST}:${port}`);
    const stranger = createInstanceCa(Date.now).certificate;
    await expect(secureTunnel(socket, { ca: stranger, servername: HOST })).rejects.toThrow();
  });

  test("for another name than that of the tunnel, or none, is not made", async () => {
    stage = await start();
    const named = await openTunnel(stage.connect(), `${HOST}:${port}`);
    await expect(secureTunnel(named.socket, { ca: stage.ca, servername: "evil.example.com" })).rejects.toThrow();
    const nameless = await openTunnel(stage.connect(), `${HOST}:${port}`);
    const closed = new Promise((resolve) => nameless.socket.once("close", resolve));
    connectTls({ socket: nameless.socket, rejectUnauthorized: false }).on("error", () => {});
    await closed;
    expect(stage.proposed).toEqual([]);
    expect(stage.refused).toEqual([
      `TLS for evil.example.com in a tunnel to ${HOST}:${port}`,
      `TLS without a name in a tunnel to ${HOST}:${port}`,
    ]);
  });

  test("carries no request for another host than that of the tunnel", async () => {
    stage = await start();
    expect((await (await inside()).ask("/", "evil.example.com")).status).toBe(400);
    expect((await (await inside()).ask(`http://${HOST}:${port}/`)).status).toBe(400);
    expect(stage.proposed).toEqual([]);
    expect(stage.refused).toHaveLength(2);
  });
});

describe("TLS that is passed through", () => {
  test("is an action with host and port, and goes to the server as the client sent it", async () => {
    stage = await start({ route: () => "pass" });
    const { head, socket } = await openTunnel(stage.connect(), `${HOST}:${port}`);
    expect(head).toMatch(/^HTTP\/1\.1 200/);
    const tls = await secureTunnel(socket, { ca: authority.certificate, servername: HOST });
    expect((await ask("", "/secret", { over: tls, headers: { host: HOST } })).body).toBe(`GET /secret ${HOST}`);
    expect(stage.proposed).toEqual([{ name: "connect", arguments: { host: HOST, port } }]);
    tls.destroy();
  });

  test("is not begun when it is denied", async () => {
    stage = await start({ route: () => "none", decide: () => "deny" });
    const { head } = await openTunnel(stage.connect(), `${HOST}:${port}`);
    expect(head).toMatch(/^HTTP\/1\.1 403/);
    expect(stage.proposed).toEqual([{ name: "connect", arguments: { host: HOST, port } }]);
  });

  test("is cut before a byte of it is sent on when its name is another, or it has none, or it is no TLS", async () => {
    let reached = 0;
    origin.on("connection", () => (reached += 1));
    stage = await start({ route: () => "pass" });
    for (const options of [{ servername: "evil.example.com" }, { host: "127.0.0.1" }]) {
      const { socket } = await openTunnel(stage.connect(), `${HOST}:${port}`);
      await expect(secureTunnel(socket, { ca: authority.certificate, ...options })).rejects.toThrow();
    }
    const { socket } = await openTunnel(stage.connect(), `${HOST}:${port}`);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await closed;
    expect(stage.refused).toHaveLength(3);
    expect(reached).toBe(0);
  });
});
