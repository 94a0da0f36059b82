import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import type { RecordKind } from "../../src/protocol/record.ts";
import { tokensText } from "../../src/protocol/login.ts";
import { plainProgram } from "../e2e/plain-program.ts";
import { REPO, startSubstrate, type Ran, type Substrate } from "../e2e/substrate.ts";
import { makeTokens, startOAuthServer, type OAuthServer } from "../fakes/oauth-server.ts";
import { memoryHolds, pidsOf } from "./process-memory.ts";

// SECRETS-OUTSIDE for logins: a real agent with a placeholder, an injector, a refresher, and a login server on loopback that
// gives each refresh token out once, tells tokens back, and can be told to misbehave.
const PROGRAM = join(REPO, "test", "fakes", "network-agent.ts");
let aios: Substrate;
let server: OAuthServer;
let logins = 0;
let name = "";
let agent = "";

beforeAll(async () => {
  aios = await startSubstrate();
});
beforeEach(async () => {
  server = await startOAuthServer();
});
afterEach(() => server.close());
afterAll(async () => {
  await aios.stop();
});

const origin = (): string => `http://localhost:${server.port}`;

async function deposit(secret: string, expires: number | null, purpose: "set-secret" | "rotate-secret"): Promise<void> {
  const value = tokensText({ ...server.good, expires }) ?? "";
  const { commitment } = await aios.client.request("deposit", { salt: randomBytes(32).toString("hex"), value });
  const login = { endpoint: server.endpoint, client: "a-client", scopes: ["chat", "user:profile"], format: "form" };
  await aios.sign(purpose, { secret, kind: "oauth", commitment, login });
}

/** A login of this server whose access token ends in so many milliseconds, for an agent of its own. */
async function logIn(left: number | null): Promise<void> {
  name = `login-${logins}`;
  agent = `agent-${logins++}`;
  await deposit(name, left === null ? null : Date.now() + left, "set-secret");
  const bound = { secret: name, to: origin(), methods: ["GET", "POST"], path: "/v1", header: "authorization" };
  await aios.sign("bind-secret", { ...bound, scheme: "Bearer" });
  const where = { scheme: { equals: "http" }, host: { equals: "localhost" }, port: { equals: server.port } };
  const drivers = { net: { source: { kind: "net" }, tools: NET_TOOLS } } as const;
  await aios.grant({
    id: `${name}-asks`,
    agents: [agent],
    drivers,
    allow: [{ what: "net/fetch", where: { ...where, path: { under: "/" }, method: { in: ["GET"] } } }],
    secrets: { LOGIN: { secret: name, to: origin() } },
  });
  await aios.grant({
    id: `${name}-sends`,
    agents: [agent],
    drivers,
    allow: [{ what: "net/send", where: { ...where, path: { under: "/" }, method: { in: ["POST"] } } }],
    lease: true,
    limits: { uses: 100 },
  });
}

interface Line {
  readonly status?: number;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string;
}

async function act(plan: readonly object[]): Promise<{ ran: Ran; lines: readonly Line[] }> {
  const path = join(aios.workspace, `plan-${randomBytes(6).toString("hex")}.json`);
  writeFileSync(path, JSON.stringify(plan.map((step) => ("url" in step ? { ...step, all: true } : step))), {
    mode: 0o644,
  });
  const program = plainProgram(PROGRAM, aios.workspace);
  const ran = await aios.run({ agent, command: ["/aios/node", program, path], code: [program, path] });
  const lines = ran.stdout.split("\n").flatMap((line): Line[] => (line.startsWith("{") ? [JSON.parse(line)] : []));
  return { ran, lines };
}

const call = (): object => ({ url: `${origin()}/v1/chat`, headers: { authorization: "Bearer ${LOGIN}" } });

async function records(kind: RecordKind): Promise<readonly { readonly [field: string]: unknown }[]> {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance: null, kinds: [kind] });
  return entries.map(({ record }) => ({ ...record })).filter((record) => "secret" in record && record.secret === name);
}

