import { spawnSync } from "node:child_process";
import type { CDPSession, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Role } from "../../src/kernel/owner-roles.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import type { Signer } from "../../src/platform/powers.ts";
import { makeRecoveryCodes, type MadeCode } from "../../src/platform/keys/recovery-code.ts";
import { toBase64 } from "../../src/protocol/bytes.ts";
import { sealEnvelope } from "../../src/protocol/dsse.ts";
import { ownerKeyId } from "../../src/protocol/owner-key.ts";
import { recoveryKeyId } from "../../src/protocol/recovery.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { asJson, ownerDocument } from "../e2e/substrate.ts";
import { until } from "../fakes/busy-instances.ts";
import { COMMAND } from "../fakes/command.ts";
import { openShell, type ShellSession } from "../fakes/shell-session.ts";
import { passkeysIn, plugIn, type Passkey } from "./authenticator.ts";
import { openSigning } from "./signing-page.ts";
import type { ConsoleStage } from "./stage.ts";

const { sha256 } = createCrypto();
const PASSPHRASE = "three lost keys and a ladder";
/** Shorter than a terminal makes them, so that the test need not wait an hour. */
const WAIT = 1000;
const add = (text: string) => ({ method: "tools/call", params: { name: "notes__add", arguments: { text } } });

/** Says yes at every terminal that it can open, the one that it is told first; says to how many it wrote. */
const PAINT = `
const fs = require("node:fs");
const [first, rest] = process.argv.slice(-2);
const all = rest === "all" ? fs.readdirSync("/dev/pts").map((name) => "/dev/pts/" + name).concat("/dev/tty", "/dev/console") : [];
let wrote = 0;
for (const path of [first, ...all]) {
  try {
    const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NOCTTY | fs.constants.O_NONBLOCK);
    fs.writeSync(fd, "PAINTED\\r\\ny\\r\\n${PASSPHRASE}\\r\\n");
    wrote += 1;
  } catch {}
}
process.stdout.write("wrote to " + wrote + "\\n");`;

/**
 * An owner whose only key is a passkey loses it, recovers with a code at a real terminal, makes a new passkey in the browser
 * and approves with it. Codes that somebody else found are stopped in the browser meanwhile.
 */
