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

test("nobody is alerted of what a person did, of what followed from it, or of an ordinary end", () => {
  for (const code of ["asked", "ancestor-frozen"]) {
    expect(alertFor({ kind: "instance-frozen", instance: "i-1", by, code }, agentOf)).toBeNull();
  }
  expect(alertFor({ kind: "instance-ended", instance: "i-1", why: "exited", exit: 0 }, agentOf)).toBeNull();
});
