import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closedPage } from "../../src/face/entry-page.ts";
import { headersOutside } from "../../src/face/port-headers.ts";
import { openBrowser } from "../../src/main/port-doors.ts";
import { linkAddress } from "../../src/protocol/port-entry.ts";
import { plant, plantedIn, squat, type Plant } from "./squatter.ts";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";
import { hasChromium, startChromium } from "../fakes/chromium.ts";
import { awaitOpen, freePort, makePortClient, originOf, type Place, type PortClient } from "../fakes/port-client.ts";
import { runInside } from "../fakes/published-program.ts";

/*
 * A published port that other programs had before, in a real browser: what they planted is in the way of a gate that comes
 * back under the name that it had, and in nobody's under a name that is drawn for the opening. Then how a browser comes in,
 * and who else tries by the same link.
 */
const INSIDE = 8080;
const OLD = "web.server.localhost";
/** Where each plant shows. */
const SHOWS = { worker: "/", page: "/sign", redirect: "/enrol" } as const satisfies Partial<Record<Plant, string>>;
const FOREVER = ["cache-control", "public, max-age=31536000, immutable"] as const;

describe("a published port that another program had", () => {
  if (!hasChromium()) {
    console.warn("NOT RUN: a published port that another program had; Debian's chromium is not installed");
    test.skip("there is no chromium, nothing was proven", () => {});
    return;
  }
  let aios: Substrate;
  let browser: Browser;
  let owner: PortClient;
  let outside: number;
  let place: Place;
  let ran: Promise<unknown>;
  /** A browser for each plant. */
  const planted = new Map<Plant, Page>();

  beforeAll(async () => {
    [aios, browser, outside] = await Promise.all([startSubstrate(), startChromium(), freePort()]);
    owner = makePortClient();
    const ports = [{ name: "web", inside: INSIDE, outside, keys: [owner.key] }];
    await aios.grant({ id: "server", agents: ["server"], allow: [], programs: "any", ports });
    await plantAt([`http://${OLD}:${outside}`]);
  });
  afterAll(async () => {
    await browser?.close();
    await aios?.stop();
  });

  /** Another program has the port, and people come to it under these names. */
  async function plantAt(origins: readonly string[]): Promise<void> {
    const squatter = await squat(outside);
    for (const at of origins) {
      for (const what of Object.keys(SHOWS) as Plant[]) {
        const page = planted.get(what) ?? (await fresh());
        planted.set(what, page);
        await plant(page, { at, what });
      }
    }
    await squatter.stop();
  }
  const fresh = async (): Promise<Page> => await (await browser.newContext()).newPage();

  async function publish(): Promise<void> {
    ran = runInside(aios, { agent: "server", port: INSIDE }).catch(() => null);
    place = await awaitOpen(aios.client, { agent: "server", port: "web" });
  }
  async function close(): Promise<void> {
    const { instances } = await aios.client.request("ps", { all: false });
    await aios.client.request("kill", { instance: instances[0]?.instance ?? "" });
    await ran;
  }
  async function link(): Promise<string> {
    const token = await owner.link(place);
    if (token === null) throw new Error("the gate gave no link");
    return linkAddress(originOf(place), token);
  }
  /** What was found in each browser at an origin; null: nothing. */
  async function found(origin: string): Promise<{ readonly [what: string]: string | null }> {
    const all: { [what: string]: string | null } = {};
    for (const [what, path] of Object.entries(SHOWS)) {
      const page = planted.get(what as Plant);
      if (page !== undefined) all[what] = await plantedIn(page, `${origin}${path}`);
    }
    return all;
  }
  /** What the program inside was sent by a browser that is in. */
  async function seenInside(page: Page): Promise<{ readonly headers: { readonly [name: string]: string } }> {
    await page.waitForURL(`${originOf(place)}/`);
    return JSON.parse((await page.textContent("body")) ?? "");
  }

  test("control: each plant is in the way of a gate that comes back under the name that it had", async () => {
    const port = { name: "web", agent: "server", host: OLD, inside: INSIDE, outside, listeners: 1, keys: [] };
    const page = closedPage(port);
    const server = createServer((_, response) => response.writeHead(401, page.headers.flat()).end(page.text));
    await once(server.listen(outside, "127.0.0.1"), "listening");
    const origin = `http://${OLD}:${outside}`;
    expect(await found(origin)).toEqual({ worker: "worker", page: "page", redirect: `${origin}/elsewhere` });
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });

  test("attack: none of them is where the port has a name of its own for each opening, which was squatted before too", async () => {
    await publish();
    const first = place;
    await close();
    // Whoever has the port now learns the name from a tab that is still open.
    await plantAt([originOf(first)]);
    await publish();
    expect(place.host).not.toBe(first.host);
    expect(await found(originOf(place))).toEqual({ worker: null, page: null, redirect: null });
    for (const page of planted.values()) {
      const left = page.evaluate("Promise.all([localStorage.length, caches.keys(), document.cookie])");
      expect(await left).toEqual([0, [], ""]);
    }
    const visitor = planted.get("worker");
    if (visitor === undefined) throw new Error("nothing was planted");
    await visitor.goto(await link());
    await seenInside(visitor);
    // At the names before, the gate says where it is found now, and a worker that is there still is alone with itself.
    const page = await fresh();
    await page.goto(originOf(first));
    expect(await page.textContent("body")).toContain("aios ports open");
    await page.context().close();
  });

  test("a browser comes in by a link, which is in no address, history, referrer or request afterwards", async () => {
    const page = await fresh();
    const address = await link();
    const token = address.split("#").at(-1) ?? "";
    const sent: string[] = [];
    page.on("request", (request) => {
      if (!request.url().endsWith("/.aios/open") || request.method() !== "POST")
        sent.push(request.url(), JSON.stringify(request.headers()));
    });
    await page.goto(address);
    const seen = await seenInside(page);
    expect(Object.keys(seen.headers)).not.toContain("referer");
    expect(JSON.stringify([seen, sent.filter((each) => each !== address)])).not.toContain(token);
    const [cookie] = await page.context().cookies(originOf(place));
    expect(cookie).toMatchObject({ name: "aios-web", domain: place.host, httpOnly: true, sameSite: "Strict" });
    await page.goBack();
    expect(page.url()).toBe("about:blank");
    const second = await fresh();
    await second.goto(address);
    await second.getByText("That link is over").waitFor();
    expect(second.url()).toBe(`${originOf(place)}/.aios/open`);
    await second.goto(`${originOf(place)}/`);
    expect(await second.textContent("#state")).toContain("aios ports open server web");
    for (const each of [page, second]) await each.context().close();
  });

  test("attack: a page of another site that has the link's secret hands it in, and opens the port; neither does anything", async () => {
    const server = createServer((_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<h1>evil"),
    );
    await once(server.listen(0, "127.0.0.1"), "listening");
    // A sibling name: the same site for cookies, another origin.
    const evil = `http://x.${OLD}:${(server.address() as AddressInfo).port}`;
    const page = await fresh();
    await page.goto(evil);
    const address = await link();
    const body = JSON.stringify({ token: address.split("#").at(-1) });
    const at = JSON.stringify(`${originOf(place)}/.aios/open`);
    const hand = `fetch(${at}, { method: "POST", mode: "no-cors", credentials: "include", body: ${JSON.stringify(body)} })`;
    await page.evaluate(`${hand}.catch(() => null)`);
    expect(await page.context().cookies(originOf(place))).toEqual([]);
    await page.evaluate(`void (location.href = ${JSON.stringify(`${originOf(place)}/`)})`);
    await page.getByText("cross-site").waitFor();
    const asked = { from: 0, limit: 1000, instance: null, kinds: ["port-visited"] };
    await expect.poll(async () => JSON.stringify(await aios.client.request("log-show", asked))).toContain('"origin":1');
    // Nor was it used up by that.
    await page.goto(address);
    await seenInside(page);
    await page.context().close();
    server.close();
    server.closeAllConnections();
  });

  test("hands the link to a browser in a file that only its person reads; no program is started with a word of it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "aios-opener-"));
    const [opener, told] = [join(folder, "xdg-open"), join(folder, "told")];
    writeFileSync(opener, `#!/bin/sh\nprintf '%s' "$*" >${told}.part && mv ${told}.part ${told}\n`);
    chmodSync(opener, 0o755);
    const address = await link();
    const env = { ...process.env, DISPLAY: ":0", XDG_RUNTIME_DIR: folder };
    expect(await openBrowser(address, { env: null, places: [opener] })).toBeNull();
    expect(await openBrowser(address, { env: { PATH: "/bin" }, places: [opener] })).toBeNull();
    const opened = await openBrowser(address, { env, places: [opener] });
    await expect.poll(() => readOrNull(told)).not.toBeNull();
    const words = readOrNull(told) ?? "";
    for (const secret of [address.split("#").at(-1) ?? "", place.host]) expect(words).not.toContain(secret);
    const file = fileURLToPath(words);
    expect([statSync(file).mode & 0o777, statSync(join(file, "..")).mode & 0o777]).toEqual([0o600, 0o700]);
    const page = await fresh();
    await page.goto(words);
    await seenInside(page);
    opened?.close();
    expect(readOrNull(file)).toBeNull();
    await page.context().close();
    rmSync(folder, { recursive: true });
  });

  test.each([
    ["control: a page of the program inside that may be kept is shown without asking", "inside", 1],
    ["attack: the gate is asked again for every page, whatever the program inside says", "gate", 2],
  ] as const)("%s", async (_what, by, requests) => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      if (request.url === "/kept") asked.push(request.method ?? "");
      tell(request, response, by);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const page = await fresh();
    const at = `http://web.kept-${by}.localhost:${(server.address() as AddressInfo).port}/kept`;
    for (const address of [at, "about:blank", at]) await page.goto(address);
    expect([await page.title(), asked.length]).toEqual(["inside", requests]);
    await page.context().close();
    server.close();
    server.closeAllConnections();
  });

  /** An answer of the program inside, which would have it kept for ever, as it is or as the gate hands it on. */
  function tell({ headers }: IncomingMessage, response: ServerResponse, by: "inside" | "gate"): void {
    const inside = [["content-type", "text/html"], FOREVER, ["etag", '"1"']] as const;
    const port = { name: "web", agent: "a", host: OLD, inside: 80, outside: 0, listeners: 1, keys: [] };
    const sent = by === "inside" ? inside : (headersOutside(inside, { port, origin: "http://a.localhost" }) ?? []);
    const same = headers["if-none-match"] === '"1"';
    response.writeHead(same ? 304 : 200, sent.flat()).end(same ? "" : "<!doctype html><title>inside</title>");
  }
});

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
