import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { createSigner } from "../../src/platform/keys/signer.ts";
import { keyId } from "../../src/protocol/statement.ts";
import type { StoppedInstance } from "../../src/protocol/stop-report.ts";
import { type BusyInstances, startBusy, until } from "../fakes/busy-instances.ts";
import { scriptSource } from "./sources.ts";
import { signed, startSubstrate, type Substrate } from "./substrate.ts";

/*
 * A stop that stops. Instances that are busy with everything at once (fork storms, processes that continue each other,
 * writing, streams from outside) are frozen, thawed and ended, and what the monitor says of it is held against
 * what can be seen from outside.
 */
const COUNT = 4;
let aios: Substrate;
let busy: BusyInstances;

beforeAll(async () => {
  aios = await startSubstrate();
  busy = await startBusy(aios, COUNT);
}, 180_000);
afterAll(async () => {
  busy.close();
  await aios.stop();
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What agents and the service did in a while. */
async function workIn(ms: number): Promise<{ readonly bytes: readonly number[]; readonly lines: number }> {
  const [before, { lines }] = [busy.grown(), busy.streams()];
  await pause(ms);
  return { bytes: busy.grown().map((now, at) => now - (before[at] ?? 0)), lines: busy.streams().lines - lines };
}

/** Processes of agents that are left, whoever says what. */
function agentsLeft(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("busy.json");
    } catch {
      return false;
    }
  });
}

/** proc_pid_stat(5), field 19. */
function niceOf(pid: string | number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
  } catch {
    return null; // it ended
  }
}

