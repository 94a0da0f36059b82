import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { CONNECTIONS, createConnections } from "../../src/console/connections.ts";
import { createConsoleServer } from "../../src/platform/serving/console-server.ts";
import { listenOnLoopback } from "../../src/platform/channels/loopback-listener.ts";
import { serveListener } from "../../src/platform/serving/mcp-listeners.ts";

/*
 * The console's listener as it bounds itself, with and without the places that connections give up: the flood of
 * `flood.test.ts` has to succeed where nobody gives one up.
 */

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Serves as the console does, to whoever asks. @param gives whether a connection gives its place to whoever comes. */
async function serve(gives: boolean): Promise<number> {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, "close");
  const connections = createConnections(() => {});
  const answer = { status: 200, headers: [], body: "" } as const;
  const server = createConsoleServer({
    judge(_visit, connection) {
      if (gives) connections.asked(connection, null);
      return { kind: "answer", answer };
    },
    came: (connection) => (gives ? connections.came(connection) : undefined),
    went: (connection) => connections.went(connection),
    malformed: () => {},
    tooLarge: answer,
  });
  const listener = await serveListener(listenOnLoopback(port), {
    most: CONNECTIONS,
    load: () => Promise.resolve(server),
  });
  closing.push(() => {
    listener.close();
    server.closeAllConnections();
  });
  return port;
}

/** A connection, once it is made. */
async function come(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  closing.push(() => void socket.destroy());
  socket.on("error", () => socket.destroy()).resume();
  await once(socket, "connect");
  return socket;
}

/** What a newcomer gets: the beginning of an answer, or nothing when its connection is closed. */
async function ask(port: number): Promise<string> {
  const socket = await come(port);
  let heard = "";
  socket.on("data", (bytes: Buffer) => {
    heard += bytes.toString("latin1");
    socket.destroy();
  });
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  if (!socket.closed) await once(socket, "close");
  return heard.slice(0, 12);
}

test.each([
  ["attack: who holds every connection keeps a newcomer out where nobody gives a place up", false, ""],
  ["and keeps nobody out where the one that asks for nothing the longest gives its own", true, "HTTP/1.1 200"],
])("%s", async (_what, gives, answered) => {
  const port = await serve(gives);
  for (let held = 0; held < CONNECTIONS; held++) await come(port);
  expect(await ask(port)).toBe(answered);
});

test("twin: where there is room, a newcomer is answered either way", async () => {
  for (const gives of [true, false]) expect(await ask(await serve(gives))).toBe("HTTP/1.1 200");
});
