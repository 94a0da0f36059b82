import { expect, test } from "vitest";
import type { RecordBody } from "../protocol/record.ts";
import { alertFor } from "./alerts.ts";

const by = { kind: "monitor", why: "a run of denials" } as const;
const agentOf = (): string => "worker";

test("people are alerted of what climbed and of what was frozen, with instance, agent and code alone", () => {
  const terminal: RecordBody = { kind: "terminal", instance: "i-1", agent: "worker", code: "prohibited", by: "C5" };
  expect(alertFor(terminal, agentOf)).toEqual({ instance: "i-1", agent: "worker", code: "prohibited" });
  const frozen: RecordBody = { kind: "instance-frozen", instance: "i-1", by, code: "breaker-open" };
  expect(alertFor(frozen, agentOf)).toEqual({ instance: "i-1", agent: "worker", code: "breaker-open" });
});

test("people are alerted of who may sign from now on, and of a passkey that may have been copied", () => {
  const [owner, key] = ["passkey:0123456789abcdef", "ed25519:0123456789abcdef"];
  for (const kind of ["owner-enrolled", "owner-removed"] as const) {
    expect(alertFor({ kind, owner, key }, agentOf)).toEqual({ owner, code: kind });
  }
  expect(alertFor({ kind: "owner-enrolled", owner: key, key }, agentOf)).toBeNull();
  const copied: RecordBody = { kind: "passkey-rolled-back", key: owner, kept: 7, found: 6 };
  expect(alertFor(copied, agentOf)).toEqual({ owner, code: "passkey-rolled-back" });
});

test("people are alerted of codes that were made, of a recovery, of its end and of what came of it", () => {
  const [owner, key] = ["ed25519:0123456789abcdef", "recovery:0123456789abcdef"];
  const bodies: readonly RecordBody[] = [
    { kind: "recovery-begun", owner, key },
    { kind: "recovery-set", codes: 8, key: owner },
    { kind: "recovery-stopped", record: 9, key: owner },
    { kind: "owner-recovered", owner, record: 9 },
  ];
  for (const body of bodies) expect(alertFor(body, agentOf)).toEqual({ owner, code: body.kind });
});

test("nobody is alerted of what a person did, of what followed from it, or of an ordinary end", () => {
  for (const code of ["asked", "ancestor-frozen"]) {
    expect(alertFor({ kind: "instance-frozen", instance: "i-1", by, code }, agentOf)).toBeNull();
  }
  expect(alertFor({ kind: "instance-ended", instance: "i-1", why: "exited", exit: 0 }, agentOf)).toBeNull();
});
