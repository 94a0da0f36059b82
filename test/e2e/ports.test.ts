import { createHash } from "node:crypto";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askForLink, clientKey } from "../../src/cli/port-link.ts";
import { postToDoor } from "../../src/main/port-doors.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import {
  awaitOpen,
  freePort,
  makePortClient,
  openLink,
  openWebSocket,
  originOf,
  visit,
  type Place,
  type PortClient,
} from "../fakes/port-client.ts";
import { runInside } from "../fakes/published-program.ts";
import { startSubstrate, type Ran, type Substrate } from "./substrate.ts";

const INSIDE = 8080;

describe("a published port", () => {
  let aios: Substrate;
  /** Where visitors come, and where that is for this opening. */
  let outside: number;
  let place: Place;
  let paired: PortClient;
  let stranger: PortClient;
  let ran: Promise<Ran>;
  /** Begun with the file: its grant ends after ten seconds, in which the other tests go on. */
  let brief: { readonly place: Place; readonly ran: Promise<Ran> };

  beforeAll(async () => {
    aios = await startSubstrate();
    outside = await freePort();
    paired = makePortClient();
    stranger = makePortClient();
    const ports = [{ name: "web", inside: INSIDE, outside, keys: [] }];
    await aios.grant({ id: "server", agents: ["server"], allow: [], programs: "any", ports });
    await pair("pair-one", paired.key);
    ran = serve();
    place = await awaitOpen(aios.client, { agent: "server", port: "web" });
    await until(async () => (await enteredVisit())?.status === 200);
    const limits = { expires: Date.now() + 10_000 };
    const short = [{ name: "brief", inside: INSIDE, outside: await freePort(), keys: [] }];
    await aios.grant({ id: "brief", agents: ["brief"], allow: [], programs: "any", ports: short, limits });
    const briefly = serve("brief");
    brief = { place: await awaitOpen(aios.client, { agent: "brief", port: "brief" }), ran: briefly };
  });
  afterAll(async () => {
    await aios.stop();
  });

  const pair = (id: string, key: string): Promise<unknown> =>
    aios.grant({
      id,
      agents: ["server"],
      allow: [],
      ports: [{ name: "web", inside: INSIDE, outside, keys: [key] }],
    });

  const serve = (agent: string = "server"): Promise<Ran> => runInside(aios, { agent, port: INSIDE });

  async function records(kind: LogRecord["kind"]): Promise<readonly LogRecord[]> {
    const { entries } = await aios.client.request("log-show", {
      from: 0,
      limit: 10_000,
      instance: null,
      kinds: [kind],
    });
    return entries.map(({ record }) => record);
  }
  /** How many visits were turned away so far, by why. */
  async function refusals(): Promise<{ readonly [why: string]: number }> {
    const visited = (await records("port-visited")) as readonly Extract<LogRecord, { kind: "port-visited" }>[];
    const sums: { [why: string]: number } = {};
    for (const { refused } of visited)
      for (const [why, count] of Object.entries(refused)) sums[why] = (sums[why] ?? 0) + count;
    return sums;
  }
  async function until(holds: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 60_000; !(await holds());) {
      if (Date.now() > end) throw new Error("it did not come about in time");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  let cookie: string | null = null;
  async function enteredVisit(path = "/", headers = {}): ReturnType<typeof visit> {
    cookie ??= await paired.enter(place);
    return visit(place, { path, headers: { cookie: cookie ?? "", ...headers } });
  }

  test("has a host of its own for this opening, which the command line tells", async () => {
    expect(place.host).toMatch(/^[0-9a-f]{16}\.web\.server\.localhost$/);
    const { ports } = await aios.client.request("open-ports", {});
    const opened = { agent: "server", port: "web", host: place.host, inside: INSIDE, outside };
    expect(ports.find(({ agent }) => agent === "server")).toMatchObject({ ...opened, keys: [paired.key] });
    expect(brief.place.host.slice(0, 16)).not.toBe(place.host.slice(0, 16));
  });

  test("is held at every address of loopback: nobody listens at the one where browsers look first", async () => {
    for (const address of ["127.0.0.1", "::1"]) {
      const squatter = createServer().listen(outside, address);
      const [event] = await Promise.race([
        once(squatter, "error"),
        once(squatter, "listening").then(() => ["it listens"]),
      ]);
      squatter.close();
      // A machine without ::1 has nobody there either.
      expect(["EADDRINUSE", "EADDRNOTAVAIL", "EAFNOSUPPORT"]).toContain(
        event instanceof Error && "code" in event ? event.code : event,
      );
    }
  });

  test("lets one browser in by a link, once, here, and in the name of the key that asked for it", async () => {
    expect(await stranger.link(place)).toBeNull();
    // As aios ports open does it: the owner's key, of which a grant that was signed a moment ago says that it may come.
    const key = clientKey(aios.owner);
    await pair("pair-owner", key);
    const [port] = (await aios.client.request("open-ports", {})).ports.filter(({ agent }) => agent === "server");
    if (port === undefined) throw new Error("it is not open");
    const doors = { post: postToDoor, browse: () => Promise.resolve(null) };
    const link = new URL(await askForLink({ doors }, { port, signer: aios.owner }));
    expect(link.origin).toBe(originOf(place));
    const token = link.hash.slice(1);
    // It may be closed by now, which is no.
    expect(await openLink(brief.place, token).catch(() => null)).toBeNull();
    expect(await openLink({ ...place, host: brief.place.host }, token)).toBeNull();
    const session = await openLink(place, token);
    expect((await visit(place, { headers: { cookie: session ?? "" } })).status).toBe(200);
    expect(await openLink(place, token)).toBeNull();
    await until(async () => ((await refusals())["wrong-link"] ?? 0) >= 1);
    const entered = (await records("port-entered")) as readonly Extract<LogRecord, { kind: "port-entered" }>[];
    expect(entered.map((record) => record.key)).toEqual([paired.key, key]);
  });

  test("carries a paired client's requests to the program inside, which sees a visit of its own address", async () => {
    const reply = await enteredVisit("/some/path?q=1", { "x-forwarded-for": "10.0.0.1", forwarded: "for=10.0.0.1" });
    expect(reply.status).toBe(200);
    const seen = JSON.parse(reply.body);
    expect(seen).toMatchObject({ method: "GET", url: "/some/path?q=1" });
    expect(seen.headers.host).toBe(`127.0.0.1:${INSIDE}`);
    // The session's cookie stays outside, and nobody says for a visitor where it came from.
    expect(Object.keys(seen.headers).toSorted()).toEqual(["connection", "host"]);
  });

  test("carries bodies", async () => {
    const origin = originOf(place);
    const reply = await visit(place, {
      method: "POST",
      path: "/",
      headers: { cookie: cookie ?? "", origin },
      body: "x".repeat(300_000),
    });
    const seen = JSON.parse(reply.body);
    expect([seen.method, seen.body.length, seen.headers.origin]).toEqual([
      "POST",
      300_000,
      `http://127.0.0.1:${INSIDE}`,
    ]);
  });

  test("carries a WebSocket both ways", async () => {
    const opened = await openWebSocket(place, { origin: originOf(place), cookie: cookie ?? "" });
    if (opened.kind !== "open") throw new Error(`refused with ${opened.status}`);
    opened.socket.write("ping");
    const [echo] = await once(opened.socket, "data");
    expect(String(echo)).toBe("ping");
    opened.socket.destroy();
  });

  test("uses its ways in again: many visits, one after another and at once", async () => {
    for (let round = 0; round < 5; round++) {
      const replies = await Promise.all(Array.from({ length: 30 }, () => enteredVisit()));
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    }
  });

  test("lets an answer make no browser reach out, and admits no other site to it", async () => {
    const { headers } = await enteredVisit();
    expect(headers["cache-control"]).toBe("no-cache");
    for (const name of ["access-control-allow-origin", "report-to", "link"]) expect(headers[name]).toBeUndefined();
    const policies = String(headers["content-security-policy"]);
    expect(policies).toContain("script-src 'self'");
    expect(policies).not.toContain("report-uri");
    expect(policies).toContain(`connect-src 'self' ws://${place.host}:${place.port} data: blob:`);
    expect(policies).toContain("frame-ancestors 'none'");
    expect(headers["connection-allowlist"]).toBe("(response-origin);redirects=allow;webrtc=block");
    expect(await enteredVisit("/away")).toMatchObject({ status: 502, body: "foreign-redirect\n" });
  });

  test("shows a browser that is not in a page of ours, without a script, and nothing of the program", async () => {
    const reply = await visit(place, { headers: { accept: "text/html" } });
    expect(reply.status).toBe(401);
    expect(reply.body).toContain("<h1>web of server</h1>");
    expect(reply.body).toContain("aios ports open server web");
    expect(reply.body).not.toContain("<script");
    expect(reply.headers["cache-control"]).toBe("no-store");
    expect(String(reply.headers["content-security-policy"])).toContain("default-src 'none';");
  });

  test("has a page for links whose one script is known by its digest, and which tells nobody where it is", async () => {
    const reply = await visit(place, { path: "/.aios/open", headers: { accept: "text/html" } });
    const [, script = ""] = /<script>([^]*)<\/script>/.exec(reply.body) ?? [];
    const digest = createHash("sha256").update(script).digest("base64");
    const policy = String(reply.headers["content-security-policy"]);
    expect(policy).toContain(`script-src 'sha256-${digest}'; connect-src 'self'; default-src 'none';`);
    expect([reply.status, reply.headers["referrer-policy"], reply.headers["cache-control"]]).toEqual([
      200,
      "no-referrer",
      "no-store",
    ]);
  });

  test("refuses the program of a service worker, with a session too", async () => {
    const given = { "service-worker": "script", "sec-fetch-site": "same-origin" };
    for (const headers of [given, { ...given, cookie: cookie ?? "" }])
      expect(await visit(place, { path: "/worker.js", headers })).toMatchObject({ status: 403, body: "worker\n" });
    await until(async () => ((await refusals())["worker"] ?? 0) === 2);
  });

  /** What was turned away on purpose, by why: the gate tells it once a second, so it is looked for when all were. */
  const turnedAway: { [why: string]: number } = {};
  let refusedBefore: { readonly [why: string]: number } = {};
  test.each([
    ["an absent session", {}, "unpaired", 401],
    ["a guessed session", { cookie: `aios-web=${"0".repeat(64)}` }, "unpaired", 401],
    ["a foreign host, as after rebinding", { host: "evil.example:80" }, "host", 421],
    ["the bare loopback name", { host: "localhost" }, "host", 421],
    ["the name without a label, as ports had it once", { host: "web.server.localhost" }, "host", 421],
    ["a foreign origin", { origin: "https://evil.example" }, "origin", 403],
    ["the origin null", { origin: "null" }, "origin", 403],
    ["an origin with another port", { origin: "http://web.server.localhost:1" }, "origin", 403],
    ["a link on another site", { "sec-fetch-site": "cross-site", accept: "text/html" }, "cross-site", 403],
    ["another port of the same name", { "sec-fetch-site": "same-site" }, "cross-site", 403],
  ] as const)("turns away %s, with the session too", async (_what, headers, why, status) => {
    if (Object.keys(turnedAway).length === 0) refusedBefore = await refusals();
    const given: { [name: string]: string } = { ...headers };
    const reply = await visit(place, { headers: given });
    expect([reply.status, reply.body.split("\n")[0]]).toEqual([status, why]);
    if (why !== "unpaired") {
      expect((await visit(place, { headers: { cookie: cookie ?? "", ...given } })).status).toBe(status);
    }
    turnedAway[why] = (turnedAway[why] ?? 0) + (why === "unpaired" ? 1 : 2);
  });

  test("has each of those on record, by why", async () => {
    expect(turnedAway).toEqual({ unpaired: 2, host: 6, origin: 6, "cross-site": 4 });
    await until(async () => {
      const now = await refusals();
      return Object.entries(turnedAway).every(([why, count]) => (now[why] ?? 0) - (refusedBefore[why] ?? 0) >= count);
    });
  });

  test("turns away a WebSocket without an origin, of another site, or without a session", async () => {
    const session = { cookie: cookie ?? "" };
    expect(await openWebSocket(place, session)).toEqual({ kind: "refused", status: 403 });
    expect(await openWebSocket(place, { ...session, origin: "https://evil.example" })).toEqual({
      kind: "refused",
      status: 403,
    });
    expect(await openWebSocket(place, { origin: originOf(place) })).toEqual({ kind: "refused", status: 401 });
  });

  test("lets nobody in who is not paired, by whatever key; pairing is an owner's signature, and lets in at once", async () => {
    expect(await stranger.enter(place)).toBeNull();
    await pair("pair-two", stranger.key);
    await until(async () => (await stranger.enter(place)) !== null);
    const entered = (await records("port-entered")) as readonly Extract<LogRecord, { kind: "port-entered" }>[];
    expect(entered.map(({ key }) => key)).toContain(stranger.key);
  });

  test("ends sessions and their WebSockets when the pairing is revoked", async () => {
    const second = makePortClient();
    await pair("pair-three", second.key);
    let session: string | null = null;
    await until(async () => (session = await second.enter(place)) !== null);
    const opened = await openWebSocket(place, { origin: originOf(place), cookie: session ?? "" });
    if (opened.kind !== "open") throw new Error(`refused with ${opened.status}`);
    const closed = once(opened.socket, "close");
    await aios.sign("revoke-grant", { grant: "pair-three" });
    await closed;
    expect((await visit(place, { headers: { cookie: session ?? "" } })).status).toBe(401);
    expect((await enteredVisit()).status).toBe(200);
  });

  test("answers nobody while its instance is frozen, and goes on after", async () => {
    const { instances } = await aios.client.request("ps", { all: false });
    const instance = instances.find(({ agent }) => agent === "server")?.instance ?? "";
    await aios.client.request("freeze", { instance });
    const asked = enteredVisit();
    const first = await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 1000, "nothing"))]);
    expect(first).toBe("nothing");
    await aios.sign("thaw-instance", { instance });
    expect((await asked).status).toBe(200);
  });

  test("is closed when the grant that publishes it ends, while its instance goes on", async () => {
    await until(async () =>
      (await records("port-closed")).some((record) => "why" in record && record.why === "not-granted"),
    );
    await until(async () => {
      const socket = createConnection(brief.place.port, "127.0.0.1");
      const closed = await Promise.race([once(socket, "error"), once(socket, "connect").then(() => null)]).catch(
        () => [],
      );
      socket.destroy();
      return closed !== null;
    });
    const { instances } = await aios.client.request("ps", { all: false });
    const instance = instances.find(({ agent }) => agent === "brief")?.instance ?? "";
    expect(instance).not.toBe("");
    await aios.client.request("kill", { instance });
    await brief.ran;
  });

  test("is one of a kind: a second instance that would publish it does not start", async () => {
    await expect(serve()).rejects.toMatchObject({ code: "port-taken" });
  });

  test("is rate-limited before anything is looked at, for the paired one too", async () => {
    const statuses = new Set<string | null>();
    for (let tried = 0; tried < 25; tried++) statuses.add((await stranger.enter(place)) === null ? null : "in");
    expect(await paired.enter(place)).toBeNull();
    expect((await enteredVisit()).status).toBe(200); // who is in already stays in
  });

  test("is recorded from its opening to its end, and gone with its instance", async () => {
    expect((await records("port-opened")).at(0)).toMatchObject({
      port: "web",
      host: place.host,
      inside: INSIDE,
      outside,
    });
    await enteredVisit("/end").catch(() => null);
    expect((await ran).state).toBe("ended");
    await until(async () => (await records("port-closed")).some((record) => "why" in record && record.why === "ended"));
    const socket = createConnection(place.port, "127.0.0.1");
    const [error] = await once(socket, "error");
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
    const asked = postToDoor({ host: place.host, outside }, { path: "/.aios/challenge", body: {} });
    await expect(asked).rejects.toMatchObject({ code: "port-refused" });
  });
});