/** CAP_SYS_NICE of this process, which starts the monitor. */
const MAY_GO_FIRST =
  (BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`) &
    (1n << 23n)) !==
  0n;

function parts(stopped: StoppedInstance | undefined): readonly string[] {
  return (stopped?.parts ?? []).map(({ part, state }) => `${part} ${state}`);
}

describe("a freeze of everything", () => {
  let record: number;

  test("finds them at work, which shows that what follows can fail", async () => {
    const { bytes, lines } = await workIn(1000);
    expect(bytes.every((each) => each > 0)).toBe(true);
    expect(lines).toBeGreaterThan(COUNT);
  });

  test("goes before what it stops on the processor, where it may, and what it stops does not", () => {
    const agents = agentsLeft().flatMap((pid) => niceOf(pid) ?? []);
    expect(agents.length).toBeGreaterThanOrEqual(COUNT);
    expect([niceOf(aios.pid), ...new Set(agents)]).toEqual([MAY_GO_FIRST ? -20 : 0, 0]);
  });

  test("is confirmed part by part, and is so", async () => {
    const report = await aios.client.request("freeze", { instance: null });
    expect(report.instances).toHaveLength(COUNT);
    for (const stopped of report.instances) {
      expect(stopped).toMatchObject({ confirmed: true, starting: 0 });
      expect(parts(stopped)).toEqual([
        "agent still",
        "face still",
        "driver still",
        expect.stringMatching(/^broker (still|gone)$/),
        "storage still",
      ]);
      expect(stopped.parts[0]?.processes).toBeGreaterThanOrEqual(5);
      expect(stopped.recorded).not.toBeNull();
    }
    record = report.all ?? -1;
    expect(record).toBeGreaterThan(0);
    // The answer may be here before this process has heard from its own kernel that the other ends are closed.
    await until(() => busy.streams().open === 0, "the end of the streams");
    const { bytes, lines } = await workIn(1000);
    expect(bytes).toEqual(busy.agents.map(() => 0));
    expect(lines).toBe(0);
    expect(busy.streams().open).toBe(0);
  });

  test("the network was cut without ending what carries it, so that it can go on", async () => {
    const { instances } = await aios.client.request("freeze", { instance: null });
    record = (await aios.client.request("ps", { all: false })).allFrozen ?? -1;
    expect(instances.map((stopped) => parts(stopped)[3])).toEqual(busy.agents.map(() => "broker still"));
  });

  test("keeps everything from starting, also what was about to", async () => {
    await expect(aios.run({ agent: "late", command: ["true"] })).rejects.toMatchObject({ code: "all-frozen" });
  });

  test("is lifted by no signature over a single instance, over another freeze, or of a stranger", async () => {
    const [first] = (await aios.client.request("ps", { all: false })).instances;
    await expect(aios.sign("thaw-instance", { instance: first?.instance ?? "" })).rejects.toMatchObject({
      code: "all-frozen",
    });
    await expect(aios.sign("thaw-all", { frozen: record - 1 })).rejects.toMatchObject({ code: "all-frozen" });
    const stranger = createSigner(randomBytes(32));
    const document = { frozen: record };
    const { statement } = await aios.client.request("prepare", { purpose: "thaw-all", document });
    const key = keyId(stranger.publicKey, createCrypto().sha256);
    const envelope = signed({ ...statement, decision: "allow", key }, stranger);
    await expect(aios.client.request("submit", { document, envelope })).rejects.toMatchObject({
      code: "bad-statement",
    });
    expect((await workIn(300)).bytes).toEqual(busy.agents.map(() => 0));
  });

  test("is lifted by an owner's, and all go on, with new streams", async () => {
    await aios.sign("thaw-all", { frozen: record });
    await until(() => busy.streams().open === COUNT, "streams after the thaw");
    const { bytes } = await workIn(2000);
    expect(bytes.every((each) => each > 0)).toBe(true);
    expect((await aios.client.request("ps", { all: false })).allFrozen).toBeNull();
  });
});

describe("what begins meanwhile", () => {
  test("does not come to run", async () => {
    const began = Array.from({ length: 4 }, (_, at) =>
      aios.run({ agent: `late-${at}`, command: ["sh", "-c", "echo ran"] }).then(
        (ran) => ran.state,
        (error: { readonly code?: string }) => error.code,
      ),
    );
    await until(
      async () => (await aios.client.request("ps", { all: false })).instances.some(({ agent }) => agent === "late-0"),
      "a start",
    );
    const { instances, all } = await aios.client.request("freeze", { instance: null });
    expect(instances.filter(({ confirmed }) => !confirmed)).toEqual([]);
    const { instances: left } = await aios.client.request("ps", { all: false });
    await until(
      async () => (await Promise.race([Promise.all(began), pause(0).then(() => null)])) !== null,
      "their end",
    );
    expect(left.filter(({ agent, state }) => agent.startsWith("late") && state === "running")).toEqual([]);
    const { instances: still } = await aios.client.request("ps", { all: false });
    expect(still.filter(({ agent, state }) => agent.startsWith("late") && state === "running")).toEqual([]);
    const { instances: ever } = await aios.client.request("ps", { all: true });
    const late = ever.filter(({ agent }) => agent.startsWith("late"));
    expect(late.map(({ state, why }) => `${state} ${why}`)).toEqual(late.map(() => "ended not-started"));
    // The answer says the same of each of them that it knows, and of those that ran before that they can go on.
    for (const { agent, life } of instances) expect(life).toBe(agent.startsWith("late") ? "ended" : "frozen");
    await aios.sign("thaw-all", { frozen: all ?? -1 });
  });

  test("says of one that alone was frozen while it started what became of it", async () => {
    const began = aios.run({ agent: "young", command: ["sleep", "60"] }).catch(() => null);
    const young = async () =>
      (await aios.client.request("ps", { all: true })).instances.find(({ agent }) => agent === "young");
    await until(async () => (await young()) !== undefined, "a start");
    const instance = (await young())?.instance ?? "";
    const { instances } = await aios.client.request("freeze", { instance });
    const found = await young();
    expect(instances).toMatchObject([{ instance, life: found?.state, confirmed: true, starting: 0 }]);
    // On a slow way here its start was over, and it stands still.
    if (found?.state === "frozen") await aios.client.request("kill", { instance });
    else expect(found).toMatchObject({ state: "ended", why: "not-started" });
    await began;
  });
});

describe("a kill of what is starting", () => {
  test("is how it ends, and no fault of its start", async () => {
    const began = Array.from({ length: 4 }, (_, at) =>
      aios.run({ agent: `early-${at}`, command: ["sleep", "60"] }).then(
        ({ state, why }) => `${state} ${why}`,
        (error: { readonly code?: string }) => error.code,
      ),
    );
    const early = async (): Promise<readonly string[]> =>
      (await aios.client.request("ps", { all: false })).instances
        .filter(({ agent }) => agent.startsWith("early"))
        .map(({ instance }) => instance);
    await until(async () => (await early()).length === 4, "four starts");
    for (const instance of await early()) {
      const { instances } = await aios.client.request("kill", { instance });
      expect(instances).toMatchObject([{ confirmed: true, starting: 0 }]);
    }
    expect(await Promise.all(began)).toEqual(Array.from({ length: 4 }, () => "ended killed"));
  });
});

describe("a kill of everything", () => {
  test("is confirmed, frozen ones and running ones, and nothing is left", async () => {
    const [first] = (await aios.client.request("ps", { all: false })).instances;
    expect(agentsLeft().length).toBeGreaterThan(COUNT);
    await aios.client.request("freeze", { instance: first?.instance ?? "" });
    const { instances, all } = await aios.client.request("kill", { instance: null });
    expect(instances).toHaveLength(COUNT);
    for (const stopped of instances) {
      expect(stopped).toMatchObject({ confirmed: true });
      expect(stopped.parts.map(({ state, processes }) => [state, processes])).toEqual(
        stopped.parts.map(() => ["gone", 0]),
      );
    }
    expect(agentsLeft()).toEqual([]);
    expect(all).toBeNull();
    expect((await Promise.all(busy.runs)).map(({ why }) => why)).toEqual(busy.agents.map(() => "killed"));
    // Twin: it is a stop of what runs, and of nothing later.
    expect(await aios.run({ agent: "late", command: ["true"] })).toMatchObject({ exit: 0 });
  });
});

describe("kill -9 of the monitor", () => {
  const plan = [{ method: "tools/call", params: { name: "notes__burn", arguments: { text: "x" } } }];

  async function hold(agent: string): Promise<{ readonly instance: string; readonly request: string }> {
    void aios.follow(agent, plan, { holdSeconds: 600 }).catch(() => null);
    await until(async () => (await aios.held()).some((held) => held.agent === agent), "a held action");
    const held = (await aios.held()).find((each) => each.agent === agent);
    return { instance: held?.instance ?? "", request: held?.request ?? "" };
  }

  beforeAll(async () => {
    await aios.grant({
      id: "notes",
      agents: ["holder", "other"],
      drivers: {
        notes: {
          source: scriptSource("test/fakes/notes-server.ts", { args: ["/tmp/notes.txt"], workspace: "none" }),
          tools: { burn: { risk: "reserved", fields: { text: "string" } } },
        },
      },
      allow: ["notes/burn"],
    });
  });

  test("lifts no freeze: what a frozen one had held is not held for an answer any more", async () => {
    const [held, other] = [await hold("holder"), await hold("other")];
    await aios.client.request("freeze", { instance: held.instance });
    await aios.crash();
    await aios.restart();
    await until(async () => !(await aios.held()).some(({ request }) => request === held.request), "its withdrawal");
    await expect(aios.answer(held.request, "allow")).rejects.toMatchObject({ code: "unknown-request" });
    const { instances } = await aios.client.request("ps", { all: true });
    expect(instances.find(({ instance }) => instance === held.instance)).toMatchObject({ why: "frozen-at-restart" });
    // Twin: one that merely ran when the monitor fell may still be answered for.
    expect(await aios.answer(other.request, "allow")).toBeGreaterThan(0);
  });

  test("in the middle of stops: nothing runs that was to stop, and a freeze of everything stands once it is recorded", async () => {
    for (const name of ["freeze", "kill", "freeze"] as const) {
      const running = Array.from({ length: 3 }, (_, at) =>
        aios.run({ agent: `worker-${at}`, command: ["sh", "-c", "sleep 300 & sleep 300"] }).catch(() => null),
      );
      await until(async () => (await aios.client.request("ps", { all: false })).instances.length === 3, "their start");
      const asked = aios.client.request(name, { instance: null }).catch(() => null);
      await pause(Math.random() * 20);
      await aios.crash();
      await Promise.all([...running, asked]);
      await aios.restart();
      const { instances, allFrozen } = await aios.client.request("ps", { all: false });
      expect(instances).toEqual([]);
      const { entries } = await aios.client.request("log-show", {
        from: 0,
        limit: 1000,
        instance: null,
        kinds: ["all-frozen", "all-thawed"],
      });
      const last = entries.at(-1)?.record;
      expect(allFrozen).toBe(last?.kind === "all-frozen" ? last.seq : null);
      if (allFrozen === null) continue;
      await expect(aios.run({ agent: "late", command: ["true"] })).rejects.toMatchObject({ code: "all-frozen" });
      await aios.sign("thaw-all", { frozen: allFrozen });
    }
  });
});
