import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DAYS } from "../../src/kernel/hours.ts";
import type { Grant } from "../../src/kernel/grant.ts";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import type { RunRequest } from "../../src/protocol/requests.ts";
import { plainProgram } from "./plain-program.ts";
import { REPO, startSubstrate, type Ran, type Substrate } from "./substrate.ts";

// One monitor, a real agent in its sandbox, and a service of this machine with a line protocol in which the server speaks first.
let aios: Substrate;
let service: Server;
let port: number;
/** What the service was told, by connection, and how many it had at once. */
const heard: string[] = [];
let now = 0;
let most = 0;
/** Connections whose agent has said that it was greeted. */
let holding = 0;
const INSIDE = 15_432;
const PROGRAM = join(REPO, "test", "fakes", "tcp-agent.ts");
const SURFER = join(REPO, "test", "fakes", "network-agent.ts");
let plans = 0;
/** Begun with the file: its grant ends after twelve seconds, in which the other tests go on. Its service counts for itself. */
let brief: ReturnType<typeof run>;
let briefService: Server;
const briefHeard: string[] = [];

beforeAll(async () => {
  service = createServer({ allowHalfOpen: true }, serve);
  port = await listen(service);
  aios = await startSubstrate();
  const greeted = Promise.withResolvers<void>();
  briefService = createServer((socket) => {
    socket.write("hello\n");
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      briefHeard.push(chunk.toString());
      greeted.resolve();
    });
  });
  const allow = [forward({ port: await listen(briefService) })];
  await grantForward("f-short", ["brief"], { allow, limits: { expires: Date.now() + 12_000 } });
  brief = run("brief", [{ hold: INSIDE }, { ask: INSIDE, say: "too late" }]);
  // It says so once it was greeted.
  await Promise.race([greeted.promise, brief]);
});
afterAll(async () => {
  service.close();
  briefService.close();
  await aios.stop();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function serve(socket: Socket): void {
  let text = "";
  now += 1;
  most = Math.max(most, now);
  socket.write("hello\n");
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text === "here") holding += 1;
  });
  socket.on("error", () => undefined);
  // What it answers comes after the client's end, as with any protocol that reads until there is no more.
  socket.on("end", () => {
    heard.push(text);
    socket.end(`heard ${text.length}: ${text.slice(0, 20)}\n`);
  });
  socket.on("close", () => (now -= 1));
}

function forward(to: { readonly inside?: number; readonly port?: number } = {}): Grant["allow"][number] {
  const inside = to.inside ?? INSIDE;
  const where = { host: { equals: "localhost" }, port: { equals: to.port ?? port }, inside: { equals: inside } };
  return { what: "net/forward", where };
}

async function grantForward(
  id: string,
  agents: readonly string[],
  wish: { readonly allow?: Grant["allow"]; readonly lease?: boolean; readonly limits?: Partial<Grant["limits"]> } = {},
): Promise<void> {
  const { allow = [forward()], lease = true, limits = {} } = wish;
  const drivers = { net: { source: { kind: "net" as const }, tools: NET_TOOLS } };
  await aios.grant({ id, agents, drivers, allow, lease, limits: { uses: lease ? 300 : null, ...limits } });
}

interface Line {
  readonly step: number;
  readonly text?: string;
  readonly end?: string;
  readonly greeted?: number;
  readonly status?: number;
}

async function run(
  agent: string,
  plan: readonly object[],
  request: Partial<RunRequest> = {},
  program = plainProgram(PROGRAM, aios.workspace),
): Promise<{ readonly ran: Ran; readonly lines: readonly Line[] }> {
  const path = join(aios.workspace, `plan-${plans++}.json`);
  writeFileSync(path, JSON.stringify(plan), { mode: 0o644 });
  const ran = await aios.run({ agent, command: ["/aios/node", program, path], code: [program, path], ...request });
  const lines = ran.stdout.split("\n").flatMap((line): Line[] => (line.startsWith("{") ? [JSON.parse(line)] : []));
  return { ran, lines };
}

