import { describe, expect, test } from "vitest";
import { ATTENTION_KEY } from "../../src/cli/agent-session.ts";
import type { CliPowers, StreamOffer } from "../../src/cli/powers.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { LogRecord, RecordBody } from "../../src/protocol/record.ts";
import type { CliRequests, InstanceView } from "../../src/protocol/requests.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { canonicalize } from "../../src/kernel/canonical.ts";
import { createDesk, NOW, PASSPHRASE, type Desk, type Setting } from "../fakes/cli-powers.ts";
import { INSTANCE, instances } from "./cast.ts";
import { pageOf } from "../fakes/monitor-client.ts";

const OTHER = "i-fedcba9876543210";
const SHA = `sha256:${"2".repeat(64)}`;

function recordOf(body: RecordBody): LogRecord {
  return { v: 1, seq: 9, at: NOW, start: "00112233445566778899aabbccddeeff", payload: null, ...body };
}
function frozen(code: string, instance = INSTANCE): LogRecord {
  return recordOf({ kind: "instance-frozen", instance, by: { kind: "monitor", why: "a run of denials" }, code });
}
const thawed = recordOf({ kind: "instance-thawed", instance: INSTANCE, key: "ed25519:0011223344556677" });

const wentOn = recordOf({ kind: "instance-resumed", instance: INSTANCE, why: "the log can be written again" });

const FROZEN = `aios: instance ${INSTANCE} is frozen: breaker-open: a run of denials (frozen)
hint: aios thaw ${INSTANCE} lets it go on, aios kill ${INSTANCE} ends it
`;

interface Waiting {
  readonly desk: Desk;
  readonly exit: Promise<number>;
  /** Bounds that were set on the wait for a thaw, in order. */
  readonly bounds: { readonly ms: number; fire(): void; cancelled: boolean }[];
  say(record: LogRecord): void;
  /** The monitor is asked how the instance is, and answers this. */
  look(state: InstanceView["state"], why: string | null, meanwhile?: () => void): Promise<void>;
  /** How many looks are to come. */
  looks(): number;
  /** The agent ends by itself. */
  end(exit: number): void;
  /** The person presses Ctrl-]; resolves when the terminal is the agent's again. */
  attend(): Promise<void>;
  interrupt(): void;
  kills(): number;
}

/** `aios run -- x` whose instance runs, as far as the answer to `wait`. With `typed`, at a terminal. */
async function openRun(typed?: Setting["typed"], early: readonly LogRecord[] = []): Promise<Waiting> {
  const ended = Promise.withResolvers<CliRequests["wait"]["ok"]>();
  const waits = Promise.withResolvers<undefined>();
  const interrupted = Promise.withResolvers<undefined>();
  const subject = createCrypto().digest(canonicalize({ instance: INSTANCE }));
  const desk = createDesk({
    ...(typed === undefined ? {} : { typed }),
    answers: {
      grants: () => ({ grants: [] }),
      watch: () => ({}),
      run: () => {
        for (const record of early) desk.monitor.say("record", { record });
        return { instance: INSTANCE, output: null, overruled: [] };
      },
      wait: () => {
        waits.resolve(undefined);
        return ended.promise;
      },
      kill: () => {
        ended.resolve({ state: "ended", exit: null, why: "killed" });
        return { instances: [], all: null };
      },
      ps: () => {
        onLook();
        return { instances: seen, allFrozen: null, log: null };
      },
      held: () => pageOf([]),
      prepare: ({ purpose }) => ({
        statement: { v: 1, purpose, nonce: "a", subject, policy: SHA, start: "b", expires: NOW + 1000 },
      }),
      submit: () => {
        desk.monitor.say("record", { record: thawed });
        return { seq: 43 };
      },
    },
  });
  const timers: Waiting["bounds"] = [];
  const looks: Waiting["bounds"] = [];
  let seen: readonly InstanceView[] = [];
  let onLook = (): void => undefined;
  const offers: StreamOffer[] = [];
  let resumed = (): void => undefined;
  const powers: CliPowers = {
    ...desk.powers,
    interrupted: () => interrupted.promise,
    timer: {
      after: (ms, callback) => {
        const timer = { ms, cancelled: false, fire: () => void (timer.cancelled || callback()) };
        (ms === 10_000 ? looks : timers).push(timer);
        return () => {
          timer.cancelled = true;
        };
      },
    },
    agents: {
      ...desk.powers.agents,
      offerStreams: (offer) => {
        offers.push(offer);
        const stop = (): void => undefined;
        const suspend = (): Promise<void> => Promise.resolve();
        const isRaw = (): boolean => true;
        const gone = Promise.resolve();
        const terminal =
          typed === undefined
            ? null
            : { ended: gone, pause: () => undefined, resume: () => resumed(), isRaw, suspend, stop };
        return Promise.resolve({ terminal, ended: gone, flow: () => undefined, hold: () => undefined, stop });
      },
    },
  };
  const exit = runProgram(["run", "--", "x"], powers);
  await waits.promise;
  return {
    desk,
    exit,
    bounds: timers,
    looks: () => looks.filter(({ cancelled }) => !cancelled).length,
    async look(state, why, meanwhile = () => undefined) {
      seen = instances.filter(({ instance }) => instance === INSTANCE).map((view) => ({ ...view, state, why }));
      onLook = meanwhile;
      looks.pop()?.fire();
      await new Promise((done) => setImmediate(done));
    },
    say: (record) => desk.monitor.say("record", { record }),
    end: (code) => ended.resolve({ state: "ended", exit: code, why: null }),
    attend: () =>
      new Promise((done) => {
        resumed = done;
        offers[0]?.fromPerson(new Uint8Array([ATTENTION_KEY]));
      }),
    interrupt: () => interrupted.resolve(undefined),
    kills: () => desk.monitor.asked.filter(({ name }) => name === "kill").length,
  };
}