/** Whether bytes hold any token of this server in a way that one would write it. */
function holdsToken(bytes: Buffer | string): boolean {
  const where = Buffer.from(bytes);
  const tokens = server.given.flatMap(({ access, refresh }) => [access, refresh]);
  const writings = tokens.flatMap((token) => [
    token,
    token.slice(0, 24),
    encodeURIComponent(token),
    Buffer.from(token).toString("hex"),
    Buffer.from(token).toString("base64").slice(4, -4),
  ]);
  return writings.some((each) => where.includes(each));
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("a login", () => {
  test("whose token is good is used as it is, and what its server tells back of it is not heard", async () => {
    await logIn(3_600_000);
    const { ran, lines } = await act([call()]);
    expect(lines.map(({ status }) => status)).toEqual([200]);
    expect(server.called).toEqual([`Bearer ${server.good.access}`]);
    expect(server.asked).toEqual([]);
    // Access token and refresh token were both in that answer.
    expect(lines[0]?.body).toMatch(/^welcome Bearer \*+ and \*+$/);
    expect(lines[0]?.headers?.["x-echo"]).toMatch(/^Bearer \*+$/);
    expect(holdsToken(ran.stdout + ran.stderr)).toBe(false);
  });

  test("that ends soon is renewed before it is used, once for all who ask, and its placeholder stays", async () => {
    await logIn(60_000);
    const [first] = server.given;
    server.mode = "slow";
    const env = /LOGIN=(\S+)/;
    const before = env.exec((await aios.run({ agent, command: ["/usr/bin/env"] })).stdout)?.[1];
    const both = await Promise.all([act([call(), call()]), act([call()])]);
    expect(both.flatMap(({ lines }) => lines.map(({ status }) => status))).toEqual([200, 200, 200]);
    expect(server.asked).toHaveLength(1);
    expect(Object.fromEntries(new URLSearchParams(server.asked[0]))).toEqual({
      grant_type: "refresh_token",
      refresh_token: first?.refresh,
      client_id: "a-client",
      scope: "chat user:profile",
    });
    expect(new Set(server.called)).toEqual(new Set([`Bearer ${server.good.access}`]));
    expect(env.exec((await aios.run({ agent, command: ["/usr/bin/env"] })).stdout)?.[1]).toBe(before);
    expect(holdsToken(both.map(({ ran }) => ran.stdout + ran.stderr).join(""))).toBe(false);
    const [record] = await records("secret-refreshed");
    expect(Object.keys(record ?? {}).toSorted()).toEqual(
      ["at", "before", "commitment", "expires", "kind", "payload", "secret", "seq", "start", "v"].toSorted(),
    );
  });

  test("that its destination refuses is renewed for the next request", async () => {
    await logIn(3_600_000);
    const refresh = server.good.refresh;
    // Its server took the access token back early.
    server.good = { access: makeTokens().access, refresh };
    const { lines } = await act([call(), call()]);
    expect(lines.map(({ status }) => status)).toEqual([401, 200]);
    expect(server.asked).toHaveLength(1);
  });

  test("that is refused is renewed for a request that comes while the refusal is still being answered", async () => {
    await logIn(3_600_000);
    const { access, refresh } = server.good;
    server.good = { access: makeTokens().access, refresh };
    await act([
      { url: `${origin()}/v1/open`, headers: { authorization: "Bearer ${LOGIN}" }, tell: `${origin()}/v1/chat` },
    ]);
    expect(server.called).toEqual([`Bearer ${access}`, `Bearer ${server.good.access}`]);
    expect(server.asked).toHaveLength(1);
  });

  test("opens again after a restart with the tokens that it was renewed to", async () => {
    await logIn(1000);
    expect((await act([call()])).lines[0]?.status).toBe(200);
    await aios.crash();
    await aios.restart();
    expect((await act([call()])).lines[0]?.status).toBe(200);
    expect(server.asked).toHaveLength(1);
  });
});

describe("an agent that has the placeholder", () => {
  test.each<[string, () => object]>([
    ["in a form", () => ({ body: "grant_type=refresh_token&refresh_token=${LOGIN}&client_id=a-client" })],
    ["in JSON", () => ({ body: '{"refresh_token":"${LOGIN}"}' })],
    ["in the header that it is bound to", () => ({ headers: { authorization: "Bearer ${LOGIN}" }, body: "x=1" })],
  ])("gets nothing from the token endpoint with it %s, though it may ask there", async (_, step) => {
    await logIn(3_600_000);
    const { ran, lines } = await act([
      { url: server.endpoint, method: "POST", ...step() },
      { url: server.endpoint, method: "POST", body: "refresh_token=mine&client_id=a-client" },
    ]);
    expect(lines[0]?.status).toBe(403);
    expect(JSON.parse(lines[0]?.body ?? "")).toMatchObject({ code: "secret-not-injected" });
    // The twin without it reaches the endpoint, which knows no such token.
    expect(lines[1]?.status).toBe(400);
    expect(server.asked).toEqual(["refresh_token=mine&client_id=a-client"]);
    expect(holdsToken(ran.stdout)).toBe(false);
  });

  test("has no binding that would reach the endpoint, since none can be signed", async () => {
    await logIn(3_600_000);
    const binding = { secret: name, to: origin(), methods: ["POST"], header: "authorization", scheme: "Bearer" };
    await expect(aios.sign("bind-secret", { ...binding, path: "/" })).rejects.toMatchObject({ code: "secret-use" });
    await expect(aios.sign("bind-secret", { ...binding, path: "/oauth" })).rejects.toMatchObject({
      code: "secret-use",
    });
    await aios.sign("bind-secret", { ...binding, path: "/v2" });
  });
});

describe("a server that misbehaves", () => {
  test("by answering 401 for ever gets one refresh and no more", async () => {
    await logIn(3_600_000);
    server.refuses = true;
    const { lines } = await act([call(), call(), call(), call(), call()]);
    expect(lines.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
    expect(server.asked).toHaveLength(1);
    await act([call(), call()]);
    expect(server.asked).toHaveLength(1);
  });

  test.each<[string, () => OAuthServer["mode"], string, number]>([
    ["redirects the refresh", () => ({ redirect: `${origin()}/v1/stolen` }), "redirected", 1],
    ["answers half of it", () => "malformed", "malformed", 1],
    ["answers without end", () => "huge", "malformed", 1],
    ["has no time", () => "busy", "unavailable", 1],
    ["hangs up", () => "silent", "unreachable", 1],
  ])("when it %s, the request is denied, recorded, and not repeated at once", async (_, mode, fault, asked) => {
    await logIn(0);
    const [first] = server.given;
    server.mode = mode();
    const { ran, lines } = await act([call(), call()]);
    expect(lines.map(({ status }) => status)).toEqual([403, 403]);
    expect(JSON.parse(lines[0]?.body ?? "")).toMatchObject({ code: "login-expired" });
    expect(lines[0]?.body).toContain("aios secrets rotate");
    expect(server.called).toEqual([]);
    expect(server.asked).toHaveLength(asked);
    expect(await records("secret-not-refreshed")).toMatchObject([{ fault }]);
    expect(await records("secret-refreshed")).toEqual([]);
    expect(holdsToken(ran.stdout + ran.stderr)).toBe(false);
    // The twin: its owner logs in again, and the same agent goes on.
    server.mode = "honest";
    expect(server.good).toEqual(first);
    await deposit(name, Date.now() + 3_600_000, "rotate-secret");
    expect((await act([call()])).lines[0]?.status).toBe(200);
  });

  test("when a token is still good, a refresh that fails does not stand in its way", async () => {
    await logIn(120_000);
    server.mode = "busy";
    const { lines } = await act([call(), call()]);
    expect(lines.map(({ status }) => status)).toEqual([200, 200]);
    expect(server.asked).toHaveLength(1);
  });
});

describe("a crash", () => {
  test("between the refresh and its record leaves the old tokens: a clear error once they are used up", async () => {
    await logIn(0);
    server.mode = "slow";
    const running = act([call()]).catch(() => null);
    for (let tries = 0; tries < 3000 && server.asked.length === 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await aios.crash();
    await running;
    await aios.restart();
    // The server has used the refresh token up; nothing of the new ones was kept.
    server.mode = "honest";
    expect(server.given).toHaveLength(2);
    const { lines } = await act([call()]);
    expect(lines[0]?.status).toBe(403);
    expect(JSON.parse(lines[0]?.body ?? "")).toMatchObject({ code: "login-expired" });
    expect(await records("secret-not-refreshed")).toMatchObject([{ fault: "rejected" }]);
    await deposit(name, Date.now() + 3_600_000, "rotate-secret");
    expect((await act([call()])).lines[0]?.status).toBe(200);
  });

  test("in the same place leaves an access token that is still good in use", async () => {
    await logIn(240_000);
    const { access } = server.good;
    server.mode = "slow";
    const running = act([call()]).catch(() => null);
    for (let tries = 0; tries < 3000 && server.asked.length === 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await aios.crash();
    await running;
    await aios.restart();
    // This server lets access tokens live that it gave out before.
    server.good = { ...server.good, access };
    server.mode = "busy";
    expect((await act([call()])).lines[0]?.status).toBe(200);
  });
});

/** Whether the memory of a process holds a token of this server. */
function remembersToken(pid: number): boolean {
  const tokens = server.given.flatMap(({ access, refresh }) => [access, refresh]);
  return memoryHolds(
    pid,
    tokens.map((token) => token.slice(0, -1)),
  );
}

describe("tokens", () => {
  test("old and new are in no file of the home, no record and no word of the monitor", async () => {
    await logIn(1000);
    const { ran } = await act([call()]);
    expect(server.given).toHaveLength(2);
    expect(server.called).toEqual([`Bearer ${server.good.access}`]);
    const files = filesBelow(aios.home).filter((file) => statSync(file).size < 64 * 1024 * 1024);
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => holdsToken(readFileSync(file)))).toEqual([]);
    const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance: null, kinds: [] });
    expect(holdsToken(JSON.stringify(entries))).toBe(false);
    expect(holdsToken(JSON.stringify(await aios.client.request("secrets", {})))).toBe(false);
    expect(holdsToken(aios.errors() + ran.stdout + ran.stderr)).toBe(false);
  });

  test("are in no environment, no file and no memory that the agent can look into", async () => {
    await logIn(1000);
    await act([call()]);
    await aios.grant({ id: `${name}-programs`, agents: [agent], allow: [], programs: "any" });
    const look = `
      for pid in /proc/[0-9]*; do cat $pid/environ $pid/cmdline 2>/dev/null; done
      find / -xdev -type f -size -64k -readable -not -path '/usr/*' -not -path '/proc/*' -not -path '/sys/*' -exec cat {} + 2>/dev/null
      echo; echo looked`;
    const ran = await aios.run({ agent, command: ["/bin/sh", "-c", look] });
    expect(ran.stdout).toContain("looked");
    expect(ran.stdout).toContain(`aios-secret-${name}-`);
    expect(holdsToken(ran.stdout)).toBe(false);
  });

  test.runIf(process.geteuid?.() === 0)(
    "are in the memory of an injector, and neither in the face's nor in the broker's",
    async () => {
      await logIn(1000);
      const running = act([call(), { url: `${origin()}/elsewhere` }, { wait: 60_000 }]);
      for (let tries = 0; tries < 3000 && pidsOf("broker", aios.pid).length === 0; tries++)
        await new Promise((resolve) => setTimeout(resolve, 20));
      // The search that finds nothing has to be one that can.
      await expect.poll(() => pidsOf("injector", aios.pid).some(remembersToken)).toBe(true);
      await expect.poll(() => pidsOf("refresher", aios.pid)).toEqual([]);
      expect(pidsOf("broker", aios.pid).length).toBeGreaterThan(0);
      expect(pidsOf("broker", aios.pid).filter(remembersToken)).toEqual([]);
      expect(pidsOf("face", aios.pid).length).toBeGreaterThan(0);
      expect(pidsOf("face", aios.pid).filter(remembersToken)).toEqual([]);
      await aios.client.request("kill", { instance: null }); // nothing is left to look at
      await running;
    },
  );
});
