import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/cli/digest.ts";
import type { LogRecord, RecordBody } from "../../src/protocol/record.ts";

let seq = 0;
function record(body: RecordBody): LogRecord {
  return { v: 1, seq: seq++, at: 1000 + seq, start: "0".repeat(32), payload: null, ...body };
}
const one = { instance: "i-0000000000000001", agent: "claw" };
const action = {
  ...one,
  ancestry: [],
  action: `sha256:${"0".repeat(64)}`,
  risk: "reserved" as const,
  labels: [],
  policy: `sha256:${"0".repeat(64)}`,
};
const monitor = { kind: "monitor" as const, why: "limits" };
function outcome(what: string, result: "ok" | "failed"): LogRecord {
  const rest = { intent: 0, code: null, digest: null, bytes: 0, micros: 1 };
  return record({ kind: "outcome", ...action, what, result, ...rest });
}

describe("a digest", () => {
  test("of nothing is empty", () => {
    expect(digestOf([], [])).toEqual({
      instances: [],
      done: [],
      denied: [],
      held: [],
      alarms: [],
      signed: [],
      programs: 0,
      calls: 0,
      visits: [],
    });
  });

  test("counts what was done and denied, the most frequent first", () => {
    const records = [
      outcome("net/send", "ok"),
      outcome("files/read", "ok"),
      outcome("files/read", "failed"),
      record({ kind: "denied", ...action, what: "net/fetch", stage: "validate", code: "no-grant", by: monitor }),
    ];
    const { done, denied } = digestOf(records, []);
    expect(done).toEqual([
      { what: "files/read", times: 2, failed: 1 },
      { what: "net/send", times: 1, failed: 0 },
    ]);
    expect(denied).toEqual([{ what: "net/fetch", code: "no-grant", times: 1 }]);
  });

  test("says how instances ended, also one that began before, and a climb whatever follows it", () => {
    const other = "i-0000000000000002";
    const records = [
      record({ kind: "instance-started", ...one, ancestry: [] }),
      record({ kind: "terminal", ...one, code: "control-verb", by: "mcp" }),
      record({ kind: "instance-ended", instance: one.instance, why: "control-verb", exit: null }),
      record({ kind: "instance-ended", instance: other, why: "exited", exit: 0 }),
    ];
    const { instances, alarms } = digestOf(records, []);
    expect(instances.map(({ instance, end }) => [instance, end])).toEqual([
      [one.instance, "terminal: control-verb"],
      [other, "exited, exit 0"],
    ]);
    expect(alarms.map(({ kind }) => kind)).toEqual(["terminal"]);
  });

  test("adds up programs, refused calls and visits, and names what was signed", () => {
    const visited = { connections: 2, requests: 5, refused: { origin: 2, unpaired: 1 } };
    const records = [
      record({ kind: "programs-started", ...one, count: 3 }),
      record({ kind: "calls-refused", ...one, calls: { mount: 2, unshare: 1 } }),
      record({ kind: "port-entered", ...one, port: "gateway", key: "A".repeat(43) }),
      record({ kind: "port-visited", ...one, port: "gateway", ...visited }),
      record({ kind: "grant-revoked", grant: "g", key: `ed25519:${"0".repeat(16)}` }),
    ];
    const { programs, calls, visits, signed } = digestOf(records, []);
    expect([programs, calls]).toEqual([3, 3]);
    expect(visits).toEqual([{ port: "claw/gateway", entered: 1, requests: 5, refused: 3 }]);
    expect(signed.map(({ kind }) => kind)).toEqual(["grant-revoked"]);
  });
});
