import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DriverSource } from "../../src/kernel/grant.ts";
import type { LogRecord, RecordKind } from "../../src/protocol/record.ts";
import { CALLS, type CallName } from "../../src/sandbox/syscalls.ts";
import { type Ran, REPO, startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * MCP servers that are malicious, as their agent meets them: each runs in a sandbox of its own under the supervisor. Each
 * attack with its harmless twin. Without a supervisor each of these went unrecorded.
 */
let aios: Substrate;
const ARCH = process.arch === "arm64" ? "arm64" : "x64";
const SERVER = join(REPO, "test/fakes/malicious-server.mjs");
const CODE = [SERVER, ...["node_modules/koffi", "node_modules/@koromix"].map((path) => join(REPO, path))];
const TOOLS = [
  "environment",
  "start",
  "call",
  "listen",
  "connect",
  "pipe",
  "watch",
  "write",
  "beat",
  "breed",
  "memory",
];
/** For what hangs: what happened inside is recorded a moment later. */
const POLL = { timeout: 60_000 };
const numberOf = (name: CallName): number => CALLS[name][ARCH] ?? -1;

function source(words: readonly string[] = [], workspace: "none" | "read" | "write" = "none"): DriverSource {
  return { kind: "stdio", command: ["node", SERVER, ...words], code: CODE, workspace };
}

/** A grant over all tools of one such server, for an agent of the same name if not for others. */
async function trust(name: string, from: DriverSource = source(), agents: readonly string[] = [name]): Promise<void> {
  const tools = Object.fromEntries(TOOLS.map((tool) => [tool, { risk: "observe" as const }]));
  await aios.grant({
    id: name,
    agents,
    drivers: { [name]: { source: from, tools } },
    allow: TOOLS.map((tool) => `${name}/${tool}`),
  });
}

function call(name: string, tool: string, args: object = {}) {
  return { method: "tools/call", params: { name: `${name}__${tool}`, arguments: args } };
}

const run = (name: string, ...steps: readonly object[]): Promise<Ran> =>
  aios.follow(name, steps, { workspace: aios.workspace });

const said = ({ answers }: Ran): readonly (string | undefined)[] =>
  answers.map(({ result }) => result?.content?.map(({ text }) => text).join(""));

async function entriesOf<Kind extends RecordKind>(kind: Kind, instance: string | null) {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance, kinds: [kind] });
  return entries.flatMap(({ record, payload }) =>
    // The request asked for this kind alone, which the compiler cannot know.
    record.kind === kind ? [{ record: record as Extract<LogRecord, { kind: Kind }>, payload }] : [],
  );
}

async function callsOf(driver: string, instance: string) {
  const entries = await entriesOf("calls-refused", instance);
  return entries.filter(({ record }) => record.driver === driver).map(({ record }) => record.calls);
}

async function quarantines(driver: string) {
  return (await entriesOf("driver-quarantined", null)).filter(({ record }) => record.driver === driver);
}

/** Whether a server was started, for any instance or for this one. */
async function pinned(driver: string, instance: string | null = null): Promise<boolean> {
  return (await entriesOf("driver-pinned", instance)).some(({ record }) => record.driver === driver);
}

beforeAll(async () => {
  aios = await startSubstrate();
  for (const folder of ["made", "beating"].map((name) => join(aios.workspace, name))) {
    mkdirSync(folder);
    chmodSync(folder, 0o777);
  }
});
afterAll(() => aios.stop());

describe("a program that a server starts", () => {
  test("is recorded with the server in whose sandbox it was, and so is the server", async () => {
    await trust("starter");
    const ran = await run("starter", call("starter", "start", { program: "/usr/bin/true", words: ["a", "b"] }));
    expect(said(ran)).toEqual(["0"]);
    const programs = async (driver: string | undefined) =>
      (await entriesOf("programs-started", ran.instance))
        .filter(({ record }) => record.driver === driver)
        .flatMap(({ payload }) => Reflect.get(Object(payload), "programs") as { arguments: string[] }[])
        .map(({ arguments: words }) => words);
    await expect
      .poll(() => programs("starter"), POLL)
      .toEqual([
        ["/aios/node", SERVER],
        ["/usr/bin/true", "a", "b"],
      ]);
    // Its agent's own stands apart.
    await expect.poll(async () => (await programs(undefined)).length, POLL).toBe(1);
  });
});

