import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request as send } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createOwnerKey } from "../../src/platform/keys/owner-key.ts";
import { RpcError } from "../../src/protocol/rpc-error.ts";
import { cutFlag, startApprovalStage, type ApprovalStage, type Told } from "../fakes/approval-stage.ts";
import type { Cut } from "../fakes/cut-self.ts";
import { openShell, type ShellSession } from "../fakes/shell-session.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { connectClient, ownerDocument } from "../e2e/substrate.ts";
import { ROOT } from "../source-modules.ts";

/*
 * kill -9 of the monitor, of the command line and of the console in the middle of an approval, at chosen moments. Nothing runs
 * twice, nothing runs that nobody signed for, and nothing is forgotten: what did not run still waits, and runs when it is signed for.
 *
 * `npm test` takes the moments that differ, `npm run proof:approvals` takes every one: after each message and each durable write.
 * The same for the deciding code alone is in test/model/approval-cuts.test.ts.
 */
const ALL = process.env["AIOS_APPROVAL_CUTS"] === "all";
/** More moments than there are in an approval: it has an end. */
const MOST = 400;
const PASSPHRASE = "correct horse battery staple";

const folder = makeTemporaryFolder();
chmodSync(folder, 0o755); // the monitor's user reads in it
const monitorCut = join(folder, "monitor.json");
const cliCut = join(folder, "cli.json");
let stage: ApprovalStage;
type End = "SIGSTOP" | "SIGKILL";

beforeAll(async () => {
  stage = await startApprovalStage([cutFlag(monitorCut)]);
});
afterAll(() => stage?.stop());

/** While it works the program kills itself there. */
async function cutting<T>(file: string, cut: Cut, work: () => Promise<T>): Promise<T> {
  // Whole from the first moment: half a plan would break the program where it stands instead of killing it.
  writeFileSync(`${file}.new`, JSON.stringify(cut), { mode: 0o644 });
  renameSync(`${file}.new`, file);
  try {
    return await work();
  } finally {
    rmSync(file);
  }
}

/** Every moment in turn until there is none at which it is killed any more; how many there were. */
async function everyMoment(isKilled: (cut: Cut) => Promise<boolean>): Promise<number> {
  for (let at = 1; at < MOST; at++) if (!(await isKilled({ at, what: null, words: null }))) return at - 1;
  throw new Error(`an approval has over ${MOST} moments`);
}

describe("kill -9 of the monitor", () => {
  let secrets = 0;

  /** Hands a yes in while the monitor is cut; what there was afterwards, or null when it was not killed. */
  async function strike(who: "alive" | "gone", cut: Cut): Promise<Told | null> {
    const { aios } = stage;
    const one = await stage.take(who);
    const { envelope, document, detail } = one;
    const watcher = await connectClient(aios.home);
    const ended = new Promise<void>((resolve) => {
      void watcher.closed.then(resolve);
      watcher.onRecord(({ record }) => record.kind === "outcome" && record.action === detail.digest && resolve());
    });
    await watcher.request("watch", { instance: null });
    const seq = await cutting(monitorCut, cut, async () => {
      // What happens beside it, such as a report from a sandbox, is not the moment.
      if (cut.words !== null) await aios.keepSecret(`beside-${secrets++}`, "of no other use");
      const taken = await aios.client.request("submit", { envelope, document }).catch(nullWhenKilled);
      // It is let run when that is on record, and its answer may be here before it has.
      if (taken !== null) await ended;
      return taken?.seq ?? null;
    });
    watcher.close();
    const lives = seq !== null && (await aios.client.request("checkpoint", {}).then(yes, no));
    if (!lives) {
      await aios.gone();
      await stage.restart();
    }
    const told = await stage.holds(one);
    // Who was told that the answer is kept was told the truth.
    if (seq !== null) expect(told.approved).toBe(1);
    return lives ? null : told;
  }

  test.skipIf(ALL).each([
    ["when the yes is durable, before the intent: it waits", "alive", "after write", '"kind":"approved"', 0],
    ["when it has told the server, after the intent: nobody knows", "gone", "said", '"verb":"call"', 1],
    ["when the server has done it, before the outcome: nobody knows", "gone", "heard", "add is done", 1],
  ] as const)("%s", async (_, who, what, words, intents) => {
    const told = await strike(who, { at: 1, what, words });
    const outcomes = intents === 0 ? [] : ["unknown"];
    expect(told).toMatchObject({ approved: 1, intents, outcomes, waits: intents === 0 });
    if (what === "heard") expect(told?.effects).toBe(1);
  });

  test("what ends a sandbox that a killed monitor left is there before a server is, with no agent since", async () => {
    const { aios } = stage;
    await aios.crash();
    await stage.restart();
    const one = await stage.take("gone");
    await aios.answer(one.detail.request, "allow");
    await expect.poll(() => stage.look(one), { interval: 20 }).toMatchObject({ intents: 1 });
    expect(processOf("src/main/supervisor.ts")).toBeGreaterThan(1);
  });

  test("a no to what is held since then is an owner's no, whatever runs by now", async () => {
    const { aios } = stage;
    const one = await stage.take("gone");
    const { detail } = one;
    await aios.answer(detail.request, "deny");
    const asked = { from: 0, limit: 1000, instance: null, kinds: ["denied" as const] };
    const { entries } = await aios.client.request("log-show", asked);
    const own = entries.flatMap(({ record }) =>
      record.kind === "denied" && record.action === detail.digest ? [record] : [],
    );
    expect(own).toMatchObject([{ code: "denied-by-owner", by: { kind: "owner" } }]);
    expect(await stage.look(one)).toMatchObject({ intents: 0, effects: 0, waits: false });
  });

  test.runIf(ALL).each(["alive", "gone"] as const)(
    "at every moment, its agent %s",
    async (who) => {
      const moments = await everyMoment(async (cut) => (await strike(who, cut)) !== null);
      process.stderr.write(`the monitor was killed at ${moments} moments of an approval, its agent ${who}\n`);
      // With its server to be started there are more of them.
      expect(moments).toBeGreaterThan(who === "alive" ? 12 : 20);
    },
    MOST * 20_000,
  );
});

