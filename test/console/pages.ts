import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { verifyProof } from "../../src/protocol/log-proof.ts";
import { noteKeyText, readNoteKey } from "../../src/protocol/note.ts";
import { readProof } from "../../src/protocol/proof-file.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { recordText } from "../../src/protocol/record-codec.ts";
import type { CliRequests } from "../../src/protocol/requests.ts";
import { contentOf, saltedOf } from "../fakes/memory-export.ts";
import { documentOf, OTHER_LOG } from "../fakes/memory-import.ts";
import { until } from "../fakes/busy-instances.ts";
import type { ConsoleStage } from "./stage.ts";

const crypto = createCrypto();
const sha256 = (data: Uint8Array): Uint8Array => crypto.sha256(data);
const same = (answer: unknown): unknown => answer;
type Ok<K extends keyof CliRequests> = CliRequests[K]["ok"];
/** How a lying console changes what the monitor answers. */
interface Lies {
  readonly show?: (answer: Ok<"log-show">) => Ok<"log-show">;
  readonly disclose?: (answer: Ok<"log-disclose">) => Ok<"log-disclose">;
  readonly prove?: (answer: Ok<"log-prove">) => Ok<"log-prove">;
  readonly key?: (answer: Ok<"checkpoint">) => Ok<"checkpoint">;
}

/** What the agent does before it waits to be stopped. */
const WORK = "echo hello > /workspace/made.txt; /bin/true; /bin/true; while :; do /bin/sleep 1; done";

/** Starts an agent that writes a file and starts programs, and goes on until it is ended. Resolves when it has written. */
export async function startWorker({ aios, records }: ConsoleStage): Promise<{ readonly ended: Promise<unknown> }> {
  await aios.grant({
    id: "work",
    agents: ["worker"],
    allow: [],
    limits: { uses: 5 },
    workspace: "write",
    programs: "any",
  });
  const ended = aios.run({
    agent: "worker",
    command: ["/bin/sh", "-c", WORK],
    workspace: aios.workspace,
    task: "Write made.txt",
  });
  await until(async () => (await records("files-written")).length > 0, "a record of the file that it wrote");
  return { ended };
}

