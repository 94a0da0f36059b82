import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createConnection, type AddressInfo, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { startEgressStage, type EgressStage } from "../fakes/egress-stage.ts";
import { connectStdio, RawLines, rawHttp } from "../fakes/mcp-clients.ts";
import { doneText, startFace, type FaceUnderTest, type FakeMonitor } from "../fakes/monitor-of-face.ts";
import { anonymousMemory } from "../fakes/own-program.ts";
import { ask } from "../fakes/proxy-clients.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function open(fake: FakeMonitor = {}): Promise<FaceUnderTest> {
  const face = await startFace(fake);
  cleanups.push(() => face.stop());
  return face;
}

async function openLines(face: FaceUnderTest): Promise<RawLines> {
  const lines = new RawLines(face.folder);
  cleanups.push(() => lines.close());
  const initialize = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "raw", version: "1" },
  };
  const answer = await lines.ask({ jsonrpc: "2.0", id: "init", method: "initialize", params: initialize });
  expect(answer["result"]).toBeDefined();
  return lines;
}

/** The harmless twin of every test here: after the attack an honest client is served as before. */
async function expectServed(face: FaceUnderTest): Promise<void> {
  const client = await connectStdio(face.folder, "auto");
  cleanups.push(() => client.close());
  expect((await client.callTool({ name: "files__read" })).content).toHaveLength(1);
}

/** A connection that never finishes saying what it wants. */
interface Slow {
  /** What it was told, once it is closed. */
  readonly told: Promise<string>;
  /** How long that took, in milliseconds; null before. */
  lasted(): number | null;
}

/** `drip`: what it says every half second, or nothing. */
function beSlow(socket: Socket, { head, drip }: { readonly head: string; readonly drip: string | null }): Slow {
  const began = Date.now();
  let said = "";
  let lasted: number | null = null;
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => (said += chunk.toString()));
  socket.write(head);
  const timer = setInterval(() => drip !== null && socket.write(drip), 500);
  const told = new Promise<string>((resolve) =>
    socket.once("close", () => {
      clearInterval(timer);
      lasted = Date.now() - began;
      resolve(said);
    }),
  );
  return { told, lasted: () => lasted };
}

// Both begin with the file: a face gives such connections ten seconds, in which the other tests go on.
let patient: FaceUnderTest;
let slow: Slow;
let origin: Server;
let proxy: EgressStage;
let slowAtProxy: Slow;
const reached: string[] = [];
beforeAll(async () => {
  patient = await startFace();
  const head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow:";
  slow = beSlow(createConnection(`${patient.folder}/mcp.sock`), { head, drip: null });
  origin = createServer((request, response) => {
    reached.push(request.url ?? "");
    response.end("origin");
  }).listen(0, "127.0.0.1");
  await once(origin, "listening");
  proxy = await startEgressStage();
  slowAtProxy = beSlow(proxy.connect(), { head: `GET ${atOrigin("/slow")} HTTP/1.1\r\n`, drip: "X-A: b\r\n" });
});
afterAll(async () => {
  await proxy?.stop();
  origin?.close();
  await patient?.stop();
});
const atOrigin = (path: string): string => `http://localhost:${(origin.address() as AddressInfo).port}${path}`;
// First of all, while both are sure to be at it.
test("a connection that never finishes saying what it wants keeps nobody from being served", async () => {
  await expectServed(patient);
  expect((await ask(proxy.socket, atOrigin("/honest"))).status).toBe(200);
  expect([slow.lasted(), slowAtProxy.lasted()]).toEqual([null, null]);
});

const ping = (id: number | string): object => ({ jsonrpc: "2.0", id, method: "ping" });

