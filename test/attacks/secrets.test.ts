import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Grant } from "../../src/kernel/grant.ts";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import type { RunRequest } from "../../src/protocol/requests.ts";
import { plainProgram } from "../e2e/plain-program.ts";
import { REPO, startSubstrate, type Ran, type Substrate } from "../e2e/substrate.ts";
import { memoryHolds, pidsOf } from "./process-memory.ts";

// SECRETS-OUTSIDE against the whole substrate: a real agent with a placeholder, its face, its broker, an injector, and two
// upstreams on loopback. The value has characters that URLs, JSON and base64 write in other ways.
const VALUE = `sk-${randomBytes(18).toString("hex")}+/=Zq`;
let aios: Substrate;
let origin: Server;
let other: Server;
let port: number;
let otherPort: number;
let placeholder = "";
/** What reached the upstreams: their name, method, path, headers and body. */
let reached: { who: string; url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
const PROGRAM = join(REPO, "test", "fakes", "network-agent.ts");
let plans = 0;
const url = (path: string): string => `http://localhost:${port}${path}`;

type Answer = (response: ServerResponse, value: string) => void;
const ECHOES: { readonly [path: string]: Answer } = {
  "/v1/plain": (response, value) => response.end(`you sent ${value} to us`),
  "/v1/capitals": (response, value) => response.end(value.toUpperCase()),
  "/v1/base64": (response, value) => response.end(Buffer.from(value).toString("base64")),
  "/v1/base64-second": (response, value) => response.end(Buffer.from(`u:${value}`).toString("base64")),
  "/v1/base64-third": (response, value) => response.end(Buffer.from(`x${value}yz`).toString("base64url")),
  "/v1/percent": (response, value) => response.end(encodeURIComponent(value)),
  "/v1/percent-all": (response, value) =>
    response.end([...Buffer.from(value)].map((byte) => `%${byte.toString(16)}`).join("")),
  "/v1/json": (response, value) => response.end(value.replaceAll("/", "\\/").replaceAll("s", "\\u0073")),
  "/v1/html": (response, value) => response.end([...Buffer.from(value)].map((byte) => `&#${byte};`).join("")),
  "/v1/hex": (response, value) => response.end(Buffer.from(value).toString("hex")),
  "/v1/header": (response, value) => response.setHeader("x-echo", `Bearer ${value}`).end("in a header"),
  "/v1/reason": (response, value) => response.writeHead(400, value).end("in the status line"),
  "/v1/error": (response, value) => response.writeHead(500).end(`<pre>invalid key ${value}</pre>`),
  "/v1/split": (response, value) => void trickle(response, Array.from(value)),
  "/v1/split-percent": (response, value) => void trickle(response, Array.from(encodeURIComponent(value))),
  // Honours ranges, as object stores and downloads do: whoever chooses where it is cut gets it in two halves.
  "/v1/ranges": (response, value) => {
    const body = Buffer.from(`key=${value};`);
    const [, from, to] = /^bytes=([0-9]+)-([0-9]+)$/.exec(String(response.req.headers.range)) ?? [];
    if (from === undefined || to === undefined) return void response.end(body);
    const part = body.subarray(Number(from), Number(to) + 1);
    response.writeHead(206, { "content-range": `bytes ${from}-${to}/${body.length}` }).end(part);
  },
  // Sends a part although nobody asked for one.
  "/v1/part": (response, value) => response.writeHead(206, { "content-range": "bytes 0-9/99" }).end(value.slice(0, 10)),
  "/v1/gzip": (response, value) => response.setHeader("content-encoding", "gzip").end(gzipSync(value)),
};

/** One character at a time, each in a chunk of its own. */
async function trickle(response: ServerResponse, pieces: readonly string[]): Promise<void> {
  response.setHeader("content-type", "text/event-stream");
  response.write("data: ");
  for (const piece of pieces) {
    response.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  response.end("\n\n");
}

beforeAll(async () => {
  const serve = (who: string): Server =>
    createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        reached.push({ who, url: `${request.method} ${request.url}`, headers: request.headers, body });
        const value = String(request.headers["x-api-key"] ?? "none");
        const path = (request.url ?? "").split("?")[0] ?? "";
        if (path === "/v1/redirect")
          return void response.writeHead(307, { location: `http://localhost:${otherPort}/v1/` }).end();
        if (path.startsWith("/bot")) return void response.writeHead(404, `no ${path}`).end(`{"asked":"${path}"}`);
        (ECHOES[path] ?? ((plain) => plain.end("ok")))(response, value);
      });
    });
  const listen = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  };
  origin = serve("origin");
  other = serve("other");
  port = await listen(origin);
  otherPort = await listen(other);
  aios = await startSubstrate();
  await aios.keepSecret("bank", VALUE);
  await aios.sign("bind-secret", {
    secret: "bank",
    to: `http://localhost:${port}`,
    methods: ["GET", "POST"],
    path: "/v1",
    header: "x-api-key",
    scheme: null,
  });
  const secrets = { BANK_KEY: { secret: "bank", to: `http://localhost:${port}` } };
  await grantNetwork("bank-asks", ["teller"], { secrets });
  await grantNetwork("bank-sends", ["teller"], { lease: true });
  // It may reach the same places and was granted no secret.
  await grantNetwork("thief-asks", ["thief"]);
  await grantNetwork("thief-sends", ["thief"], { lease: true });
  const ran = await aios.run({ agent: "teller", command: ["/usr/bin/env"] });
  placeholder = /BANK_KEY=(\S+)/.exec(ran.stdout)?.[1] ?? "";
});
afterAll(async () => {
  origin.closeAllConnections();
  other.closeAllConnections();
  origin.close();
  other.close();
  await aios.stop();
});