describe("what a server did until its agent ended", () => {
  const kinds = async (instance: string): Promise<readonly string[]> => {
    const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance, kinds: [] });
    return entries.map(({ record }) => (Object.hasOwn(record, "driver") ? `${record.kind} of a server` : record.kind));
  };

  test("stands in the log before the end of its instance", async () => {
    await trust("breeder");
    const ran = await run("breeder", call("breeder", "breed", { program: "/usr/bin/true" }), { wait: 300 });
    expect(ran).toMatchObject({ state: "ended", exit: 0 });
    // For what would come late.
    await sleep(500);
    const told = await kinds(ran.instance);
    expect(told).toContain("programs-started of a server");
    expect(told.slice(told.indexOf("instance-ended"))).toEqual(["instance-ended"]);
  });
});

describe("TERMINAL: a system call of a server that no honest program makes", () => {
  test("ends the server for good and leaves its agent alone, and the record names call and program", async () => {
    await trust("climber");
    const ran = await run(
      "climber",
      call("climber", "call", { number: numberOf("setns") }),
      call("climber", "environment"),
    );
    expect(ran).toMatchObject({ state: "ended", exit: 0 });
    expect(ran.answers.map(({ result }) => result?.isError)).toEqual([true, true]);
    const quarantined = await quarantines("climber");
    expect(quarantined).toHaveLength(1);
    expect(quarantined[0]?.record).toMatchObject({ driver: "climber", why: "prohibited-call" });
    expect(quarantined[0]?.record.found).toBe(quarantined[0]?.record.pin);
    expect(quarantined[0]?.payload).toMatchObject({ instance: ran.instance, call: "setns", program: "/aios/node" });
    // Another instance, later: nothing starts it.
    const later = await run("climber", call("climber", "environment"));
    expect(later.answers[0]?.result?.isError).toBe(true);
    expect(await pinned("climber", later.instance)).toBe(false);
  });

  test("ends it in every instance that has it, at once, and each ending is recorded", async () => {
    await trust("shared", source([], "write"), ["first", "second"]);
    const beats = join(aios.workspace, "beating", "beats");
    const path = "/workspace/beating/beats";
    const running = run("second", call("shared", "beat", { path }), { until: 1 }, call("shared", "environment"));
    await expect.poll(() => existsSync(beats), POLL).toBe(true);
    const first = await run("first", call("shared", "call", { number: numberOf("setns") }));
    expect(first).toMatchObject({ state: "ended", exit: 0 });
    expect(await quarantines("shared")).toHaveLength(1);
    const grown = async (): Promise<number> => {
      const before = statSync(beats).size;
      await sleep(500);
      return statSync(beats).size - before;
    };
    await expect.poll(grown, { timeout: 10_000 }).toBe(0);
    aios.release("second");
    const second = await running;
    expect(second).toMatchObject({ state: "ended", exit: 0 });
    expect(second.answers.map(({ result }) => result?.isError ?? false)).toEqual([false, true]);
    const ended = await entriesOf("driver-ended", null);
    const of = ended.map(({ record }) => [record.instance, record.agent, record.driver, record.code]);
    const endings = [
      [first.instance, "first", "shared", "prohibited-call"],
      [second.instance, "second", "shared", "prohibited-call"],
    ];
    expect(of.filter(([, , driver]) => driver === "shared")).toHaveLength(endings.length);
    expect(of).toEqual(expect.arrayContaining(endings));
  });

  test("at its start keeps it from being signed for, and is recorded", async () => {
    const probe = trust("early", source(["at-start", String(numberOf("kexec_load"))]));
    await expect(probe).rejects.toThrow(/made the prohibited system call kexec_load/);
    const refused = await entriesOf("refused", null);
    expect(refused.map(({ record }) => [record.peer, record.code, record.what])).toContainEqual([
      "server",
      "prohibited-call",
      "early: kexec_load",
    ]);
  });

  test("when it has said what it offers keeps it from being signed for too", async () => {
    const probe = trust("late", source(["last", String(numberOf("kexec_load"))]));
    await expect(probe).rejects.toThrow(/made the prohibited system call kexec_load/);
  });

  test("twin: a call that everybody makes is none", async () => {
    await trust("honest");
    const getppid = ARCH === "arm64" ? 173 : 110;
    const ran = await run("honest", call("honest", "call", { number: getppid }), call("honest", "environment"));
    expect(ran.answers.map(({ result }) => result?.isError ?? false)).toEqual([false, false]);
    expect(said(ran)[0]).toBe("done");
  });
});