describe("kill -9 of the command line", () => {
  let shell: ShellSession;
  beforeAll(async () => {
    const signer = await createOwnerKey(join(stage.aios.home, "keys", "owner.json"), PASSPHRASE);
    await stage.aios.sign("enrol-owner", ownerDocument("terminal", signer));
    shell = openShell(folder, {});
  });
  afterAll(() => shell?.close());

  /** Approves at a terminal while the command is cut; whether it was killed, and what there was afterwards. */
  async function strike(cut: Cut): Promise<{ readonly killed: boolean; readonly told: Told }> {
    const one = await stage.take("gone");
    const compiled = `NODE_COMPILE_CACHE=${join(ROOT, "node_modules/.aios-cache/cli")}`; // as bin/aios has it
    const program = `${compiled} ${process.execPath} ${cutFlag(cliCut)} ${join(ROOT, "src/main/aios.ts")}`;
    await cutting(cliCut, cut, async () => {
      shell.clear();
      shell.type(`${program} approvals approve ${one.detail.request} --home ${stage.aios.home}; echo "exit"=$?\r`);
      for (const [prompt, typed] of [
        ["Let this run, once? [y/N] ", "y\r"],
        ["passphrase of the owner key: ", `${PASSPHRASE}\r`],
      ] as const) {
        if ((await shell.see(prompt, "exit=")) === prompt) shell.type(typed);
      }
      await shell.see("exit=");
    });
    const killed = shell.shown().includes("exit=137");
    // What it handed in before it was killed goes on without it.
    await expect.poll(async () => settled(await stage.look(one)), { interval: 20 }).toBe(true);
    return { killed, told: await stage.holds(one) };
  }

  test.skipIf(ALL).each([
    ["when it has what it shows: nothing is signed", "heard", '"statement":', 0],
    ["when it has handed the yes in: it runs without it", "said", '"submit"', 1],
  ] as const)("%s", async (_, what, words, ran) => {
    const { killed, told } = await strike({ at: 1, what, words });
    expect({ killed, ...told }).toEqual({
      killed: true,
      approved: ran,
      intents: ran,
      outcomes: ran === 0 ? [] : ["ok"],
      effects: ran,
      waits: ran === 0,
    });
  });

  test.runIf(ALL)(
    "at every moment",
    async () => {
      const moments = await everyMoment(async (cut) => (await strike(cut)).killed);
      process.stderr.write(`the command line was killed at ${moments} moments of an approval\n`);
      expect(moments).toBeGreaterThan(8);
    },
    MOST * 20_000,
  );
});

