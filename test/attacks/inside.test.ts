import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LogRecord, RecordKind } from "../../src/protocol/record.ts";
import { CALLS, type CallName } from "../../src/sandbox/syscalls.ts";
import { type Ran, REPO, startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * What the monitor makes of what happens inside an agent's sandbox: evidence in the log, TERMINAL, a freeze, the end. Each
 * attack with its harmless twin.
 */
let aios: Substrate;
const ARCH = process.arch === "arm64" ? "arm64" : "x64";
const ATTACKER = join(REPO, "test/attacks/sandbox-attacker.ts");
const CODE = [
  ATTACKER,
  ...["package.json", "node_modules/koffi", "node_modules/@koromix"].map((path) => join(REPO, path)),
];
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const numberOf = (name: CallName): string => String(CALLS[name][ARCH]);

function attack(agent: string, words: readonly string[]): Promise<Ran> {
  const command = ["/aios/node", "--disable-warning=ExperimentalWarning", ATTACKER, ...words];
  return aios.run({ agent, command, code: CODE });
}

async function entriesOf<Kind extends RecordKind>(kind: Kind, instance: string | null) {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance, kinds: [kind] });
  return entries.flatMap(({ record, payload }) =>
    // The request asked for this kind alone, which the compiler cannot know.
    record.kind === kind ? [{ record: record as Extract<LogRecord, { kind: Kind }>, payload }] : [],
  );
}

/** The list of this name in a payload; empty when there is none. */
function listIn(payload: unknown, name: string): readonly unknown[] {
  const list: unknown = typeof payload === "object" && payload !== null ? Reflect.get(payload, name) : null;
  return Array.isArray(list) ? list : [];
}

/** Host id of the process whose command line ends with this program. */
function processOf(program: string): number {
  const found = readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .find((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "latin1");
        const parent = readFileSync(`/proc/${pid}/status`, "latin1").match(/^PPid:\t(\d+)$/m)?.[1];
        return line.endsWith(`${program}\0`) && Number(parent) === aios.pid;
      } catch {
        return false;
      }
    });
  if (found === undefined) throw new Error(`no ${program} runs`);
  return found;
}

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({ id: "shell", agents: ["worker", "climber", "parent"], allow: [], programs: "any" });
  await aios.grant({ id: "bare", agents: ["bare"], allow: [] });
});
afterAll(() => aios.stop());

describe("TERMINAL: a system call that no honest program makes", () => {
  test("ends the agent for good, and the record names call, process and program", async () => {
    const ran = await attack("climber", ["call", numberOf("setns"), "-1", "0"]);
    expect(ran.state).toBe("terminal");
    expect(ran.stdout).toBe("");
    const [entry] = await entriesOf("terminal", ran.instance);
    expect(entry?.record).toMatchObject({ agent: "climber", code: "prohibited-call" });
    expect(entry?.record.by).toMatch(/^system call setns of process [1-9][0-9]*$/);
    expect(entry?.payload).toEqual({ what: "/aios/node" });
    await expect(attack("climber", ["nothing"])).rejects.toThrow(/ended for good by prohibited-call/);
    await aios.sign("restart-agent", { agent: "climber" });
  });

  test("twin: the same program with a call that everybody makes is none", async () => {
    const ran = await attack("climber", ["call", ARCH === "arm64" ? "172" : "39"]);
    expect(ran).toMatchObject({ state: "ended", exit: 0 });
  });
});

