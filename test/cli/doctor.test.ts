import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROLES } from "../../src/kernel/owner-roles.ts";
import { findUser } from "../../src/main/find-user.ts";
import { probeMachine } from "../../src/main/machine.ts";
import { CliFailure } from "../../src/cli/failure.ts";
import type { Check, CliPowers } from "../../src/cli/powers.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { Rewound } from "../../src/protocol/telemetry-table.ts";
import type { WitnessesView, WitnessTrouble } from "../../src/protocol/witness-standing.ts";
import { createDesk, NOW } from "../fakes/cli-powers.ts";
import { giveHome, loseLastFrame, makeKilledHome } from "../fakes/killed-home.ts";
import type { Answers } from "../fakes/monitor-client.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

/** With the monitor's rights: as root a home belongs to its user, and a sandbox is started as that user. */
test("the home is looked at as a start does: whole, with a key that others may read, open to others", async () => {
  const outer = makeTemporaryFolder();
  chmodSync(outer, 0o755);
  const home = join(outer, "home");
  const key = join(home, "keys", "log-signing");
  const owner = process.geteuid?.() === 0 ? findUser("aios") : null;
  for (const folder of [home, join(home, "keys")]) mkdirSync(folder, { mode: 0o700 });
  writeFileSync(key, new Uint8Array(32), { mode: 0o600 });
  if (owner !== null) for (const path of [key, join(home, "keys"), home]) chownSync(path, owner.uid, owner.gid);
  const look = async (): Promise<unknown> => (await probeMachine(home)).find((check) => check.name === "home");

  const whole = await probeMachine(home);
  expect(whole.find((check) => check.name === "home")).toBeUndefined();
  expect(whole.find((check) => check.name === "disk")?.found).toMatch(/MiB free for the home$/u);
  for (const name of ["sandbox", "agent", "notification", "landlock"])
    expect(whole.find((check) => check.name === name)).toMatchObject({ state: "ok" });
  chmodSync(key, 0o644);
  expect(await look()).toMatchObject({ state: "missing", hint: `chmod 600 '${key}'` });
  chmodSync(key, 0o600);
  // A start would make keys, and destroy them, where the link leads.
  symlinkSync(outer, join(home, "keys", "memory"));
  expect(await look()).toMatchObject({ state: "missing", found: expect.stringContaining("it is a link") });
  rmSync(join(home, "keys", "memory"));
  chmodSync(home, 0o755);
  expect(await look()).toMatchObject({ state: "missing", hint: `chmod 700 '${home}'` });
});

test("a log that no monitor starts with is found while none runs: its journal lost what its checkpoint covers", async () => {
  const outer = makeTemporaryFolder();
  chmodSync(outer, 0o755);
  const home = join(outer, "home");
  await makeKilledHome(home, { work: join(outer, "work"), records: 3 });
  const owner = process.geteuid?.() === 0 ? findUser("aios") : null;
  if (owner !== null) giveHome(home, owner);
  loseLastFrame(home, "zeros");
  const found = (await probeMachine(home)).find((check) => check.name === "log");
  expect(found).toMatchObject({
    state: "missing",
    found: "no monitor starts with it: it has 2 records, its checkpoint says 3 (log-shrunk)",
    hint: expect.stringContaining("from one backup"),
  });

  const desk = createDesk({ answers: {} });
  const openHome: CliPowers["home"] = (named) => ({ ...desk.powers.home(named), attach: () => Promise.resolve(null) });
  const powers = { ...desk.powers, home: openHome, probe: () => Promise.resolve([found as Check]) };
  expect(await runProgram(["doctor"], powers)).toBe(3);
  expect(desk.out()).toContain("(log-shrunk)");
  expect(desk.out()).toMatch(/^note +monitor +does not run\n +→ none would start: see log$/mu);
});