describe("kill -9 of the console", () => {
  /** Hands a yes in through the console, as its page does, and kills it then. */
  async function strike(
    kill: (handIn: (sent?: () => void) => Promise<unknown>, end: (signal: End) => void) => Promise<void>,
  ): Promise<Told> {
    const one = await stage.take("gone");
    const { client } = stage.aios; // after that, which may have started another monitor
    const { code, origin } = await client.request("console-open", {});
    const server = processOf("src/main/console.ts");
    const entered = await post(origin, { path: "/enter", body: code });
    const { half } = JSON.parse(entered.body) as { half: string };
    const headers = { cookie: entered.cookie, "x-aios-half": half };
    const body = JSON.stringify({ envelope: one.envelope, document: one.document });
    const handIn = (sent?: () => void): Promise<unknown> =>
      post(origin, { path: "/ask/submit", body, headers, sent }).catch(() => null);
    await kill(handIn, (signal) => process.kill(server, signal));
    await expect.poll(async () => (await stage.aios.client.request("console-close", {})).closed).toBe(false);
    await expect.poll(async () => settled(await stage.look(one)), { interval: 20 }).toBe(true);
    return stage.holds(one);
  }

  test("before it has read the yes: it waits", async () => {
    const told = await strike(async (handIn, end) => {
      end("SIGSTOP");
      const sent = Promise.withResolvers<void>();
      const handed = handIn(sent.resolve);
      await sent.promise;
      end("SIGKILL");
      await handed;
    });
    expect(told).toMatchObject({ approved: 0, effects: 0, waits: true });
  });

  test.each(ALL ? (["approved", "intent", "outcome"] as const) : (["intent"] as const))(
    "when the yes is with the monitor, at the record %s: it runs without it",
    async (kind) => {
      const told = await strike(async (handIn, end) => {
        const seen = new Promise<void>((resolve) =>
          stage.aios.client.onRecord(({ record }) => record.kind === kind && resolve()),
        );
        await stage.aios.client.request("watch", { instance: null });
        const handed = handIn();
        await seen;
        end("SIGKILL");
        await handed;
      });
      expect(told).toEqual({ approved: 1, intents: 1, outcomes: ["ok"], effects: 1, waits: false });
    },
  );
});

/** Whether nothing is under way any more, as far as the log says. */
function settled({ approved, outcomes, waits }: Told): boolean {
  return waits ? approved === 0 : outcomes.length === 1;
}

/** A monitor that refuses is alive, and whoever waited for its end would wait for ever. */
function nullWhenKilled(error: unknown): null {
  if (error instanceof RpcError && error.code === "peer-closed") return null;
  throw error;
}

const yes = (): boolean => true;
const no = (): boolean => false;

/** The process under the monitor that runs this program. */
function processOf(program: string): number {
  const found = readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const [node = "", ...words] = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      return (
        node.endsWith("node") && words.some((word) => word.endsWith(program)) && isBelow(Number(name), stage.aios.pid)
      );
    } catch {
      return false; // it has ended meanwhile
    }
  });
  expect(found.length).toBe(1);
  return Number(found[0]);
}

function isBelow(pid: number, above: number): boolean {
  for (let at = pid; at > 1;) {
    if (at === above) return true;
    at = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${at}/status`, "utf8"))?.[1] ?? 0);
  }
  return false;
}

/** What a page sends, over a connection of its own. `sent`: called when all of it has gone out. */
function post(
  origin: string,
  asked: {
    readonly path: string;
    readonly body: string;
    readonly headers?: { readonly [name: string]: string };
    readonly sent?: (() => void) | undefined;
  },
): Promise<{ readonly body: string; readonly cookie: string }> {
  const { host, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const headers = { host, origin, ...asked.headers };
    const sent = send({ host: "127.0.0.1", port, method: "POST", path: asked.path, headers, agent: false });
    sent.on("error", reject);
    sent.on("finish", () => asked.sent?.());
    sent.on("response", (response) => {
      let answer = "";
      response.setEncoding("utf8").on("data", (part: string) => (answer += part));
      response.on("error", reject);
      response.on("end", () => {
        const [cookie = ""] = response.headers["set-cookie"] ?? [];
        resolve({ body: answer, cookie: cookie.split(";")[0] ?? "" });
      });
    });
    sent.end(asked.body);
  });
}