describe("a frozen instance without a terminal", () => {
  test("is told of at once, and ended when nobody thaws it", async () => {
    const run = await openRun();
    run.say(frozen("breaker-open"));
    expect(run.desk.err()).toContain(
      `\n${FROZEN}hint: there is no terminal to thaw it at: it is ended in 30 seconds\n`,
    );
    expect(run.bounds.map(({ ms }) => ms)).toEqual([30_000]);
    expect(run.kills()).toBe(0);
    run.bounds[0]?.fire();
    expect(await run.exit).toBe(6);
    expect(run.kills()).toBe(1);
    expect(run.desk.err()).toContain(
      `aios: instance ${INSTANCE} was not thawed within 30 seconds: it is ended
aios: instance ${INSTANCE} is stopped: killed (stopped)
`,
    );
  });

  test("goes on when it is thawed meanwhile, and a new freeze has a new bound", async () => {
    const run = await openRun();
    run.say(frozen("breaker-open"));
    run.say(thawed);
    expect(run.desk.err()).toContain(`aios: instance ${INSTANCE} goes on\n`);
    run.bounds[0]?.fire();
    expect(run.kills()).toBe(0);
    run.say(frozen("asked"));
    expect(run.bounds.map(({ cancelled }) => cancelled)).toEqual([true, false]);
    run.end(3);
    expect(await run.exit).toBe(3);
    expect(run.bounds.map(({ cancelled }) => cancelled)).toEqual([true, true]);
    expect(run.kills()).toBe(0);
  });

  test("that was frozen with everything goes on with everything, and no other does", async () => {
    for (const [code, ends] of [
      ["all-frozen", false],
      ["breaker-open", true],
    ] as const) {
      const run = await openRun();
      run.say(frozen(code));
      run.say(recordOf({ kind: "all-thawed", key: "ed25519:0011223344556677" }));
      run.bounds[0]?.fire();
      expect(run.kills()).toBe(ends ? 1 : 0);
      if (!ends) run.end(0);
      expect(await run.exit).toBe(ends ? 6 : 0);
    }
  });

  test("is told of when it was frozen before its start was answered", async () => {
    const run = await openRun(undefined, [frozen("asked", OTHER), frozen("breaker-open")]);
    expect(run.desk.err()).toContain(FROZEN);
    expect(run.desk.err()).not.toContain(OTHER);
    run.bounds[0]?.fire();
    expect(await run.exit).toBe(6);
  });

  test("is another's: nothing is said or ended", async () => {
    const run = await openRun();
    run.say(frozen("asked", OTHER));
    expect(run.desk.err()).not.toContain("frozen");
    expect(run.bounds).toEqual([]);
    run.end(0);
    expect(await run.exit).toBe(0);
  });

  test("ends by a signal before its bound", async () => {
    const run = await openRun();
    run.say(frozen("asked"));
    run.interrupt();
    expect(await run.exit).toBe(6);
    expect(run.kills()).toBe(1);
    expect(run.bounds.map(({ cancelled }) => cancelled)).toEqual([true]);
  });

  test("is found without a record, as when the log cannot be written, and told of once", async () => {
    const run = await openRun();
    await run.look("running", null);
    expect(run.desk.err()).not.toContain("frozen");
    await run.look("frozen", "x\u202e");
    expect(run.desk.err()).toContain(`aios: instance ${INSTANCE} is frozen: x‹U+202E› (frozen)\n`);
    const told = run.desk.err();
    await run.look("frozen", "x");
    run.say(frozen("breaker-open"));
    expect(run.desk.err()).toBe(told);
    expect(run.looks()).toBe(1);
    run.bounds[0]?.fire();
    expect(await run.exit).toBe(6);
    expect(run.looks()).toBe(0);
  });

  test("waits for the log without a bound, is told what it waits for, and goes on by itself", async () => {
    const run = await openRun();
    await run.look("frozen", "log-unavailable");
    expect(run.desk.err()).toContain(`aios: instance ${INSTANCE} is frozen: log-unavailable (frozen)
hint: it goes on by itself when the log can be written again, aios doctor says what is wrong; aios kill ${INSTANCE} ends it
`);
    const told = run.desk.err();
    await run.look("frozen", "log-unavailable");
    run.say(frozen("log-unavailable"));
    expect(run.desk.err()).toBe(told);
    expect(run.bounds).toEqual([]);
    run.say(wentOn);
    expect(run.desk.err()).toBe(`${told}aios: instance ${INSTANCE} goes on\n`);
    run.end(3);
    expect(await run.exit).toBe(3);
    expect(run.kills()).toBe(0);
  });

  test.each(["by a record", "without one"])("is bounded again when it is frozen for another reason %s", async (how) => {
    const run = await openRun();
    run.say(frozen("log-unavailable"));
    expect(run.bounds).toEqual([]);
    if (how === "by a record") run.say(frozen("breaker-open"));
    else await run.look("frozen", "breaker-open");
    expect(run.desk.err()).toContain("is frozen: breaker-open");
    // That lifts no freeze but one for the log.
    run.say(wentOn);
    expect(run.desk.err()).not.toContain("goes on\n");
    run.bounds[0]?.fire();
    expect(await run.exit).toBe(6);
    expect(run.kills()).toBe(1);
  });

  test("is not found in an answer that is older than its thaw", async () => {
    const run = await openRun();
    await run.look("frozen", "breaker-open", () => {
      run.say(frozen("breaker-open"));
      run.say(thawed);
    });
    expect(run.desk.err()).toMatch(/goes on\n$/u);
    expect(run.bounds.map(({ cancelled }) => cancelled)).toEqual([true]);
    run.end(0);
    await run.exit;
  });

  test("has its reason made visible", async () => {
    const run = await openRun();
    run.say(frozen("a\u001b[2J\u202eb"));
    expect(run.desk.err()).toContain("is frozen: a‹U+001B›[2J‹U+202E›b: a run of denials (frozen)\n");
    run.end(0);
    await run.exit;
  });
});

