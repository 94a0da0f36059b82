import { createServer } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { decideAction } from "../../src/kernel/decision.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import { NET_TOOLS, type NetCall } from "../../src/kernel/net.ts";
import { netRoute } from "../../src/monitor/net-route.ts";
import { startEgressStage, type EgressStage, type StageVerdict } from "../fakes/egress-stage.ts";
import { action, decisionInput, grant } from "../fakes/kernel.ts";
import { ask, openTunnel, rawExchange } from "../fakes/proxy-clients.ts";

// THREATS "Egress" against the face's proxy, the kernel's decision and the broker, in this process, with real sockets. The
// grant names one path of one origin; a second origin stands for everybody else. Pass means that neither saw anything.
let origin: Server;
let port: number;
let other: Server;
let otherPort: number;
let stage: EgressStage;
let reached: string[] = [];
const url = (path: string): string => `http://localhost:${port}${path}`;

beforeAll(async () => {
  const listen = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  origin = createServer((request, response) => {
    reached.push(`${request.method} ${request.url}`);
    if (request.url === "/granted/redirect") response.writeHead(302, { location: `http://localhost:${otherPort}/` });
    request.resume();
    request.on("end", () => response.end("origin"));
  });
  port = await listen(origin);
  other = createServer((request, response) => {
    reached.push(`other ${request.url}`);
    response.end("other");
  });
  otherPort = await listen(other);
});
afterAll(() => {
  origin.close();
  other.close();
});
beforeEach(async () => {
  reached = [];
  stage = await startEgressStage({ decide: byGrant, route: (host, at) => netRoute(grants(), { host, port: at }) });
});
afterEach(() => stage.stop());

/** A grant to ask and a lease to send, for one path. */
function grants(): readonly Grant[] {
  const where = { scheme: { equals: "http" }, host: { equals: "localhost" }, port: { equals: port } };
  const path = { path: { under: "/granted" } };
  return [
    grant({
      id: "g-fetch",
      allow: [{ what: "net/fetch", where: { ...where, ...path, method: { in: ["GET", "HEAD"] } } }],
    }),
    grant({
      id: "g-send",
      allow: [{ what: "net/send", where: { ...where, ...path, method: { equals: "POST" } } }],
      lease: true,
      limits: { uses: 1000 },
    }),
  ];
}

/** The kernel's own decision under them. */
function byGrant(call: NetCall): StageVerdict {
  const { tool, ...args } = call;
  const given =
    "scheme" in args
      ? {
          ...Object.fromEntries(
            Object.entries(args).filter(([key]) => tool === "send" || !["body", "upgrade"].includes(key)),
          ),
          headers: args.headers.map(([name, value]) => [name, value]),
        }
      : { ...args };
  const decision = decideAction(
    decisionInput({
      action: action({ driver: "net", name: tool, arguments: given }),
      tool: NET_TOOLS[tool],
      grants: grants(),
    }),
  );
  return decision.kind === "granted" ? "grant" : "deny";
}

const head = (line: string, ...headers: readonly string[]): string =>
  `${line} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`;
const host = (): string => `Host: localhost:${port}`;

describe("the harmless twin of all of these", () => {
  test("is a request that is granted", async () => {
    expect((await ask(stage.socket, url("/granted/a"))).body).toBe("origin");
    expect((await ask(stage.socket, url("/granted/a"), { method: "POST", body: "b" })).body).toBe("origin");
    expect(reached).toEqual(["GET /granted/a", "POST /granted/a"]);
  });
});

describe("a host in another spelling", () => {
  test.each([
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "017700000001",
    "127.1",
    "[::1]",
    "[::ffff:7f00:1]",
    "[::ffff:127.0.0.1]",
    "LOCALHOST",
    "localhost.",
    "user@localhost",
    "localhost@evil.example.com",
    "evil.example.com#@localhost",
    "localhost%00.example.com",
    "localhost%2eexample.com",
    "xn--localhost-.",
    "-localhost",
    "169.254.169.254",
  ])("%s reaches nobody", async (name) => {
    const authority = `${name}:${port}`;
    const got = await rawExchange(
      stage.connect(),
      head(`GET http://${authority}/granted/a`, `Host: ${authority}`, "Connection: close"),
    );
    expect(got).toMatch(/^HTTP\/1\.1 (?:400|403) /);
    const tunnel = await openTunnel(stage.connect(), authority);
    expect(tunnel.head).not.toMatch(/^HTTP\/1\.1 200/);
    expect(reached).toEqual([]);
    expect(stage.proposed.length + stage.refused.length).toBeGreaterThan(0);
  });

  test("in full-width digits reaches nobody", async () => {
    const authority = Buffer.from(`１２７.0.0.1:${port}`).toString("latin1");
    expect(
      await rawExchange(stage.connect(), head(`GET http://${authority}/granted/a`, `Host: ${authority}`)),
    ).not.toMatch(/ 200 /);
    expect(reached).toEqual([]);
  });
});