export function describeRecovering(given: () => ConsoleStage): void {
  describe("an owner who loses their passkey", () => {
    let stage: ConsoleStage;
    let page: Page;
    let session: CDPSession;
    let shell: ShellSession;
    let lost: { readonly passkey: Passkey; readonly key: string };
    let found: typeof lost;
    let codes: readonly MadeCode[];

    beforeAll(async () => {
      stage = given();
      page = await (await stage.browser.newContext({ viewport: { width: 900, height: 700 } })).newPage();
      page.setDefaultTimeout(60_000);
      session = await page.context().newCDPSession(page);
      shell = openShell(stage.aios.workspace, { AIOS_HOME: stage.aios.home });
      shell.type(`aios() { ${COMMAND} "$@"; echo "ended $?"; }\r`);
    });
    afterAll(async () => {
      shell.close();
      await page.context().close();
    });

    /** Makes the passkey for an invitation in the browser, in an authenticator of its own. */
    async function makePasskey(code: string): Promise<Passkey> {
      await page.goto(`${stage.origin}/enrol`);
      const authenticator = await plugIn(session, { passkey: null });
      await page.getByLabel("Code").fill(code);
      await page.getByRole("button", { name: "Make a passkey" }).click();
      await page.locator("#key-code").waitFor();
      const [passkey] = await passkeysIn(session, authenticator);
      if (passkey === undefined) throw new Error("no passkey was made");
      return passkey;
    }
    const idOf = async (name: string): Promise<string> =>
      (await stage.aios.client.request("owners", {})).owners.find((owner) => owner.name === name)?.id ?? "";
    async function press(button: Locator, passkey: Passkey): Promise<void> {
      await button.waitFor();
      await plugIn(session, { passkey });
      await button.click();
    }
    async function signIn(passkey: Passkey): Promise<void> {
      await page.context().clearCookies();
      await page.goto(`${stage.origin}/enrol`);
      await page.evaluate(() => localStorage.clear());
      await page.goto(`${stage.origin}/sign`);
      await press(page.getByRole("button", { name: "Sign in with a passkey" }), passkey);
      await page.waitForSelector("nav");
    }
    async function open(target: string): Promise<void> {
      await openSigning(page, `${stage.origin}/sign#${target}`);
    }
    async function makeCodes(wait: number): Promise<void> {
      const set = codes.map(({ salt, signer }) => {
        const key = toBase64(signer.publicKey);
        return { id: recoveryKeyId(key, sha256), salt, key };
      });
      await stage.aios.sign("set-recovery", asJson({ codes: set, wait }));
    }
    /** What a program does that has kept a code, whatever the command line would say to it. */
    async function recoverBy(code: Signer, name: string, roles: readonly Role[]): Promise<unknown> {
      const document = ownerDocument(name, createSigner(new Uint8Array(32).fill(9)), roles);
      const { statement } = await stage.aios.client.request("prepare", { purpose: "recover-owner", document });
      const key = recoveryKeyId(toBase64(code.publicKey), sha256);
      const envelope = sealEnvelope({ ...statement, decision: "allow", key }, code);
      return stage.aios.client.request("submit", { envelope, document });
    }

    test("has one, and codes that were made before; twin: a recovery that is a stranger's is said on every page, and stopped there", async () => {
      const { code } = await stage.aios.client.request("invite", { name: "nora", roles: ["approve"] });
      const passkey = await makePasskey(code);
      const { document } = await stage.aios.client.request("invited", { code });
      if (document === null) throw new Error("nothing was offered");
      await stage.aios.sign("enrol-owner", asJson(document));
      lost = { passkey, key: ownerKeyId(document.key, sha256) };
      await signIn(lost.passkey);
      codes = await makeRecoveryCodes(2);
      await makeCodes(3_600_000);
      const [, second] = codes;
      if (second === undefined) throw new Error("two codes were made");
      await recoverBy(second.signer, "thief", ["administer"]);
      await page.getByText("Somebody recovers a lost key: thief").waitFor();
      const [begun] = await stage.records("recovery-begun");
      await open(`stop-recovery/${begun?.seq}`);
      await page.getByText("Somebody recovers a lost key: thief").waitFor();
      await press(page.getByRole("button", { name: "Sign this" }), lost.passkey);
      await page.getByText("Signed (record").waitFor();
      await page.getByText("Somebody recovers a lost key: thief").waitFor({ state: "hidden" });
      expect(await stage.records("recovery-stopped")).toMatchObject([{ record: begun?.seq, key: lost.key }]);
      await expect(recoverBy(second.signer, "thief", ["administer"])).rejects.toThrow(/recovery is off/);
      await makeCodes(WAIT);
    });

    test("is an owner again by a code at the terminal, and makes a new passkey in the browser, which signs in and approves", async () => {
      shell.clear();
      shell.type("aios owners recover nora-again\r");
      await shell.see("recovery code: ");
      shell.type(`${codes[0]?.text}\r`);
      await shell.see("new passphrase for your new owner key: ");
      shell.type(`${PASSPHRASE}\r`);
      await shell.see("the same again: ");
      shell.type(`${PASSPHRASE}\r`);
      await shell.see("begun (record");
      await shell.see("ended 0");
      expect(shell.shown()).not.toContain(codes[0]?.text);
      await until(async () => (await idOf("nora-again")) !== "", "the wait is over");

      shell.clear();
      shell.type("aios owners add --name nora-browser --roles approve --passkey\r");
      await shell.see("Waiting for the passkey");
      const [, invitation = ""] = /Code +(\S+) \(once/.exec(shell.shown()) ?? [];
      const passkey = await makePasskey(invitation);
      const shown = (await page.locator("#key-code").textContent()) ?? "none";
      await shell.see("may they sign so?");
      expect(shell.shown()).toContain(`code       ${shown}`);
      shell.type("y\r");
      await shell.see("passphrase of the owner key: ");
      shell.type(`${PASSPHRASE}\r`);
      await shell.see("added nora-browser (record");
      found = { passkey, key: await idOf("nora-browser") };

      shell.clear();
      shell.type("aios owners remove nora\r");
      await shell.see("Remove nora?");
      shell.type("y\r");
      await shell.see("passphrase of the owner key: ");
      shell.type(`${PASSPHRASE}\r`);
      await shell.see("removed nora (record");

      await signIn(found.passkey);
      const running = stage.aios.follow("writer", [add("found")], { holdSeconds: 600 });
      await until(async () => (await stage.aios.held()).length === 1, "what it asks for is held");
      await open((await stage.aios.held())[0]?.request ?? "");
      await press(page.getByRole("button", { name: "Let this run, once" }), found.passkey);
      await page.getByText("Approved (record").waitFor();
      expect((await running).answers[0]?.result?.isError).not.toBe(true);
      expect((await stage.records("approved")).at(-1)).toMatchObject({ by: { key: found.key } });
    });

    test("attack: the lost passkey signs nobody in and nothing any more, though the page is made to ask it", async () => {
      const running = stage.aios.follow("writer", [add("lost")], { holdSeconds: 600 });
      await until(async () => (await stage.aios.held()).length === 1, "what it asks for is held");
      const [held] = await stage.aios.held();
      const before = await stage.records("intent");
      // A browser in which somebody is still in, and in which the page believes in the lost key.
      await open(held?.request ?? "");
      const allow = page.getByRole("button", { name: "Let this run, once" });
      await allow.waitFor();
      const credential = Buffer.from(lost.passkey.credentialId, "base64").toString("base64url");
      await page.evaluate((key) => localStorage.setItem("key", key), lost.key);
      await page.route("**/door/passkey-party", (route) =>
        route.fulfill({ json: { rpId: stage.rpId, credentials: [{ credential, key: lost.key }] } }),
      );
      await page.reload();
      await stage.isRecorded("bad-signature", async () => {
        const answered = page.waitForResponse("**/ask/submit");
        await press(allow, lost.passkey);
        expect(await (await answered).json()).toMatchObject({ error: { code: "bad-statement" } });
      });
      await page.evaluate(() => localStorage.clear());
      await page.reload();
      await stage.isRecorded("bad-signature", async () => {
        const answered = page.waitForResponse("**/door/sign-in");
        await press(page.getByRole("button", { name: "Sign in with a passkey" }), lost.passkey);
        expect(await (await answered).json()).toMatchObject({ error: { code: "bad-passkey" } });
      });
      await page.unroute("**/door/passkey-party");
      expect((await stage.aios.held()).map(({ request }) => request)).toEqual([held?.request]);
      expect(await stage.records("intent")).toEqual(before);
      await stage.aios.answer(held?.request ?? "", "deny");
      await running;
    });

    test("attack: the code that was used is none any more, at the terminal and past it; all of it is in the log", async () => {
      shell.clear();
      shell.type("aios owners recover thief\r");
      await shell.see("recovery code: ");
      shell.type(`${codes[0]?.text}\r`);
      await shell.see("That is no code that is left");
      const [first] = codes;
      if (first === undefined) throw new Error("codes were made");
      await stage.isRecorded("wrong-role", () =>
        expect(recoverBy(first.signer, "thief", ["administer"])).rejects.toThrow(/wrong-role/),
      );
      expect(await idOf("thief")).toBe("");
      const recovered = await idOf("nora-again");
      const [stopped, used] = await stage.records("recovery-begun");
      expect([stopped, used]).toMatchObject([
        { key: recoveryKeyId(toBase64(codes[1]?.signer.publicKey ?? new Uint8Array(32)), sha256) },
        { owner: recovered },
      ]);
      expect(await stage.records("owner-recovered")).toMatchObject([{ owner: recovered, record: used?.seq }]);
      expect((await stage.records("owner-enrolled")).at(-1)).toMatchObject({ owner: found.key, key: recovered });
      expect(await stage.records("owner-removed")).toMatchObject([{ owner: lost.key, key: recovered }]);
      expect((await stage.records("owner-signed-in")).at(-1)).toMatchObject({ key: found.key });
    });

    test("attack: an agent that writes to every terminal it finds answers nothing that the owner is asked at theirs; twin: from outside its words are seen there", async () => {
      const running = stage.aios.follow("writer", [add("painted")], { holdSeconds: 600 });
      await until(async () => (await stage.aios.held()).length === 1, "what it asks for is held");
      const request = (await stage.aios.held())[0]?.request ?? "";
      const before = await stage.records("intent");
      shell.clear();
      shell.type("tty\r");
      await until(() => Promise.resolve(/\/dev\/pts\/\d+\r/.test(shell.shown())), "the terminal says which it is");
      const [terminal = ""] = /\/dev\/pts\/\d+/.exec(shell.shown()) ?? [];
      shell.type(`aios approvals approve ${request}\r`);
      await shell.see("[y/N] ");
      shell.clear();
      const inside = await stage.aios.run({ agent: "writer", command: ["/aios/node", "-e", PAINT, terminal, "all"] });
      expect(inside.stdout).toMatch(/^wrote to \d+\n$/);
      expect(shell.shown()).toBe("");
      const outside = spawnSync(process.execPath, ["-e", PAINT, terminal, "one"], { encoding: "utf8" });
      expect(outside.stdout).toBe("wrote to 1\n");
      await shell.see("PAINTED");
      expect((await stage.aios.held()).map((each) => each.request)).toEqual([request]);
      expect(await stage.records("intent")).toEqual(before);
      shell.type("n\r");
      await shell.see("ended 1");
      await stage.aios.answer(request, "deny");
      await running;
    });
  });
}