describe("a face and an agent that breaks the protocol", () => {
  test.each<[string, string, number | null]>([
    ["junk", "not json", null],
    ["a batch", '[{"jsonrpc":"2.0","id":7,"method":"ping"}]', null],
    ["another version", '{"jsonrpc":"1.0","id":7,"method":"ping"}', null],
    ["an id that is an object", '{"jsonrpc":"2.0","id":{},"method":"ping"}', null],
    ["duplicate keys", '{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/call"}', 7],
    ["a lone surrogate", '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"\\ud800"}}', 7],
    ["a number that would be rounded", '{"jsonrpc":"2.0","id":7,"method":"ping","params":{"n":9007199254740993}}', 7],
    ["deep nesting", `{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":${"[".repeat(60)}${"]".repeat(60)}}}`, 7],
    ["very deep nesting", `{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":${"[".repeat(400_000)}`, null],
    ["params that are a list", '{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}', 7],
  ])("answers %s with an error and goes on", async (_what, text, id) => {
    const face = await open();
    const lines = await openLines(face);
    lines.send(`${text}\n`);
    expect(await lines.next()).toMatchObject({ jsonrpc: "2.0", id, error: { code: expect.any(Number) } });
    expect(await lines.ask(ping(8))).toEqual({ jsonrpc: "2.0", id: 8, result: {} });
    expect(face.proposals()).toEqual([]);
  });

  test("refuses a message over 1 MiB without keeping it, and reads the next", async () => {
    const face = await open();
    const lines = await openLines(face);
    const padding = "x".repeat(3 * 1024 * 1024);
    lines.send(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"files__read","arguments":{"a":"${padding}"}}}\n`,
    );
    expect(await lines.next()).toMatchObject({ id: null, error: { message: expect.stringContaining("1 MiB") } });
    expect(await lines.ask(ping(2))).toMatchObject({ result: {} });
    expect(face.proposals()).toEqual([]);
  });

  test("lets a message just under the bound through to the monitor", async () => {
    const face = await open({ propose: (body) => doneText(String(JSON.stringify(body).length)) });
    const lines = await openLines(face);
    const params = { name: "files__read", arguments: { a: "x".repeat(1_000_000) } };
    expect(await lines.ask({ jsonrpc: "2.0", id: 1, method: "tools/call", params })).toHaveProperty("result.content");
    expect(face.proposals()).toHaveLength(1);
  });

  test("answers bytes that are not UTF-8 with an error", async () => {
    const lines = await openLines(await open());
    lines.send(Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]));
    expect(await lines.next()).toMatchObject({ error: { message: expect.stringContaining("UTF-8") } });
  });

  test("reports methods that it does not serve, and says that there is no such method", async () => {
    const face = await open();
    const lines = await openLines(face);
    const reply = await lines.ask({ jsonrpc: "2.0", id: 1, method: "aios/approvals.set", params: { mode: "off" } });
    expect(reply).toEqual({ jsonrpc: "2.0", id: 1, error: { code: -32601, message: "Method not found" } });
    lines.send('{"jsonrpc":"2.0","method":"notifications/approve\\u0000"}\n');
    await face.monitor.until(() => face.monitor.requests.filter(({ name }) => name === "method").length === 2);
    expect(face.monitor.requests.filter(({ name }) => name === "method").map(({ body }) => body)).toEqual([
      { method: "aios/approvals.set" },
      { method: "notifications/approve\\u{0}" },
    ]);
  });

  test("opens at most 256 calls for one connection, and more when some are over", async () => {
    const answers: (() => void)[] = [];
    const face = await open({ propose: () => new Promise((resolve) => answers.push(() => resolve(doneText("ok")))) });
    const lines = await openLines(face);
    for (let id = 1; id <= 300; id += 1) {
      lines.send(`${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "files__read" } })}\n`);
    }
    for (let count = 0; count < 44; count += 1) expect(await lines.next()).toHaveProperty("error.code", -32051);
    await face.monitor.until(() => answers.length === 256);
    expect(face.proposals()).toHaveLength(256);
    answers[0]?.();
    expect(await lines.next()).toHaveProperty("result");
    lines.send(
      `${JSON.stringify({ jsonrpc: "2.0", id: 999, method: "tools/call", params: { name: "files__read" } })}\n`,
    );
    await face.monitor.until(() => answers.length === 257);
  });

  test("withdraws the open calls of a connection that goes away", async () => {
    const face = await open({ propose: () => new Promise(() => undefined) });
    const lines = await openLines(face);
    lines.send(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "files__read" } })}\n`);
    await face.monitor.until(() => face.proposals().length === 1);
    lines.close();
    await face.monitor.until(() => face.monitor.requests.some(({ name }) => name === "cancel"));
  });

  test("cuts off an agent that sends without reading", async () => {
    const face = await open({ propose: () => doneText("y".repeat(1_000_000)) });
    const socket = createConnection(`${face.folder}/mcp-stdio.sock`);
    cleanups.push(() => socket.destroy());
    socket.on("error", () => undefined);
    socket.pause();
    for (let id = 1; id <= 60; id += 1) {
      socket.write(
        `${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "files__read" } })}\n`,
      );
    }
    // Nothing is ever read: the end shows as a write that fails.
    while (!socket.destroyed) {
      socket.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await expectServed(face);
  });

  test("serves an honest agent after 1,000 connections", async () => {
    const face = await open();
    const sockets: Socket[] = [];
    for (let count = 0; count < 1_000; count += 1) {
      const socket = createConnection(`${face.folder}/${count % 2 === 0 ? "mcp-stdio.sock" : "mcp.sock"}`);
      socket.on("error", () => undefined);
      sockets.push(socket);
    }
    cleanups.push(() => sockets.forEach((socket) => socket.destroy()));
    const left = (): number => sockets.filter((socket) => !socket.destroyed && !socket.closed).length;
    await vi.waitFor(() => expect(left()).toBeLessThanOrEqual(128), 60_000);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expectServed(face);
  });

  test("ends when the monitor goes", async () => {
    const face = await open();
    face.monitor.close();
    expect(await face.program.ended).toMatchObject({ code: 1, errors: expect.stringContaining("monitor is gone") });
  });
});

