import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Page } from "playwright-core";

/**
 * A program that took the console's port while no console ran. The page that it gives a browser plants what would act in the
 * console's name later; what was planted says so in `data-planted` of the page that it got into.
 */
export interface Squatter {
  stop(): Promise<void>;
}

/** What it plants, each in a browser of its own. */
export const PLANTS = ["worker", "scripts", "page", "redirect", "tab"] as const;
export type Plant = (typeof PLANTS)[number];

/** Modules of the pages and their style, as the console has them. */
const OURS = ["/m/page/app.ts", "/m/page/sign.ts", "/style.css"];
const MARK = (by: string): string => `document.documentElement.dataset.planted = "${by}";`;
/** Answers every page that is opened, with the console's server never asked. */
const WORKER = `
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
const page = "<!doctype html><html data-planted=worker><title>AIOS: sign</title><h1>Read a file</h1>";
addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate")
    event.respondWith(new Response(page, { headers: { "content-type": "text/html" } }));
});`;
const PLANTING = `<!doctype html><title>AIOS</title><script type="module">
const what = new URL(location.href).searchParams.get("plant");
const load = (path) => fetch(path).then((answer) => answer.text());
if (what === "worker") {
  await navigator.serviceWorker.register("/worker.js", { scope: "/" });
  await navigator.serviceWorker.ready;
}
if (what === "scripts") await Promise.all(${JSON.stringify(OURS)}.map(load));
if (what === "page") await load("/sign");
if (what === "redirect") await load("/enrol");
if (what === "tab") new SharedWorker("/shared.js");
localStorage.setItem("planted", what);
await (await caches.open("planted")).put("/sign", new Response("planted"));
document.cookie = "planted=" + what + "; Path=/; Max-Age=100000";
document.documentElement.dataset.ready = "yes";
</script>`;
/** Good for ever, and with what would have a browser look elsewhere. */
const FOREVER = {
  "cache-control": "public, max-age=31536000, immutable",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "alt-svc": 'h2=":1"; ma=86400; persist=1',
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-max-age": "86400",
};

/** Takes the port at both addresses of loopback; fails while the console has it. */
export async function squat(port: number): Promise<Squatter> {
  const servers: Server[] = [];
  for (const address of ["127.0.0.1", "::1"]) {
    const server = createServer(answer).listen(port, address);
    servers.push(server);
    await once(server, "listening");
  }
  return {
    async stop() {
      for (const server of servers) {
        const closed = once(server, "close");
        server.close();
        server.closeAllConnections();
        await closed;
      }
    },
  };
}

/** Opens the page that plants, and waits until it has. */
export async function plant(page: Page, { at, what }: { readonly at: string; readonly what: Plant }): Promise<void> {
  await page.goto(`${at}/?plant=${what}`);
  await page.locator("html[data-ready]").waitFor({ state: "attached" });
}

/** What got into a page: the mark of a plant, or where a browser was led instead. */
export async function plantedIn(page: Page, address: string): Promise<string | null> {
  await page.goto(address);
  await page.waitForLoadState("load"); // modules have run
  const mark = await page.evaluate(() => document.documentElement.dataset["planted"] ?? null);
  return mark ?? (page.url() === address ? null : page.url());
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const say = (type: string, body: string, more: object = {}): void => {
    response.writeHead(200, { "content-type": type, ...FOREVER, ...more }).end(body);
  };
  const path = request.url ?? "";
  if (path === "/enrol") response.writeHead(308, { location: "/elsewhere", ...FOREVER }).end();
  else if (path === "/worker.js") say("text/javascript", WORKER);
  else if (path === "/shared.js" || path.startsWith("/m/")) say("text/javascript", MARK("scripts"));
  else if (path === "/style.css") say("text/css", "");
  else if (path === "/sign") say("text/html", "<!doctype html><html data-planted=page><title>AIOS: sign</title>");
  else say("text/html", PLANTING, { "cache-control": "no-store" });
}