/** The pages that look closer: one instance. */
export function describePages(parts: { stage(): ConsoleStage; faults(page: Page): Promise<readonly string[]> }): void {
  describe("looks closer:", () => {
    let stage: ConsoleStage;
    let page: Page;

    beforeAll(async () => {
      stage = parts.stage();
      ({ page } = await stage.comeIn({ viewport: { width: 1100, height: 760 } }));
    });
    afterAll(() => page.context().close());

    /** Neither axe nor a narrow screen finds fault with the page that is open, in light and in dark. */
    async function isFine(): Promise<void> {
      for (const [colorScheme, width] of [
        ["light", 1100],
        ["dark", 360],
      ] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 760 });
        const wider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        expect({ width, wider, found: await parts.faults(page) }).toEqual({ width, wider: false, found: [] });
      }
      await page.setViewportSize({ width: 1100, height: 760 });
    }

    test("one instance: what it did, what it may and has used, and the buttons that hold and end it", async () => {
      const { ended } = await startWorker(stage);
      await page.keyboard.press("a");
      await page.getByRole("link", { name: "worker" }).click();
      const story = page.locator(".story");
      await story.getByText("You asked it: Write made.txt").waitFor();
      await story.getByText("Wrote 1 file, once: /workspace/made.txt").waitFor();
      expect(await story.locator("li").count()).toBeLessThanOrEqual(10);
      const programs = page.locator(".card", { hasText: "Programs started" });
      await programs.locator("li", { hasText: "/bin/true" }).getByText("×2").waitFor();
      await page.getByText("0 of 5").waitFor();
      await isFine();
      await page.getByRole("button", { name: "Hold every action" }).click();
      await page.locator(".label", { hasText: "every action waits for a person" }).waitFor();
      expect(await stage.records("hold-asked")).toMatchObject([{ stages: ["approve"] }]);
      await page.getByRole("button", { name: "End it" }).click();
      await story.getByText("then killed").waitFor();
      await ended;
      expect(await page.getByRole("button", { name: "End it" }).count()).toBe(0);
    });

    test("grants: what is in force, what each says as it was signed, by whom and until when", async () => {
      await page.keyboard.press("g");
      const row = page.getByRole("row", { name: "work" });
      await row.getByText("active").waitFor();
      expect(await row.textContent()).toContain("owner");
      await isFine();
      await row.getByRole("link", { name: "work" }).click();
      const said = page.getByLabel("What it says");
      await said.getByText("5 uses in all").waitFor();
      expect(await said.textContent()).toContain("the agent itself sees the workspace folder (and may write in it)");
      await page.getByText("signed by owner").waitFor();
      await isFine();
    });

    test("policy: why an action would be held or denied, as the terminal explains it", async () => {
      await page.keyboard.press("p");
      await page.getByText("no rules of the owner").waitFor();
      const explain = page.getByRole("button", { name: "Explain" });
      await page.getByLabel("Agent").fill("writer");
      await page.getByLabel("Action").fill("notes/add");
      await page.getByLabel("Arguments").fill('{"text": "x"}');
      await explain.click();
      await page.getByText("It would be held.").waitFor();
      await page.getByLabel("Action").fill("notes/burn");
      await explain.click();
      await page.getByText("It would be denied").waitFor();
      const proposal = { verb: "call", driver: "notes", name: "burn", arguments: { text: "x" } } as const;
      const said = await stage.aios.client.request("policy-explain", {
        agent: "writer",
        labels: [],
        task: null,
        proposal,
      });
      expect(await page.locator(".form").first().textContent()).toContain(`(${said.code})`);
      await page.getByLabel("Action").fill("no tool");
      await explain.click();
      await page.getByText("It names no tool").waitFor();
      await isFine();
    });

    test("memory: what agents keep, where it comes from, and that words of an agent are nothing else", async () => {
      const hostile = '<img src=x onerror="document.title=1"> turn \u202eback, cellar';
      const kept = [contentOf(hostile), contentOf("The cheese is in the attic", { labels: [], sources: [] })];
      await stage.aios.client.request("memory-deposit", { first: true, entries: kept.map(saltedOf) });
      await stage.aios.sign("import-memory", documentOf(kept));
      await page.keyboard.press("m");
      const rows = page.locator(".records li");
      await rows.nth(1).waitFor();
      expect(await page.getByRole("row", { name: "append-only" }).first().textContent()).toContain("2 entries");
      await rows.nth(1).locator("summary").click();
      const opened = (await rows.nth(1).textContent()) ?? "";
      for (const said of [
        "<img src=x",
        "turn ‹U+202E›back",
        "untrusted",
        "web/fetch",
        `import:${OTHER_LOG}`,
        "quarantine entry",
      ])
        expect(opened).toContain(said);
      expect(await page.locator(".records img").count()).toBe(0);
      await isFine();
      await page.getByLabel("Words").fill("cheese");
      await page.getByRole("button", { name: "Newest" }).click();
      await page.getByText("One entry.").waitFor();
      expect(await rows.count()).toBe(1);
    });

    test("policy: what other rules would have decided of the last actions, and what is wrong with rules that are none", async () => {
      const attempt = page.getByRole("button", { name: "Try them" });
      const draft = page.getByLabel("Rules to try");
      await page.getByRole("link", { name: "Policy", exact: true }).click();
      await draft.fill('forbid (principal, action, resource) when { context.nothing == "x" };');
      await attempt.click();
      await page.locator(".form li.bad").first().waitFor();
      await draft.fill("forbid (principal, action, resource);");
      await attempt.click();
      await page.getByText(/actions tried, [1-9]\d* would come out differently/).waitFor();
      const changed = page.getByRole("row", { name: "notes/add" }).first();
      expect(await changed.textContent()).toContain("denied");
      // Nothing is changed by it.
      expect(await stage.records("policy-set")).toEqual([]);
      await isFine();
    });

    test("log: page by page with filters, and a record in full with what became of its action", async () => {
      await page.keyboard.press("l");
      await page.getByText(/Records \d+ to \d+ of \d+\./).waitFor();
      await page.getByLabel("About").selectOption("actions");
      await expect.poll(() => page.locator(".records li", { hasText: "console-entered" }).count()).toBe(0);
      const denied = page.locator(".records li", { hasText: "denied" }).first();
      await denied.waitFor();
      await isFine();
      await denied.getByRole("link").click();
      await page.getByRole("heading", { name: "What became of this action, and why" }).waitFor();
      await page.getByText(/^Verified against the checkpoint of \d+ records$/).waitFor();
      await isFine();
      await page.getByRole("link", { name: "What would happen to it now?" }).click();
      await page.getByText("It would be held.").waitFor();
    });

    test("log: a proof that is saved is the one that the command line writes and checks", async () => {
      await page.goto(`${stage.origin}/#log/0`);
      await page.getByText(/^Verified against/).waitFor();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Save the proof" }).click(),
      ]);
      const text = readFileSync(await download.path(), "utf8");
      expect(download.suggestedFilename()).toBe("0.tlog-proof");
      const { key } = await stage.aios.client.request("checkpoint", {});
      const read = readNoteKey(sha256, key);
      const proof = readProof(text);
      if (proof === null || read === null) throw new Error("the file is no proof");
      expect(verifyProof(proof, { powers: crypto, publicKey: read.publicKey, origin: read.name }).kind).toBe(
        "verified",
      );
    });

    /** What the page says of record 1 when the console answers some requests otherwise than the monitor. */
    async function lie(lies: Lies, about = /NOT VERIFIED|Verified against/): Promise<string> {
      const { client } = stage.aios;
      const answers: { readonly [name: string]: (asked: never) => Promise<unknown> } = {
        "log-show": async (asked) => (lies.show ?? same)(await client.request("log-show", asked)),
        "log-disclose": async (asked) => (lies.disclose ?? same)(await client.request("log-disclose", asked)),
        "log-prove": async (asked) => (lies.prove ?? same)(await client.request("log-prove", asked)),
        checkpoint: async () => (lies.key ?? same)(await client.request("checkpoint", {})),
      };
      await page.route("**/ask/*", async (route) => {
        const answer = answers[route.request().url().split("/").at(-1) ?? ""];
        if (answer === undefined) return route.continue();
        return route.fulfill({ json: await answer(route.request().postDataJSON() as never) });
      });
      await page.goto(`${stage.origin}/#log`);
      await page.getByRole("heading", { name: "Log", exact: true }).waitFor();
      await page.goto(`${stage.origin}/#log/1`);
      const said = await page.locator("[role=status]", { hasText: about }).innerText();
      await page.unroute("**/ask/*");
      return said;
    }
    const otherTime = (record: LogRecord): LogRecord => ({ ...record, at: 7 });
    const show: Lies["show"] = ({ entries, size }) => ({
      size,
      entries: entries.map(({ record, payload }) => ({ record: otherTime(record), payload })),
    });

    test("attack: a record that is shown otherwise, a forged proof and another key are found out; twin: the true one is verified", async () => {
      expect(await lie({})).toContain("Verified against");
      expect(await lie({ show })).toContain("the proof is of another record than the one shown");
      // The proof is forged along with it: its path does not lead to the root any more.
      const prove: Lies["prove"] = ({ proof }) => {
        const record: LogRecord = JSON.parse(proof.record);
        return { proof: { ...proof, record: recordText(otherTime(record)) } };
      };
      expect(await lie({ show, prove })).toContain("does not lead from record 1 to the root");
      const resized: Lies["prove"] = ({ proof }) => ({
        proof: {
          ...proof,
          checkpoint: proof.checkpoint.replace(/\n(\d+)\n/, (_, size: string) => `\n${Number(size) + 1}\n`),
        },
      });
      expect(await lie({ prove: resized })).toContain("not signed by the key");
      const { publicKey } = createSigner(new Uint8Array(32));
      const key = noteKeyText(sha256, { name: "aios.local/other", publicKey });
      expect(await lie({ key: (answer) => ({ ...answer, key }) })).toContain("this browser has known it as");
    });

    test("attack: a payload that is not what its record commits to is found out and not shown; twin: the true one is what is checked", async () => {
      const about = /NOT VERIFIED|commits to: this browser/;
      expect(await lie({}, about)).toContain('"document"');
      const disclose: Lies["disclose"] = ({ entries, ...rest }) => ({
        ...rest,
        entries: entries.map(({ leaf, salted }) => ({
          leaf,
          salted: salted === null ? null : `${salted.slice(0, -1)} }`,
        })),
      });
      const said = await lie({ disclose }, about);
      expect(said).toContain("is not what the record commits to");
      expect(said).not.toContain("document");
      const resalted: Lies["disclose"] = ({ entries, ...rest }) => ({
        ...rest,
        entries: entries.map(({ leaf, salted }) => ({ leaf, salted: `0${salted}` })),
      });
      expect(await lie({ disclose: resalted }, about)).toContain("is not what the record commits to");
    });

    test("attack: a log that was replaced or cut since this browser verified it is found out; twin: one that has grown is not", async () => {
      // In a cookie of the home's name, since the console has another name with every start.
      const kept = (await page.context().cookies(stage.origin)).find(({ name }) => name === "log-checkpoint");
      if (kept === undefined) throw new Error("nothing was kept");
      expect(kept.domain).toBe(`.${stage.rpId}`);
      const seen = decodeURIComponent(kept.value);
      const [origin = "", size = ""] = seen.split("\n");
      const remember = (text: string) => page.context().addCookies([{ ...kept, value: encodeURIComponent(text) }]);
      const otherRoot = `${"A".repeat(43)}=`;
      await remember(`${origin}\n${size}\n${otherRoot}\n`);
      expect(await lie({})).toContain("not the log that this browser verified");
      await remember(`${origin}\n9999999\n${otherRoot}\n`);
      expect(await lie({})).toContain("it was cut");
      await remember(seen);
      expect(await lie({})).toContain("The log has grown from");
    });
  });
}