describe("a face and an agent that breaks HTTP", () => {
  const initialize = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
  });

  test.each<[string, Parameters<typeof rawHttp>[1], number]>([
    ["another path", { path: "/other", body: initialize }, 404],
    ["a path with a query", { path: "/mcp?x=1", body: initialize }, 404],
    ["another method", { method: "PUT", body: initialize }, 405],
    ["another content type", { headers: { "content-type": "text/plain" }, body: initialize }, 415],
    ["a body over 1 MiB", { body: `{"x":"${"x".repeat(1_100_000)}"}` }, 413],
    ["a body that is not JSON", { body: "{" }, 400],
    ["a body with duplicate keys", { body: '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}' }, 400],
    ["a batch", { body: `[${initialize}]` }, 400],
    ["a method that is not served", { body: '{"jsonrpc":"2.0","id":1,"method":"aios/kill"}' }, 404],
    ["no session", { body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' }, 400],
    [
      "an unknown session",
      { headers: { "mcp-session-id": "guess" }, body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' },
      404,
    ],
    ["a stream without a session", { method: "GET" }, 400],
  ])("refuses %s", async (_what, options, status) => {
    const face = await open();
    expect(await rawHttp(`${face.folder}/mcp.sock`, options)).toMatchObject({ status });
    expect(await rawHttp(`${face.folder}/mcp.sock`, { body: initialize })).toMatchObject({ status: 200 });
    expect(face.proposals()).toEqual([]);
  });

  test("keeps at most 64 sessions: the one idle longest gives way", async () => {
    const face = await open();
    const ids: string[] = [];
    for (let count = 0; count < 66; count += 1) {
      const { headers } = await rawHttp(`${face.folder}/mcp.sock`, { body: initialize });
      ids.push(String(headers["mcp-session-id"]));
    }
    expect(new Set(ids).size).toBe(66);
    const list = async (id: string | undefined): Promise<number> => {
      const headers = { "mcp-session-id": id ?? "", "mcp-protocol-version": "2025-11-25" };
      const body = '{"jsonrpc":"2.0","id":2,"method":"tools/list"}';
      return (await rawHttp(`${face.folder}/mcp.sock`, { headers, body })).status;
    };
    expect(await list(ids[0])).toBe(404);
    expect(await list(ids[2])).toBe(200);
    expect(await list(ids[65])).toBe(200);
  });

  test("closes a session when its client says so", async () => {
    const face = await open();
    const opened = await rawHttp(`${face.folder}/mcp.sock`, { body: initialize });
    const headers = {
      "mcp-session-id": String(opened.headers["mcp-session-id"]),
      "mcp-protocol-version": "2025-11-25",
    };
    expect((await rawHttp(`${face.folder}/mcp.sock`, { method: "DELETE", headers })).status).toBe(200);
    expect((await rawHttp(`${face.folder}/mcp.sock`, { method: "DELETE", headers })).status).toBe(404);
  });
});

test("a face that waits for calls has less than 60 MB of anonymous memory", async () => {
  const face = await open();
  const client = await connectStdio(face.folder, "legacy");
  cleanups.push(() => client.close());
  expect((await client.callTool({ name: "files__read" })).content).toHaveLength(1);
  expect(await anonymousMemory(face.program.process.pid ?? 0)).toBeLessThan(60 * 1024);
});

test("a connection that never finishes saying what it wants is closed, at the proxy too, and others are served", async () => {
  expect(await slow.told).toContain("408");
  await expectServed(patient);
  await slowAtProxy.told;
  expect(slowAtProxy.lasted()).toBeLessThan(20_000);
  expect(reached).toEqual(["/honest"]);
});