async function records(instance: string, kind: string): Promise<readonly { payload: unknown; record: object }[]> {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 1000, instance, kinds: [] });
  return entries.filter(({ record }) => record.kind === kind).map(({ record, payload }) => ({ record, payload }));
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited for nothing: ${what}`);
}

describe("an agent with a forwarded port", () => {
  test("reaches the service behind it with plain TCP, and each connection is on record", async () => {
    await grantForward("f-plain", ["client"]);
    const say = "select 1;\n";
    const { ran, lines } = await run("client", [{ ask: INSIDE, say }]);
    expect(lines).toEqual([{ step: 0, text: "hello\nheard 10: select 1;\n\n", end: "end" }]);
    await until(async () => (await records(ran.instance, "outcome")).length > 0, "an outcome");
    const [outcome, ...more] = await records(ran.instance, "outcome");
    expect(more).toEqual([]);
    expect(outcome?.record).toMatchObject({ what: "net/forward", risk: "reserved", result: "ok" });
    expect(outcome?.payload).toMatchObject({
      result: expect.stringMatching(/"address":"127\.0\.0\.1".*"end":"done".*"received":27.*"sent":10/),
    });
    const [intent] = await records(ran.instance, "intent");
    expect(JSON.stringify(intent)).toContain("f-plain");
  });

  test("carries many bytes both ways as they are", async () => {
    const say = "x".repeat(3_000_000);
    const { lines } = await run("client", [{ ask: INSIDE, say }]);
    expect(lines).toMatchObject([{ text: `hello\nheard 3000000: ${"x".repeat(20)}\n`, end: "end" }]);
    expect(heard.at(-1) === say).toBe(true);
  });

  test("finds nothing at other ports, nor at the service's own number", async () => {
    const { lines } = await run("client", [
      { ask: port, say: "" },
      { ask: INSIDE + 1, say: "" },
    ]);
    expect(lines.map(({ end }) => end)).toEqual(["ECONNREFUSED", "ECONNREFUSED"]);
    expect((await run("nobody", [{ ask: INSIDE, say: "" }])).lines).toMatchObject([{ end: "ECONNREFUSED" }]);
  });

  test("has no request and no tunnel by that grant", async () => {
    const before = heard.length;
    const { lines } = await run("client", [{ url: `http://localhost:${port}/` }], {}, SURFER);
    expect(lines).toMatchObject([{ status: 403 }]);
    expect(heard.length).toBe(before);
  });

  test("waits for a human when the grant is no lease, and is reset when they say no", async () => {
    await grantForward("f-asks", ["asker"], { lease: false });
    const running = run("asker", [
      { ask: INSIDE, say: "allowed" },
      { ask: INSIDE, say: "refused" },
    ]);
    for (const decision of ["allow", "deny"] as const) {
      await until(async () => (await aios.held()).length > 0, "an action that is held");
      const [held] = await aios.held();
      const detail = await aios.client.request("held-show", { request: held?.request ?? "" });
      expect(JSON.parse(detail.action)).toMatchObject({ arguments: { host: "localhost", port, inside: INSIDE } });
      expect(heard).not.toContain(decision === "allow" ? "allowed" : "refused");
      await aios.answer(held?.request ?? "", decision);
      await until(async () => (await aios.held()).every(({ request }) => request !== held?.request), "the answer");
    }
    expect((await running).lines).toMatchObject([
      { text: "hello\nheard 7: allowed\n", end: "end" },
      { end: "ECONNRESET" },
    ]);
    expect(heard).not.toContain("refused");
  });
});