/** What a monitor answers of which there is nothing to say. */
const QUIET: Answers = {
  hello: () => ({ version: "0.1.0", start: "0".repeat(32), home: "/h", owners: 1, policy: "p", limits: "watch" }),
  owners: () => ({ owners: [], recovery: { wait: 0, by: null, codes: [], pending: null }, second: "nothing" }),
  ps: () => ({ instances: [], allFrozen: null, log: null }),
  "log-pace": () => ({ millis: 0, waiting: 0, slow: false }),
  retention: () => ({ days: {}, record: null, next: {}, waits: false }),
  "memory-planes": () => ({ planes: [], snapshots: [], quarantines: [], waits: false, damage: null }),
  telemetry: () => ({ on: false, runs: false, size: 0, deliveries: [], missing: null }),
  alerts: () => ({ receivers: [] }),
  witnesses: () => ({ quorum: 0, before: "nothing", size: 0, witnesses: [] }),
};

test("a log that takes no records is told with its code and what to do", async () => {
  const log = { code: "log-read-only", message: "the disk of the log is read-only", hint: "unmount it" } as const;
  const desk = createDesk({ answers: { ...QUIET, ps: () => ({ instances: [], allFrozen: null, log }) } });
  await runProgram(["doctor"], desk.powers);
  expect(desk.out()).toMatch(/^missing +log +the disk of the log is read-only \(log-read-only\)\n +→ unmount it$/mu);
});

test("an index that was deleted is asked for, so that it is made again", async () => {
  const asked: unknown[] = [];
  const desk = createDesk({
    answers: {
      "log-show": (query) => {
        asked.push(query);
        return { size: 7, entries: [] };
      },
    },
  });
  const openHome: CliPowers["home"] = (named) => ({
    ...desk.powers.home(named),
    attach: () => Promise.resolve(null),
    dropIndex: () => Promise.resolve(["/h/index"]),
  });
  expect(await runProgram(["doctor", "--rebuild"], { ...desk.powers, home: openHome })).toBe(0);
  // What matches every record is found by number, without an index.
  expect(asked).toMatchObject([{ kinds: ["start"] }]);
  expect(desk.out()).toBe("deleted /h/index\nthe index is made again from 7 records\n");
});

test("who is alerted elsewhere is told with what became of it, and the last failure", async () => {
  const fault = { at: NOW - 60_000, why: "the receiver answered 302" };
  const receivers = [
    { to: "push.example", told: 3, failed: 0, left: 0, fault: null },
    { to: "a.example", told: 2, failed: 1, left: 4, fault },
  ];
  const desk = createDesk({ answers: { ...QUIET, alerts: () => ({ receivers }) } });
  await runProgram(["doctor"], desk.powers);
  const said = desk.out().split("\n");
  const at = said.findIndex((row) => row.includes("push.example 3 told"));
  expect(said[at]).toMatch(/^ok +alerts +push\.example 3 told$/u);
  expect(said[at + 1]).toMatch(
    /^note +alerts +a\.example 2 told, 1 failed, 4 left out, last at .*: the receiver answered 302$/u,
  );
});

test("rules by which payloads go are told, and that they wait for a clock; a home without rules says nothing", async () => {
  const told = async (retention: Answers["retention"]): Promise<string> => {
    const desk = createDesk({ answers: { ...QUIET, ...(retention === undefined ? {} : { retention }) } });
    await runProgram(["doctor"], desk.powers);
    return desk.out();
  };
  const rules = { days: { outcome: 7 }, record: 12, next: { outcome: 3 }, waits: false };
  expect(await told(undefined)).not.toContain("retention");
  expect(await told(() => rules)).toMatch(/^ok +retention +outcome for 7 days; looked for once an hour$/mu);
  const waiting = await told(() => ({ ...rules, waits: true }));
  expect(waiting).toMatch(/^note +retention +outcome for 7 days/mu);
  expect(waiting).toContain("aios doctor --set-clock");
});

/** Somebody can administer at a terminal, and recover. */
const OWNED: Answers = {
  owners: () => ({
    owners: [
      {
        id: "ed25519:0123456789abcdef",
        name: "owner",
        roles: [...ROLES],
        key: { kind: "ed25519", publicKey: "A".repeat(43) + "=" },
        since: NOW,
        grants: [],
      },
    ],
    recovery: { wait: 60_000, by: null, codes: [], pending: null },
    second: "nothing",
  }),
};