describe("a frozen instance at a terminal", () => {
  const GO_ON = "Let it go on? You sign for it. [y/N] ";
  const END = "End it? [y/N] ";

  test("is told of, and waits for the person without a bound", async () => {
    const run = await openRun([]);
    run.say(frozen("breaker-open"));
    expect(run.desk.err()).toContain(`\r\n${FROZEN.replaceAll("\n", "\r\n")}hint: Ctrl-] asks you which, here\r\n`);
    expect(run.bounds).toEqual([]);
    run.end(0);
    expect(await run.exit).toBe(0);
  });

  test("goes on with the owner's signature, and is asked about no more", async () => {
    const run = await openRun(["y", PASSPHRASE]);
    run.say(frozen("breaker-open"));
    await run.attend();
    expect(run.desk.prompts).toEqual([GO_ON, "passphrase of the owner key: "]);
    expect(run.desk.monitor.asked).toContainEqual({
      name: "prepare",
      body: { purpose: "thaw-instance", document: { instance: INSTANCE } },
    });
    expect(run.desk.err()).toContain("it goes on (record 43)\n");
    await run.attend();
    expect(run.desk.err()).toContain("nothing is held\n");
    run.end(0);
    expect(await run.exit).toBe(0);
    expect(run.kills()).toBe(0);
  });

  test("is ended without a signature", async () => {
    const run = await openRun(["n", "y"]);
    run.say(frozen("breaker-open"));
    await run.attend();
    expect(run.desk.prompts).toEqual([GO_ON, END]);
    expect(await run.exit).toBe(6);
    expect(run.kills()).toBe(1);
    expect(run.desk.monitor.asked.map(({ name }) => name)).not.toContain("submit");
  });

  test.each([
    ["neither is wanted", ["", ""], "it stays frozen\n"],
    ["no passphrase is given", ["y", null], "(not-confirmed)\n"],
  ])("stays frozen when %s", async (_, typed, said) => {
    const run = await openRun(typed);
    run.say(frozen("breaker-open"));
    await run.attend();
    expect(run.desk.err()).toContain(said);
    expect(run.kills()).toBe(0);
    expect(run.desk.monitor.asked.map(({ name }) => name)).not.toContain("submit");
    run.end(0);
    await run.exit;
  });
});
