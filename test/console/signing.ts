import { createHash } from "node:crypto";
import type { CDPSession, Locator, Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { ownerKeyText } from "../../src/protocol/owner-key.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { showSecondCode } from "../../src/protocol/second-screen.ts";
import { shortCode, statementCode } from "../../src/showing/statement-code.ts";
import { until } from "../fakes/busy-instances.ts";
import { passkeysIn, plugIn as plugInWith, type Passkey } from "./authenticator.ts";
import { openSigning } from "./signing-page.ts";
import type { ConsoleStage } from "./stage.ts";

type Detail = CliRequests["held-show"]["ok"];
type Ran = Awaited<ReturnType<ConsoleStage["aios"]["follow"]>>;

const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const add = (text: string) => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });

/** How owners sign at the console, with Chromium's authenticator in software, and what is tried against it. */
export function describeSigning(parts: {
  stage(): ConsoleStage;
  faults(page: Page): Promise<readonly string[]>;
}): void {
  describe("has owners sign:", () => {
    let stage: ConsoleStage;
    let page: Page;
    let session: CDPSession;
    let passkey: Passkey | null = null;

    beforeAll(async () => {
      stage = parts.stage();
      page = await (await stage.browser.newContext({ viewport: { width: 900, height: 700 } })).newPage();
      page.setDefaultTimeout(60_000);
      session = await page.context().newCDPSession(page);
    });

    const plugIn = (): Promise<string> => plugInWith(session, { passkey });

    /** Has the agent ask for these at once; the signing page shows the first. */
    async function ask(...texts: readonly string[]): Promise<{ details: readonly Detail[]; running: Promise<Ran> }> {
      const running = stage.aios.follow("writer", [{ together: texts.map(add) }], { holdSeconds: 600 });
      await until(async () => (await stage.aios.held()).length === texts.length, "what it asks for is held");
      const held = await stage.aios.held();
      const details = await Promise.all(held.map(({ request }) => stage.aios.client.request("held-show", { request })));
      await openSigning(page, `${stage.origin}/sign#${details[0]?.request}`);
      return { details, running };
    }
    /** Whether an attempt leaves all that waits waiting. */
    async function runsNothing(attempt: () => Promise<unknown>): Promise<void> {
      const before = [await stage.aios.held(), await stage.records("intent")];
      await attempt();
      expect([await stage.aios.held(), await stage.records("intent")]).toEqual(before);
    }
    const allow = () => page.getByRole("button", { name: "Let this run, once" });
    const deny = () => page.getByRole("button", { name: "Deny" });
    const signIn = () => page.getByRole("button", { name: "Sign in with a passkey" });
    async function press(button: Locator): Promise<void> {
      await button.waitFor();
      await plugIn();
      await button.click();
    }
    async function finish(running: Promise<Ran>): Promise<Ran> {
      for (const { request } of await stage.aios.held()) await stage.aios.answer(request, "deny");
      return running;
    }

    test("a passkey is made by invitation, and enrolled at the terminal by the code that both show", async () => {
      const { code } = await stage.aios.client.request("invite", { name: "mia", roles: ["approve"] });
      await page.goto(`${stage.origin}/enrol`);
      const authenticator = await plugIn();
      await page.getByLabel("Code").fill("wrong-code");
      await page.getByRole("button", { name: "Make a passkey" }).click();
      await page.getByText("there is no such invitation").waitFor();
      await page.getByLabel("Code").fill(code);
      await page.getByRole("button", { name: "Make a passkey" }).click();
      const shown = await page.locator("#key-code").textContent();
      passkey = (await passkeysIn(session, authenticator))[0] ?? null;
      const { document } = await stage.aios.client.request("invited", { code });
      if (document === null) throw new Error("nothing was offered");
      expect(shown).toBe(shortCode(digest(ownerKeyText(document.key))));
      expect(document).toMatchObject({
        name: "mia",
        roles: ["approve"],
        key: { origin: `http://${stage.rpId}:${stage.port}` },
      });
      expect(await parts.faults(page)).toEqual([]);
      await stage.aios.sign("enrol-owner", JSON.parse(JSON.stringify(document)));
    });

    test("she comes in by it, without a code of the command line", async () => {
      await page.goto(`${stage.origin}/sign`);
      await press(signIn());
      await page.waitForSelector("nav");
      expect((await stage.records("owner-signed-in")).length).toBe(1);
      expect((await stage.records("console-entered")).at(-1)).toMatchObject({ by: "passkey" });
    });

    test("she sees what will run, with the terminal's code, approves it, and it runs once", async () => {
      const { details, running } = await ask("five");
      const [detail] = details;
      await page.goto(stage.origin);
      await page.getByRole("link", { name: "Look and decide" }).click();
      await allow().waitFor();
      const shown = await page.locator(".shown").innerText();
      expect(shown).toContain('"five"');
      expect(shown).toContain(detail === undefined ? "none" : statementCode(detail.statement, digest));
      expect(await parts.faults(page)).toEqual([]);
      await press(allow());
      await page.getByText(/^Approved \(record \d+\): it ran\.$/u).waitFor();
      const { answers } = await running;
      expect(answers[0]?.result?.isError).not.toBe(true);
    });

    test("she denies, and it does not run", async () => {
      const { running } = await ask("six");
      const before = await stage.records("intent");
      await press(deny());
      await page.getByText("Denied (record").waitFor();
      expect((await running).answers[0]?.result?.structuredContent).toMatchObject({ code: "denied-by-owner" });
      expect(await stage.records("intent")).toEqual(before);
    });

    test("what freezes while she reads is not signed for nothing, and what waits no more goes when its time is up", async () => {
      const { details, running } = await ask("ten");
      const { request = "", instance = "" } = details[0] ?? {};
      await allow().waitFor();
      await stage.aios.client.request("freeze", { instance });
      await press(allow());
      await page.getByText("(frozen)").or(page.getByText("The yes is not taken")).first().waitFor();
      await page.locator(".shown").getByText("NOT NOW").waitFor();
      expect([await allow().count(), await deny().count()]).toEqual([0, 1]);
      expect((await stage.aios.held()).map((each) => each.request)).toEqual([request]);
      const late = await page.context().newPage();
      await late.clock.install();
      await late.goto(`${stage.origin}/sign#${request}`);
      await late.getByRole("button", { name: "Deny" }).waitFor();
      await stage.aios.answer(request, "deny");
      await late.clock.fastForward(600_000);
      await late.getByText("This does not wait any more").waitFor();
      expect(await late.getByRole("button").count()).toBe(0);
      await late.close();
      await stage.aios.client.request("kill", { instance });
      await running;
    });

    test("attack: what has moved since it was shown goes at once, its buttons too; twin: what there is now is signed", async () => {
      const { running } = await ask("eight");
      await allow().waitFor();
      const shown = page.locator(".shown");
      const before = await shown.innerText();
      await stage.aios.sign("set-policy", { text: "// moved\n" });
      // While the new one is on its way nothing of the old one is there to be pressed.
      const meanwhile = Promise.withResolvers<readonly number[]>();
      await page.route("**/ask/held-show", async (route) => {
        meanwhile.resolve([await shown.count(), await allow().count(), await deny().count()]);
        await route.continue();
      });
      await press(allow());
      expect(await meanwhile.promise).toEqual([0, 0, 0]);
      await page.unroute("**/ask/held-show");
      await page.getByText("(moved)").waitFor();
      await shown.waitFor();
      expect(await shown.innerText()).toContain('"eight"');
      expect(await shown.innerText()).not.toBe(before);
      await press(allow());
      await page.getByText("Approved (record").waitFor();
      expect((await running).answers[0]?.result?.isError).not.toBe(true);
      await stage.aios.sign("set-policy", { text: "" });
    });

    test("what cannot be shown in full she can deny, and only that", async () => {
      await page.route("**/ask/held-show", async (route) => {
        const detail = await stage.aios.client.request("held-show", route.request().postDataJSON());
        await route.fulfill({ json: { ...detail, found: { kind: "nothing", path: "/workspace/x" } } });
      });
      const { running } = await ask("nine");
      await page.getByText("nobody can say yes to it").waitFor();
      expect(await page.locator("main").innerText()).toContain('writer: notes/add text: "nine"');
      expect(await allow().count()).toBe(0);
      await press(deny());
      await page.getByText("Denied (record").waitFor();
      await page.unroute("**/ask/held-show");
      expect((await running).answers[0]?.result?.structuredContent).toMatchObject({ code: "denied-by-owner" });
    });

    test("attack: what she signed in with is no approval; twin: what she signs over the statement is", async () => {
      const { details, running } = await ask("seven");
      await allow().waitFor();
      await plugIn();
      const handIn = (signed: string): Promise<unknown> =>
        inPage(`(async () => {
          const [{ signBy }, { challengeOf, SIGN_IN_TYPE }, { ask, atDoor }, { STATEMENT_TYPE, statementText }, { encodeUtf8, toBase64 }, { pae }] =
            await Promise.all(["page/passkeys", "protocol/passkey", "page/api", "protocol/statement", "protocol/bytes", "protocol/pae"].map((name) => import("/m/" + name + ".ts")));
          const { action, statement } = await ask("held-show", { request: "${details[0]?.request}" });
          const party = await atDoor("passkey-party", {});
          const payload = encodeUtf8(statementText({ ...statement, decision: "allow", key: party.credentials[0].key }));
          const { text } = await atDoor("sign-in-open", {});
          const { key: keyid, ...assertion } = await signBy(party, ${signed});
          const envelope = { payloadType: STATEMENT_TYPE, payload: toBase64(payload), signatures: [{ keyid, ...assertion }] };
          return ask("submit", { envelope, document: JSON.parse(action) }).then(() => "taken", ({ message }) => message);
        })()`);
      await runsNothing(async () => {
        expect(await handIn("challengeOf(SIGN_IN_TYPE, text)")).toContain("bad-signature");
        expect(await handIn("encodeUtf8(action)")).toContain("bad-signature");
      });
      expect(await handIn("pae(STATEMENT_TYPE, payload)")).toBe("taken");
      expect((await running).answers[0]?.result?.isError).not.toBe(true);
    });

    test("attack: an approval runs no other action's bytes, whatever is changed on the way", async () => {
      const { details, running } = await ask("eight", "nine");
      const [first, second] = details;
      if (first === undefined || second === undefined) throw new Error("two wait");
      // What she is shown is another action than the one that she would sign.
      await page.route("**/ask/held-show", (route) =>
        route.fulfill({ json: { ...first, action: second.action, digest: second.digest, request: second.request } }),
      );
      await page.reload();
      await page.getByText("do not belong together").waitFor();
      expect(await allow().count()).toBe(0);
      await page.unroute("**/ask/held-show");
      // What she signed is handed in for another.
      await page.reload();
      await page.route("**/ask/submit", (route) => {
        const { envelope } = route.request().postDataJSON() as { envelope: object };
        return route.continue({ postData: JSON.stringify({ envelope, document: JSON.parse(second.action) }) });
      });
      await runsNothing(async () => {
        const answered = page.waitForResponse("**/ask/submit");
        await press(allow());
        expect(await (await answered).json()).toMatchObject({ error: { code: "bad-statement" } });
        await page.getByText("wrong-subject").waitFor();
      });
      await page.unroute("**/ask/submit");
      await finish(running);
    });

    test("attack: nothing is taken from a session that is over; twin: it is when she has signed in again", async () => {
      const { running } = await ask("ten");
      await allow().waitFor();
      const cookies = await page.context().cookies();
      const other = await page.context().newPage();
      await other.goto(stage.origin);
      await other.waitForSelector("nav");
      await other.evaluate(async () => {
        const half = localStorage.getItem("half") ?? "";
        await fetch("/leave", { method: "POST", headers: { "x-aios-half": half } });
        localStorage.setItem("half", half);
      });
      await other.close();
      await page.context().addCookies(cookies);
      await runsNothing(async () => {
        const before = await stage.refused("no-session");
        await press(allow());
        await page.getByText("The session is over.").waitFor();
        await until(async () => (await stage.refused("no-session")) > before, "a record of a refusal");
      });
      await press(signIn());
      await press(allow());
      await page.getByText("Approved (record").waitFor();
      expect((await running).answers[0]?.result?.isError).not.toBe(true);
    });

    test("where a second screen is demanded her yes takes the code that a terminal tells, and a page that signs another action has none for it", async () => {
      await stage.aios.sign("set-second-screen", { for: "reserved" });
      const { details, running } = await ask("shown", "wanted");
      const [shown, wanted] = details;
      if (shown === undefined || wanted === undefined) throw new Error("two wait");
      const { code } = await stage.aios.client.request("second-code", { request: shown.request, beside: null });
      const field = page.getByLabel("Code of the second screen");
      await field.waitFor();
      expect(await parts.faults(page)).toEqual([]);
      await runsNothing(async () => {
        await press(allow());
        await page.getByText("Type the code of the second screen").waitFor();
        // The page lies: beside what she reads and types, it has her sign the other one.
        await plugIn();
        expect(await swapped(wanted, code ?? "")).toContain("second-screen");
        // Nor does it get at the code itself: nobody answers the console that.
        expect(
          await inPage(
            `import("/m/page/api.ts").then(({ ask }) => ask("second-code", { request: "${wanted.request}", beside: null })).then(() => "told", () => "nothing")`,
          ),
        ).toBe("nothing");
      });
      await field.fill(showSecondCode(code ?? "").toUpperCase());
      await press(allow());
      await page.getByText("Approved (record").waitFor();
      // With the switch off, what it did goes through.
      await stage.aios.sign("set-second-screen", { for: "nothing" });
      await plugIn();
      expect(await swapped(wanted, null)).toBe("taken");
      expect((await running).answers.map(({ result }) => result?.isError === true)).toEqual([false, false]);
    });

    /** Has her passkey sign another action than the page shows, with the code that she typed, and hands it in. */
    async function swapped({ request }: Detail, code: string | null): Promise<unknown> {
      return inPage(`(async () => {
        const [{ signBy }, { ask, atDoor }, { STATEMENT_TYPE, statementText }, { encodeUtf8, toBase64 }, { pae }] =
          await Promise.all(["page/passkeys", "page/api", "protocol/statement", "protocol/bytes", "protocol/pae"].map((name) => import("/m/" + name + ".ts")));
        const { action, statement } = await ask("held-show", { request: "${request}" });
        const party = await atDoor("passkey-party", {});
        const second = ${code === null ? "{}" : `{ second: "${code}" }`};
        const payload = encodeUtf8(statementText({ ...statement, ...second, decision: "allow", key: party.credentials[0].key }));
        const { key: keyid, ...assertion } = await signBy(party, pae(STATEMENT_TYPE, payload));
        const envelope = { payloadType: STATEMENT_TYPE, payload: toBase64(payload), signatures: [{ keyid, ...assertion }] };
        return ask("submit", { envelope, document: JSON.parse(action) }).then(() => "taken", ({ message }) => message);
      })()`);
    }

    /** An instance that is at work: it waits for an answer. */
    async function runs(): Promise<{ readonly instance: string; readonly ended: Promise<unknown> }> {
      const ended = stage.aios.follow("helper", [add("runs")], { holdSeconds: 600 }).catch(() => null);
      await until(async () => (await stage.aios.held()).length === 1, "what it asks for is held");
      return { instance: (await stage.aios.held())[0]?.instance ?? "", ended };
    }
    const state = async (instance: string) =>
      (await stage.aios.client.request("ps", { all: false })).instances.find((each) => each.instance === instance)
        ?.state;
    const sign = () => page.getByRole("button", { name: "Sign this" });
    const open = async (target: string): Promise<void> => {
      await openSigning(page, `${stage.origin}/sign#${target}`);
    };

    test("she lets a frozen instance go on and its actions pass, by the sentence of the terminal and the code of the draft", async () => {
      const { client } = stage.aios;
      const { instance, ended } = await runs();
      await client.request("freeze", { instance });
      const drawn = page.waitForResponse("**/ask/prepare");
      await open(`thaw-instance/${instance}`);
      const { statement } = (await (await drawn).json()) as CliRequests["prepare"]["ok"];
      await sign().waitFor();
      const shown = await page.locator(".shown").innerText();
      expect(shown).toContain(`Let instance ${instance} go on?`);
      expect(shown).toContain(statementCode(statement, digest));
      // A terminal that asks for the same meanwhile is handed the same draft, and so shows the same code.
      const asked = { purpose: "thaw-instance", document: { instance } } as const;
      expect(await client.request("prepare", asked)).toEqual({ statement });
      expect(await parts.faults(page)).toEqual([]);
      await press(sign());
      await page.getByText("Signed (record").waitFor();
      expect(await state(instance)).toBe("running");
      await client.request("hold", { instance, stages: ["approve"] });
      await open(`lift-hold/${instance}`);
      await page.getByText(`Let actions of ${instance} pass again`).waitFor();
      await press(sign());
      await page.getByText("Signed (record").waitFor();
      expect((await stage.records("hold-lifted")).length).toBe(1);
      await client.request("kill", { instance });
      await ended;
    });

    test("attack: a draft for another purpose over the same words is not shown, and a role that she has not revokes nothing", async () => {
      const { client } = stage.aios;
      const { instance, ended } = await runs();
      await client.request("hold", { instance, stages: ["approve"] });
      await client.request("freeze", { instance });
      const other = await client.request("prepare", { purpose: "lift-hold", document: { instance } });
      await page.route("**/ask/prepare", (route) => route.fulfill({ json: other }));
      await open(`thaw-instance/${instance}`);
      await page.getByText("the statement is about something else").waitFor();
      expect(await sign().count()).toBe(0);
      await page.unroute("**/ask/prepare");
      await open("revoke-grant/notes");
      await page.getByText("mia may approve; who signs this is an owner who may grant").waitFor();
      expect(await sign().count()).toBe(0);
      // Nor does a page that offers it all the same.
      await page.route("**/ask/owners", (route) =>
        route.fulfill({ json: { owners: [], recovery: { wait: 0, by: null, codes: [], pending: null } } }),
      );
      await open("revoke-grant/notes");
      const answered = page.waitForResponse("**/ask/submit");
      await press(sign());
      expect(await (await answered).json()).toMatchObject({ error: { code: "bad-statement" } });
      await page.getByText("wrong-role").waitFor();
      await page.unroute("**/ask/owners");
      await page.goto(`${stage.origin}/#grants/notes`);
      await page.getByText("Revoke: by an owner who may grant").waitFor();
      const { grants } = await client.request("grants", {});
      expect(grants.find(({ id }) => id === "notes")?.state).toBe("active");
      await client.request("kill", { instance });
      await ended;
    });

    test("attack: another page of the origin has no window of the signing page, and no passkey signs for it", async () => {
      await page.goto(stage.origin);
      await page.waitForSelector("nav");
      const [opened, held] = await Promise.all([
        page.waitForEvent("popup"),
        page.evaluate(
          async (url) => {
            const there = window.open(url);
            await new Promise((resolve) => setTimeout(resolve, 1000));
            return there === null || there.closed ? "apart" : "reached";
          },
          `${stage.origin}/sign#${"0".repeat(32)}`,
        ),
      ]);
      expect(held).toBe("apart");
      await opened.close();
      await plugIn();
      const signed = await page.evaluate(async () =>
        navigator.credentials.get({ publicKey: { challenge: new Uint8Array(32), userVerification: "required" } }).then(
          () => "signed",
          (error: unknown) => (error instanceof Error ? error.name : "failed"),
        ),
      );
      expect(signed).toBe("NotAllowedError");
      await page.context().close();
    });

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