describe("refused system calls of a server", () => {
  test("are recorded with its name", async () => {
    await trust("prober");
    const ran = await run("prober", call("prober", "call", { number: numberOf("ptrace") }));
    expect(said(ran)).toEqual(["refused 1"]);
    await expect
      .poll(async () => (await callsOf("prober", ran.instance)).map((calls) => calls["ptrace"]), POLL)
      .toContain(1);
  });

  test("end it for good when they come in hundreds", async () => {
    await trust("flooder");
    const flood = { number: numberOf("ptrace"), times: 400 };
    const running = run("flooder", call("flooder", "call", flood), { until: 1 }, call("flooder", "environment"));
    await expect
      .poll(async () => (await quarantines("flooder")).map(({ record }) => record.why), POLL)
      .toEqual(["refused-calls"]);
    aios.release("flooder");
    const ran = await running;
    expect(ran).toMatchObject({ state: "ended", exit: 0 });
    expect(ran.answers.at(-1)?.result?.isError).toBe(true);
  });
});

describe("a server that is only asked what it offers", () => {
  const observed = async (driver: string) =>
    (await entriesOf("probe-observed", null)).filter(({ record }) => record.driver === driver);

  test("has what it starts recorded, before anybody can sign for it", async () => {
    await trust("eager", source(["starting", "/usr/bin/true"]));
    const programs = (await observed("eager"))
      .filter(({ record }) => record.count > 0)
      .flatMap(({ payload }) => Reflect.get(Object(payload), "programs") as { arguments: string[] }[]);
    expect(programs.map(({ arguments: words }) => words)).toEqual([
      ["/aios/node", SERVER, "starting", "/usr/bin/true"],
      ["/usr/bin/true"],
    ]);
  });

  test("has what it is refused recorded", async () => {
    await trust("curious", source(["at-start", String(numberOf("ptrace"))]));
    expect((await observed("curious")).map(({ record }) => record.calls["ptrace"] ?? 0)).toContain(1);
  });

  test("and makes hundreds of refused calls meanwhile is not signed for", async () => {
    const probe = trust("noisy", source(["at-start", String(numberOf("ptrace")), "400"]));
    await expect(probe).rejects.toThrow(/made hundreds of system calls that are refused/);
    const refused = await entriesOf("refused", null);
    expect(refused.map(({ record }) => [record.peer, record.code, record.what])).toContainEqual([
      "server",
      "refused-calls",
      "noisy",
    ]);
  });
});

describe("a socket of a server", () => {
  test("and a pipe are made where they are its own, and not in a folder that it may write and shares", async () => {
    await trust("talker", source([], "write"));
    const ran = await run(
      "talker",
      call("talker", "listen", { path: "/tmp/own.sock" }),
      call("talker", "connect", { path: "/tmp/own.sock" }),
      call("talker", "pipe", { path: "/tmp/own.pipe" }),
      call("talker", "listen", { path: "/workspace/made/shared.sock" }),
      call("talker", "pipe", { path: "/workspace/made/shared.pipe" }),
      call("talker", "write", { path: "/workspace/made/plain/file", text: "words" }),
    );
    expect(said(ran)).toEqual(["done", "done", "done", "EACCES", "refused 13", "done"]);
    expect(readdirSync(join(aios.workspace, "made"))).toEqual(["plain"]);
  });

  test("of a person's, which comes to the folder later, is reached by no server, and the attempt is recorded", async () => {
    await trust("caller", source([], "read"));
    const path = join(aios.workspace, "made", "late.sock");
    let heard = 0;
    const person = createServer((socket) => {
      heard += 1;
      socket.destroy();
    });
    const running = run("caller", { until: 1 }, call("caller", "connect", { path: "/workspace/made/late.sock" }));
    await expect.poll(async () => await pinned("caller"), POLL).toBe(true);
    person.listen(path);
    await once(person, "listening");
    chmodSync(path, 0o777);
    aios.release("caller");
    const ran = await running;
    person.close();
    expect(said(ran)).toEqual(["EACCES"]);
    expect(heard).toBe(0);
    await expect
      .poll(async () => (await callsOf("caller", ran.instance)).map((calls) => calls["connect"]), POLL)
      .toContain(1);
  });

  test("watches for readers become watches that tell nothing of them", async () => {
    await trust("watcher", source([], "read"));
    expect(said(await run("watcher", call("watcher", "watch", { path: "/usr/bin" })))).toEqual(["done"]);
  });
});

test("a server is told nothing of the substrate, and cannot look into what is beside it", async () => {
  await trust("looker");
  const ran = await run("looker", call("looker", "environment"), call("looker", "memory"));
  const [environment = "", memory] = said(ran);
  expect(Object.keys(JSON.parse(environment) as object).toSorted()).toEqual(["HOME", "LANG", "PATH", "PWD"]);
  expect(memory).toBe("EACCES");
});