describe("a request for something else on a granted host", () => {
  test.each([
    ["another path", "GET", "/secret"],
    ["a path that begins alike", "GET", "/granted2"],
    ["a path out of the granted one", "GET", "/granted/../secret"],
    ["the same, escaped", "GET", "/granted/%2e%2e/secret"],
    ["the same, escaped twice", "GET", "/granted/%252e%252e/secret"],
    ["the same, with an escaped slash", "GET", "/granted/..%2fsecret"],
    ["the same, with a backslash", "GET", "/granted/..%5csecret"],
    ["the same, behind a parameter", "GET", "/granted/..;a=b/secret"],
    ["a path with an empty segment", "GET", "//granted/a"],
    ["a path with needless escapes", "GET", "/%67ranted/a"],
    ["another method", "DELETE", "/granted/a"],
    ["a method of another protocol", "PROPFIND", "/granted/a"],
    ["TRACE", "TRACE", "/granted/a"],
  ])("%s reaches nobody", async (_, method, path) => {
    const got = await rawExchange(stage.connect(), head(`${method} ${url(path)}`, host(), "Connection: close"));
    expect(got).toMatch(/^HTTP\/1\.1 (?:400|403) /);
    expect(reached).toEqual([]);
  });

  test("another port reaches nobody", async () => {
    expect((await ask(stage.socket, `http://localhost:${otherPort}/granted/a`)).status).toBe(403);
    expect(reached).toEqual([]);
  });

  test.each([
    "x-http-method-override: DELETE",
    "x-method-override: DELETE",
    "x-original-url: /secret",
    "x-rewrite-url: /secret",
    "X_Original_URL: /secret",
    "destination: /secret",
  ])("said by the header %s reaches nobody", async (header) => {
    expect(
      await rawExchange(stage.connect(), head(`GET ${url("/granted/a")}`, host(), header, "Connection: close")),
    ).toMatch(/ 403 /);
    expect(reached).toEqual([]);
  });
});

describe("a second name for the host", () => {
  test.each([
    ["another Host header", (): string[] => ["Host: evil.example.com"]],
    ["two Host headers", (): string[] => [host(), "Host: evil.example.com"]],
    ["the same Host header twice", (): string[] => [host(), host()]],
    ["a Host header without the port", (): string[] => ["Host: localhost"]],
    ["no Host header", (): string[] => ["X-Nothing: here"]],
    ["a Host header with a path", (): string[] => [`Host: localhost:${port}/evil`]],
  ])("by %s reaches nobody", async (_, headers) => {
    const got = await rawExchange(stage.connect(), head(`GET ${url("/granted/a")}`, ...headers(), "Connection: close"));
    expect(got).toMatch(/^HTTP\/1\.1 400 /);
    expect(reached).toEqual([]);
  });

  test("by a tunnel whose Host header is another's is not opened", async () => {
    const { head: answer } = await openTunnel(stage.connect(), `localhost:${port}`, "evil.example.com");
    expect(answer).toMatch(/^HTTP\/1\.1 400/);
    expect(stage.refused).toHaveLength(1);
  });

  test.each([
    ["another Host header", "1.0", ["Host: evil.example.com"]],
    ["two Host headers", "1.0", ["Host: evil.example.com", "Host: evil.example.com"]],
    ["no Host header in HTTP/1.1", "1.1", []],
  ])("by an old client's tunnel with %s is not opened", async (_, version, headers) => {
    const asked = [`CONNECT localhost:${port} HTTP/${version}`, ...headers, "", ""].join("\r\n");
    expect(await rawExchange(stage.connect(), asked)).toMatch(/^HTTP\/1\.1 400/);
    expect(stage.proposed).toEqual([]);
  });

  test("twin: an old client's tunnel has no Host header, and is opened", async () => {
    const got = await rawExchange(
      stage.connect(),
      `CONNECT localhost:${port} HTTP/1.0\r\n\r\n${head(`GET /granted/a`, host(), "Connection: close")}`,
    );
    expect(got).toMatch(/^HTTP\/1\.1 200 Connection Established\r\n/);
    expect(reached).toHaveLength(1);
  });

  test("of a metadata service is told with the name, so that the monitor can end its instance", async () => {
    await rawExchange(stage.connect(), head(`GET ${url("/granted/a")}`, "Host: 169.254.169.254", "Connection: close"));
    await openTunnel(stage.connect(), `localhost:${port}`, "metadata.google.internal");
    expect(stage.named).toEqual(expect.arrayContaining(["169.254.169.254", "metadata.google.internal"]));
    expect(reached).toEqual([]);
  });

  test("that leaves out the usual port is no second name", async () => {
    for (const usual of [80, 443]) {
      const tunnel = await openTunnel(stage.connect(), `example.com:${usual}`, "example.com");
      expect(tunnel.head).toMatch(/^HTTP\/1\.1 403/); // decided against, not refused as unreadable
    }
    expect(stage.refused).toEqual([]);
    expect((await openTunnel(stage.connect(), "example.com:8080", "example.com")).head).toMatch(/^HTTP\/1\.1 400/);
  });

  test("by a redirect is a request of its own, and denied", async () => {
    const first = await ask(stage.socket, url("/granted/redirect"));
    expect(first).toMatchObject({ status: 302 });
    expect((await ask(stage.socket, String(first.headers["location"]))).status).toBe(403);
    expect(reached).toEqual(["GET /granted/redirect"]);
  });
});