describe("a command that cannot be executed", () => {
  const scripts = {
    lost: ["#!/opt/none/python3\n", 0o755],
    headless: ["exit 0\n", 0o755],
    closed: ["#!/bin/sh\n", 0o644],
    whole: ["#!/bin/sh\nexit 7\n", 0o755],
  } as const;
  const start = (name: keyof typeof scripts): Promise<Ran> => {
    const path = join(aios.workspace, name);
    writeFileSync(path, scripts[name][0]);
    chmodSync(path, scripts[name][1]);
    return aios.run({ agent: "bare", command: [path], code: [path] });
  };

  test.each([
    ["lost", 127, "no-program", 'its first line names "/opt/none/python3", which is not there'],
    ["headless", 126, "bad-program", "it is no program for this machine, and its first line names none to run it"],
    ["closed", 126, "bad-program", "it may not be executed"],
  ] as const)("ends as a shell would, says why, and is recorded so (%s)", async (name, exit, why, words) => {
    const ran = await start(name);
    expect(ran).toMatchObject({ state: "ended", exit, why, stdout: "" });
    const path = join(aios.workspace, name);
    expect(ran.stderr).toMatch(/^aios: [^\n]*\nhint: [^\n]*\n$/);
    expect(ran.stderr).toContain(`aios: Cannot start "${path}" in the sandbox: ${words} (${why})\n`);
    const [ended] = await entriesOf("instance-ended", ran.instance);
    expect(ended?.record).toMatchObject({ why, exit });
    // It never began, so no program is said to have.
    expect(await entriesOf("programs-started", ran.instance)).toEqual([]);
  });

  test("twin: one that can be runs, and its end is its own", async () => {
    const ran = await start("whole");
    expect(ran).toMatchObject({ state: "ended", exit: 7, why: "exited", stderr: "" });
    expect(await entriesOf("programs-started", ran.instance)).toHaveLength(1);
  });
});

describe("programs started inside", () => {
  test("are recorded, in batches, with who started what", async () => {
    const times = 300;
    const script = `i=0; while [ $i -lt ${times} ]; do /usr/bin/true number $i; i=$((i+1)); done`;
    const ran = await aios.run({ agent: "worker", command: ["sh", "-c", script] });
    expect(ran.exit).toBe(0);
    const entries = await entriesOf("programs-started", ran.instance);
    expect(entries.reduce((sum, { record }) => sum + record.count, 0)).toBe(times + 1);
    expect(entries.length).toBeLessThan(times / 4);
    const programs = entries.flatMap(({ payload }) => listIn(payload, "programs"));
    expect(programs[0]).toMatchObject({ program: "/usr/bin/sh", arguments: ["sh", "-c", expect.any(String)] });
    expect(programs[7]).toMatchObject({
      program: "/usr/bin/true",
      arguments: ["/usr/bin/true", "number", "6"],
      cut: false,
      parent: (programs[0] as { pid: number }).pid, // the shape was just compared
    });
  });
});

