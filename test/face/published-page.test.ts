import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createListener, type AddressInfo, type Server as Listener } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { headersOutside } from "../../src/face/port-headers.ts";
import { hasChromium, startProfile } from "../fakes/chromium.ts";

/*
 * A published page that an agent rules, in a real browser, which has a network: what makes the browser reach out without a
 * click, with the headers that the gate gives every answer, and without the one that is about connections.
 */
const START_MS = 60_000;
const REACHED_MS = 30_000;
const HEADER = "connection-allowlist";
const script = (code: string): string => `<!doctype html><body><script>${code}</script>`;
const rules = (to: string): string =>
  JSON.stringify({ prefetch: [{ source: "list", urls: [`${to}/secret`], eagerness: "immediate" }] });

/** Pages by how they reach an address that stands for any other site. */
const WAYS: { readonly [way: string]: (to: string) => string } = {
  "speculation rules": (to) => `<!doctype html><script type=speculationrules>${rules(to)}</script>`,
  "speculation rules that a script makes": (to) =>
    script(
      `const s = document.createElement("script"); s.type = "speculationrules"; s.textContent = '${rules(to)}'; document.head.append(s)`,
    ),
  "speculation rules about its links": (to) =>
    `<!doctype html><a href="${to}/secret">x</a><script type=speculationrules>{"prefetch":[{"source":"document","eagerness":"immediate"}]}</script>`,
  prerender: (to) =>
    `<!doctype html><script type=speculationrules>${rules(to).replace("prefetch", "prerender")}</script>`,
  preconnect: (to) => `<!doctype html><link rel=preconnect href="${to}">`,
  "preconnect in a frame": (to) => `<!doctype html><iframe srcdoc="<link rel=preconnect href='${to}'>"></iframe>`,
  WebRTC: (to) =>
    script(
      `const p = new RTCPeerConnection({ iceServers: [{ urls: "${to.replace("http://", "turn:")}?transport=tcp", username: "secret", credential: "x" }] });
       p.createDataChannel("x"); p.createOffer().then((offer) => p.setLocalDescription(offer))`,
    ),
  "its own tab": (to) => script(`location.href = "${to}/secret"`),
  "a refresh": (to) => `<!doctype html><meta http-equiv=refresh content="0; url=${to}/secret">`,
  "a new window": (to) => script(`open("${to}/secret")`),
  "a link that it clicks itself": (to) =>
    `<!doctype html><a href="${to}/secret" target=_blank rel=noopener>x</a><script>document.querySelector("a").click()</script>`,
  "a page that it makes": (to) =>
    script(
      `location.href = URL.createObjectURL(new Blob(["<script>location.href = '${to}/secret'</scr" + "ipt>"], { type: "text/html" }))`,
    ),
};

/** What a page does with its own port: each by what came of it. */
const OWN_WORK = `(async () => {
  const get = async (path) => (await fetch(path)).status;
  const worker = (url) => new Promise((done, fail) => Object.assign(new Worker(url), { onmessage: ({ data }) => done(data), onerror: fail }));
  const own = new Blob(["fetch('" + location.origin + "/x').then(({ status }) => postMessage(status))"], { type: "text/javascript" });
  return {
    fetched: await get("/x"),
    redirected: await get("/from"),
    data: await (await fetch("data:,here")).text(),
    live: await new Promise((done, fail) => Object.assign(new WebSocket("ws://" + location.host + "/live?a=1"), { onopen: () => done(true), onerror: fail })),
    worker: await worker("/worker.js"),
    ownWorker: await worker(URL.createObjectURL(own)),
  };
})()`;
const DOWNLOAD = `(() => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["x"]));
  link.download = "notes.txt";
  link.click();
})()`;