test("a log that went back under telemetry is a fault, and no number of records is below zero", async () => {
  const told = async (
    rewound: Rewound | null,
    missing: number | null = null,
  ): Promise<{ out: string; code: number }> => {
    const deliveries = [{ name: "ocsf-http", next: 40, fault: null, lost: 0, rewound }] as const;
    const telemetry = () => ({ on: missing === null, runs: true, size: 32, deliveries, missing });
    const desk = createDesk({ answers: { ...QUIET, ...OWNED, telemetry } });
    const powers = { ...desk.powers, probe: () => Promise.resolve([]) };
    return { code: await runProgram(["doctor"], powers), out: desk.out() };
  };
  const back = await told({ at: NOW, from: 30, to: 40, size: 30 });
  expect(back.code).toBe(1);
  expect(back.out).toMatch(
    /^fault +telemetry +ocsf-http 0 behind, the log went back: records 30 to 39 had been delivered and are not in it/mu,
  );
  expect(back.out).toContain("aios log verify --against");
  expect((await told(null)).out).toMatch(/^ok +telemetry +ocsf-http 0 behind$/mu);
  // With the setting itself gone nothing is delivered any more, and that is said all the same.
  const gone = await told(null, 44);
  expect(gone.code).toBe(1);
  expect(gone.out).toMatch(
    /^fault +telemetry +the setting that was signed as record 44 is not in the log any more.*; telemetry is off$/mu,
  );
});

const WITNESSES: WitnessesView = {
  quorum: 1,
  before: "nothing",
  size: 42,
  witnesses: [
    { name: "w.example/one", at: "https://w.example", size: 40, trouble: null },
    { name: "w.example/two", at: "https://two.example", size: null, trouble: null },
  ],
};
const troubled = (trouble: Omit<WitnessTrouble, "size" | "status">): WitnessesView => {
  const [one, two] = WITNESSES.witnesses;
  if (one === undefined || two === undefined) throw new Error("there are two");
  return { ...WITNESSES, witnesses: [one, { ...two, trouble: { size: 42, status: null, ...trouble, at: NOW } }] };
};
/** What doctor and the list say of witnesses that stand so, and with which exit codes. */
async function tellWitnesses(view: WitnessesView): Promise<{ doctor: string; list: string; codes: readonly number[] }> {
  const [doctor, list] = [0, 1].map(() => createDesk({ answers: { ...QUIET, ...OWNED, witnesses: () => view } }));
  if (doctor === undefined || list === undefined) throw new Error("there are two");
  const codes = [
    await runProgram(["doctor"], { ...doctor.powers, probe: () => Promise.resolve([]) }),
    await runProgram(["witness", "list"], list.powers),
  ];
  return { doctor: doctor.out(), list: list.out(), codes };
}

test("witnesses are told as far as they have come, one that does not answer as a note", async () => {
  const well = await tellWitnesses(WITNESSES);
  expect(well.doctor).toMatch(/^ok +witnesses +1 of 2 have cosigned 40 of 42 records$/mu);
  expect(well.list).toBe(
    "1 of 2 have cosigned 40 of 42 records\n  w.example/one at https://w.example has cosigned 40 records\n  w.example/two at https://two.example has cosigned nothing yet\n",
  );
  const silent = await tellWitnesses(troubled({ code: "silent", seen: null }));
  expect(silent.doctor).toMatch(
    /^note +witnesses +1 of 2 have cosigned 40 of 42 records; w\.example\/two does not answer$/mu,
  );
  expect([...well.codes, ...silent.codes]).toEqual([0, 0, 0, 0]);
  const none = await tellWitnesses({ ...WITNESSES, quorum: 0, witnesses: [] });
  expect(none.doctor).not.toContain("witnesses");
  expect(none.list).toContain("nobody witnesses this log");
});

