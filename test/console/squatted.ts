import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pageHeaders } from "../../src/console/page-headers.ts";
import { PAGES } from "../../src/main/console-pages.ts";
import { gatherPages, servedText } from "../../src/platform/serving/page-files.ts";
import { ownerKeyId } from "../../src/protocol/owner-key.ts";
import { pae } from "../../src/protocol/pae.ts";
import { STATEMENT_TYPE, statementText } from "../../src/protocol/statement.ts";
import { asJson, REPO } from "../e2e/substrate.ts";
import { until } from "../fakes/busy-instances.ts";
import { passkeysIn, plugIn, type Passkey } from "./authenticator.ts";
import { plant, plantedIn, PLANTS, squat, type Plant } from "./squatter.ts";
import type { ConsoleStage } from "./stage.ts";

const sha256 = (data: string | Uint8Array): Uint8Array => createHash("sha256").update(data).digest();
const add = (text: string) => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });
/** Where each plant shows. */
const SHOWS: { readonly [What in Exclude<Plant, "tab">]: string } = {
  worker: "/sign",
  scripts: "/sign",
  page: "/sign",
  redirect: "/enrol",
};

/**
 * A program that had the console's port while the console was closed, and the browsers that came to it then: none of what it
 * planted is in a page of the console once that is back, and what a person signs for a planted page counts for nothing.
 */
export function describeSquatted(given: () => ConsoleStage): void {
  describe("a program that had the port while the console was closed", () => {
    let stage: ConsoleStage;
    /** The name of the home, which people may have kept, and that of the console before. */
    let home: string;
    let before: string;
    /** A person's tab, open since then; what it had come in by. */
    let tab: Page;
    /** A browser for each plant, with the page that planted it. */
    const planted = new Map<Plant, Page>();
    /** What the console's pages kept at the name before is found by a page of the squatter's that is still open. */
    const kept = (what: Plant): Promise<string | null> | undefined =>
      planted.get(what)?.evaluate(() => localStorage.getItem("half"));

    async function open(what: Plant): Promise<Page> {
      const page = await planted.get(what)?.context().newPage();
      if (page === undefined) throw new Error("nothing was planted");
      page.setDefaultTimeout(60_000);
      return page;
    }

    beforeAll(async () => {
      stage = given();
      before = stage.origin;
      home = `http://${stage.rpId}:${stage.port}`;
      ({ page: tab } = await stage.comeIn());
      await stage.aios.client.request("console-close", {});
      const squatter = await squat(stage.port);
      for (const what of PLANTS) {
        const page = await (await stage.browser.newContext()).newPage();
        page.setDefaultTimeout(60_000);
        await plant(page, { at: before, what });
        if (what === "worker") await plant(page, { at: home, what });
        planted.set(what, page);
      }
      await squatter.stop();
    });
    afterAll(async () => {
      for (const page of planted.values()) await page.context().close();
      await tab?.context().close();
    });

    test("control: each plant is in the pages of a console that comes back under the name that it had", async () => {
      const { host } = new URL(before);
      const servers = await serveAs(host, stage.port);
      try {
        for (const [what, path] of Object.entries(SHOWS)) {
          const page = await open(what as Plant);
          const found = await plantedIn(page, `${before}${path}`);
          expect({ what, found }).toEqual({ what, found: what === "redirect" ? `${before}/elsewhere` : what });
          await page.close();
        }
        const page = await open("tab");
        await page.goto(`${before}/style.css`);
        await page.evaluate(() => localStorage.setItem("half", "of a session"));
        expect(await kept("tab")).toBe("of a session");
        await page.evaluate(() => localStorage.removeItem("half"));
        await page.close();
      } finally {
        await close(servers);
      }
    });

    test("attack: none of them is, where the console has a name of its own for each start", async () => {
      await stage.open();
      expect(new URL(stage.origin).host).not.toBe(new URL(before).host);
      for (const [what, path] of Object.entries(SHOWS)) {
        const page = await open(what as Plant);
        expect({ what, found: await plantedIn(page, `${stage.origin}${path}`) }).toEqual({ what, found: null });
        // Nothing else of it either: no store, no cache, no cookie.
        const left = page.evaluate(async () => [localStorage.length, (await caches.keys()).length, document.cookie]);
        expect(await left).toEqual([0, 0, ""]);
        await page.close();
      }
      const page = await open("tab");
      const { code } = await stage.aios.client.request("console-open", {});
      await page.goto(`${stage.origin}/#enter=${code}`);
      await page.waitForSelector("nav");
      expect(await page.evaluate(() => localStorage.getItem("half"))).toMatch(/^[0-9a-f]{64}$/);
      expect(await kept("tab")).toBeNull();
      await page.close();
    });

    test("a tab of the console before says that it is at another name; a bookmark of the home's leads there", async () => {
      await tab.getByText("The console was started again and has another name now").waitFor();
      expect(await tab.evaluate(() => localStorage.getItem("half"))).toBeNull();
      await tab.reload();
      expect(await tab.textContent("body")).toContain("and has another name now. At a terminal of this machine say");
      const page = await tab.context().newPage();
      for (const from of [home, before]) {
        await page.goto(`${from}/sign#thaw-all/1`);
        expect(page.url()).toBe(`${stage.origin}/sign#thaw-all/1`);
      }
      await page.close();
    });

    test("attack: what a person signs for the page of a planted worker runs nothing; twin: for the console's it does", async () => {
      const page = await open("worker");
      const session = await page.context().newCDPSession(page);
      const { passkey, key } = await enrol(page, session);
      const running = stage.aios.follow("writer", [add("shell")], { holdSeconds: 600 });
      await until(async () => (await stage.aios.held()).length === 1, "what it asks for is held");
      const [held] = await stage.aios.held();
      const detail = await stage.aios.client.request("held-show", { request: held?.request ?? "" });
      const text = statementText({ ...detail.statement, decision: "allow", key });
      const sign = async () => {
        await plugIn(session, { passkey });
        const challenge = sha256(pae(STATEMENT_TYPE, Buffer.from(text)));
        const signature = await page.evaluate(assert, {
          rpId: stage.rpId,
          credential: passkey.credentialId,
          challenge: Buffer.from(challenge).toString("base64"),
        });
        const payload = Buffer.from(text).toString("base64");
        const signatures = [{ keyid: key, ...signature }] as const;
        const envelope = { payloadType: STATEMENT_TYPE, payload, signatures } as const;
        return stage.aios.client.request("submit", { envelope, document: JSON.parse(detail.action) });
      };
      // The bookmark: the worker answers, and its page can have the passkey sign what it likes.
      expect(await plantedIn(page, `${home}/sign`)).toBe("worker");
      const waiting = await stage.aios.held();
      await stage.isRecorded("bad-signature", () => expect(sign()).rejects.toThrow(/bad-signature/u));
      expect(await stage.aios.held()).toEqual(waiting);
      // And it gets nothing out of the console from there.
      const asked = () => fetch("/ask/held", { method: "POST", body: '{"after":null}' }).then(({ status }) => status);
      expect(await page.evaluate(asked)).toBe(421);
      await page.goto(`${stage.origin}/sign`);
      expect(await sign()).toMatchObject({ seq: expect.any(Number) });
      expect((await running).answers[0]?.result?.isError).not.toBe(true);
    });

    test("attack: cookies of another port that no request has room for are forgotten, and keep nobody out", async () => {
      const page = await (await stage.browser.newContext()).newPage();
      await page.goto(`http://${stage.rpId}:${stage.stranger.port}/`);
      await page.evaluate((domain) => {
        for (let count = 0; count < 20; count += 1)
          document.cookie = `c${count}=${"x".repeat(3000)}; Domain=${domain}; Path=/; Max-Age=100000`;
      }, stage.rpId);
      expect((await page.goto(stage.origin))?.status()).toBe(431);
      await expect.poll(async () => (await page.goto(stage.origin))?.status()).toBe(200);
      await page.context().close();
    });

    async function enrol(
      page: Page,
      session: CDPSession,
    ): Promise<{ readonly passkey: Passkey; readonly key: string }> {
      const { code } = await stage.aios.client.request("invite", { name: "visited", roles: ["approve"] });
      await page.goto(`${stage.origin}/enrol`);
      const authenticator = await plugIn(session, { passkey: null });
      await page.getByLabel("Code").fill(code);
      await page.getByRole("button", { name: "Make a passkey" }).click();
      await page.locator("#key-code").waitFor();
      const [passkey] = await passkeysIn(session, authenticator);
      const { document } = await stage.aios.client.request("invited", { code });
      if (passkey === undefined || document === null) throw new Error("no passkey was offered");
      await stage.aios.sign("enrol-owner", asJson(document));
      return { passkey, key: ownerKeyId(document.key, sha256) };
    }
  });
}

