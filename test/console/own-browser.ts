import { spawnSync } from "node:child_process";
import type { CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { ownerKeyId } from "../../src/protocol/owner-key.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { until } from "../fakes/busy-instances.ts";
import { passkeysIn, plugIn, type Passkey } from "./authenticator.ts";
import { openSigning } from "./signing-page.ts";
import type { ConsoleStage } from "./stage.ts";

const { sha256 } = createCrypto();

/** Says for each way to the console's port what came of it, and asks the console for its first page in between. */
const KNOCK = `
const net = require("node:net");
const [port, host] = process.argv.slice(-2);
const knock = (where) => new Promise((done) => {
  const socket = net.connect(where, () => socket.write("GET / HTTP/1.1\\r\\nhost: " + host + ":" + port + "\\r\\nconnection: close\\r\\n\\r\\n"));
  socket.once("data", (bytes) => (done(String(bytes).split("\\r\\n")[0]), socket.destroy()));
  socket.once("error", ({ code }) => done(code));
  socket.once("close", () => done("closed"));
});
(async () => {
  const found = [];
  for (const address of ["127.0.0.1", "::1"]) found.push(await knock({ host: address, port: Number(port) }));
  process.stdout.write("knocked " + JSON.stringify(found) + "\\n");
})();`;

/**
 * An agent that drives a browser: from inside its sandbox it reaches no console; and with a browser outside, a session by a
 * code, an authenticator of its own and pages that it changes as it likes, it presses every button and approves nothing.
 */
export function describeOwnBrowser(given: () => ConsoleStage): void {
  describe("an agent that drives a browser of its own", () => {
    let stage: ConsoleStage;
    let page: Page;
    let session: CDPSession;
    let passkey: Passkey | null = null;
    let document: Awaited<ReturnType<typeof offered>>;

    beforeAll(async () => {
      stage = given();
      ({ page } = await stage.comeIn({ viewport: { width: 900, height: 700 } }));
      session = await page.context().newCDPSession(page);
    });
    afterAll(async () => {
      for (const { request } of await stage.aios.held()) await stage.aios.answer(request, "deny");
      await page.context().close();
    });

    async function offered(code: string) {
      const found = (await stage.aios.client.request("invited", { code })).document;
      if (found === null) throw new Error("nothing was offered");
      return found;
    }
    /** Has the agent ask, and opens the signing page at it. */
    async function ask(text: string): Promise<void> {
      const call = { method: "tools/call", params: { name: "notes__add", arguments: { text } } };
      void stage.aios.follow("writer", [call], { holdSeconds: 600 }).catch(() => null);
      await until(async () => (await stage.aios.held()).length === 1, "what it asks for is held");
      const [held] = await stage.aios.held();
      await openSigning(page, `${stage.origin}/sign#${held?.request}`);
    }
    /** Presses the button, as if somebody had signed in with this key, and its own passkey had that id; what the monitor says. */
    async function press(key: string, { verified = true, name = "Let this run, once" } = {}): Promise<unknown> {
      await page.evaluate((id) => localStorage.setItem("key", id), key);
      await page.route("**/door/passkey-party", async (route) => {
        const credential = Buffer.from(passkey?.credentialId ?? "", "base64").toString("base64url");
        await route.fulfill({ json: { rpId: stage.rpId, credentials: [{ credential, key }] } });
      });
      await page.reload();
      const button = page.getByRole("button", { name });
      await button.waitFor();
      // Its page asks for no verification, where the console's does.
      const discourage = (): void => {
        const get = navigator.credentials.get.bind(navigator.credentials);
        navigator.credentials.get = ({ publicKey, ...more } = {}) =>
          get({ ...more, ...(publicKey && { publicKey: { ...publicKey, userVerification: "discouraged" } }) });
      };
      if (!verified) await page.evaluate(discourage);
      await plugIn(session, { passkey, verified });
      const [answer] = await Promise.all([page.waitForResponse("**/ask/submit"), button.click()]);
      const said: unknown = await answer.json();
      await page.unroute("**/door/passkey-party");
      return said;
    }
    /** Whether an attempt leaves what waits waiting, and is in the log. */
    async function runsNothing(code: string, attempt: () => Promise<unknown>): Promise<void> {
      const before = [await stage.aios.held(), await stage.records("intent")];
      await stage.isRecorded(code, attempt);
      expect([await stage.aios.held(), await stage.records("intent")]).toEqual(before);
    }

    test("attack: it reaches no console from inside; twin: the same program does outside", async () => {
      const words = ["-e", KNOCK, String(stage.port), stage.host];
      const outside = spawnSync(process.execPath, words, { encoding: "utf8" }).stdout;
      expect(outside).toBe('knocked ["HTTP/1.1 200 OK","HTTP/1.1 200 OK"]\n');
      const ran = await stage.aios.run({ agent: "writer", command: ["/aios/node", ...words] });
      expect(ran.stdout).toBe('knocked ["ECONNREFUSED","ECONNREFUSED"]\n');
    });

    test("attack: a passkey that it offers and nobody enrolled signs nothing, under its own id and under an owner's", async () => {
      const { code } = await stage.aios.client.request("invite", { name: "ghost", roles: ["approve"] });
      await page.goto(`${stage.origin}/enrol`);
      const authenticator = await plugIn(session, { passkey: null });
      await page.getByLabel("Code").fill(code);
      await page.getByRole("button", { name: "Make a passkey" }).click();
      await page.locator("#key-code").waitFor();
      passkey = (await passkeysIn(session, authenticator))[0] ?? null;
      document = await offered(code);
      await ask("eleven");
      const refused = { error: { code: "bad-statement" } };
      await runsNothing("bad-signature", async () => {
        expect(await press(ownerKeyId(document.key, sha256))).toMatchObject(refused);
        const { owners } = await stage.aios.client.request("owners", {});
        const mia = owners.find(({ name }) => name === "mia");
        expect(await press(mia?.id ?? "")).toMatchObject(refused);
      });
    });

    test("attack: an owner's passkey whose authenticator did not see its person signs nothing; twin: seen, it does", async () => {
      await stage.aios.sign("enrol-owner", JSON.parse(JSON.stringify(document)));
      const key = ownerKeyId(document.key, sha256);
      await runsNothing("bad-signature", async () => {
        expect(await press(key, { verified: false })).toMatchObject({ error: { code: "bad-statement" } });
      });
      expect(await press(key)).toMatchObject({ seq: expect.any(Number) });
      await page.getByText("Approved (record").waitFor();
      expect(await stage.aios.held()).toEqual([]);
    });

    test("attack: what it has seen being handed in, handed in again, runs nothing", async () => {
      await ask("twelve");
      const key = ownerKeyId(document.key, sha256);
      const [sent] = await Promise.all([page.waitForRequest("**/ask/submit"), press(key)]);
      const intents = await stage.records("intent");
      await stage.isRecorded("replayed", async () => {
        const again = await page.evaluate(
          async (body) =>
            fetch("/ask/submit", {
              method: "POST",
              body,
              headers: { "x-aios-half": localStorage.getItem("half") ?? "" },
            }).then((response) => response.json() as Promise<unknown>),
          sent.postData() ?? "",
        );
        expect(again).toMatchObject({ error: { code: "bad-statement" } });
      });
      expect(await stage.records("intent")).toEqual(intents);
    });

    test("attack: a no that it makes a yes on its way, and a yes that it moves to another action, run nothing; twin: the no is one", async () => {
      await ask("thirteen");
      const key = ownerKeyId(document.key, sha256);
      const turned = { decision: "allow" };
      const moved = { decision: "allow", subject: `sha256:${"0".repeat(64)}` };
      for (const change of [turned, moved]) {
        await page.route("**/ask/submit", (route) => {
          const body: { envelope: { payload: string } } = route.request().postDataJSON();
          const statement: object = JSON.parse(Buffer.from(body.envelope.payload, "base64").toString());
          const payload = Buffer.from(canonicalize({ ...statement, ...change })).toString("base64");
          return route.continue({ postData: JSON.stringify({ ...body, envelope: { ...body.envelope, payload } }) });
        });
        await runsNothing("bad-signature", async () => {
          expect(await press(key, { name: "Deny" })).toMatchObject({ error: { code: "bad-statement" } });
        });
        await page.unroute("**/ask/submit");
      }
      expect(await press(key, { name: "Deny" })).toMatchObject({ seq: expect.any(Number) });
      await page.getByText("Denied (record").waitFor();
      expect(await stage.aios.held()).toEqual([]);
    });
  });
}
