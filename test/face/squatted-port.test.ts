import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { entryPage, NO_WORKER } from "../../src/face/entry-page.ts";
import { createGate, type Gate } from "../../src/face/port-gate.ts";
import { headersOutside, pageRules } from "../../src/face/port-headers.ts";
import { createCrypto } from "../../src/platform/crypto.ts";
import { visitOf } from "../../src/platform/port-server.ts";
import { createRandom } from "../../src/platform/random.ts";
import type { GatePort } from "../../src/protocol/port-gate-table.ts";
import { hasChromium, startChromium } from "../fakes/chromium.ts";

/*
 * What stays in a browser of a program that had a published port before the gate had it, and of the program inside, when the
 * gate has it again: each is seen to stay with what the gate said once, and to be gone with what it says.
 */
const TEST_MS = 180_000;
const POLL_MS = 50_000;
const FOREVER = ["cache-control", "public, max-age=31536000, immutable"] as const;
const MARK = 'document.documentElement.dataset.planted = "script";';
const WORKER = `
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate")
    event.respondWith(new Response("<html data-planted=worker>", { headers: { "content-type": "text/html" } }));
});`;
const PLANTING = `<!doctype html><script src="/.aios/entry.js"></script><script type=module>
if (location.search === "?worker") {
  await navigator.serviceWorker.register("/worker.js", { scope: "/" });
  await navigator.serviceWorker.ready;
}
document.documentElement.dataset.ready = "yes";
</script>`;
const HTML = ["content-type", "text/html"] as const;
const SCRIPT = ["content-type", "text/javascript"] as const;

interface Kept {
  readonly port: GatePort;
  readonly gate: Gate;
}
/** Who has the port: a program that plants, the gate with what it said once in that regard, the gate. */
type Holder = "squatter" | "once" | "gate";
type Headers = readonly (readonly [name: string, value: string])[];
interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

