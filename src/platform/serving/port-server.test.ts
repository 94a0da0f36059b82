import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { upload } from "../../../test/fakes/early-upload.ts";
import { createGateServer, type GateRules } from "./port-server.ts";

// A program inside that answers byte by byte, and a gate that lets everybody pass.
let inside: Server;
let outside: Server;
let answer: (socket: Socket, head: string) => void = () => {};
const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const visitor = (): Socket => createConnection(portOf(outside), "127.0.0.1").on("error", () => {});
const refusals: string[] = [];
const RULES: Omit<GateRules, "inside"> = {
  judge: ({ headers }) => ({
    kind: "pass",
    headers: headers.filter(([name]) => !["connection", "transfer-encoding"].includes(name)),
    uses: new Set(),
  }),
  answerHeaders: (headers) => headers.filter(([name]) => name !== "connection"),
  refusal: (why, status) => ({ status, headers: [], body: why }),
  connected: () => {},
  asked: () => {},
  refused: (why) => void refusals.push(why),
};

const VISITS = {
  open: (port: number) =>
    new Promise<Socket>((resolve) => {
      const socket = createConnection(port, "127.0.0.1", () => resolve(socket));
    }),
};

beforeAll(async () => {
  inside = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (first: Buffer) => {
      socket.resume();
      answer(socket, first.toString("latin1"));
    });
  });
  await new Promise<void>((resolve) => inside.listen(0, "127.0.0.1", resolve));
  outside = createGateServer({ ...RULES, inside: portOf(inside) }, VISITS);
  await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  inside.close();
  outside.close();
});

/** Writes, and reads until it has come. */
async function readUntil(socket: Socket, text: string, end: string): Promise<string> {
  let got = "";
  socket.write(text, "latin1");
  for await (const chunk of socket) {
    if (chunk instanceof Buffer) got += chunk.toString("latin1");
    if (got.includes(end)) break;
  }
  return got;
}

test("a head goes out before there is a body, with the bytes that it has", async () => {
  let asked = "";
  answer = (socket, head) => {
    asked = head;
    socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-n: caf\xe9 \xc3\xa9\r\n\r\n", "latin1");
  };
  const got = await readUntil(visitor(), "GET / HTTP/1.1\r\nhost: a\r\nx-mine: caf\xe9\r\n\r\n", "\r\n\r\n");
  expect(got).toContain("x-n: caf\xe9 \xc3\xa9\r\n");
  expect(asked).toContain("x-mine: caf\xe9\r\n");
});

test.each([
  ["a visitor that keeps its connection", "keep-alive", ""],
  ["a visitor that closes", "close", ""],
  ["a program that closes", "keep-alive", "connection: close\r\n"],
])("an early answer to a long body reaches %s", async (_, connection, more) => {
  answer = (socket) => {
    socket.write(`HTTP/1.1 413 Too Large\r\ncontent-length: 5\r\n${more}\r\nearly`);
    if (more !== "") socket.end();
  };
  const last = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
  const got = await upload(visitor(), {
    head: `POST / HTTP/1.1\r\nhost: a\r\nConnection: ${connection}\r\n`,
    next: connection === "close" ? "" : last,
  });
  expect(got).toMatch(/^HTTP\/1\.1 413 [^]*\r\n\r\nearly/);
});

test("an answer that breaks off right behind its beginning comes as far as it came", async () => {
  answer = (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this");
  for (let each = 0; each < 10; each += 1) {
    const got = await readUntil(visitor(), "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "\0");
    expect(got).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\n\r\nonly this$/);
  }
});

test.each([
  ["another protocol", "SSH-2.0-OpenSSH_9.9\r\n", "unreadable"],
  ["a head with two readings", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc", "unreadable"],
  ["a broken header", "HTTP/1.1 200 OK\r\na b: c\r\n\r\n", "unreadable"],
  ["no more than that another protocol is to come", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "unreadable"],
  ["a body in another coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "unreadable"],
  ["nothing", "", "unreachable"],
])("a program that answers with %s is said to be so, with a page and with a socket", async (_, said, code) => {
  answer = (socket) => socket.end(said);
  refusals.length = 0;
  expect(await readUntil(visitor(), "GET / HTTP/1.1\r\nhost: a\r\n\r\n", code)).toMatch(
    new RegExp(`^HTTP/1.1 502 [^]*\r\n\r\n${code}$`),
  );
  const upgrade = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
  expect(await readUntil(visitor(), upgrade, "\r\n\r\n")).toMatch(/^HTTP\/1.1 502 /);
  expect(refusals).toEqual([code, code]);
});

// What a program inside says may be anything: a visitor who asked for no other protocol is told that the answer is none.
test.each(["", "first bytes of another protocol"])(
  "an upgrade that nobody asked for is no answer (%j)",
  async (first) => {
    let closed: Promise<unknown> = Promise.resolve();
    answer = (socket) => {
      closed = once(socket, "close");
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n${first}`);
    };
    const said = await readUntil(visitor(), "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "unreadable");
    expect(said).toMatch(/^HTTP\/1\.1 502 /);
    expect(said).not.toContain("another protocol");
    await closed;
  },
);

// What frames a body belongs to one connection: the gate leaves it out of what it hands on, and has to say it anew.
test.each(["GET", "DELETE", "OPTIONS", "POST", "PUT"])(
  "a body in chunks is a body inside too, and no second request behind a %s",
  async (method) => {
    const second = "GET /smuggled HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 127.0.0.1\r\n\r\n";
    const got: string[] = [];
    const program = createHttpServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        got.push(`${request.method} ${request.url} ${Buffer.concat(parts).toString()}`);
        response.end("answered");
      });
    });
    await new Promise<void>((resolve) => program.listen(0, "127.0.0.1", resolve));
    const gate = createGateServer({ ...RULES, inside: portOf(program) }, VISITS);
    await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve));
    const head = `${method} /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`;
    const chunk = `${second.length.toString(16)};a="b"\r\n${second}\r\n0\r\nx-trailer: a\r\n\r\n`;
    const guest = createConnection(portOf(gate), "127.0.0.1");
    const said = await readUntil(guest, head + chunk, "answered");
    program.close();
    gate.close();
    expect([said.split("\r\n")[0], ...got]).toEqual(["HTTP/1.1 200 OK", `${method} /first ${second}`]);
  },
);