describe("a request inside another (smuggling)", () => {
  const inner = (): string => head("GET /secret", host());
  const post = (): string => `POST ${url("/granted/a")}`;
  test.each([
    ["two lengths", (): string => head(post(), host(), "Content-Length: 0", "Content-Length: 40") + inner()],
    ["two equal lengths", (): string => head(post(), host(), "Content-Length: 0", "Content-Length: 0") + inner()],
    ["a length list", (): string => head(post(), host(), "Content-Length: 0, 40") + inner()],
    [
      "a length and chunks",
      (): string => head(post(), host(), "Content-Length: 4", "Transfer-Encoding: chunked") + `0\r\n\r\n${inner()}`,
    ],
    [
      "an encoding that is none",
      (): string => head(post(), host(), "Transfer-Encoding: xchunked") + `0\r\n\r\n${inner()}`,
    ],
    [
      "two encodings",
      (): string =>
        head(post(), host(), "Transfer-Encoding: chunked", "Transfer-Encoding: identity") + `0\r\n\r\n${inner()}`,
    ],
    [
      "an encoding after a tab",
      (): string => head(post(), host(), "Transfer-Encoding:\tchunked, identity") + `0\r\n\r\n${inner()}`,
    ],
    ["a space before the colon", (): string => head(post(), host(), "Content-Length : 40") + inner()],
    ["a folded header", (): string => head(post(), host(), "X-A: b\r\n Content-Length: 40") + inner()],
    ["bare line feeds", (): string => `${post()} HTTP/1.1\nHost: localhost:${port}\nContent-Length: 0\n\n${inner()}`],
    ["a bare carriage return", (): string => head(post(), host(), "X-A: b\rContent-Length: 40") + inner()],
    ["a signed length", (): string => head(post(), host(), "Content-Length: +0") + inner()],
    ["a length in hexadecimal", (): string => head(post(), host(), "Content-Length: 0x0") + inner()],
    [
      "a chunk with a bad size",
      (): string => head(post(), host(), "Transfer-Encoding: chunked") + `-1\r\n\r\n${inner()}`,
    ],
    ["a NUL in a header", (): string => head(post(), host(), "X-A: b\0c") + inner()],
  ])("by %s reaches nobody as another", async (_, bytes) => {
    await Promise.race([rawExchange(stage.connect(), bytes()), new Promise((resolve) => setTimeout(resolve, 400))]);
    expect(reached.filter((line) => line.includes("secret"))).toEqual([]);
    expect(reached.filter((line) => line !== "POST /granted/a")).toEqual([]);
  });

  test("in a granted body stays the body of one request", async () => {
    const answer = await ask(stage.socket, url("/granted/a"), { method: "POST", body: `0\r\n\r\n${inner()}` });
    expect(answer.body).toBe("origin");
    expect(reached).toEqual(["POST /granted/a"]);
  });

  test("after a GET that is granted is asked for by itself", async () => {
    const both = head(`GET ${url("/granted/a")}`, host()) + head(`GET ${url("/secret")}`, host(), "Connection: close");
    const got = await rawExchange(stage.connect(), both);
    expect(got.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 403"]);
    expect(reached).toEqual(["GET /granted/a"]);
  });
});

describe("a flood", () => {
  test("of headers is refused, in number and in size", async () => {
    const many = Array.from({ length: 150 }, (_, index) => `X-${index}: y`);
    expect(
      await rawExchange(stage.connect(), head(`GET ${url("/granted/a")}`, host(), ...many, "Connection: close")),
    ).toMatch(/ 403 /);
    expect(
      await rawExchange(stage.connect(), head(`GET ${url("/granted/a")}`, host(), `X-A: ${"y".repeat(40_000)}`)),
    ).toMatch(/ 431 /);
    expect(reached).toEqual([]);
  });

  test("of requests on one connection is answered one after the other, each decided", async () => {
    const lines = Array.from({ length: 50 }, (_, index) =>
      head(
        `GET ${url(index % 2 === 0 ? "/granted/a" : "/secret")}`,
        host(),
        index === 49 ? "Connection: close" : "X-A: b",
      ),
    );
    const got = await rawExchange(stage.connect(), lines.join(""));
    // The first denial closes the connection, since what follows it might be the rest of a body.
    expect(got.match(/HTTP\/1\.1 \d+/g)?.slice(0, 2)).toEqual(["HTTP/1.1 200", "HTTP/1.1 403"]);
    expect(reached.filter((line) => line.includes("secret"))).toEqual([]);
  });

  test("of open requests ends at a bound, and what ends makes room", async () => {
    await stage.stop();
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    stage = await startEgressStage({ decide: () => ({ grantAfter: gate }) });
    const sockets: Socket[] = [];
    for (let count = 0; count < 256; count++) {
      const socket = stage.connect();
      sockets.push(socket);
      socket.write(head(`GET ${url("/granted/a")}`, host()));
    }
    for (let tries = 0; tries < 6000 && stage.proposed.length < 256; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    const late = await ask(stage.socket, url("/granted/a"));
    expect(late.status).toBe(403);
    expect(JSON.parse(late.body)).toMatchObject({ code: "too-many-open" });
    expect(stage.proposed).toHaveLength(256);
    open();
    for (let tries = 0; tries < 6000 && stage.results.length < 256; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    for (const socket of sockets) socket.destroy();
    expect((await ask(stage.socket, url("/granted/a"))).status).toBe(200);
  });
});

describe("a name that leads elsewhere", () => {
  test.each([
    ["a private address", ["10.1.2.3"]],
    ["loopback", ["127.0.0.1"]],
    ["a metadata service", ["169.254.169.254"]],
    ["a public address and loopback", ["93.184.216.34", "127.0.0.1"]],
    ["loopback in IPv6", ["::ffff:127.0.0.1"]],
    ["a private address in IPv6", ["fd00::1"]],
    ["a neighbour in IPv6", ["fe80::1"]],
    ["a group", ["224.0.0.251"]],
    ["a group in IPv6", ["ff02::fb"]],
  ])("to %s is not followed there", async (_, addresses) => {
    await stage.stop();
    stage = await startEgressStage({ resolve: () => Promise.resolve(addresses.map((address) => ({ address }))) });
    const answer = await ask(stage.socket, `http://rebinding.example.com:${port}/granted/a`);
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body)).toMatchObject({ code: "address-refused" });
    expect(reached).toEqual([]);
  });

  test("to another address the second time is connected to where it was asked for", async () => {
    await stage.stop();
    let times = 0;
    const resolve = (): Promise<{ address: string }[]> =>
      Promise.resolve([{ address: (times += 1) === 1 ? "127.0.0.1" : "10.0.0.1" }]);
    stage = await startEgressStage({ resolve });
    expect((await ask(stage.socket, url("/granted/a"))).status).toBe(200);
    expect(stage.results[0]?.address).toBe("127.0.0.1");
    expect(times).toBe(1);
  });
});
