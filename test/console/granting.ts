import { createHash } from "node:crypto";
import type { CDPSession, Locator, Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import type { Grant } from "../../src/kernel/grant.ts";
import type { ProposedDetail } from "../../src/protocol/proposed-grants.ts";
import { showSecondCode } from "../../src/protocol/second-screen.ts";
import { statementCode } from "../../src/showing/statement-code.ts";
import { until } from "../fakes/busy-instances.ts";
import { passkeysIn, plugIn, type Passkey } from "./authenticator.ts";
import { openSigning } from "./signing-page.ts";
import type { ConsoleStage } from "./stage.ts";

type Ran = Awaited<ReturnType<ConsoleStage["aios"]["follow"]>>;

const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const add = (text: string) => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });

/** How an owner has a grant proposed at the console, makes it narrower and signs it, and what a console tries that lies. */
export function describeGranting(parts: {
  stage(): ConsoleStage;
  faults(page: Page): Promise<readonly string[]>;
}): void {
  describe("has owners grant:", () => {
    let stage: ConsoleStage;
    let page: Page;
    let session: CDPSession;
    let passkey: Passkey | null = null;

    beforeAll(async () => {
      stage = parts.stage();
      page = await (await stage.browser.newContext({ viewport: { width: 900, height: 700 } })).newPage();
      page.setDefaultTimeout(60_000);
      session = await page.context().newCDPSession(page);
      const { code } = await stage.aios.client.request("invite", { name: "gil", roles: ["grant"] });
      await page.goto(`${stage.origin}/enrol`);
      const authenticator = await plugIn(session, { passkey });
      await page.getByLabel("Code").fill(code);
      await page.getByRole("button", { name: "Make a passkey" }).click();
      await page.locator("#key-code").waitFor();
      passkey = (await passkeysIn(session, authenticator))[0] ?? null;
      const { document } = await stage.aios.client.request("invited", { code });
      await stage.aios.sign("enrol-owner", JSON.parse(JSON.stringify(document)));
      await page.goto(`${stage.origin}/sign`);
      await press(page.getByRole("button", { name: "Sign in with a passkey" }));
      await page.waitForSelector("nav");
    });

    const sign = () => page.getByRole("button", { name: "Sign this lease" });
    const shown = () => page.locator(".shown");
    const look = (id: string): Promise<ProposedDetail> => stage.aios.client.request("proposed-grant", { id });
    async function press(button: Locator): Promise<void> {
      await button.waitFor();
      await plugIn(session, { passkey });
      await button.click();
    }
    /** What the agent asks for at once, all of it held. */
    async function ask(...texts: readonly string[]): Promise<{ readonly running: Promise<Ran> }> {
      const running = stage.aios.follow("writer", [{ together: texts.map(add) }], { holdSeconds: 600 });
      await until(async () => (await stage.aios.held()).length === texts.length, "what it asks for is held");
      return { running };
    }
    /** Has the monitor propose what covers all that waits, and opens it to be signed. */
    async function open(): Promise<string> {
      const [held] = await stage.aios.held();
      const { grant } = await stage.aios.client.request("propose-grant", {
        instance: held?.instance ?? "",
        from: "held",
        like: null,
        folders: false,
        uses: null,
        span: 3_600_000,
      });
      await openSigning(page, `${stage.origin}/sign#sign-grant/${grant.id}`);
      await shown().waitFor();
      return grant.id;
    }
    async function denyAll(): Promise<void> {
      for (const { request } of await stage.aios.held()) await stage.aios.answer(request, "deny");
    }
    const grants = async () =>
      new Map((await stage.aios.client.request("grants", {})).grants.map((each) => [each.id, each.state]));

    test("over a row of the inbox and what is like it: it is shown as at the terminal, made narrower, signed, and revoked", async () => {
      const { running } = await ask("five", "six", "five");
      await page.goto(stage.origin);
      await page
        .locator(".card", { hasText: '"five"' })
        .getByRole("link", { name: "Propose a grant for this" })
        .click();
      await page.getByLabel("For how many minutes").fill("30");
      expect(await parts.faults(page)).toEqual([]);
      await page.getByRole("button", { name: "Propose it" }).click();
      await shown().waitFor();
      const id = new URL(page.url()).hash.replace("#sign-grant/", "");
      const before = await look(id);
      expect(await shown().innerText()).toContain('text is one of "five", "six": runs without asking');
      expect(await shown().innerText()).toContain(statementCode(before.statement, digest));
      for (const [colorScheme, width] of [
        ["dark", 360],
        ["light", 900],
      ] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 700 });
        await page.reload();
        await page.getByText("Make it narrower").click();
        const wider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        expect({ width, wider, found: await parts.faults(page) }).toEqual({ width, wider: false, found: [] });
      }
      await page.getByRole("checkbox", { name: "six" }).uncheck();
      await page.getByLabel("Uses in all").fill("4");
      await page.getByRole("button", { name: "Show it narrower" }).click();
      await page.getByText("it may be used more than 3 times").waitFor();
      await page.getByLabel("Uses in all").fill("2");
      await page.getByRole("button", { name: "Show it narrower" }).click();
      await shown().getByText('text is one of "five": runs').waitFor();
      const after = await look(id);
      const said = await shown().innerText();
      expect(said).toContain("2 uses in all");
      expect(said).toContain(statementCode(after.statement, digest));
      expect(said).not.toContain(statementCode(before.statement, digest));
      await press(sign());
      await page.getByText(/^Signed \(record \d+\)/u).waitFor();
      await until(async () => (await stage.aios.held()).length === 1, "what it covers runs");
      await denyAll();
      expect((await running).answers.map(({ result }) => result?.isError === true).filter(Boolean)).toHaveLength(1);
      expect((await stage.records("grant-signed")).at(-1)).toMatchObject({
        grant: id,
        key: expect.stringMatching(/^passkey:/),
      });
      await page.goto(`${stage.origin}/#grants/${id}`);
      await page.getByRole("link", { name: "Revoke" }).click();
      await press(page.getByRole("button", { name: "Sign this" }));
      await page.getByText("Signed (record").waitFor();
      expect((await grants()).get(id)).toBe("revoked");
    });

    test("attack: a console that shows another grant than it has signed, or signs another than it was handed, grants nothing", async () => {
      const { running } = await ask("seven");
      const id = await open();
      const { document, statement } = await look(id);
      const honest = JSON.parse(document) as Grant;
      const wide = { ...honest, limits: { ...honest.limits, uses: 1000 } };
      // The text is swapped on its way to the page.
      await page.route("**/ask/proposed-grant", async (route) =>
        route.fulfill({ json: { ...(await look(id)), document: document.replace('"seven"', '"eight"') } }),
      );
      await page.reload();
      await page.getByText("do not belong together").waitFor();
      expect(await sign().count()).toBe(0);
      await page.unroute("**/ask/proposed-grant");
      // It is widened after it was shown: on the desk, in what is handed in, and in what the passkey signs.
      await page.reload();
      await sign().waitFor();
      const asking = (name: string, body: object): Promise<unknown> =>
        inPage(
          `import("/m/page/api.ts").then(({ ask }) => ask("${name}", ${JSON.stringify(body)})).then(() => "taken", ({ message }) => message)`,
        );
      expect(await asking("narrow-grant", { id, document: wide })).toContain("no narrower grant");
      await page.route("**/ask/submit", (route) => {
        const { envelope } = route.request().postDataJSON() as { envelope: object };
        return route.continue({ postData: JSON.stringify({ envelope, document: wide }) });
      });
      await press(sign());
      await page.getByText("(wrong-subject)").waitFor();
      await page.unroute("**/ask/submit");
      await plugIn(session, { passkey });
      expect(await signed(wide, statement.nonce)).toContain("(moved)");
      // Nor has it one drawn up that is not on the desk.
      expect(await asking("prepare", { purpose: "sign-grant", document: wide })).toContain("malformed");
      // Who may not grant has nothing to press.
      await page.route("**/ask/owners", async (route) => {
        const answer = await stage.aios.client.request("owners", {});
        const owners = answer.owners.map((each) => ({ ...each, roles: ["approve"] }));
        await route.fulfill({ json: { ...answer, owners } });
      });
      await page.reload();
      await page.getByText("who signs this is an owner who may grant").waitFor();
      expect(await sign().count()).toBe(0);
      await page.unroute("**/ask/owners");
      // Twin: who may has; until what it covers is answered elsewhere, which the page that is open says by itself.
      await page.reload();
      await sign().waitFor();
      await denyAll();
      await page.getByText("This is not proposed any more").waitFor();
      expect([await sign().count(), await shown().count()]).toEqual([0, 0]);
      expect((await grants()).has(id)).toBe(false);
      await running;
    });

    test("by keyboard alone: from the list of grants to a narrower lease that is signed", async () => {
      const { running } = await ask("eight", "ten");
      const id = await open();
      await page.goto(stage.origin);
      await page.waitForSelector("nav");
      await plugIn(session, { passkey });
      await page.keyboard.press("g");
      await page.getByRole("row", { name: id }).getByRole("link", { name: "Look and sign" }).waitFor();
      await reach(/Look and sign/u);
      await page.keyboard.press("Enter");
      await shown().waitFor();
      await reach(/Make it narrower/u);
      await page.keyboard.press("Enter");
      await reach(/ten$/u);
      await page.keyboard.press("Space");
      await reach(/Uses in all/u);
      await page.keyboard.press("Control+a");
      await page.keyboard.type("1");
      await reach(/Show it narrower/u);
      await page.keyboard.press("Enter");
      await shown().getByText('text is one of "eight": runs').waitFor();
      await sign().waitFor();
      await reach(/Sign this lease/u);
      await page.keyboard.press("Enter");
      await page.getByText(/^Signed \(record \d+\)/u).waitFor();
      await until(async () => (await stage.aios.held()).length === 1, "what it covers runs");
      await denyAll();
      expect((await running).answers.map(({ result }) => result?.isError === true)).toEqual([false, true]);
      await stage.aios.sign("revoke-grant", { grant: id });
    });

    test("what is in quarantine is let out of it again, by a sentence that names it as it is", async () => {
      const quarantine = { by: "source", value: "web/fetch %2f #x \u202eb" } as const;
      await stage.aios.client.request("memory-quarantine", quarantine);
      await page.goto(`${stage.origin}/#memory`);
      const row = page.getByRole("row", { name: "source web/fetch" });
      await row.getByRole("link", { name: "Let agents have it again" }).click();
      await shown().getByText("in quarantine by source web/fetch %2f #x ‹U+202E›b?").waitFor();
      await press(page.getByRole("button", { name: "Sign this" }));
      await page.getByText(/^Signed \(record \d+\)/u).waitFor();
      expect((await stage.records("memory-released")).at(-1)).toMatchObject(quarantine);
      expect((await stage.aios.client.request("memory-planes", {})).quarantines).not.toContainEqual(quarantine);
      // Nor is there a second time.
      await page.reload();
      await page.getByText("There is no such quarantine").waitFor();
      // What an address says in no way, or in a second one, is nothing to sign.
      for (const odd of ["source%20%zz", "source%20%61"]) {
        await page.goto("about:blank");
        await page.goto(`${stage.origin}/sign#release-memory/${odd}`);
        await expect.poll(() => new URL(page.url()).pathname).toBe("/");
      }
    });

    test("where a second screen is demanded it takes the code that a terminal tells below the same grant", async () => {
      await stage.aios.sign("set-second-screen", { for: "reserved" });
      const { running } = await ask("nine");
      const id = await open();
      const field = page.getByLabel("Code of the second screen");
      await field.waitFor();
      expect(await parts.faults(page)).toEqual([]);
      await field.fill("0000-0000");
      await press(sign());
      await page.getByText("(second-screen)").waitFor();
      expect((await grants()).has(id)).toBe(false);
      const { subject } = (await look(id)).statement;
      const { code } = await stage.aios.client.request("proposed-code", { id, subject });
      await field.fill(showSecondCode(code ?? ""));
      await press(sign());
      await page.getByText("Signed (record").waitFor();
      expect((await running).answers[0]?.result?.isError).not.toBe(true);
      await stage.aios.sign("set-second-screen", { for: "nothing" });
      await stage.aios.sign("revoke-grant", { grant: id });
      await page.context().close();
    });

    /** Goes on with Tab, and no further than there are places on a page, to what has such a name and is seen to be reached. */
    async function reach(name: RegExp): Promise<void> {
      const names: string[] = [];
      for (let tabs = 0; tabs < 60; tabs += 1) {
        await page.keyboard.press("Tab");
        const at = page.locator(":focus");
        const here = (await at.count()) === 0 ? "" : await at.evaluate(nameOf);
        if (name.test(here)) return expect(await at.evaluate(isMarked)).toBe(true);
        names.push(here);
      }
      throw new Error(`nothing named ${String(name)} is reached: ${names.join(", ")}`);
    }

    /** Has her passkey sign another document under a nonce that was drawn up, and hands it in. */
    async function signed(document: object, nonce: string): Promise<unknown> {
      return inPage(`(async () => {
        const [{ signBy }, { ask, atDoor }, { STATEMENT_TYPE, statementText }, { encodeUtf8, toBase64 }, { pae }, { canonicalize }, { digestOf }] =
          await Promise.all(["page/passkeys", "page/api", "protocol/statement", "protocol/bytes", "protocol/pae", "kernel/canonical", "page/sha256"].map((name) => import("/m/" + name + ".ts")));
        const document = ${JSON.stringify(document)};
        const { statement } = await ask("proposed-grant", { id: document.id });
        if (statement.nonce !== "${nonce}") return "another draft";
        const party = await atDoor("passkey-party", {});
        const key = localStorage.getItem("key");
        const mine = party.credentials.filter((each) => each.key === key);
        const subject = await digestOf(canonicalize(document));
        const payload = encodeUtf8(statementText({ ...statement, subject, decision: "allow", key }));
        const { key: keyid, ...assertion } = await signBy({ ...party, credentials: mine }, pae(STATEMENT_TYPE, payload));
        const envelope = { payloadType: STATEMENT_TYPE, payload: toBase64(payload), signatures: [{ keyid, ...assertion }] };
        return ask("submit", { envelope, document }).then(() => "taken", ({ message }) => message);
      })()`);
    }

    /** Runs words in the page as a script of its origin could. */
    async function inPage(expression: string): Promise<unknown> {
      const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? "it failed");
      return result.value;
    }
  });
}

/** What a thing of a page is called: by its label, or by its words. */
function nameOf(element: Element): string {
  const label = element instanceof HTMLInputElement ? element.labels?.[0] : element;
  return (label?.textContent ?? "").trim();
}

/** Whether somebody who looks sees that it is this one which keys go to. */
function isMarked(element: Element): boolean {
  return element.matches(":focus-visible") && getComputedStyle(element).outlineStyle !== "none";
}