/** Has the passkey sign a challenge, as any page may that has the home's name or one below it. Runs in the page. */
async function assert(asked: {
  readonly rpId: string;
  readonly credential: string;
  readonly challenge: string;
}): Promise<{ readonly sig: string; readonly authenticatorData: string; readonly clientData: string }> {
  const bytes = (text: string) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const base64 = (buffer: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
  const made = await navigator.credentials.get({
    publicKey: {
      rpId: asked.rpId,
      challenge: bytes(asked.challenge),
      allowCredentials: [{ type: "public-key", id: bytes(asked.credential) }],
      userVerification: "required",
    },
  });
  if (!(made instanceof PublicKeyCredential) || !(made.response instanceof AuthenticatorAssertionResponse))
    throw new Error("nothing was signed");
  const { signature, authenticatorData, clientDataJSON } = made.response;
  return { sig: base64(signature), authenticatorData: base64(authenticatorData), clientData: base64(clientDataJSON) };
}

/** The console's pages with the headers that the console gives them, at this authority: what a console without new names would be. */
async function serveAs(authority: string, port: number): Promise<readonly Server[]> {
  const { sources } = gatherPages(join(REPO, "src"), PAGES);
  const servers: Server[] = [];
  for (const address of ["127.0.0.1", "::1"]) {
    const server = createServer(({ url: path = "" }, response) => {
      const source = sources.get(path);
      const headers = [...pageHeaders(authority, path).flat(), "cache-control", "no-store"];
      response.writeHead(source === undefined ? 404 : 200, [...headers, "content-type", source?.type ?? "text/plain"]);
      response.end(source === undefined ? "not found" : servedText(source));
    }).listen(port, address);
    servers.push(server);
    await once(server, "listening");
  }
  return servers;
}

async function close(servers: readonly Server[]): Promise<void> {
  for (const server of servers) {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }
}