describe("a published page", () => {
  if (!hasChromium()) {
    console.warn("NOT RUN: a published page in a real browser; Debian's chromium is not installed");
    test.skip("there is no chromium, nothing was proven", () => {});
    return;
  }
  let browser: Awaited<ReturnType<typeof startProfile>>;
  let server: Server;
  let origin: string;
  const listeners: Listener[] = [];
  /** `guarded PATH` or `open PATH`, of each that was reached. */
  const reached = new Set<string>();
  const pages = new Map<string, string>();
  let wake = (): void => {};

  beforeAll(async () => {
    for (const [index, way] of Object.keys(WAYS).entries()) {
      for (const mode of ["guarded", "open"]) {
        // The other site: whoever connects has told it something.
        const listener = createListener((socket) => {
          socket.on("error", () => {});
          socket.destroy();
          reached.add(`${mode} ${way}`);
          wake();
        }).listen(0, "127.0.0.1");
        await once(listener, "listening");
        listeners.push(listener);
        const to = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
        pages.set(`/${mode}/${index}`, WAYS[way]?.(to) ?? "");
      }
    }
    server = createServer((request, response) => {
      const path = request.url ?? "";
      const type = path.endsWith(".js") ? "text/javascript" : "text/html";
      const place = {
        port: { name: "web", agent: "a", host: "web.a.localhost", inside: 80, outside: 0, listeners: 1, keys: [] },
        origin,
      };
      const inside: [string, string][] = [["content-type", type]];
      if (path === "/from") inside.push(["location", "/to"]);
      const given = headersOutside(inside, place) ?? [];
      const sent = path.startsWith("/open/") ? given.filter(([name]) => name !== HEADER) : given;
      response.writeHead(path === "/from" ? 302 : 200, sent.flat());
      response.end(
        pages.get(path) ?? (type === "text/html" ? "<!doctype html><title>mine</title>" : "postMessage('worked')"),
      );
    });
    server.on("upgrade", (request, socket) => {
      const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash("sha1").update(key).digest("base64");
      socket.on("error", () => {});
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    origin = `http://web.a.localhost:${(server.address() as AddressInfo).port}`;
    browser = await startProfile();
  }, START_MS);
  afterAll(async () => {
    await browser.close();
    for (const each of [server, ...listeners]) each.close();
  });

  /** Opens a page of the agent's, to its end as far as a page knows it. */
  async function open(path: string): Promise<Page> {
    const page = await browser.pages.newPage();
    await page.goto(origin + path, { waitUntil: "commit" });
    return page;
  }

  async function awaitReached(name: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, REACHED_MS);
    wake = () => reached.has(name) && resolve();
    wake();
    await promise;
    clearTimeout(timer);
  }

  test.each(Object.keys(WAYS).map((way, index) => [way, index] as const))(
    "makes no browser reach another site by %s, while without the list of connections it does",
    async (way, index) => {
      // What is to reach nothing goes first, so that it has had longer when the other has arrived.
      const guarded = await open(`/guarded/${index}`);
      await guarded.waitForLoadState("load").catch(() => {});
      const bare = await open(`/open/${index}`);
      await awaitReached(`open ${way}`);
      expect([...reached].filter((name) => name.endsWith(` ${way}`))).toEqual([`open ${way}`]);
      for (const page of [guarded, bare]) await page.close();
    },
    START_MS,
  );

  test(
    "twin: goes on with its own port: requests, redirects, workers, a WebSocket, its own tab, downloads",
    async () => {
      const page = await browser.pages.newPage();
      await page.goto(`${origin}/page`);
      const found = await page.evaluate(OWN_WORK);
      expect(found).toEqual({
        fetched: 200,
        redirected: 200,
        data: "here",
        live: true,
        worker: "worked",
        ownWorker: 200,
      });
      await page.evaluate('location.href = "/from"; 0');
      await page.waitForURL(`${origin}/to`);
      const [download] = await Promise.all([page.waitForEvent("download"), page.evaluate(DOWNLOAD)]);
      expect(download.suggestedFilename()).toBe("notes.txt");
    },
    START_MS,
  );
});