describe("NO-AMBIENT and CHILD-LESS: starting programs is a capability", () => {
  const command = ["sh", "-c", "/usr/bin/true && echo started"];

  test("an agent without any grant, and one whose grant does not say so, start their own program and no other", async () => {
    for (const agent of ["nobody", "bare"]) {
      const ran = await aios.run({ agent, command });
      expect(ran.stdout).toBe("");
      expect(ran.stderr).toMatch(/true: (Permission denied|Operation not permitted)/);
      const started = await entriesOf("programs-started", ran.instance);
      expect(started.map(({ record }) => record.count)).toEqual([1]);
      const refused = await entriesOf("calls-refused", ran.instance);
      expect(refused.map(({ record }) => record.calls)).toEqual([{ execve: 1 }]);
    }
  });

  test("twin: one whose grant says so does", async () => {
    expect((await aios.run({ agent: "worker", command })).stdout).toBe("started\n");
  });

  test("a delegate of one without it has none, whatever its own grant says", async () => {
    const under = async (agent: string): Promise<string> => {
      const above = aios.run({ agent, command: ["sleep", "30"] });
      const find = async (): Promise<string | undefined> =>
        (await aios.client.request("ps", { all: false })).instances.find((each) => each.agent === agent)?.instance;
      await expect.poll(find).toBeDefined();
      const parent = (await find()) ?? "";
      await expect.poll(async () => (await entriesOf("programs-started", parent)).length).toBe(1);
      const { stdout } = await aios.run({ agent: "worker", command, parent });
      await aios.client.request("kill", { instance: parent });
      await above;
      return stdout;
    };
    expect(await under("bare")).toBe("");
    expect(await under("parent")).toBe("started\n"); // the twin
  });

  test("the command that starts a bridge is named only to those who may start it", async () => {
    const show = ["sh", "-c", 'echo "$AIOS_MCP_STDIO_SOCKET|$AIOS_MCP_COMMAND"'];
    const socket = "/run/aios/mcp-stdio.sock";
    expect((await aios.run({ agent: "bare", command: show })).stdout).toBe(`${socket}|\n`);
    expect((await aios.run({ agent: "worker", command: show })).stdout).toBe(
      `${socket}|/aios/node /aios/mcp-stdio.js\n`,
    );
  });

  test("taking it away ends who runs with it", async () => {
    await aios.grant({ id: "brief", agents: ["brief"], allow: [], programs: "any" });
    const running = aios.run({ agent: "brief", command: ["sleep", "60"] });
    const runs = async (): Promise<number> => {
      const { instances } = await aios.client.request("ps", { all: false });
      const found = instances.find(({ agent }) => agent === "brief");
      return found === undefined ? 0 : (await entriesOf("programs-started", found.instance)).length;
    };
    await expect.poll(runs).toBe(1);
    await aios.sign("revoke-grant", { grant: "brief" });
    expect(await running).toMatchObject({ state: "ended", why: "revoked" });
  });
});

describe("refused calls", () => {
  test("are recorded with their count and an example, and a few do nothing more", async () => {
    const ran = await attack("worker", ["flood", numberOf("ptrace"), "20"]);
    expect(ran).toMatchObject({ state: "ended", exit: 0 });
    const entries = await entriesOf("calls-refused", ran.instance);
    expect(entries.reduce((sum, { record }) => sum + (record.calls["ptrace"] ?? 0), 0)).toBe(20);
    const examples = entries.flatMap(({ payload }) => listIn(payload, "examples"));
    expect(examples).toContainEqual({ call: "ptrace", pid: expect.any(Number), program: "/aios/node" });
  });

  test("in a run freeze the instance, and leave a handful of records", async () => {
    const running = attack("worker", ["flood", numberOf("ptrace"), "100000000"]);
    const frozen = async (): Promise<string | undefined> => {
      const { instances } = await aios.client.request("ps", { all: false });
      return instances.find(({ state }) => state === "frozen")?.instance;
    };
    await expect.poll(frozen).toBeDefined();
    const instance = (await frozen()) ?? "";
    // It is frozen before the record of it is durable.
    await expect
      .poll(async () => (await entriesOf("instance-frozen", instance)).map(({ record }) => record.code))
      .toEqual(["refused-calls"]);
    await pause(500);
    expect((await entriesOf("calls-refused", instance)).length).toBeLessThan(10);
    await aios.client.request("kill", { instance });
    expect((await running).state).toBe("ended");
  });
});

describe("CONFINED-OR-NOT-AT-ALL: a supervisor that dies", () => {
  test("ends the agents whose calls it answered, at once, and the next agent has another", async () => {
    const running = aios.run({ agent: "worker", command: ["sleep", "60"] });
    await expect.poll(async () => (await aios.client.request("ps", { all: false })).instances.length).toBe(1);
    const { instances } = await aios.client.request("ps", { all: false });
    const instance = instances[0]?.instance ?? "";
    await expect.poll(async () => (await entriesOf("programs-started", instance)).length).toBe(1);
    process.kill(processOf("supervisor.ts"), "SIGKILL");
    expect(await running).toMatchObject({ state: "ended", why: "unsupervised" });
    expect(await aios.run({ agent: "worker", command: ["true"] })).toMatchObject({ state: "ended", exit: 0 });
  });
});
