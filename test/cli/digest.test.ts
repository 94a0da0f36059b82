import { describe, expect, test } from "vitest";
import { createDigest, type Digest } from "../../src/cli/digest.ts";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { createDesk, NOW } from "../fakes/cli-powers.ts";
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

const key = `ed25519:${"0".repeat(16)}`;
function denied(agent: string, what: string): LogRecord {
  return record({ kind: "denied", ...action, agent, what, stage: "validate", code: "no-grant", by: monitor });
}
function digestOf(records: readonly LogRecord[]): Digest {
  const fold = createDigest();
  for (const each of records) fold.add(each);
  return fold.sum([]);
}
function linesOf(records: readonly LogRecord[]): readonly string[] {
  return digestOf(records).parts.flatMap(({ section, lines }) =>
    lines.map(({ who, text, times }) => `${section} | ${who} | ${text} | ${times}`),
  );
}

describe("a digest", () => {
  test("of nothing is empty", () => {
    expect(digestOf([])).toEqual({ held: [], running: [], parts: [] });
  });

  test("makes one line of what is equal, with how often, first and last", () => {
    const records = [denied("claw", "net/fetch"), denied("claw", "net/fetch"), denied("claw", "net/fetch")];
    expect(digestOf(records).parts).toEqual([
      {
        section: "refused",
        lines: [
          {
            kind: "denied",
            who: "claw",
            text: "denied: net/fetch at validate: no-grant",
            times: 3,
            first: records[0]?.at,
            last: records[2]?.at,
          },
        ],
        uncounted: 0,
      },
    ]);
  });

  test("has what was stopped and refused first, in whichever order it happened", () => {
    const secret = { secret: "model-key", key };
    const lines = linesOf([
      record({ kind: "instance-started", ...one, ancestry: [] }),
      outcome("files/read", "ok"),
      outcome("files/read", "failed"),
      record({ kind: "secret-set", ...secret, commitment: "c" }),
      record({ kind: "secret-rotated", ...secret, commitment: "d" }),
      record({ kind: "secret-bound", ...secret, to: "https://api.example.com" }),
      record({ kind: "files-written", ...one, count: 40 }),
      record({ kind: "files-written", ...one, count: 2 }),
      record({ kind: "programs-started", ...one, count: 3 }),
      record({ kind: "calls-refused", ...one, calls: { mount: 2, unshare: 1 } }),
      record({ kind: "port-visited", ...one, port: "ui", connections: 2, requests: 5, refused: { origin: 2 } }),
      record({ kind: "grant-revoked", grant: "g", key }),
      record({ kind: "files-refused", ...one, count: 7 }),
      record({ kind: "instance-frozen", instance: one.instance, by: monitor, code: "breaker-open" }),
      record({ kind: "terminal", ...one, code: "control-verb", by: "mcp" }),
      record({ kind: "instance-ended", instance: one.instance, why: "control-verb", exit: null }),
      record({ kind: "start", code: "c", constitution: "sha256:0123456789", version: "0.1.0", node: "24" }),
    ]);
    expect(lines).toEqual([
      "ended | claw | ended for good: control-verb: mcp | 1",
      "frozen | claw | frozen: breaker-open, by monitor | 1",
      "refused | claw | change to a file refused | 7",
      "failed | claw | files/read: failed | 1",
      `signed |  | grant-revoked g by ${key} | 1`,
      `secrets |  | secret-set model-key by ${key} | 1`,
      `secrets |  | secret-rotated model-key by ${key} | 1`,
      `secrets |  | secret-bound model-key to https://api.example.com by ${key} | 1`,
      "ran | claw | started | 1",
      "ran | claw | ended: control-verb | 1",
      "done | claw | files/read: ok | 1",
      "files | claw | change to a file | 42",
      "inside | claw | program started | 3",
      "inside | claw | system call mount refused | 2",
      "inside | claw | system call unshare refused | 1",
      "ports | claw | ui: request | 5",
      "ports | claw | ui: request turned away: origin | 2",
      "monitor |  | start monitor 0.1.0, constitution sha256:01234567... | 1",
    ]);
  });

  test("knows a face by its agent, and an instance that began before by its id", () => {
    const other = "i-0000000000000002";
    expect(
      linesOf([
        record({ kind: "instance-started", ...one, ancestry: [] }),
        record({ kind: "refused", peer: `face ${one.instance}`, code: "unknown-method", what: "x/y" }),
        record({ kind: "instance-ended", instance: other, why: "exited", exit: 0 }),
      ]),
    ).toEqual([
      "refused | claw | refused: unknown-method: x/y | 1",
      "ran | claw | started | 1",
      `ran | ${other} | ended: exited, exit 0 | 1`,
    ]);
  });

  test("names instances that run still, and none that ended", () => {
    const other = { ...one, instance: "i-0000000000000002" };
    const { running } = digestOf([
      record({ kind: "instance-started", ...one, ancestry: [] }),
      record({ kind: "instance-started", ...other, ancestry: [] }),
      record({ kind: "instance-ended", instance: one.instance, why: "exited", exit: 0 }),
    ]);
    expect(running.map(({ instance }) => instance)).toEqual([other.instance]);
  });

  test("lets the flood of one agent hide nothing of another, nor another kind of its own", () => {
    const flood = Array.from({ length: 5000 }, (_, n) => denied("claw", `tool/t${n}`));
    const parts = digestOf([
      ...flood,
      denied("other", "net/send"),
      record({ kind: "files-refused", ...one, count: 1 }),
    ]).parts;
    expect(parts.map(({ section, uncounted }) => [section, uncounted])).toEqual([["refused", 5000 - 256]]);
    expect(parts[0]?.lines.slice(0, 3).map(({ who, kind }) => [who, kind])).toEqual([
      ["claw", "denied"],
      ["other", "denied"],
      ["claw", "files-refused"],
    ]);
    expect(parts[0]?.lines).toHaveLength(256 + 2);
  });
});

describe("aios digest", () => {
  const show = async (records: readonly LogRecord[]): Promise<string> => {
    const log = records.map((each, place) => ({ ...each, seq: place, at: NOW - 3_600_000 + place }));
    const desk = createDesk({
      answers: {
        "log-show": ({ from, limit }) => ({
          size: log.length,
          entries: log.slice(from, from + limit).map((each) => ({ record: each, payload: null })),
        }),
        held: () => ({ held: [] }),
      },
    });
    expect(await runProgram(["digest"], desk.powers)).toBe(EXIT.ok);
    return desk.out();
  };

  test("shows a dozen rows of a part, how many there are more and where", async () => {
    const flood = Array.from({ length: 300 }, (_, n) => denied("claw", `tool/t${n}`));
    const shown = await show([...flood, denied("other", "net/send\u001b[2J")]);
    expect(shown.split("\n").filter((row) => row.startsWith("  "))).toHaveLength(13);
    expect(shown).toContain("  other: denied: net/send‹U+001B›[2J at validate: no-grant, 2026-11-22 ");
    expect(shown).toContain("  and 289 more (aios log show --kind denied)\n");
  });

  test("says of what is equal how often, from when to when", async () => {
    expect(await show([denied("claw", "a/b"), denied("claw", "a/b")])).toMatch(
      /^Since .*\nRefused and denied\n {2}claw: denied: a\/b at validate: no-grant, 2 times, 2026-11-22 [0-9:]+\n$/,
    );
  });
});
