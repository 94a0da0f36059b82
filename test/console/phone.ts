import { once } from "node:events";
import { createServer as createProxy, request as ask, type IncomingHttpHeaders, type Server as Proxy } from "node:http";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asJson } from "../e2e/substrate.ts";
import { until } from "../fakes/busy-instances.ts";
import { startElsewhere } from "../fakes/chromium.ts";
import { passkeysIn, plugIn, type Passkey } from "./authenticator.ts";
import type { ConsoleStage } from "./stage.ts";

/** Stands for the phone's own loopback: nothing of the console's listens there. */
const PHONE = "127.0.0.2";
const PATIENCE = 60_000;
const add = (text: string) => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });

/**
 * The way of docs/phone.md: a forward that begins at the phone's own loopback, at the console's port, and ends at the
 * machine's. And what people would set up instead: a proxy under another name.
 */
export function describePhone(given: () => ConsoleStage): void {
  describe("from a phone", () => {
    let stage: ConsoleStage;
    let forward: Server;
    let phone: Browser;
    let page: Page;
    let session: CDPSession;
    let passkey: Passkey;
    const carried = new Set<Socket>();

    beforeAll(async () => {
      stage = given();
      phone = await startElsewhere(stage.host, PHONE);
      page = await phone.newPage({ viewport: { width: 390, height: 760 } });
      page.setDefaultTimeout(PATIENCE);
      session = await page.context().newCDPSession(page);
    });
    afterAll(async () => {
      await phone?.close();
      forward?.close();
      for (const socket of carried) socket.destroy();
    });

    /** As `ssh -L PORT:localhost:PORT` does it. */
    async function openForward(): Promise<void> {
      forward = createServer((near) => {
        const far = connect(stage.port, "127.0.0.1");
        for (const [one, other] of [
          [near, far],
          [far, near],
        ] as const) {
          carried.add(one);
          one.on("error", () => other.destroy());
          one.once("close", () => other.destroy());
          one.pipe(other);
        }
      }).listen(stage.port, PHONE);
      await once(forward, "listening");
    }
    async function press(name: string): Promise<void> {
      const button = page.getByRole("button", { name });
      await button.waitFor();
      await plugIn(session, { passkey });
      await button.click();
    }

    test("the console is at no address but loopback's own, and nothing leads there by itself", async () => {
      const other = await phone.newPage();
      await expect(other.goto(`${stage.origin}/`)).rejects.toThrow(/ERR_CONNECTION_REFUSED/);
      await other.context().close();
    });

    test("through a forward to its own loopback it has a passkey of its own, by which it comes in and approves", async () => {
      await openForward();
      const { code } = await stage.aios.client.request("invite", { name: "mia-phone", roles: ["approve"] });
      await page.goto(`${stage.origin}/enrol`);
      const authenticator = await plugIn(session, { passkey: null });
      await page.getByLabel("Code").fill(code);
      await page.getByRole("button", { name: "Make a passkey" }).click();
      await page.locator("#key-code").waitFor();
      const [made] = await passkeysIn(session, authenticator);
      const { document } = await stage.aios.client.request("invited", { code });
      if (made === undefined || document === null) throw new Error("no passkey was offered");
      passkey = made;
      await stage.aios.sign("enrol-owner", asJson(document));
      await page.goto(`${stage.origin}/sign`);
      await press("Sign in with a passkey");
      await page.waitForSelector("nav");
      expect((await stage.records("console-entered")).at(-1)).toMatchObject({ by: "passkey" });
      const running = stage.aios.follow("writer", [add("phone")], { holdSeconds: 600 });
      await page.getByRole("link", { name: "Look and decide" }).click();
      await press("Let this run, once");
      await page.getByText("Approved (record").waitFor();
      expect((await running).answers[0]?.result?.isError).not.toBe(true);
      expect(carried.size).toBeGreaterThan(0);
    });

    /** A proxy of this machine that takes the pages' policies out; `change`: what it makes of a request's headers. Never longer than `work`. */
    async function behind(
      change: (headers: IncomingHttpHeaders) => IncomingHttpHeaders,
      work: (origin: string) => Promise<void>,
    ): Promise<void> {
      const proxy: Proxy = createProxy((request, response) => {
        const { method, url: path } = request;
        const on = { host: "127.0.0.1", port: stage.port, method, path, headers: change(request.headers) };
        const asked = ask(on, (answer) => {
          // It names the console's own address, so that the page would not even run.
          const { "content-security-policy": _, "permissions-policy": __, ...headers } = answer.headers;
          response.writeHead(answer.statusCode ?? 502, headers);
          answer.pipe(response);
        });
        asked.on("error", () => response.destroy());
        request.pipe(asked);
      }).listen(0, "127.0.0.1");
      await once(proxy, "listening");
      try {
        await work(`http://localhost:${(proxy.address() as AddressInfo).port}`);
      } finally {
        proxy.close();
        proxy.closeAllConnections();
      }
    }

    test("attack: a proxy under another name gets nothing, and says so by its headers in vain", async () => {
      const forwarded = { "x-forwarded-host": new URL(stage.origin).host, forwarded: `host=${stage.rpId}` };
      await behind(
        (headers) => ({ ...headers, ...forwarded }),
        async (origin) => {
          const before = await stage.refused("host");
          const stranger = await stage.browser.newPage();
          await stranger.goto(`${origin}/`);
          expect(await stranger.textContent("body")).toBe('{"refused":"host"}');
          await stranger.close();
          await until(async () => (await stage.refused("host")) > before, "a record of a refusal");
        },
      );
    });

    test("attack: through one that passes itself off as the console, no passkey signs anybody in", async () => {
      const posing = (headers: IncomingHttpHeaders): IncomingHttpHeaders => ({
        ...headers,
        host: new URL(stage.origin).host,
        ...(headers.origin === undefined ? {} : { origin: stage.origin }),
      });
      await behind(posing, async (origin) => {
        const before = (await stage.records("owner-signed-in")).length;
        const context = await stage.browser.newContext();
        const victim = await context.newPage();
        victim.setDefaultTimeout(PATIENCE);
        await victim.goto(`${origin}/sign`);
        await plugIn(await context.newCDPSession(victim), { passkey });
        await victim.getByRole("button", { name: "Sign in with a passkey" }).click();
        await victim.locator("[role=alert].bad:not(:empty)").waitFor();
        expect(await victim.locator("nav").count()).toBe(0);
        expect(await victim.evaluate(() => localStorage.getItem("half"))).toBeNull();
        expect((await stage.records("owner-signed-in")).length).toBe(before);
        await context.close();
      });
    });
  });
}
