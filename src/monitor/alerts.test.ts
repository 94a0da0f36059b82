import { expect, test } from "vitest";
import type { RecordBody } from "../protocol/record.ts";
import { readAlertSetting } from "../protocol/alert-setting.ts";
import { alertFor, createAlerts, heldAlert } from "./alerts.ts";
import { HeldSet } from "./held-set.ts";
import type { HeldState } from "./state.ts";

const by = { kind: "monitor", why: "a run of denials" } as const;
const agentOf = (): string => "worker";

test("people are alerted of what climbed and of what was frozen, with instance, agent and code alone", () => {
  const terminal: RecordBody = { kind: "terminal", instance: "i-1", agent: "worker", code: "prohibited", by: "C5" };
  expect(alertFor(terminal, agentOf)).toEqual({ kind: "stops", instance: "i-1", agent: "worker", code: "prohibited" });
  const frozen: RecordBody = { kind: "instance-frozen", instance: "i-1", by, code: "breaker-open" };
  expect(alertFor(frozen, agentOf)).toEqual({ kind: "stops", instance: "i-1", agent: "worker", code: "breaker-open" });
});

test("people are alerted of a server that is in quarantine, by the name that its grant gives it", () => {
  const pin = `sha256:${"1".repeat(64)}`;
  const body = { kind: "driver-quarantined", driver: "notes", pin, found: pin } as const;
  for (const why of ["prohibited-call", "refused-calls"] as const)
    expect(alertFor({ ...body, why }, agentOf)).toEqual({ kind: "servers", server: "notes", code: why });
  expect(alertFor(body, agentOf)).toEqual({ kind: "servers", server: "notes", code: "pin-changed" });
  const ended: RecordBody = {
    kind: "driver-ended",
    instance: "i-1",
    agent: "a",
    driver: "notes",
    pin,
    code: "pin-changed",
  };
  expect(alertFor(ended, agentOf)).toBeNull();
});

test("people are alerted of who may sign from now on, and of a passkey that may have been copied", () => {
  const [owner, key] = ["passkey:0123456789abcdef", "ed25519:0123456789abcdef"];
  for (const kind of ["owner-enrolled", "owner-removed"] as const) {
    expect(alertFor({ kind, owner, key }, agentOf)).toEqual({ kind: "owners", owner, code: kind });
  }
  expect(alertFor({ kind: "owner-enrolled", owner: key, key }, agentOf)).toBeNull();
  const copied: RecordBody = { kind: "passkey-rolled-back", key: owner, kept: 7, found: 6 };
  expect(alertFor(copied, agentOf)).toEqual({ kind: "owners", owner, code: "passkey-rolled-back" });
});

test("people are alerted of codes that were made, of a recovery, of its end and of what came of it", () => {
  const [owner, key] = ["ed25519:0123456789abcdef", "recovery:0123456789abcdef"];
  const bodies: readonly RecordBody[] = [
    { kind: "recovery-begun", owner, key },
    { kind: "recovery-set", codes: 8, key: owner },
    { kind: "recovery-stopped", record: 9, key: owner },
    { kind: "owner-recovered", owner, record: 9 },
  ];
  for (const body of bodies) expect(alertFor(body, agentOf)).toEqual({ kind: "owners", owner, code: body.kind });
});

test("people are alerted of a log that is not the one that a witness has seen", () => {
  const body: RecordBody = {
    kind: "witness-refused",
    witness: "w.example/\u202eone",
    code: "forked",
    size: 9,
    seen: 12,
  };
  expect(alertFor(body, agentOf)).toEqual({ kind: "log", witness: "w.example/‹U+202E›one", code: "forked" });
});

test("nobody is alerted of what a person did, of what followed from it, or of an ordinary end", () => {
  for (const code of ["asked", "ancestor-frozen"]) {
    expect(alertFor({ kind: "instance-frozen", instance: "i-1", by, code }, agentOf)).toBeNull();
  }
  expect(alertFor({ kind: "instance-ended", instance: "i-1", why: "exited", exit: 0 }, agentOf)).toBeNull();
});

const waits = (agent: string, what: string, risk: HeldState["risk"] = "stage"): HeldState => ({
  record: 1,
  request: "secret-request",
  instance: "i-1",
  agent,
  what,
  text: '{"arguments":{"to":"eve"}}',
  digest: "sha256:0",
  risk,
  reasons: ["recipient-not-endorsed"],
  since: 0,
  expires: 1,
});

test("people are told how many actions wait, of whom and for what, and never of their arguments or what would answer them", () => {
  const alert = heldAlert({ fresh: [waits("worker", "notes/add"), waits("worker", "mail/send", "reach")], waiting: 7 });
  expect(alert).toEqual({
    kind: "holds",
    held: 7,
    agents: ["worker"],
    what: ["notes/add", "mail/send"],
    risk: "reach",
  });
  expect(JSON.stringify(alert)).not.toMatch(/eve|secret-request|sha256/);
});

test("names that would deceive are made visible, and many or long ones are cut", () => {
  const fresh = ["a\u202eb\r\nX: y", "x".repeat(5000), "c", "d"].map((agent) => waits(agent, "notes/add"));
  const alert = heldAlert({ fresh, waiting: 4 });
  expect(alert).toMatchObject({ agents: ["a‹U+202E›b‹U+000D›‹U+000A›X: y", "x".repeat(64), "c"], what: ["notes/add"] });
});

test("each receiver is told of its kinds, and of a flood of held actions who is told of holds", async () => {
  const read = readAlertSetting(
    ["stops", "owners", "holds", "log"].map((kind) => `https://${kind}.example/ tell=${kind}`).join("\n"),
  );
  const alerts = createAlerts({
    alertReceivers: read.kind === "ok" ? read.value : [],
    powers: {
      startSandbox: () => Promise.reject(new Error("no sandbox in this test")),
      timer: { after: () => () => undefined },
      clock: { wall: () => 0, boot: () => 0, micros: () => 0 },
    },
    state: { instances: new Map(), held: new HeldSet(), away: null, secrets: new Map() },
    vault: { open: () => Promise.resolve(null) },
    code: { node: "/node", root: "/root" },
    consoleOrigin: () => null,
    refused: () => undefined,
    report: () => undefined,
  });
  const told = async (body: RecordBody): Promise<readonly string[]> => {
    const before = alerts.standing();
    alerts.note(body);
    await new Promise((resolve) => setImmediate(resolve));
    return alerts.standing().flatMap(({ to, failed }, at) => (failed > (before[at]?.failed ?? 0) ? [to] : []));
  };
  const freeze = (code: string): RecordBody => ({ kind: "instance-frozen", instance: "i-1", by, code });
  expect(await told(freeze("breaker-open"))).toEqual(["stops.example"]);
  expect(await told(freeze("held-flood"))).toEqual(["stops.example", "holds.example"]);
  const pin = `sha256:${"1".repeat(64)}`;
  expect(await told({ kind: "driver-quarantined", driver: "notes", pin, found: pin })).toEqual(["stops.example"]);
  const [owner, key] = ["passkey:0123456789abcdef", "ed25519:0123456789abcdef"];
  expect(await told({ kind: "owner-removed", owner, key })).toEqual(["owners.example"]);
  const refused = { kind: "witness-refused", witness: "w.example/one", size: 9, seen: 12 } as const;
  expect(await told({ ...refused, code: "rolled-back" })).toEqual(["log.example"]);
  expect(await told({ kind: "all-frozen", by })).toEqual([]);
});