/** Asks, or a lease to send, for both upstreams and every path of them. */
async function grantNetwork(
  id: string,
  agents: readonly string[],
  more: { readonly lease?: boolean; readonly secrets?: NonNullable<Grant["sandbox"]["secrets"]> } = {},
): Promise<void> {
  const { lease = false, secrets } = more;
  const allow = [port, otherPort].flatMap((each): Grant["allow"] => {
    const where = { scheme: { equals: "http" }, host: { equals: "localhost" }, port: { equals: each } };
    const path = { path: { under: "/" } };
    return lease
      ? [{ what: "net/send", where: { ...where, ...path, method: { in: ["POST", "GET", "PUT"] } } }]
      : [{ what: "net/fetch", where: { ...where, ...path, method: { in: ["GET", "HEAD"] } } }];
  });
  await aios.grant({
    id,
    agents,
    drivers: { net: { source: { kind: "net" }, tools: NET_TOOLS } },
    allow,
    lease,
    limits: { uses: lease ? 1000 : null },
    ...(secrets === undefined ? {} : { secrets }),
  });
}

interface Line {
  readonly step: number;
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string;
  readonly error?: string | null;
}

async function act(
  plan: readonly object[],
  agent: string = "teller",
  request: Partial<RunRequest> = {},
): Promise<{ ran: Ran; lines: readonly Line[] }> {
  const path = join(aios.workspace, `plan-${plans++}.json`);
  const steps = plan.map((step) => ("url" in step ? { ...step, all: true } : step));
  writeFileSync(path, JSON.stringify(steps), { mode: 0o644 });
  const program = plainProgram(PROGRAM, aios.workspace);
  const ran = await aios.run({ agent, command: ["/aios/node", program, path], code: [program, path], ...request });
  const lines = ran.stdout.split("\n").flatMap((line): Line[] => (line.startsWith("{") ? [JSON.parse(line)] : []));
  return { ran, lines };
}

/** Every way of writing the value that an attacker would try first. */
function writings(): readonly Buffer[] {
  const plain = Buffer.from(VALUE);
  const base64 = [0, 1, 2].map((lead) =>
    Buffer.concat([Buffer.alloc(lead), plain])
      .toString("base64")
      .slice(4, -4),
  );
  const texts = [VALUE, encodeURIComponent(VALUE), plain.toString("hex"), VALUE.slice(0, 24), ...base64];
  return texts.map((text) => Buffer.from(text));
}

