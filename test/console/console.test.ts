import { renameSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { request as ask } from "node:http";
import type { Locator, Page } from "playwright-core";
import axe from "axe-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../fakes/busy-instances.ts";
import { hasChromium } from "../fakes/chromium.ts";
import { describeGranting } from "./granting.ts";
import { describeInbox } from "./inbox.ts";
import { describePages } from "./pages.ts";
import { describeOwnBrowser } from "./own-browser.ts";
import { describePhone } from "./phone.ts";
import { describeRecovering } from "./recovering.ts";
import { describeSigning } from "./signing.ts";
import { describeSquatted } from "./squatted.ts";
import { REBOUND, startConsoleStage, type ConsoleStage } from "./stage.ts";

/* The console in a real browser, and what pages and programs of strangers try against it. */

if (!hasChromium()) process.stderr.write("NOT TESTED: the console, since /usr/bin/chromium is not installed\n");

const add = (text: string) => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });

describe.skipIf(!hasChromium())("the console", () => {
  let stage: ConsoleStage;
  let page: Page;

  beforeAll(async () => {
    stage = await startConsoleStage();
    ({ page } = await stage.comeIn({ viewport: { width: 1100, height: 760 } }));
  });
  afterAll(() => stage?.stop());

  /** Finds so many more refusals on record than before, by why. They are told once a second, so what can be is tried together. */
  async function areRefused(whys: { readonly [why: string]: number }, attempts: () => Promise<unknown>): Promise<void> {
    const all = (): Promise<readonly number[]> => Promise.all(Object.keys(whys).map((why) => stage.refused(why)));
    const before = await all();
    await attempts();
    const wanted = Object.values(whys).map((count, at) => count + (before[at] ?? 0));
    const are = async (): Promise<boolean> => (await all()).every((count, at) => count >= (wanted[at] ?? 0));
    await until(are, `records of refusals: ${JSON.stringify(whys)}`);
  }

  describe("lets a browser in", () => {
    test("by a code, once, which does not stay in the address", async () => {
      expect(page.url()).toBe(`${stage.origin}/`);
      const { code } = await stage.aios.client.request("console-open", {});
      const second = await (await stage.browser.newContext()).newPage();
      await second.goto(`${stage.origin}/#enter=${code}`);
      await second.waitForSelector("nav");
      const third = await (await stage.browser.newContext()).newPage();
      await areRefused({ "wrong-code": 1 }, () => third.goto(`${stage.origin}/#enter=${code}`));
      await third.getByText("That code is over").waitFor();
      expect(await third.locator("nav").count()).toBe(0);
      expect((await stage.records("console-entered")).length).toBeGreaterThanOrEqual(2);
      await second.context().close();
      await third.context().close();
    });

    test("under a cookie that no script reads, for this host alone", async () => {
      const [cookie] = await page.context().cookies();
      expect(cookie).toMatchObject({
        name: "__Host-aios",
        httpOnly: true,
        secure: true,
        sameSite: "Strict",
        path: "/",
      });
      expect(await page.evaluate(() => document.cookie)).toBe("");
    });
  });

  describe("shows", () => {
    // An open page follows all that happens: in the tests that look at others it would take a share of the processor for nothing.
    afterAll(async () => void (await page.goto("about:blank")));

    test("a held action within moments, equal ones together, and that it is over", async () => {
      const together = [add("one"), add("two"), add("one")];
      const running = stage.aios.follow("writer", [{ together }], { holdSeconds: 600 });
      await page.getByText("3 waiting in 2 kinds").waitFor();
      expect(await page.title()).toBe("(3) AIOS");
      // What differs is a card of its own, and says in what.
      const card = (text: string): Locator => page.locator(".card", { hasText: `text: "${text}"` });
      await card("one").getByText("2 times").waitFor();
      expect(await card("two").locator("a.decide").count()).toBe(1);
      for (const { request } of await stage.aios.held()) await stage.aios.answer(request, "deny");
      await page.getByText("Nothing waits for you").waitFor();
      await running;
    });

    test("every instance with its stages, live", async () => {
      await page.keyboard.press("a");
      await page.getByRole("heading", { name: "Agents" }).waitFor();
      const running = stage.aios.follow("helper", [add("three"), { wait: 60_000 }], { holdSeconds: 600 });
      const card = page.locator(".card", { hasText: "helper" });
      await card.locator("[aria-current=step]", { hasText: "approve" }).waitFor();
      expect(await card.locator(".here").getAttribute("class")).toContain("wait");
      // A page that was opened afterwards says the same.
      const later = await page.context().newPage();
      await later.goto(`${stage.origin}/#agents`);
      await later.locator(".card .track", { hasText: "notes/add approve: held" }).waitFor();
      await later.close();
      const [held] = await stage.aios.held();
      await stage.aios.answer(held?.request ?? "", "allow");
      await card.locator("[aria-current=step]", { hasText: "audit" }).waitFor();
      await page.getByRole("button", { name: "Stop everything" }).click();
      await page.getByText("frozen: 1 of 1, every part confirmed").waitFor();
      await page.getByText("Everything is frozen").waitFor();
      const { instances, allFrozen } = await stage.aios.client.request("ps", { all: false });
      expect(instances.map(({ state }) => state)).toEqual(["frozen"]);
      await stage.aios.client.request("kill", { instance: instances[0]?.instance ?? "" });
      await running;
      await stage.aios.sign("thaw-all", { frozen: allFrozen });
      await page.keyboard.press("i");
    });

    test("that the log takes no records, and why, on whatever page somebody is", async () => {
      const { aios } = stage;
      renameSync(aios.home, `${aios.home}-away`);
      try {
        await expect(aios.grant({ id: "late", agents: ["late"], allow: [] })).rejects.toThrow("not at its place");
        const later = await page.context().newPage();
        await later.goto(`${stage.origin}/#grants`);
        const said = later.locator(".banner", { hasText: "The log takes no records" });
        await said.waitFor();
        expect(await said.textContent()).toMatch(/is not there \(log-away\)\. put it back at its place/u);
        await later.close();
      } finally {
        renameSync(`${aios.home}-away`, aios.home);
      }
      while ((await aios.client.request("ps", { all: false })).log !== null)
        await new Promise((done) => setTimeout(done, 50));
    });

    test("nothing that axe finds fault with, in light and dark and on a phone", async () => {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        for (const [key, width] of [
          ["i", 1100],
          ["a", 1100],
          ["a", 360],
        ] as const) {
          await page.setViewportSize({ width, height: 760 });
          await page.keyboard.press(key);
          await page.waitForTimeout(300);
          expect({ key, colorScheme, found: await faults(page) }).toEqual({ key, colorScheme, found: [] });
          const wider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
          expect({ key, width, wider }).toEqual({ key, width, wider: false });
        }
      }
    });
  });

  describeInbox({ stage: () => stage });
  describePages({ stage: () => stage, faults });
  describeSigning({ stage: () => stage, faults });
  describeGranting({ stage: () => stage, faults });
  describeOwnBrowser(() => stage);
  describeRecovering(() => stage);
  describePhone(() => stage);

  describe("gives strangers nothing:", () => {
    beforeAll(async () => {
      await page.goto(`${stage.origin}/`);
      await page.waitForSelector("nav");
    });

    /** A page of a stranger's server, under any name that leads to it. */
    async function strange(host: string): Promise<Page> {
      const stranger = await page.context().newPage();
      await stranger.goto(`http://${host}:${stage.stranger.port}/`);
      return stranger;
    }
    const reached = (from: Page, path: string, method: string): Promise<unknown> =>
      from.evaluate(
        async ([url, how]) =>
          fetch(url, { method: how, credentials: "include", ...(how === "POST" ? { body: "{}" } : {}) }).then(
            (response) => response.status,
            () => "nothing",
          ),
        [`${stage.origin}${path}`, method] as const,
      );

    test.each([
      ["another site", "localhost"],
      ["a sibling below localhost", "web.agent.localhost"],
      ["another port of the console's own name", ""],
    ])("a page of %s, by fetch, form, frame and WebSocket", async (_, name) => {
      const host = name === "" ? stage.host : name;
      const stranger = await strange(host);
      await areRefused({ origin: 4, "cross-site": 1 }, async () => {
        expect(await reached(stranger, "/ask/ps", "POST")).toBe("nothing");
        expect(await reached(stranger, "/", "GET")).toBe("nothing");
        await stranger.evaluate(
          (url) => new Promise((over) => new WebSocket(url).addEventListener("error", over)),
          `${stage.origin.replace("http", "ws")}/watch`,
        );
        const frame = stranger.evaluate(
          (url) =>
            new Promise((over) => {
              const inner = document.createElement("iframe");
              inner.addEventListener("load", () => over(inner.contentDocument === null ? "sealed" : "read"));
              inner.src = url;
              document.body.append(inner);
            }),
          `${stage.origin}/`,
        );
        expect(await frame).toBe("sealed");
        await stranger.evaluate((url) => {
          const form = document.createElement("form");
          Object.assign(form, { method: "post", action: url, enctype: "text/plain" });
          document.body.append(form);
          form.submit();
        }, `${stage.origin}/ask/kill`);
        await stranger.waitForLoadState();
        await expect.poll(() => stranger.textContent("body")).toContain("refused");
      });
      await stranger.close();
    });

    test("a name that was rebound to this machine", async () => {
      const stranger = await page.context().newPage();
      await areRefused({ host: 2 }, async () => {
        for (const host of [REBOUND, "localhost"]) {
          await stranger.goto(`http://${host}:${stage.port}/`);
          expect(await stranger.textContent("body")).toBe('{"refused":"host"}');
        }
      });
      await stranger.close();
    });

    test("a cookie that another port of the same name was sent opens nothing without the half that stays in the page", async () => {
      stage.stranger.cookies.splice(0);
      const stranger = await strange(stage.host);
      expect(stage.stranger.cookies.join()).toContain("__Host-aios=");
      const [cookie = ""] = stage.stranger.cookies;
      expect(await stranger.evaluate(() => localStorage.length)).toBe(0);
      await stranger.close();
      const honest = { host: new URL(stage.origin).host, origin: stage.origin, cookie };
      await areRefused({ "half-session": 1 }, async () => {
        expect(await send({ ...honest })).toEqual({ status: 401, body: '{"refused":"half-session"}' });
      });
      // Twin: with both halves, as its own page sends them, the same request is answered.
      const half = await page.evaluate(() => localStorage.getItem("half"));
      expect(await send({ ...honest, "x-aios-half": half ?? "" })).toMatchObject({ status: 200 });
    });

    function send(headers: { readonly [name: string]: string }): Promise<{ status: number; body: string }> {
      return new Promise((resolve, reject) => {
        const sent = ask({ host: "127.0.0.1", port: stage.port, method: "POST", path: "/ask/held", headers });
        sent.on("error", reject);
        sent.on("response", (response) => {
          let body = "";
          response.setEncoding("utf8").on("data", (part: string) => (body += part));
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        });
        sent.end('{"after":null}');
      });
    }

    test("its answers let no page load, run or frame anything of anybody's", async () => {
      const response = await page.goto(`${stage.origin}/`);
      await page.waitForSelector("nav");
      expect(response?.headers()).toMatchObject({
        "content-security-policy":
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
      });
      const blocked = await page.evaluate(() => {
        try {
          document.body.insertAdjacentHTML("beforeend", "<b>markup</b>");
          return false;
        } catch {
          return true;
        }
      });
      expect(blocked).toBe(true);
    });

    test.each(["127.0.0.1", "::1"])(
      "a program that has its port at %s first is named, and nobody is sent there",
      async (address) => {
        await stage.aios.client.request("console-close", {});
        // It gets what open pages still say: halves of sessions that ended with the console.
        const squatter = createServer((socket) => socket.destroy()).listen(stage.port, address);
        await once(squatter, "listening");
        await expect(stage.aios.client.request("console-open", {})).rejects.toMatchObject({ code: "port-taken" });
        const refusals = (await stage.records("refused")).filter(
          (each) => "code" in each && each.code === "port-taken",
        );
        expect(refusals.at(-1)).toMatchObject({ peer: "console", what: expect.stringContaining(`port ${stage.port}`) });
        squatter.close();
        await once(squatter, "close");
        await stage.open();
        // The other way round it cannot be had at all while the console runs.
        const late = createServer().listen(stage.port, address);
        expect(await once(late, "error")).toMatchObject([{ code: "EADDRINUSE" }]);
      },
    );
  });

  describeSquatted(() => stage);

  test("every browser is out when the console ends, and says so", async () => {
    await page.getByText("The console was started again and has another name now").waitFor();
    const closed = await stage.records("console-closed");
    expect(closed.at(-1)).toMatchObject({ why: "asked" });
  });
});

/** What axe finds, as rule and element. Its own code runs apart from the page's, which lets none in. */
async function faults(page: Page): Promise<readonly string[]> {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  await session.send("Runtime.evaluate", { expression: axe.source, contextId: executionContextId });
  const { result } = await session.send("Runtime.evaluate", {
    expression:
      "axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id} ${html.slice(0, 120)}`)))",
    contextId: executionContextId,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  return result.value as readonly string[];
}
