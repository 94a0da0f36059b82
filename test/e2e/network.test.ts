import { createServer, type Server } from "node:http";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Grant } from "../../src/kernel/grant.ts";
import { MEMORY_TOOLS } from "../../src/kernel/memory.ts";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import type { RunRequest } from "../../src/protocol/requests.ts";
import { plainProgram } from "./plain-program.ts";
import { REPO, startSubstrate, type Ran, type Substrate } from "./substrate.ts";

// One monitor, a real agent process in its sandbox, its face, a broker, and an origin on loopback.
let aios: Substrate;
let origin: Server;
let port: number;
const seen: string[] = [];
const url = (path: string): string => `http://localhost:${port}${path}`;
const PROGRAM = join(REPO, "test", "fakes", "network-agent.ts");
const PLAN_AGENT = join(REPO, "test", "fakes", "plan-agent.ts");
const APPEND = {
  method: "tools/call",
  params: { name: "memory__append", arguments: { plane: "append-only", text: "as the page says" } },
};
let plans = 0;
/** Begun with the file: its grant ends after twelve seconds, in which the other tests go on. */
let brief: ReturnType<typeof surf>;

beforeAll(async () => {
  origin = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push(`${request.method} ${request.url} ${body}`);
      if (request.url === "/open/stream") return void response.write("begun");
      response.end(`answer to ${request.method} ${request.url}`);
    });
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  port = (origin.address() as AddressInfo).port;
  aios = await startSubstrate();
  await grantNetwork("net-plain", { agents: ["surfer", "tunneller"], allow: [fetches("/open"), sends("/open")] });
  await grantNetwork("net-short", { agents: ["brief"], allow: [fetches("/open")], expires: 12_000 });
  brief = surf("brief", [{ url: url("/open/stream"), stream: true }, { url: url("/open/a") }]);
  await vi.waitFor(() => expect(seen).toContain("GET /open/stream "), 60_000);
});
afterAll(async () => {
  origin.closeAllConnections();
  origin.close();
  await aios.stop();
});

function fetches(path: string): Grant["allow"][number] {
  return { what: "net/fetch", where: { ...where(), method: { in: ["GET", "HEAD"] }, path: { under: path } } };
}
function sends(path: string): Grant["allow"][number] {
  return { what: "net/send", where: { ...where(), method: { equals: "POST" }, path: { under: path } } };
}
function where(): Grant["allow"][number]["where"] {
  return { scheme: { equals: "http" }, host: { equals: "localhost" }, port: { equals: port } };
}

async function grantNetwork(
  id: string,
  wish: {
    readonly agents: readonly string[];
    readonly allow: Grant["allow"];
    readonly lease?: boolean;
    readonly expires?: number;
  },
): Promise<void> {
  await aios.grant({
    id,
    agents: wish.agents,
    drivers: { net: { source: { kind: "net" }, tools: NET_TOOLS } },
    allow: wish.allow,
    lease: wish.lease ?? false,
    limits: { uses: wish.lease === true ? 5 : null, expires: Date.now() + (wish.expires ?? 3_600_000) },
  });
}

interface Line {
  readonly step: number;
  readonly status?: number;
  readonly body?: string;
  readonly error?: string | null;
}

async function surf(
  agent: string,
  plan: readonly object[],
  request: Partial<RunRequest> = {},
): Promise<{ ran: Ran; lines: readonly Line[] }> {
  const path = join(aios.workspace, `plan-${plans++}.json`);
  writeFileSync(path, JSON.stringify(plan), { mode: 0o644 });
  const program = plainProgram(PROGRAM, aios.workspace);
  const ran = await aios.run({ agent, command: ["/aios/node", program, path], code: [program, path], ...request });
  const lines = ran.stdout.split("\n").flatMap((line): Line[] => (line.startsWith("{") ? [JSON.parse(line)] : []));
  return { ran, lines };
}

async function records(instance: string): Promise<readonly { kind: string; payload: unknown; record: object }[]> {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 1000, instance, kinds: [] });
  return entries.map(({ record, payload }) => ({ kind: record.kind, record, payload }));
}