const holds = (bytes: Buffer | string): boolean => {
  const where = Buffer.from(bytes);
  return writings().some((each) => where.includes(each));
};

describe("the honest request", () => {
  test("reaches its upstream with the value in its header, and nobody inside has seen it", async () => {
    reached = [];
    const { ran, lines } = await act([
      { url: url("/v1/ok"), headers: { "x-api-key": "${BANK_KEY}" } },
      { url: url("/v1/form?a=b"), method: "POST", headers: { "x-api-key": "${BANK_KEY}" }, body: "x=1" },
      { url: url("/elsewhere") },
    ]);
    expect(lines.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(reached.map((each) => each.headers["x-api-key"])).toEqual([VALUE, VALUE, undefined]);
    expect(reached[1]?.body).toBe("x=1");
    expect(holds(ran.stdout + ran.stderr)).toBe(false);
    expect(placeholder).toMatch(/^aios-secret-bank-[0-9a-f]{32}$/);
  });

  test("gets what it asked for byte by byte when there is nothing to take out", async () => {
    const { lines } = await act([{ url: url("/v1/ok"), headers: { "x-api-key": "${BANK_KEY}" } }]);
    expect(lines[0]?.body).toBe("ok");
  });
});

describe("an upstream that sends the value back", () => {
  const paths = Object.keys(ECHOES).filter((path) => !["/v1/gzip", "/v1/part"].includes(path));
  let asked: typeof reached;
  let replies: readonly Line[];
  let echo: Ran;

  beforeAll(async () => {
    reached = [];
    ({ ran: echo, lines: replies } = await act(
      paths.map((path) => ({ url: url(path), headers: { "x-api-key": "${BANK_KEY}" } })),
    ));
    asked = reached;
  });

  test.each(paths.map((path, step) => ({ path, step })))("by $path is heard without it", ({ path, step }) => {
    // The attack itself works: it was sent there, and what comes back has its place in it.
    expect(asked[step]).toMatchObject({ url: `GET ${path}`, headers: { "x-api-key": VALUE } });
    const heard = echo.stdout.split("\n")[step] ?? "";
    expect(JSON.parse(heard)).toEqual(replies[step]);
    expect(heard).toContain("****");
    expect(replies[step]?.status).toBeDefined();
    expect(holds(heard)).toBe(false);
    expect(heard.toLowerCase()).not.toContain(VALUE.toLowerCase());
  });

  test("in all of these ways together gives none of it away", () => {
    expect([asked.length, replies.length]).toEqual([paths.length, paths.length]);
    expect(holds(echo.stdout + echo.stderr)).toBe(false);
  });

  test.each(["/v1/gzip", "/v1/part"])(
    "by %s, although it was asked not to, is not heard, and why is said",
    async (path) => {
      const { lines, ran } = await act([{ url: url(path), headers: { "x-api-key": "${BANK_KEY}" } }]);
      expect(lines[0]?.status).toBe(502);
      expect(JSON.parse(lines[0]?.body ?? "{}")).toMatchObject({ stage: "execute", code: "encoded-response" });
      expect(ran.stdout).not.toContain(VALUE.slice(0, 10));
    },
  );

  test("in the two halves that an agent asks for is not asked, and why is said", async () => {
    const half = Math.floor(VALUE.length / 2) + 4;
    const ask = (range: string): object => ({ url: url("/v1/ranges"), headers: { "x-api-key": "${BANK_KEY}", range } });
    const { lines } = await act([ask(`bytes=0-${half}`), ask(`bytes=${half + 1}-200`)]);
    expect(lines.map(({ status }) => status)).toEqual([403, 403]);
    expect(lines[0]?.body).toContain("a part is asked for, by Range");
    // Without a secret on it a range is a range.
    const plain = await act([{ url: url("/v1/ranges"), headers: { range: "bytes=0-3" } }]);
    expect(plain.lines[0]).toMatchObject({ status: 206, body: "key=" });
  });
});

describe("a placeholder that is not where it belongs", () => {
  const key = { "x-api-key": "${BANK_KEY}" };
  const CASES: readonly (readonly [string, () => object])[] = [
    ["to another host that is granted", () => ({ url: `http://localhost:${otherPort}/v1/ok`, headers: key })],
    ["to another path", () => ({ url: url("/v2/ok"), headers: key })],
    ["to a path that only begins the same", () => ({ url: url("/v10"), headers: key })],
    ["with another method", () => ({ url: url("/v1/ok"), method: "PUT", headers: key, body: "x" })],
    ["in the body", () => ({ url: url("/v1/ok"), method: "POST", body: "key=${BANK_KEY}" })],
    ["in the body and the header", () => ({ url: url("/v1/ok"), method: "POST", headers: key, body: "${BANK_KEY}" })],
    ["in the query", () => ({ url: url("/v1/ok?key=${BANK_KEY}"), headers: key })],
    ["in the path", () => ({ url: url("/v1/${BANK_KEY}") })],
    ["in a cookie", () => ({ url: url("/v1/ok"), headers: { cookie: "k=${BANK_KEY}" } })],
    ["in another header", () => ({ url: url("/v1/ok"), headers: { authorization: "Bearer ${BANK_KEY}" } })],
    ["twice", () => ({ url: url("/v1/ok"), headers: { ...key, "x-other": "${BANK_KEY}" } })],
    ["with something before it", () => ({ url: url("/v1/ok"), headers: { "x-api-key": "Bearer ${BANK_KEY}" } })],
    ["with something after it", () => ({ url: url("/v1/ok"), headers: { "x-api-key": "${BANK_KEY}x" } })],
    ["in capitals", () => ({ url: url("/v1/ok"), headers: { "x-api-key": placeholder.toUpperCase() } })],
    [
      "of another instance's making",
      () => ({ url: url("/v1/ok"), headers: { "x-api-key": `aios-secret-bank-${"0".repeat(32)}` } }),
    ],
    [
      "in base64, as Basic has it",
      () => ({
        url: url("/v1/ok"),
        headers: { authorization: `Basic ${Buffer.from(`me:${placeholder}`).toString("base64")}` },
      }),
    ],
    [
      "percent-encoded in the query",
      () => ({ url: url(`/v1/ok?k=${placeholder.replace("aios", "%61ios").replaceAll("-", "%2D")}`) }),
    ],
    ["for a part of a resource", () => ({ url: url("/v1/plain"), headers: { ...key, range: "bytes=0-20" } })],
  ];
  /** Of each case: what its agent heard, and the codes of the denials in the record. */
  const heard: Line[] = [];
  const codes: string[] = [];

  beforeAll(async () => {
    reached = [];
    // Its twin comes after each: the same instance, the value where it belongs. Few in one, since a run of denials freezes it.
    const twin = { url: url("/v1/twin"), headers: key };
    for (let from = 0; from < CASES.length; from += 6) {
      const some = CASES.slice(from, from + 6);
      const { ran, lines } = await act(some.flatMap(([, step]) => [step(), twin]));
      expect(lines.filter((_, at) => at % 2 === 1).map(({ status }) => status)).toEqual(some.map(() => 200));
      heard.push(...lines.filter((_, at) => at % 2 === 0));
      const asked = { from: 0, limit: 1000, instance: ran.instance, kinds: ["denied" as const] };
      const { entries } = await aios.client.request("log-show", asked);
      codes.push(...entries.map(({ record }) => (record.kind === "denied" ? record.code : "")));
    }
  });

  test.each(CASES.map(([name], at) => ({ name, at })))(
    "$name is denied by a code of its own and recorded",
    ({ at }) => {
      expect(heard[at]?.status).toBe(403);
      expect(JSON.parse(heard[at]?.body ?? "")).toMatchObject({ stage: expect.any(String) });
      expect(["secret-not-injected", "not-canonical"]).toContain(codes[at]);
    },
  );

  test("reaches nobody in any of these ways, and its twin reached its upstream each time", () => {
    expect(codes).toHaveLength(CASES.length);
    expect(reached.map(({ url: asked }) => asked)).toEqual(CASES.map(() => "GET /v1/twin"));
    expect(new Set(reached.map(({ headers }) => headers["x-api-key"]))).toEqual(new Set([VALUE]));
  });

  test("in a body that is too long to be part of the action breaks the request off", async () => {
    reached = [];
    const body = `${"x".repeat(400_000)}key=\${BANK_KEY}${"y".repeat(400_000)}`;
    const { ran, lines } = await act([{ url: url("/v1/ok"), method: "POST", body }]);
    expect(lines[0]?.status).toBe(502);
    expect(JSON.parse(lines[0]?.body ?? "")).toMatchObject({ code: "placeholder" });
    expect(reached).toEqual([]);
    const asked = { from: 0, limit: 1000, instance: ran.instance, kinds: ["outcome"] };
    const { entries } = await aios.client.request("log-show", asked);
    expect(JSON.stringify(entries[0]?.payload)).toContain('\\"fault\\":\\"placeholder\\"');
    // Its twin without a placeholder goes through.
    const twin = await act([{ url: url("/v1/ok"), method: "POST", body: "x".repeat(800_000) }]);
    expect(twin.lines[0]?.status).toBe(200);
  });

  test("on a connection that becomes a WebSocket is denied", async () => {
    reached = [];
    const upgrade = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "YQ==",
    };
    const { lines } = await act([{ url: url("/v1/ok"), headers: { ...upgrade, "x-api-key": "${BANK_KEY}" } }]);
    expect(lines[0]?.status).toBe(403);
    expect(JSON.parse(lines[0]?.body ?? "")).toMatchObject({ code: "secret-not-injected" });
    expect(reached).toEqual([]);
  });

  test("does not follow a redirect: the next request is an action of its own, and is denied", async () => {
    reached = [];
    const { lines } = await act([
      { url: url("/v1/redirect"), headers: { "x-api-key": "${BANK_KEY}" } },
      { url: `http://localhost:${otherPort}/v1/`, headers: { "x-api-key": "${BANK_KEY}" } },
    ]);
    expect(lines.map(({ status }) => status)).toEqual([307, 403]);
    expect(reached.map(({ who }) => who)).toEqual(["origin"]);
  });

  test("inside a tunnel is read like anywhere else, and a tunnel that is passed through has no value in it", async () => {
    const inside = `
      const net = require("node:net");
      const ask = (path, host) => new Promise((done) => {
        const socket = net.connect("/run/aios/proxy.sock", () => socket.write("CONNECT " + host + " HTTP/1.1\\r\\nHost: " + host + "\\r\\n\\r\\n"));
        let text = "";
        socket.once("data", () => socket.write("GET " + path + " HTTP/1.1\\r\\nHost: " + host + "\\r\\nX-Api-Key: " + process.env.BANK_KEY + "\\r\\nConnection: close\\r\\n\\r\\n"));
        socket.on("data", (chunk) => (text += chunk));
        socket.on("close", () => done(text));
        socket.on("error", () => {});
      });
      (async () => {
        console.log(await ask("/v1/plain", "localhost:${port}"));
        console.log(await ask("/v1/plain", "localhost:${otherPort}"));
      })();`;
    reached = [];
    const ran = await aios.run({ agent: "teller", command: ["/aios/node", "-e", inside] });
    expect(ran.stdout).toContain("you sent ****");
    expect(ran.stdout).toContain("secret-not-injected");
    expect(reached.map(({ who }) => who)).toEqual(["origin"]);
    expect(holds(ran.stdout)).toBe(false);
    await aios.grant({
      id: "tunnels",
      agents: ["tunneller"],
      drivers: { net: { source: { kind: "net" }, tools: NET_TOOLS } },
      allow: [{ what: "net/connect", where: { host: { equals: "localhost" }, port: { equals: otherPort } } }],
      secrets: { BANK_KEY: { secret: "bank", to: `http://localhost:${port}` } },
      lease: true,
      limits: { uses: 10 },
    });
    reached = [];
    const passed = await aios.run({
      agent: "tunneller",
      command: ["/aios/node", "-e", inside],
    });
    expect(holds(passed.stdout)).toBe(false);
    expect(reached).toEqual([]);
  });

  test("in the hands of another agent is worth nothing", async () => {
    reached = [];
    const { lines } = await act([{ url: url("/v1/ok"), headers: { "x-api-key": placeholder } }], "thief");
    expect(lines[0]?.status).toBe(403);
    expect(reached).toEqual([]);
    const twin = await act([{ url: url("/v1/ok"), headers: { "x-api-key": "my own" } }], "thief");
    expect(twin.lines[0]?.status).toBe(200);
  });
});

