import { readFileSync } from "node:fs";
import { createServer as createHttp, type Server } from "node:http";
import { createServer as createTcp, type AddressInfo, type Server as TcpServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { JsonObject } from "../../src/kernel/json.ts";
import { FrameEnd } from "../fakes/frame-end.ts";
import { startProgram, type OwnProgram } from "../fakes/own-program.ts";

/* The program that sends alerts, with a monitor and receivers of the test's: what it says on the wire, and where it goes. */
let program: OwnProgram;
let monitor: FrameEnd;
let [receiver, silent]: [Server, TcpServer] = [createHttp(), createTcp()];
const got: { readonly line: string; readonly headers: readonly string[]; readonly body: string }[] = [];
const portOf = (server: TcpServer): number => (server.address() as AddressInfo).port;

beforeAll(async () => {
  receiver = createHttp((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      got.push({ line: `${request.method} ${request.url}`, headers: request.rawHeaders, body });
      const location = `http://127.0.0.1:${portOf(receiver)}/private`;
      response.writeHead(request.url === "/moved" ? 307 : 200, { location }).end("words that nobody reads");
    });
  });
  // Takes a connection and hangs up without a word.
  silent = createTcp((socket) => socket.destroy());
  for (const server of [receiver, silent])
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  program = startProgram("alerter", { channels: 1 });
  const [channel] = program.channels;
  if (channel === undefined) throw new Error("it has no channel");
  monitor = new FrameEnd(channel);
});
afterAll(async () => {
  await program.stop();
  receiver.close();
  silent.close();
});

const send = (change: JsonObject = {}): Promise<JsonObject> =>
  monitor.ask("send", {
    scheme: "http",
    host: "localhost",
    port: portOf(receiver),
    path: "/agents",
    reach: "loopback",
    headers: { title: "AIOS: an action waits for you", priority: "3", authorization: "Bearer tk_secret" },
    body: "asker: notes/burn (reserved) ‹U+202E›",
    ...change,
  });

test("an alert is one request with what was ordered, as UTF-8, and nothing of it is an argument", async () => {
  expect(await send()).toEqual({ kind: "answered", status: 200 });
  const body = "asker: notes/burn (reserved) ‹U+202E›";
  const pairs = got[0]?.headers.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : []));
  expect(got).toMatchObject([{ line: "POST /agents", body }]);
  expect(pairs?.toSorted()).toEqual([
    "authorization: Bearer tk_secret",
    "connection: close",
    `content-length: ${Buffer.byteLength(body)}`,
    `host: localhost:${portOf(receiver)}`,
    "priority: 3",
    "title: AIOS: an action waits for you",
  ]);
  const words = readFileSync(`/proc/${program.process.pid}/cmdline`, "utf8");
  expect(words).not.toMatch(/tk_secret|agents|localhost/);
});

test("a redirect to a private address is an answer and is not followed", async () => {
  const before = got.length;
  expect(await send({ path: "/moved" })).toEqual({ kind: "answered", status: 307 });
  expect(got.slice(before).map(({ line }) => line)).toEqual(["POST /moved"]);
});

test("a public name that leads to this machine gets nothing; twin: one of this machine does", async () => {
  const before = got.length;
  expect(await send({ reach: "public" })).toEqual({ kind: "failed", fault: "address-refused" });
  expect(got).toHaveLength(before);
  expect(await send()).toMatchObject({ kind: "answered" });
});

test("who hangs up, does not speak TLS or has no address is a fault, and the next alert goes out all the same", async () => {
  expect(await send({ port: portOf(silent) })).toEqual({ kind: "failed", fault: "unreachable" });
  expect(await send({ scheme: "https" })).toEqual({ kind: "failed", fault: "tls-refused" });
  expect(await send()).toMatchObject({ kind: "answered" });
});

test("an order whose header would begin another ends the alerter without a request and without its words", async () => {
  const before = got.length;
  await expect(send({ headers: { title: "x\r\nauthorization: Bearer tk_secret" } })).rejects.toThrow();
  const { code, errors } = await program.ended;
  expect(code).toBe(1);
  expect(errors).toContain("the monitor broke the protocol");
  expect(errors).not.toContain("tk_secret");
  expect(got).toHaveLength(before);
});