async function whenHeld(): Promise<string> {
  for (let tries = 0; tries < 3000; tries++) {
    const [first] = await aios.held();
    if (first !== undefined) return first.request;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("nothing was held");
}

describe("an agent with a grant for the network", () => {
  test("keeps in memory from which host it had something, so that a quarantine is of one host or of all", async () => {
    await aios.grant({
      id: "net-keeping",
      agents: ["keeper"],
      drivers: {
        net: { source: { kind: "net" }, tools: NET_TOOLS },
        memory: { source: { kind: "memory" }, tools: MEMORY_TOOLS },
      },
      allow: [fetches("/open"), "memory/append"],
    });
    const written = [[{ url: url("/open/page") }], [APPEND]].map((plan, at) => {
      const path = join(aios.workspace, `keeping-${at}.json`);
      writeFileSync(path, JSON.stringify(plan), { mode: 0o644 });
      return path;
    });
    const [surfing, keeping] = [PROGRAM, PLAN_AGENT].map((program) => plainProgram(program, aios.workspace));
    // One process after the other program: it may start none.
    const both =
      "const [, ...of] = process.argv; for (const at of [0, 2]) { process.argv.splice(1, 9, of[at], of[at + 1]); await import(of[at]); }";
    const command = ["/aios/node", "--input-type=module", "-e", both];
    const of = [surfing ?? "", written[0] ?? "", keeping ?? "", written[1] ?? ""];
    await aios.run({ agent: "keeper", command: [...command, ...of], code: of });
    const plane = { agent: "keeper", plane: "append-only", before: null, query: null } as const;
    const { entries } = await aios.client.request("memory-entries", plane);
    expect(entries).toMatchObject([{ text: "as the page says", sources: ["net/fetch localhost"] }]);
    for (const [value, taken] of [
      ["net/fetch other.example", 0],
      ["net/send", 0],
      ["net/fetch localhost", 1],
      ["net/fetch", 1],
    ] as const) {
      const quarantine = { by: "source", value } as const;
      expect(await aios.client.request("memory-quarantine", quarantine)).toMatchObject({ entries: taken, perhaps: 0 });
      await aios.sign("release-memory", quarantine);
    }
  });

  test("gets what the grant names through its proxy, and nothing in any other way", async () => {
    const { ran, lines } = await surf("surfer", [{ url: url("/open/a?b=c") }, { direct: `127.0.0.1:${port}` }]);
    expect(lines[0]).toMatchObject({ step: 0, status: 200, body: "answer to GET /open/a?b=c" });
    expect(lines[1]?.error).toMatch(/ECONNREFUSED|ENETUNREACH/);
    const log = await records(ran.instance);
    // What happened inside is told in between, whenever the supervisor has gathered it.
    const inside = ["programs-started", "calls-refused"];
    const kinds = log.map(({ kind }) => kind).filter((kind) => !inside.includes(kind));
    expect(kinds.slice(0, 4)).toEqual(["instance-started", "driver-pinned", "intent", "labelled"]);
    // A program that ends as soon as it has its answer may have ended before the broker has said what came of it.
    expect(kinds.slice(4).toSorted()).toEqual(["instance-ended", "outcome"]);
    const outcome = log.find(({ kind }) => kind === "outcome");
    expect(outcome?.record).toMatchObject({ what: "net/fetch", risk: "reach", result: "ok" });
    expect(outcome?.payload).toMatchObject({ result: expect.stringMatching(/"address":"127\.0\.0\.1".*"status":200/) });
    expect(log.find(({ kind }) => kind === "labelled")?.record).toMatchObject({ labels: ["untrusted"] });
  });

  test("serves programs that know their proxy by its address in the environment, and none without a grant", async () => {
    const script = `fetch(${JSON.stringify(url("/open/plain"))}).then((r) => r.text()).then(console.log, (e) => console.log("failed", e.cause?.code))`;
    const command = ["/aios/node", "-e", script];
    expect((await aios.run({ agent: "surfer", command })).stdout).toBe("answer to GET /open/plain\n");
    const other = await aios.run({
      agent: "surfer",
      command: ["/aios/node", "-e", script.replace("/open/", "/shut/")],
    });
    expect(other.stdout).toContain('"code":"no-grant"');
    expect((await aios.run({ agent: "nobody", command })).stdout).toBe("failed ECONNREFUSED\n");
  });

  test("is denied every other path, method and port with the smallest grant that would allow it", async () => {
    const before = seen.length;
    const { ran, lines } = await surf("surfer", [
      { url: url("/closed") },
      { url: url("/open/a"), method: "PUT" },
      { url: "http://localhost:9/open" },
    ]);
    expect(lines.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(JSON.parse(lines[0]?.body ?? "")).toMatchObject({
      stage: "validate",
      code: "no-grant",
      proposal: { agents: ["surfer"], allow: [{ what: "net/fetch", where: { path: { equals: "/closed" } } }] },
    });
    expect((await records(ran.instance)).filter(({ kind }) => kind === "denied")).toHaveLength(3);
    expect(seen.length).toBe(before);
  });

  test("waits for a human before it sends, and what they signed is what arrives", async () => {
    const running = surf("surfer", [{ url: url("/open/form"), method: "POST", body: "name=value" }]);
    const request = await whenHeld();
    expect(seen).not.toContain("POST /open/form name=value");
    const detail = await aios.client.request("held-show", { request });
    expect(JSON.parse(detail.action)).toMatchObject({ arguments: { body: { kind: "text", text: "name=value" } } });
    await aios.answer(request, "allow");
    const { lines } = await running;
    expect(lines[0]).toMatchObject({ status: 200, body: "answer to POST /open/form" });
    expect(seen).toContain("POST /open/form name=value");
  });

  test("is not held but denied for a body that is too long to be shown", async () => {
    const { lines } = await surf("surfer", [{ url: url("/open/form"), method: "POST", body: "x".repeat(600_000) }]);
    expect(lines[0]?.status).toBe(403);
    expect(JSON.parse(lines[0]?.body ?? "")).toMatchObject({ stage: "validate", code: "too-large" });
  });

  test("finds its proxy and its authority in the environment", async () => {
    const ran = await aios.run({ agent: "surfer", command: ["/usr/bin/env"] });
    expect(ran.stdout).toContain("AIOS_PROXY_SOCKET=/run/aios/proxy.sock");
    expect(ran.stdout).toContain("NODE_EXTRA_CA_CERTS=/run/aios/ca.pem");
    expect(ran.stdout).toContain("SSL_CERT_FILE=/run/aios/authorities.pem");
    const read = { agent: "surfer", command: ["/usr/bin/cat", "/run/aios/ca.pem", "/run/aios/authorities.pem"] };
    const { stdout } = await aios.run(read);
    const own = stdout.slice(0, stdout.indexOf("-----END CERTIFICATE-----\n") + 26);
    const bundle = "/etc/ssl/certs/ca-certificates.crt";
    expect(own).toMatch(/^-----BEGIN CERTIFICATE-----\n/u);
    expect(stdout).toBe(`${own}${own}${existsSync(bundle) ? readFileSync(bundle, "utf8") : ""}`);
  });

  test("loses a running answer when its grant is revoked", async () => {
    await grantNetwork("net-revoked", { agents: ["stream"], allow: [fetches("/open")] });
    const running = surf("stream", [{ url: url("/open/stream"), stream: true, tell: url("/open/begun") }]);
    await expect.poll(() => seen).toContain("GET /open/begun ");
    await aios.sign("revoke-grant", { grant: "net-revoked" });
    const { ran, lines } = await running;
    expect(lines.at(-1)).toMatchObject({ status: 200, error: "aborted" });
    const outcomes = (await records(ran.instance)).filter(({ kind }) => kind === "outcome");
    expect(JSON.stringify(outcomes.map(({ payload }) => payload))).toContain(String.raw`\"end\":\"cut\"`);
  });

  test("loses a running answer when its grant ends", async () => {
    const { lines } = await brief;
    expect(lines.find(({ error }) => error !== undefined)).toMatchObject({ status: 200, error: "aborted" });
    expect(lines.at(-1)?.status).toBe(403);
  });
});

describe("an agent without one", () => {
  test("is told which grant it would need, and no broker is started", async () => {
    const { ran, lines } = await surf("stranger", [{ url: url("/open/a") }]);
    expect(lines[0]?.status).toBe(403);
    expect(JSON.parse(lines[0]?.body ?? "")).toMatchObject({ stage: "validate", code: "no-grant" });
    expect((await records(ran.instance)).map(({ kind }) => kind)).toContain("denied");
  });

  test.each([
    ["in clear", { url: "http://169.254.169.254/latest/meta-data/" }],
    ["in other words", { url: "http://2852039166/latest/meta-data/" }],
    ["in a request that nobody can read", { url: "http://localhost:9/a", headers: { host: "169.254.169.254" } }],
  ])("that asks for a machine's credentials %s is ended for good", async (_, step) => {
    const { ran } = await surf("climber", [step, { wait: 5000 }]);
    expect(ran).toMatchObject({ state: "terminal", why: "prohibited" });
    await aios.sign("restart-agent", { agent: "climber" });
  });

  test("that asks for them through a tunnel, as Node's own fetch does, is ended for good", async () => {
    const ran = await aios.run({
      agent: "tunneller",
      command: ["/aios/node", "-e", FETCH_ALL, "http://169.254.169.254/"],
    });
    expect(ran).toMatchObject({ state: "terminal", why: "prohibited" });
  });
});

/** Asks for each address on its command line and says which status came back. */
const FETCH_ALL =
  "(async () => { for (const url of process.argv.slice(1)) " +
  "await fetch(url).then((r) => console.log(r.status), (e) => console.log('failed', e.cause?.message)); })()";

describe("the breaker", () => {
  const everywhere = (count: number): string[] =>
    Array.from({ length: count }, (_, at) => `http://host-${at}.example/`);

  test("lets an agent report home to hosts that were not granted, and go on", async () => {
    const command = ["/aios/node", "-e", FETCH_ALL, ...everywhere(40), url("/open/after")];
    const ran = await aios.run({ agent: "surfer", command });
    expect(ran).toMatchObject({ state: "ended", exit: 0 });
    const lines = ran.stdout.trim().split("\n");
    expect(lines).toHaveLength(41);
    expect(lines.at(-1)).toBe("200");
    expect(new Set(lines.slice(0, -1))).not.toContain("200");
    const denied = (await records(ran.instance)).filter(({ kind }) => kind === "denied");
    expect(denied).toHaveLength(40);
  });

  test("freezes one that floods", async () => {
    const { frozen, ended } = await untilFrozen(["/aios/node", "-e", FETCH_ALL, ...everywhere(1000)], {});
    expect(frozen).toMatchObject({ code: "breaker-open" });
    const log = await records(ended.instance);
    expect(log.filter(({ kind }) => kind === "denied").length).toBeGreaterThanOrEqual(300);
    expect(log.filter(({ kind }) => kind === "denied").length).toBeLessThan(320);
  });

  test("freezes one that probes with paths of two readings at the fifth", async () => {
    const probes = Array.from({ length: 6 }, (_, at) => url(`/open/..%2f${at}`));
    const { ended } = await untilFrozen(["/aios/node", "-e", FETCH_ALL, ...probes], {});
    expect((await records(ended.instance)).filter(({ kind }) => kind === "denied")).toHaveLength(5);
  });

  test("freezes a strict one at the first host that was not granted", async () => {
    const { ended } = await untilFrozen(["/aios/node", "-e", FETCH_ALL, ...everywhere(3)], { strict: true });
    expect((await records(ended.instance)).filter(({ kind }) => kind === "denied")).toHaveLength(1);
  });

  async function untilFrozen(
    command: readonly string[],
    request: Partial<RunRequest>,
  ): Promise<{ frozen: object | undefined; ended: Ran }> {
    const running = aios.run({ agent: "surfer", command, ...request });
    const stands = async (): Promise<string | undefined> =>
      (await aios.client.request("ps", { all: false })).instances.find(({ state }) => state === "frozen")?.instance;
    await expect.poll(stands).toBeDefined();
    const instance = (await stands()) ?? "";
    await aios.client.request("kill", { instance });
    const ended = await running;
    const frozen = (await records(instance)).find(({ kind }) => kind === "instance-frozen")?.record;
    return { frozen, ended };
  }
});