const holdsValue = (pid: number): boolean => memoryHolds(pid, [VALUE]);

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("the value", () => {
  test("is in no environment, no file and no memory that the agent can look into", async () => {
    const look = `
      for pid in /proc/[0-9]*; do cat $pid/environ $pid/cmdline 2>/dev/null; done
      find / -xdev -type f -size -64k -readable -not -path '/usr/*' -not -path '/proc/*' -not -path '/sys/*' -exec cat {} + 2>/dev/null
      echo; echo looked`;
    await aios.grant({ id: "bank-programs", agents: ["teller"], allow: [], programs: "any" });
    const ran = await aios.run({ agent: "teller", command: ["/bin/sh", "-c", look] });
    expect(ran.stdout).toContain("looked");
    expect(ran.stdout).toContain(placeholder);
    expect(holds(ran.stdout)).toBe(false);
  });

  test("is in no file of the home in any writing, and in no argument or environment of any process", async () => {
    const files = filesBelow(aios.home);
    expect(files.length).toBeGreaterThan(5);
    // Looked through once more when one got its name meanwhile: the log is at work.
    await expect
      .poll(() =>
        filesBelow(aios.home).filter((file) => statSync(file).size < 64 * 1024 * 1024 && holds(readFileSync(file))),
      )
      .toEqual([]);
    const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance: null, kinds: [] });
    expect(entries.some(({ record }) => record.kind === "secret-set")).toBe(true);
    expect(holds(JSON.stringify(entries))).toBe(false);
    expect(holds(aios.errors())).toBe(false);
    expect(holds(JSON.stringify(await aios.client.request("secrets", {})))).toBe(false);
    for (const pid of readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))) {
      for (const name of ["environ", "cmdline"]) {
        try {
          // This test's own process has made the value and never put it there.
          expect(holds(readFileSync(`/proc/${pid}/${name}`))).toBe(false);
        } catch (error) {
          if (!(error instanceof Error && "code" in error)) throw error;
        }
      }
    }
  });

  test.runIf(process.geteuid?.() === 0)(
    "is in the memory of its injector alone, and neither in the face's nor in the broker's",
    async () => {
      const running = act([
        { url: url("/v1/plain"), headers: { "x-api-key": "${BANK_KEY}" } },
        { url: url("/elsewhere") },
        { wait: 12_000 },
      ]);
      for (let tries = 0; tries < 3000 && pidsOf("broker", aios.pid).length === 0; tries++)
        await new Promise((resolve) => setTimeout(resolve, 20));
      // The search that finds nothing has to be one that can.
      await expect.poll(() => pidsOf("injector", aios.pid).some(holdsValue)).toBe(true);
      expect(pidsOf("broker", aios.pid).length).toBeGreaterThan(0);
      expect(pidsOf("broker", aios.pid).filter(holdsValue)).toEqual([]);
      expect(pidsOf("face", aios.pid).length).toBeGreaterThan(0);
      expect(pidsOf("face", aios.pid).filter(holdsValue)).toEqual([]);
      await aios.client.request("kill", { instance: null }); // nothing is left to look at
      await running;
    },
  );
});

