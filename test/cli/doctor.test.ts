import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROLES } from "../../src/kernel/owner-roles.ts";
import { findUser } from "../../src/main/find-user.ts";
import { probeMachine } from "../../src/main/machine.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { Rewound } from "../../src/protocol/telemetry-table.ts";
import { createDesk, NOW } from "../fakes/cli-powers.ts";
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
  writeFileSync(key, "", { mode: 0o600 });
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
  chmodSync(home, 0o755);
  expect(await look()).toMatchObject({ state: "missing", hint: `chmod 700 '${home}'` });
});

/** What a monitor answers of which there is nothing to say. */
const QUIET: Answers = {
  hello: () => ({ version: "0.1.0", start: "0".repeat(32), home: "/h", owners: 1, policy: "p", limits: "watch" }),
  owners: () => ({ owners: [], recovery: { wait: 0, by: null, codes: [], pending: null }, second: "nothing" }),
  "log-pace": () => ({ millis: 0, waiting: 0, slow: false }),
  retention: () => ({ days: {}, record: null, next: {}, waits: false }),
  telemetry: () => ({ on: false, runs: false, size: 0, deliveries: [] }),
  alerts: () => ({ receivers: [] }),
};

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
  const told = async (rewound: Rewound | null): Promise<{ out: string; code: number }> => {
    const deliveries = [{ name: "ocsf-http", next: 40, fault: null, lost: 0, rewound }] as const;
    const telemetry = () => ({ on: true, runs: true, size: 32, deliveries });
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
});