describe("a published port that another program had", () => {
  if (!hasChromium()) {
    console.warn("NOT RUN: a published port that another program had; Debian's chromium is not installed");
    test.skip("there is no chromium, nothing was proven", () => {});
    return;
  }
  let browser: Browser;
  let server: Server;
  let holder: Holder = "squatter";
  /** Names of the port by what they are for, each an origin of its own. */
  const gates = new Map<string, Kept>();
  /** Agent and path of the requests since a page was opened. */
  const asked: string[] = [];
  const crypto = createCrypto();

  beforeAll(async () => {
    server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    browser = await startChromium();
  }, TEST_MS);
  afterAll(async () => {
    await browser?.close();
    server.close();
    server.closeAllConnections();
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    asked.push(`${request.headers.host?.split(".").at(1)} ${request.url}`);
    const { status, headers, body } = holder === "squatter" ? squat(request) : await keep(request);
    response.writeHead(status, headers.flat()).end(body);
  }

  function squat({ url = "" }: IncomingMessage): Told {
    if (url === "/worker.js") return { status: 200, headers: [SCRIPT], body: WORKER };
    if (url === "/.aios/entry.js") return { status: 200, headers: [SCRIPT, FOREVER], body: MARK };
    return { status: 200, headers: [HTML], body: PLANTING };
  }

  /** Answers as the gate's process does (main/port-gate.ts), and as it did once where that is asked for. */
  async function keep(request: IncomingMessage): Promise<Told> {
    const { gate, port } = gates.get(request.headers.host ?? "") ?? {};
    if (gate === undefined || port === undefined) throw new Error("nobody has such a port");
    if (request.url === "/kept") return tellInside(request, { gate, port });
    const verdict = gate.judge(visitOf(request, false));
    if (verdict.kind === "refused") {
      const headers = [SCRIPT, ...pageRules(gate.origin)];
      if (holder === "once") return { status: 403, headers, body: "worker" };
      return { status: verdict.status, headers, body: verdict.why === "worker" ? NO_WORKER : "" };
    }
    if (verdict.kind !== "own") throw new Error("nobody has a session here");
    const headers = [["content-type", "application/json"]] as const;
    if (verdict.what === "challenge")
      return { status: 200, headers, body: JSON.stringify({ challenge: gate.challenge() }) };
    if (verdict.what === "enter")
      return { status: gate.enter(await text(request)).kind === "in" ? 200 : 403, headers, body: "{}" };
    const page = entryPage(port, { origin: gate.origin, sha256: crypto.sha256 });
    if (holder === "gate") return { status: 401, headers: page.headers, body: page.text };
    const body = page.text.replace(/<script>[^]*<\/script>/, '<script src="/.aios/entry.js"></script>');
    return { status: 401, headers: [HTML, ["content-security-policy", "script-src 'self'"]], body };
  }

  /** An answer of the program inside, which would have it kept for ever. */
  function tellInside({ headers }: IncomingMessage, { gate, port }: Kept): Told {
    const inside: Headers = [HTML, FOREVER, ["etag", '"1"']];
    const outside = holder === "once" ? inside : (headersOutside(inside, { port, origin: gate.origin }) ?? []);
    if (headers["if-none-match"] === '"1"') return { status: 304, headers: outside, body: "" };
    return { status: 200, headers: outside, body: "<!doctype html><title>inside</title>" };
  }

  /** A page of a browser of its own, at a name of its own. */
  async function open(agent: string): Promise<{ readonly page: Page; readonly at: string }> {
    const outside = (server.address() as AddressInfo).port;
    const port: GatePort = { name: "web", agent, host: `web.${agent}.localhost`, inside: 80, outside, keys: [] };
    const gate = createGate(port, { crypto, random: createRandom(), now: () => performance.now() });
    gates.set(`${port.host}:${outside}`, { port, gate });
    asked.length = 0;
    return { page: await (await browser.newContext()).newPage(), at: gate.origin };
  }
  async function plant(agent: string, what: "worker" | "script"): ReturnType<typeof open> {
    holder = "squatter";
    const opened = await open(agent);
    await opened.page.goto(`${opened.at}/?${what}`);
    await opened.page.locator("html[data-ready]").waitFor({ state: "attached" });
    return opened;
  }
  const planted = (page: Page): Promise<string | undefined> =>
    page.evaluate<string | undefined>("document.documentElement.dataset.planted");

  /** What got into the page, once the browser has looked for a new program of a worker that answered it. */
  async function visitAgain(page: Page, at: string): Promise<string | undefined> {
    asked.length = 0;
    await page.goto(at);
    const found = await planted(page);
    if (found === "worker") await expect.poll(() => asked.join(), { timeout: POLL_MS }).toContain("/worker.js");
    return found;
  }

  test(
    "control: a worker that was planted goes on answering in the place of a gate that refuses its program",
    async () => {
      const { page, at } = await plant("refusing", "worker");
      holder = "once";
      expect([await visitAgain(page, at), await visitAgain(page, at)]).toEqual(["worker", "worker"]);
      await page.context().close();
    },
    TEST_MS,
  );

  test(
    "attack: a worker that was planted is gone after the first visit to the gate",
    async () => {
      const { page, at } = await plant("replacing", "worker");
      holder = "gate";
      expect(await visitAgain(page, at)).toBe("worker");
      // The browser has the new program then, and puts it in the place of the old one by itself: between visits, which come
      // here at a person's pace, since each of them has the old one answer once more.
      await expect.poll(() => visitAgain(page, at), { timeout: 2 * POLL_MS, interval: 3000 }).toBeUndefined();
      expect(await page.textContent("h1")).toBe("web of replacing");
      const left = "navigator.serviceWorker.getRegistrations().then((all) => all.length)";
      await expect.poll(() => page.evaluate(left), { timeout: POLL_MS }).toBe(0);
      await page.context().close();
    },
    TEST_MS,
  );

  test.each([
    ["control: a script that was planted runs in a page that names the gate's script by an address", "once", "script"],
    [
      "attack: it does not run in the gate's page, whose own script does, and is in no cache behind it",
      "gate",
      undefined,
    ],
  ] as const)(
    "%s",
    async (_what, mode, found) => {
      const { page, at } = await plant(`script-${mode}`, "script");
      holder = mode;
      await page.goto(at);
      expect(await planted(page)).toBe(found);
      const kept = await page.evaluate('fetch("/.aios/entry.js").then((answer) => answer.text())');
      expect(kept).toBe(found === undefined ? "" : MARK);
      if (mode === "gate") await page.getByText("aios ports pair script-gate web").waitFor();
      await page.context().close();
    },
    TEST_MS,
  );

  test.each([
    ["control: a page of the program inside that may be kept is shown without asking", "once", 1],
    ["attack: the gate is asked again for every page, whatever the program inside says", "gate", 2],
  ] as const)(
    "%s",
    async (_what, mode, requests) => {
      const { page, at } = await open(`kept-${mode}`);
      holder = mode;
      for (const address of [`${at}/kept`, "about:blank", `${at}/kept`]) await page.goto(address);
      expect([await page.title(), asked.filter((each) => each.endsWith("/kept")).length]).toEqual(["inside", requests]);
      await page.context().close();
    },
    TEST_MS,
  );
});
