import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
import type { MonitorClient } from "../cli/powers.ts";
import { attachStarting, connectMonitor, lookForStart, REAL_TIME, type StartPorts } from "./monitor-start.ts";

const PROGRAM = join(import.meta.dirname, "..", "..", "test", "fakes", "held-start.ts");
/** Looks that two commands take at least while the start is held up: far more than a quarter of a second of them. */
const MANY_LOOKS = 50;

/** A home in which no monitor runs, and commands that begin at once with a start that is held up. */
function stage() {
  const home = makeTemporaryFolder();
  mkdirSync(join(home, "run"), { mode: 0o700 });
  const told: string[] = [];
  const looks = { count: 0 };
  const ports: StartPorts = {
    ...REAL_TIME,
    tell: (lines) => void told.push(lines),
    async sleep(ms) {
      looks.count += 1;
      await sleep(ms);
    },
  };
  const put = (name: string): void => writeFileSync(join(home, name), "");
  const until = async (done: () => boolean): Promise<void> => {
    while (!done()) await sleep(5);
  };
  const has = (name: string): boolean => existsSync(join(home, name)) && readFileSync(join(home, name)).length > 0;
  const pid = (): number => Number(readFileSync(join(home, "pid"), "utf8"));
  const connect = async (more: Partial<StartPorts> = {}): Promise<MonitorClient> => {
    const client = await connectMonitor(home, PROGRAM, { ...ports, ...more });
    ends.push(() => client.close());
    return client;
  };
  const early = (): number => Number(readFileSync(join(home, "early"), "utf8"));
  // The first to begin need not be the one that has the lock; what has ended left its number to others.
  for (const name of ["early", "pid"]) ends.push(() => endStart(home, join(home, name)));
  const marks = { program: PROGRAM, users: new Set([process.geteuid?.() ?? -1]) };
  const attach = async (): Promise<MonitorClient | null> => {
    const client = await attachStarting(home, marks, ports);
    ends.push(() => client?.close());
    return client;
  };
  return { home, told, looks, put, until, has, pid, early, marks, connect, attach };
}

/** Ends the start of this home that wrote its number there. */
function endStart(home: string, file: string): void {
  const pid = Number(readFileSync(file, "utf8"));
  if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(home)) process.kill(pid, "SIGKILL");
}

let ends: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ends.toReversed()) {
    try {
      end();
    } catch {
      // It has ended.
    }
  }
  ends = [];
});

test("two commands at once wait for the one start for as long as it works, and both have it", async () => {
  const { looks, put, until, has, connect } = stage();
  const both = Promise.all([connect(), connect()]);
  // A promise that settles early must not go unheard.
  let over = false;
  both.then(
    () => (over = true),
    () => (over = true),
  );
  await until(() => has("refused") && has("pid"));
  const from = looks.count;
  await until(() => over || looks.count >= from + MANY_LOOKS);
  expect(over).toBe(false);
  put("go");
  expect(await both).toHaveLength(2);
});

test("when the start that both wait for fails, both say why", async () => {
  const { put, until, has, connect } = stage();
  const both = Promise.allSettled([connect(), connect()]);
  await until(() => has("refused") && has("pid"));
  put("fail");
  const said = { code: "monitor-unreachable", message: expect.stringContaining("Cannot read record 7: it was cut") };
  expect(await both).toMatchObject([
    { status: "rejected", reason: said },
    { status: "rejected", reason: said },
  ]);
});

test("a start that a signal stopped is named, with what lets it go on", async () => {
  const { until, has, pid, connect } = stage();
  const first = connect().catch((error: unknown) => error);
  await until(() => has("pid"));
  process.kill(pid(), "SIGSTOP");
  const said = { code: "monitor-stopped", exit: 4, hint: expect.stringContaining(`kill -CONT ${pid()} `) };
  await expect(connect()).rejects.toMatchObject(said);
  expect(await first).toMatchObject(said);
});

test("a start that does nothing any more is given up, and told of before that", async () => {
  const { put, told, pid, connect } = stage();
  put("idle");
  let at = 0;
  // Ten seconds from each look to the next.
  const failure = await connect({ now: () => (at += 5000) }).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: "monitor-unreachable",
    message: expect.stringMatching(new RegExp(`process ${pid()} starts it, and has done nothing for 20 s$`, "u")),
  });
  expect(told).toEqual([expect.stringMatching(/starts \(process \d+\); a long log takes a while\n$/u)]);
});

test("where no monitor runs and none starts, there is none to attach to", async () => {
  const { home, marks, attach } = stage();
  expect([await attach(), lookForStart(home, marks)]).toEqual([null, null]);
});

test.each([
  ["before it holds the home's lock", "wait", "early"],
  ["as it holds it", "idle", "pid"],
])("a start is known that a signal stopped %s, and nobody is told that none runs", async (_, held, begun) => {
  const { home, put, until, has, early, marks, connect, attach } = stage();
  put(held);
  void connect().catch(() => {}); // it says the same, later
  await until(() => has(begun));
  expect(lookForStart(home, marks)).toBe(early());
  process.kill(early(), "SIGSTOP");
  const said = { code: "monitor-stopped", hint: expect.stringContaining(`kill -CONT ${early()} `) };
  await expect(attach()).rejects.toMatchObject(said);
  expect(() => lookForStart(home, marks)).toThrow(`a signal stopped its process ${early()}`);
  // A process of somebody else's that says the same words is none.
  if (held === "wait") expect(lookForStart(home, { ...marks, users: new Set([54_321]) })).toBeNull();
});

test("whoever attaches waits for a start that works", async () => {
  const { looks, put, until, has, connect, attach } = stage();
  const first = connect();
  await until(() => has("pid"));
  const client = attach();
  const from = looks.count;
  await until(() => looks.count >= from + 2);
  put("go");
  expect(await client).not.toBeNull();
  await first;
});

test("a start that was killed says by which signal", async () => {
  const { until, has, pid, connect } = stage();
  const first = connect().catch((error: unknown) => error);
  await until(() => has("pid"));
  process.kill(pid(), "SIGKILL");
  expect(await first).toMatchObject({
    code: "monitor-unreachable",
    message: expect.stringMatching(/ended as it started: SIGKILL ended it$/u),
  });
});
