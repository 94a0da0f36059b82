import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { pageHeaders } from "../../src/console/page-headers.ts";
import { PAGES } from "../../src/main/console-pages.ts";
import { gatherPages, servedText, type Pages } from "../../src/platform/serving/page-files.ts";
import { heldWith, requestAt, type Entry } from "../corpus/corpus.ts";
import type { Shown } from "../corpus/terminal-screen.ts";
import { NOW } from "../fakes/cli-powers.ts";
import { pageOf } from "../fakes/monitor-client.ts";
import { startChromium } from "../fakes/chromium.ts";
import { ROOT } from "../source-modules.ts";

type Asked = Pick<Entry, "stands" | "text">;

/**
 * Shows entries on the console's own pages in a real browser, each page loaded once, and reads what is laid out. The pages and
 * their headers are the console's; its answers are made here.
 * @param blind with the function off that makes texts visible.
 */
export async function showOnPage(
  entries: readonly Asked[],
  { blind }: { readonly blind: boolean },
): Promise<readonly Shown[]> {
  return withPages(entries, { blind, width: 1400 }, async ({ sign, inbox }) => {
    await sign.waitForSelector("p[role=alert]:not(:empty)");
    const cards = (await readCards(inbox)).values();
    const missing: Shown = { rows: [], faults: ["no card is there"] };
    const shown: Shown[] = [];
    for (const [index, { stands }] of entries.entries())
      shown.push(stands === "list" ? (cards.next().value ?? missing) : await readSign(sign, { index, stands }));
    return shown;
  });
}

/** A picture of the inbox with these entries, which stand in its list. */
export function drawOnPage(
  entries: readonly (Asked & { readonly stands: "list" })[],
  { blind }: { readonly blind: boolean },
): Promise<Uint8Array> {
  return withPages(entries, { blind, width: 900 }, async ({ inbox }) => {
    await inbox.clock.setFixedTime(NOW);
    await inbox.reload();
    await inbox.waitForSelector(".card");
    return inbox.locator(".inbox").screenshot();
  });
}