test.each([
  ["rolled-back", 50, "w.example/two has seen 50 records of this log, which has 42: it was rolled back"],
  ["forked", 42, "w.example/two has seen other records of this log, 42 as there are here: it was forked"],
  ["forked", 40, "w.example/two has seen 40 records of this log from which these 42 did not grow: it was forked"],
] as const)("a log that a witness has seen otherwise (%s at %i) is a fault", async (code, seen, says) => {
  const told = await tellWitnesses(troubled({ code, seen }));
  expect(told.doctor).toMatch(/^fault +witnesses/mu);
  for (const said of [told.doctor, told.list]) expect(said).toContain(says);
  expect(told.codes).toEqual([1, 1]);
});

test("says that entries of memory do not open, and what to do; memory that opens is nothing to look at", async () => {
  const told = async (damage: "index" | "keys" | null): Promise<string> => {
    const planes = { planes: [], snapshots: [], quarantines: [], waits: false, damage };
    const desk = createDesk({ answers: { ...QUIET, "memory-planes": () => planes } });
    await runProgram(["doctor"], desk.powers);
    return desk.out();
  };
  expect(await told(null)).not.toContain("entries of memory");
  const index = await told("index");
  expect(index).toMatch(/^missing +memory +entries of memory do not open where they are read from/mu);
  expect(index).toContain("aios doctor --rebuild");
  expect(index).not.toContain("move keys/memory aside");
  const out = await told("keys");
  expect(out).toMatch(/^missing +memory +entries of memory do not open: a file of keys\/memory is gone/mu);
  expect(out).toMatch(/→ before anything new is kept: aios serve --stop, move keys\/memory aside/u);
});

const MACHINE = { name: "node", state: "ok", found: "24", hint: null } as const;
const STOPPED = CliFailure.of("monitor-stopped", "a signal stopped its process 7", "kill -CONT 7 lets it go on");

test.each([
  ["from the first", { hello: () => Promise.reject(STOPPED) }, []],
  ["after some", { ...QUIET, ...OWNED, retention: () => Promise.reject(STOPPED) }, ["limits", "owner"]],
] as const)(
  "a monitor that stands still (%s) is one check that failed beside all others",
  async (_, answers, known) => {
    const desk = createDesk({ answers: { ...OWNED, ...answers } });
    const powers = { ...desk.powers, probe: () => Promise.resolve([MACHINE]) };
    expect(await runProgram(["doctor", "--json"], powers)).toBe(1);
    const { checks } = JSON.parse(desk.out()) as { checks: readonly { name: string }[] };
    expect(checks.map(({ name }) => name)).toEqual(["node", "home", ...known, "monitor"]);
    expect(checks.at(-1)).toEqual({ name: "monitor", state: "fault", found: STOPPED.message, hint: STOPPED.hint });
    expect(desk.err()).toBe("");
  },
);

test.each([
  ["a note where it works", () => Promise.resolve(7), 0, /^note +monitor +starts \(process 7\)$/mu],
  [
    "a fault where it stands still",
    () => Promise.reject(STOPPED),
    1,
    /^fault +monitor +a signal stopped its process 7$/mu,
  ],
  ["nothing to repair where there is none", () => Promise.resolve(null), 0, /^note +monitor +does not run$/mu],
] as const)("a start is %s", async (_, starting, code, says) => {
  const desk = createDesk({ starting });
  const powers = { ...desk.powers, probe: () => Promise.resolve([]) };
  expect(await runProgram(["doctor"], powers)).toBe(code);
  expect(desk.out()).toMatch(says);
});

test("before any witness cosigned, none is said to have", async () => {
  const nobody = WITNESSES.witnesses.map((each) => ({ ...each, size: null }));
  const told = await tellWitnesses({ ...WITNESSES, witnesses: nobody });
  const says = "0 of 2 have cosigned anything; 1 must, and the log has 42 records";
  expect(told.list.split("\n")[0]).toBe(says);
  expect(told.doctor).toContain(`witnesses       ${says}`);
  const [one, two] = nobody;
  if (one === undefined || two === undefined) throw new Error("there are two");
  const fewer = await tellWitnesses({ ...WITNESSES, quorum: 2, witnesses: [{ ...one, size: 40 }, two] });
  expect(fewer.list).toMatch(/^1 of 2 have cosigned anything; 2 must, and the log has 42 records$/mu);
});