test("a secret in a path goes there and nowhere else, and what says the path back says it without", async () => {
  const token = `${randomBytes(4).readUInt32BE()}:${randomBytes(18).toString("base64url")}`;
  await aios.keepSecret("bot", token);
  const to = `http://localhost:${port}`;
  await aios.sign("bind-secret", { secret: "bot", to, methods: ["GET"], after: ["/bot"] });
  await grantNetwork("bot-asks", ["chatter"], { secrets: { BOT_TOKEN: { secret: "bot", to } } });
  reached = [];
  const paths = ["/bot${BOT_TOKEN}/getMe", "/v1/${BOT_TOKEN}", "/bot${BOT_TOKEN}/a?b=${BOT_TOKEN}"];
  const { ran, lines } = await act(
    paths.map((path) => ({ url: url(path) })),
    "chatter",
  );
  expect(lines.map(({ status }) => status)).toEqual([404, 403, 403]);
  expect(reached.map((each) => each.url)).toEqual([`GET /bot${token}/getMe`]);
  expect(lines[0]?.body).toContain("/bot****");
  expect(ran.stdout + ran.stderr).not.toContain(token.slice(0, 24));
  const { entries } = await aios.client.request("log-show", {
    from: 0,
    limit: 1000,
    instance: ran.instance,
    kinds: [],
  });
  expect(JSON.stringify(entries)).not.toContain(token);
  expect(JSON.stringify(entries)).toContain("/botaios-secret-bot-");
  // One that would end its segment is not sent at all: it would ask for another path.
  await aios.keepSecret("bot", `${token}/x`, "rotate-secret");
  const late = await act([{ url: url("/bot${BOT_TOKEN}/getMe") }], "chatter");
  expect(late.lines[0]?.status).toBe(502);
  const asked = { from: 0, limit: 1000, instance: late.ran.instance, kinds: ["outcome"] };
  const ends = await aios.client.request("log-show", asked);
  expect(JSON.stringify(ends.entries[0]?.payload)).toContain('\\"fault\\":\\"not-bound\\"');
  expect(reached).toHaveLength(1);
  await aios.sign("remove-secret", { secret: "bot" });
});