async function withPages<T>(
  entries: readonly Asked[],
  { blind, width }: { readonly blind: boolean; readonly width: number },
  use: (pages: { readonly sign: Page; readonly inbox: Page }) => Promise<T>,
): Promise<T> {
  const server = await serve(entries, pagesOf(blind));
  const browser = await startChromium();
  try {
    const context = await browser.newContext({ viewport: { width, height: 900 } });
    await context.addInitScript(() => {
      localStorage.setItem("half", "a half");
      localStorage.setItem("key", "a key");
    });
    const origin = `http://corpus.localhost:${(server.address() as AddressInfo).port}`;
    const [sign, inbox] = [await context.newPage(), await context.newPage()];
    for (const page of [sign, inbox]) page.setDefaultTimeout(60_000);
    await sign.goto(`${origin}/sign#${requestAt(entries.length)}`);
    await inbox.goto(origin);
    await inbox.waitForSelector(".card, .empty");
    return await use({ sign, inbox });
  } finally {
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
}

function pagesOf(blind: boolean): Pages {
  const pages = gatherPages(join(ROOT, "src"), PAGES);
  if (!blind) return pages;
  const text = readFileSync(join(ROOT, "test/corpus/blind-visible.ts"), "utf8");
  return { ...pages, sources: new Map(pages.sources).set("/m/showing/visible.ts", { type: "text/javascript", text }) };
}

/** What each card says, through all pages of the list. */
async function readCards(page: Page): Promise<readonly Shown[]> {
  const later = page.getByRole("button", { name: "Later" });
  const cards: Shown[] = [];
  for (;;) {
    const count = await page.locator(".card").count();
    for (let index = 0; index < count; index += 1)
      cards.push(await page.evaluate(read, { request: null, selector: ".card h2 .theirs", index, lines: false }));
    if ((await later.count()) === 0 || (await later.isDisabled())) return cards;
    await later.click();
  }
}

async function readSign(
  page: Page,
  { index, stands }: { readonly index: number; readonly stands: Entry["stands"] },
): Promise<Shown> {
  const wanted = { request: requestAt(index), selector: ".shown", index: 0, lines: true };
  const { buttons, ...shown } = await page.evaluate(read, wanted);
  const unasked = stands !== "error" && buttons && shown.rows.length === 1;
  return unasked ? { ...shown, faults: [...shown.faults, "it can be approved all the same"] } : shown;
}

interface Wanted {
  /** A request for which the signing page is led to show it, or to say why not; null: what is there is read. */
  readonly request: string | null;
  readonly selector: string;
  readonly index: number;
  /** Whether a newline is the only thing that begins a row. */
  readonly lines: boolean;
}

/** Runs in the page, so all that it calls is in it: what is drawn of an element, row by row from left to right as a person reads it. */
async function read(wanted: Wanted): Promise<Shown & { readonly buttons: boolean }> {
  if (wanted.request !== null && !(await lead(wanted.request)))
    return layOut({ ...wanted, selector: "main > p[role=alert]", lines: false });
  return layOut(wanted);

  /** True when the action is shown, false when something is said in its place. */
  async function lead(request: string): Promise<boolean> {
    document.querySelector("main > p[role=alert]")?.replaceChildren();
    location.hash = request;
    const end = performance.now() + 60_000;
    for (;;) {
      if (document.querySelector(".shown")?.textContent.includes(`request   ${request}`) === true) return true;
      if (document.querySelector("main > p[role=alert]")?.textContent !== "") return false;
      if (performance.now() > end) throw new Error(`nothing was shown of ${request}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  function layOut({ selector, index, lines }: Wanted): Shown & { readonly buttons: boolean } {
    const element = document.querySelectorAll(selector)[index];
    const buttons = [...document.querySelectorAll("main button")].some(({ textContent }) => textContent !== "Deny");
    if (element === undefined) return { rows: [], faults: ["nothing is there"], buttons };
    const faults = new Set<string>();
    if (element.querySelector(":not(span, bdi)") !== null) faults.add("a text became markup");
    const drawn: { readonly text: string; readonly top: number; readonly left: number; readonly at: number }[] = [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    let line = 0;
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      let from = 0;
      for (const text of node.textContent ?? "") {
        range.setStart(node, from);
        range.setEnd(node, (from += text.length));
        if (lines && text === "\n") {
          line += 1;
          continue;
        }
        const { width, left, top } = range.getBoundingClientRect();
        if (width === 0 && !/^\p{M}$/u.test(text)) faults.add("something is drawn as nothing");
        drawn.push({ text, top: lines ? line : Math.round(top), left, at: drawn.length });
      }
    }
    const ordered = drawn.toSorted((one, other) => one.top - other.top || one.left - other.left || one.at - other.at);
    if (ordered.some(({ at }, place) => at !== place)) faults.add("it is drawn in another order");
    const rows = new Map<number, string>();
    for (let each = 0; each < line; each += 1) rows.set(each, "");
    for (const { top, text } of ordered) rows.set(top, (rows.get(top) ?? "") + text);
    const shown = [...rows.values()].map((row) => (lines ? row.trimEnd() : row));
    return { rows: lines ? shown : [shown.join("")], faults: [...faults], buttons };
  }
}

function serve(entries: readonly Asked[], pages: Pages): Promise<Server> {
  const details = entries.map((entry, index) => heldWith(entry, requestAt(index)));
  const answer = (path: string, body: string): { readonly status: number; readonly json: unknown } => {
    const { request }: { request?: string } = body === "" ? {} : JSON.parse(body);
    const index = Number.parseInt(request?.slice(0, 8) ?? "", 16);
    const [entry, detail] = [entries[index], details[index]];
    if (path === "/ask/owners") return { status: 200, json: { owners: [], recovery: { pending: null } } };
    if (path === "/ask/away") return { status: 200, json: { away: null } };
    if (path === "/ask/ps") return { status: 200, json: { instances: [], allFrozen: null, log: null } };
    if (path === "/ask/log-show") return { status: 200, json: { size: 0, entries: [] } };
    if (path === "/ask/held")
      return { status: 200, json: pageOf(details.filter((_, at) => entries[at]?.stands === "list")) };
    if (path !== "/ask/held-show" || entry?.stands === "error" || detail === undefined)
      return { status: 400, json: { error: { code: "failed", message: entry?.text ?? "no such action", hint: null } } };
    return { status: 200, json: detail };
  };
  const server = createServer((request, response) => void respond(request, response));
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    const headers = pageHeaders(request.headers.host ?? "", request.method === "GET" ? path : null).flat();
    if (request.method === "GET") {
      const source = pages.sources.get(path);
      response.writeHead(source === undefined ? 404 : 200, [...headers, "content-type", source?.type ?? "text/plain"]);
      return void response.end(source === undefined ? "" : servedText(source));
    }
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    response.writeHead(path === "/watch" ? 200 : answer(path, body).status, [...headers, "content-type", "text/plain"]);
    if (path === "/watch") response.flushHeaders();
    else response.end(JSON.stringify(answer(path, body).json));
  }
  server.listen(0, "127.0.0.1");
  return once(server, "listening").then(() => server);
}