describe("what a grant does not give", () => {
  test("a connection is reset when its grant is revoked, and none comes after it", async () => {
    await grantForward("f-revoked", ["revoked"]);
    const [started, before] = [now, holding];
    const running = run("revoked", [{ hold: INSIDE }, { ask: INSIDE, say: "late" }]);
    // Both ends know of each other: a greeting that is on its way is cut like everything else.
    await until(() => holding > before, "a connection");
    await aios.sign("revoke-grant", { grant: "f-revoked" });
    const { ran, lines } = await running;
    expect(lines).toMatchObject([{ text: "hello\n" }, { text: "hello\n", end: "ECONNRESET" }, { end: "ECONNRESET" }]);
    expect(heard).not.toContain("late");
    const [outcome] = await records(ran.instance, "outcome");
    expect(outcome?.payload).toMatchObject({ result: expect.stringContaining('"end":"cut"') });
    await until(() => now === started, "the end at the service");
  });

  test("a connection is reset when its grant ends", async () => {
    const { lines } = await brief;
    expect(lines).toMatchObject([{ text: "hello\n" }, { end: "ECONNRESET" }, { end: "ECONNRESET" }]);
    expect(briefHeard).toEqual(["here"]);
  });

  test("begins in the hours of its grant only", async () => {
    const clock = new Date();
    const minute = clock.getUTCHours() * 60 + clock.getUTCMinutes();
    const days = [...DAYS];
    const far = (minute + 720) % 1440;
    // From now until a later minute, and from then until now: one is open, the other is not.
    const hours = (from: number, to: number) => ({ zone: "UTC", windows: [{ days, from, to: to === 0 ? 1440 : to }] });
    await grantForward("f-awake", ["awake"], { limits: { hours: hours(minute, far) } });
    await grantForward("f-asleep", ["asleep"], { limits: { hours: hours(far, minute) } });
    const awake = await run("awake", [{ ask: INSIDE, say: "morning" }]);
    expect(awake.lines[0]?.text).toContain("heard 7: morning");
    const asleep = await run("asleep", [{ ask: INSIDE, say: "night" }]);
    expect(asleep.lines[0]?.text).not.toContain("heard");
    const denied = await records(asleep.ran.instance, "denied");
    expect(denied[0]?.record).toMatchObject({ code: "outside-hours" });
  });

  test("a connection is reset with the first byte that its grant does not cover", async () => {
    await grantForward("f-bytes", ["counted"], { limits: { bytes: 100_000 } });
    const { lines } = await run("counted", [{ ask: INSIDE, say: "y".repeat(1_000_000) }]);
    expect(lines).toMatchObject([{ end: expect.stringMatching(/ECONNRESET|EPIPE/) }]);
    expect(heard.every((text) => !text.includes("y".repeat(100_001)))).toBe(true);
  });

  test("a child reaches what it and its parent were granted, and not more", async () => {
    await grantForward("f-child", ["child", "able-elder"]);
    await aios.grant({ id: "f-elder", agents: ["elder"], allow: ["files/nothing"] });
    for (const elder of ["able-elder", "elder"]) {
      const above = run(elder, [{ wait: 60_000 }]);
      let parent = "";
      await until(async () => {
        const { instances } = await aios.client.request("ps", { all: false });
        parent = instances.find(({ agent, state }) => agent === elder && state === "running")?.instance ?? "";
        return parent !== "";
      }, "the parent");
      const { ran, lines } = await run("child", [{ ask: INSIDE, say: `child of ${elder}` }], { parent });
      if (elder === "able-elder") expect(lines).toMatchObject([{ text: expect.stringContaining("heard 19") }]);
      else {
        expect(lines).toMatchObject([{ text: "", end: "ECONNRESET" }]);
        const [denied] = await records(ran.instance, "denied");
        expect(denied?.record).toMatchObject({ what: "net/forward", code: "ancestor-denied" });
        expect(heard).not.toContain("child of elder");
      }
      await aios.client.request("kill", { instance: parent });
      await above;
    }
  });

  test("two hundred connections at once are bounded, and the next one is served", async () => {
    await grantForward("f-crowd", ["crowd"]);
    const started = now;
    most = started;
    const { lines } = await run("crowd", [{ crowd: INSIDE, of: 200 }, { wait: 500 }, { ask: INSIDE, say: "after" }]);
    expect(lines[0]?.greeted).toBeGreaterThan(0);
    expect(lines[0]?.greeted).toBeLessThanOrEqual(64);
    expect(most - started).toBeLessThanOrEqual(64);
    expect(lines[1]).toMatchObject({ text: "hello\nheard 5: after\n", end: "end" });
  });

  test("grants that lead one port to two places start nothing", async () => {
    await grantForward("f-one", ["torn"]);
    await grantForward("f-two", ["torn"], { allow: [forward({ port: port === 65_535 ? 1 : port + 1 })] });
    await expect(run("torn", [{ ask: INSIDE, say: "" }])).rejects.toMatchObject({ code: "forward-clash" });
  });

  test("a service that is not there resets, and says so in the log", async () => {
    await grantForward("f-gone", ["hopeful"], { allow: [forward({ port: 1 })] });
    const { ran, lines } = await run("hopeful", [{ ask: INSIDE, say: "" }]);
    expect(lines).toMatchObject([{ text: "", end: "ECONNRESET" }]);
    const [outcome] = await records(ran.instance, "outcome");
    expect(outcome?.payload).toMatchObject({ result: expect.stringContaining('"fault":"unreachable"') });
  });
});