describe("rotating and removing", () => {
  test("an agent that runs uses the new value, and no longer any after it was removed", async () => {
    const fresh = `sk-${randomBytes(20).toString("hex")}`;
    await aios.keepSecret("lamp", VALUE);
    const binding = {
      secret: "lamp",
      to: `http://localhost:${port}`,
      methods: ["GET"],
      path: "/",
      header: "x-lamp",
      scheme: "Bearer",
    };
    await aios.sign("bind-secret", binding);
    const secrets = { LAMP_KEY: { secret: "lamp", to: `http://localhost:${port}` } };
    await grantNetwork("lamp-asks", ["lighter"], { secrets });
    reached = [];
    const ask = { url: url("/lamp"), headers: { "x-lamp": "Bearer ${LAMP_KEY}" } };
    const running = act([ask, { wait: 2000 }, ask, { wait: 2000 }, ask], "lighter");
    const until = async (count: number): Promise<void> => {
      for (let tries = 0; tries < 3000 && reached.length < count; tries++)
        await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await until(1);
    await aios.keepSecret("lamp", fresh, "rotate-secret");
    await until(2);
    const before = filesBelow(join(aios.home, "keys", "secret-slots")).length;
    await aios.sign("remove-secret", { secret: "lamp" });
    expect(filesBelow(join(aios.home, "keys", "secret-slots")).length).toBe(before - 1);
    const { lines } = await running;
    expect(reached.map((each) => each.headers["x-lamp"])).toEqual([`Bearer ${VALUE}`, `Bearer ${fresh}`]);
    expect(lines.map(({ status }) => status)).toEqual([200, 200, 403]);
  });

  test("a home opens its secrets again after a restart, and nothing of one that was removed is left", async () => {
    await aios.crash();
    await aios.restart();
    reached = [];
    const { lines } = await act([{ url: url("/v1/ok"), headers: { "x-api-key": "${BANK_KEY}" } }]);
    expect(lines[0]?.status).toBe(200);
    expect(reached[0]?.headers["x-api-key"]).toBe(VALUE);
    expect(filesBelow(join(aios.home, "keys", "secret-slots"))).toHaveLength(1);
    expect(filesBelow(join(aios.home, "secrets"))).toHaveLength(1);
  });
});
