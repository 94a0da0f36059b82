import { closeSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { closeAll, sendMessage } from "./fd-passing.ts";
import { listenOnLoopback, listenOnLoopback6 } from "./loopback-listener.ts";
import { serveListener } from "../serving/mcp-listeners.ts";
import { awaitListeners } from "../network/passed-listener.ts";
import { makeListenerEnds } from "./socket-end.ts";
import { makeSocketPair } from "./socket-pair.ts";

const opened: number[] = [];
afterEach(() => closeAll(opened.splice(0)));

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("a listener that was handed over serves at its address until it is closed", async () => {
  const port = await freePort();
  const [near, far] = makeSocketPair();
  opened.push(near, far);
  const served = new Promise<Awaited<ReturnType<typeof serveListener>>>((resolve) => {
    awaitListeners(near, ["P"], (_letter, fd) => {
      const greeter = createServer((socket) => socket.end("hello"));
      void serveListener(fd, { most: 2, load: () => Promise.resolve(greeter) }).then(resolve);
    });
  });
  const listener = listenOnLoopback(port);
  sendMessage(far, { bytes: Buffer.from("P"), fds: [listener] });
  closeSync(listener);
  const server = await served;
  const client = connect(port, "127.0.0.1");
  const [chunk] = await once(client, "data");
  expect(String(chunk)).toBe("hello");
  client.destroy();
  server.close();
  const [error] = await once(connect(port, "127.0.0.1"), "error");
  expect(error).toMatchObject({ code: "ECONNREFUSED" });
});

test("a launcher that ends without one, or sends none, gives none", async () => {
  const [near, far] = makeSocketPair();
  opened.push(near);
  let got = 0;
  awaitListeners(near, ["P"], () => got++);
  sendMessage(far, { bytes: Buffer.from("x"), fds: [] });
  closeSync(far);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(got).toBe(0);
});

test("a port that is taken is refused by name", async () => {
  const port = await freePort();
  const first = listenOnLoopback(port);
  opened.push(first);
  expect(() => listenOnLoopback(port)).toThrow(`Cannot bind port ${port}: EADDRINUSE`);
});

test("where the machine has ::1, a port of it can be held beside the one of 127.0.0.1, and is refused when it is taken", async () => {
  const port = await freePort();
  const [first, second] = [listenOnLoopback(port), listenOnLoopback6(port)];
  opened.push(first, ...(second === null ? [] : [second]));
  if (second !== null) expect(() => listenOnLoopback6(port)).toThrow(`Cannot bind port ${port}: EADDRINUSE`);
});

test("of a pair of which only ::1 is taken none is held, and that is said", async () => {
  const port = await freePort();
  const other = listenOnLoopback6(port);
  if (other === null) return expect(makeListenerEnds(port)).toHaveLength(1);
  opened.push(other);
  expect(() => makeListenerEnds(port)).toThrow(`Cannot listen at ::1, port ${port}, although 127.0.0.1 is free`);
  opened.push(listenOnLoopback(port));
});
