import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-codes.ts";
import { runProgram } from "../../src/cli/program.ts";
import { DIGEST_SUM, type DigestSum } from "../../src/protocol/digest.ts";
import { decode } from "../../src/protocol/decode.ts";
import { digestFacts } from "../../src/showing/digest-facts.ts";
import { createDigest } from "../../src/showing/digest.ts";
import { NO_FACTS, type DigestFacts } from "../../src/showing/digest-events.ts";
import { createDesk, NOW } from "../fakes/cli-powers.ts";
import type { LogRecord, RecordBody } from "../../src/protocol/record.ts";
import { pageOf } from "../fakes/monitor-client.ts";

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

const monitorStopped: RecordBody = { kind: "stop", why: "asked" };
const key = `ed25519:${"0".repeat(16)}`;
function denied(agent: string, what: string): LogRecord {
  return record({ kind: "denied", ...action, agent, what, stage: "validate", code: "no-grant", by: monitor });
}
function intent(what: string, by: readonly string[]): LogRecord {
  return record({ kind: "intent", ...action, what, by: { kind: "grant", grants: by }, pin: action.policy });
}
const isLease = (grant: string): boolean => grant.startsWith("l-");
function digestOf(records: readonly LogRecord[], facts: DigestFacts = NO_FACTS): DigestSum {
  const fold = createDigest();
  for (const each of records) fold.add(each, facts);
  return fold.sum(isLease);
}
function linesOf(records: readonly LogRecord[]): readonly string[] {
  return digestOf(records).parts.flatMap(({ section, lines }) =>
    lines.map(({ who, text, times }) => `${section} | ${who} | ${text} | ${times}`),
  );
}

describe("a digest", () => {
  test("of nothing is empty", () => {
    expect(digestOf([])).toEqual({ agents: [], leases: [], running: [], parts: [] });
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
      record({ kind: "limit-reached", ...one, limit: "processes", most: 64, found: 64 }),
      record({ kind: "limit-reached", ...one, limit: "memory", most: 1024, found: 2048 }),
      record({ kind: "limit-reached", ...one, driver: "files", limit: "memory", most: 1024, found: 2048 }),
      record({ kind: "limit-reached", ...one, driver: "files", limit: "files", most: 1024, found: 1024 }),
      record({ kind: "files-refused", ...one, count: 7 }),
      record({ kind: "instance-frozen", instance: one.instance, by: monitor, code: "breaker-open" }),
      record({ kind: "terminal", ...one, code: "control-verb", by: "mcp" }),
      record({ kind: "instance-ended", instance: one.instance, why: "control-verb", exit: null }),
      record({ kind: "start", code: "c", constitution: "sha256:0123456789", version: "0.1.0", node: "24" }),
    ]);
    expect(lines).toEqual([
      "ended | claw | ended by a limit: at most 1.0 KiB (1024) of memory in all | 1",
      "ended | claw | ended for good: control-verb: mcp | 1",
      "ended | claw | server files: ended by a limit: at most 1.0 KiB (1024) of memory in all | 1",
      "frozen | claw | frozen: breaker-open, by monitor | 1",
      "refused | claw | calls refused at a limit: at most 64 processes and threads at a time | 1",
      "refused | claw | change to a file refused | 7",
      "refused | claw | server files: calls refused at a limit: at most 1024 open files in a process | 1",
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

  test("counts an undo once, though its beginning is recorded too, and asks nobody anything when somebody is back", () => {
    const undone = { ...one, count: 3, left: 1 } as const;
    expect(
      linesOf([
        record({ kind: "files-undone", ...undone, stage: "begun" }),
        record({ kind: "files-undone", ...undone, stage: "ended" }),
        record({ kind: "away-ended", why: "back" }),
      ]),
    ).toEqual([
      "files | claw | 3 changes were taken back, 1 left | 1",
      "monitor |  | away ended: somebody is back | 1",
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

  test("counts what each agent did by what became of it, and what its models took", () => {
    const spent = { input: 1000, output: 20, cost: 1_500_000 };
    const records = [outcome("infer/messages", "ok"), outcome("infer/messages", "ok"), outcome("net/send", "failed")];
    expect(digestOf([...records, denied("other", "net/send")], { ...NO_FACTS, spent }).agents).toEqual([
      expect.objectContaining({
        agent: "claw",
        done: 2,
        failed: 1,
        denied: 0,
        input: 3000,
        output: 60,
        cost: 4_500_000,
      }),
      expect.objectContaining({ agent: "other", done: 0, denied: 1, input: 0, output: 0, cost: 0 }),
    ]);
  });

  test("says what ran under which lease and how often, and nothing of plain grants", () => {
    const records = [intent("net/send", ["l-beat"]), intent("net/send", ["l-beat"]), intent("files/read", ["g"])];
    expect(digestOf(records).leases).toEqual([
      { grant: "l-beat", agent: "claw", times: 2, first: records[0]?.at, last: records[1]?.at },
    ]);
  });

  test("names where things were sent, programs and files, and counts those whose names are gone", () => {
    const facts = { ...NO_FACTS, to: "POST api.example.com:443", programs: ["/usr/bin/git"], files: ["notes/a.md"] };
    const records = [
      intent("net/send", ["g"]),
      record({ kind: "programs-started", ...one, count: 3 }),
      record({ kind: "files-written", ...one, count: 1 }),
    ];
    const fold = createDigest();
    for (const each of records) fold.add(each, facts);
    expect(fold.sum(isLease).parts.flatMap(({ lines }) => lines.map(({ text, times }) => [text, times]))).toEqual([
      ["net/send: POST api.example.com:443", 1],
      ["change to a file: notes/a.md", 1],
      ["program started", 2],
      ["program started: /usr/bin/git", 1],
    ]);
  });

  // A commit writes a dozen files of git's own, each of another name: they took the place of the work.
  test("tells what changed below .git and node_modules by these folders", () => {
    const paths = [
      "/workspace/.git/objects/05/tmp_obj_6vF8ar",
      "/workspace/.git/index.lock",
      "/workspace/web/node_modules/a/node_modules/b/index.js",
      "/workspace/web/node_modules/a/package.json",
      "/workspace/.gitignore",
      "/workspace/notes.git/x",
      "/workspace/a.js",
    ];
    const files = paths.map((path) => ({ operation: "write", path }));
    const fold = createDigest();
    const written = record({ kind: "files-written", ...one, count: paths.length });
    fold.add(written, digestFacts(written, { files }));
    expect(fold.sum(isLease).parts.flatMap(({ lines }) => lines.map(({ text, times }) => [text, times]))).toEqual([
      ["change to a file: /workspace/.git/", 2],
      ["change to a file: /workspace/web/node_modules/", 2],
      ["change to a file: /workspace/.gitignore", 1],
      ["change to a file: /workspace/notes.git/x", 1],
      ["change to a file: /workspace/a.js", 1],
    ]);
  });

  test("made of pieces is the same as made of records, wherever it is cut", () => {
    const agentOf = (instance: string): string => `agent-${Number(instance.slice(2)) % 5}`;
    const kinds = (n: number): LogRecord => {
      const instance = `i-${String(Math.floor(n / 6)).padStart(16, "0")}`;
      const shapes: readonly RecordBody[] = [
        { kind: "instance-started", ...one, instance, agent: agentOf(instance), ancestry: [] },
        { kind: "instance-ended", instance, why: "exited", exit: 0 },
        { kind: "instance-frozen", instance, by: monitor, code: "breaker-open" },
        { kind: "denied", ...action, what: `t/${n % 300}`, stage: "validate", code: "no-grant", by: monitor },
        { kind: "intent", ...action, what: "t/u", by: { kind: "grant", grants: [`l-${n % 3}`] }, pin: action.policy },
        { kind: "refused", peer: `face ${instance}`, code: "x", what: "y" },
      ];
      return record(shapes[n % shapes.length] ?? monitorStopped);
    };
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat({ max: 1000 }), { maxLength: 400 }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 5 }),
        (shapes, cuts) => {
          const records = shapes.map(kinds);
          const [whole, joined] = [createDigest(agentOf), createDigest(agentOf)];
          for (const each of records) whole.add(each);
          const borders = [0, ...cuts.toSorted((a, b) => a - b), records.length];
          for (const [index, from] of borders.entries()) {
            const piece = createDigest(agentOf);
            for (const each of records.slice(from, borders[index + 1] ?? from)) piece.add(each);
            joined.take(piece.piece());
          }
          expect(joined.sum(isLease)).toEqual(whole.sum(isLease));
        },
      ),
      { numRuns: 60 },
    );
  });

  test("is what its decoder takes, and cuts what is longer", () => {
    const long = record({ kind: "refused", peer: "p".repeat(4000), code: "c", what: "\ud800".repeat(4000) });
    const sum = digestOf([long, denied("claw", "a/b"), intent("net/send", ["l-x"])]);
    expect(decode(DIGEST_SUM, JSON.parse(JSON.stringify(sum)))).toEqual({ kind: "ok", value: sum });
    expect(decode(DIGEST_SUM, { ...JSON.parse(JSON.stringify(sum)), extra: 1 })).toMatchObject({ path: "/extra" });
  });
});

describe("aios digest", () => {
  const show = async (records: readonly LogRecord[], more: Partial<DigestSum> = {}): Promise<string> => {
    const log = records.map((each, place) => ({ ...each, seq: place, at: NOW - 3_600_000 + place }));
    const desk = createDesk({
      answers: {
        digest: ({ since }) => ({ ...digestOf(log.filter(({ at }) => at >= since)), ...more }),
        held: () => pageOf([]),
      },
    });
    expect(await runProgram(["digest"], desk.powers)).toBe(EXIT.ok);
    return desk.out();
  };

  test("shows a dozen rows of a part, how many there are more and where", async () => {
    const flood = Array.from({ length: 300 }, (_, n) => denied("claw", `tool/t${n}`));
    const shown = await show([...flood, denied("other", "net/send\u001b[2J")]);
    expect(shown.split("\n").filter((row) => row.startsWith("  "))).toHaveLength(13 + 2);
    expect(shown).toContain("  other: denied: net/send‹U+001B›[2J at validate: no-grant, 2026-11-22 ");
    expect(shown).toContain("  and 289 more (aios log show --kind denied)\n");
  });

  test("says of what is equal how often, from when to when", async () => {
    expect(await show([denied("claw", "a/b"), denied("claw", "a/b")])).toMatch(
      /^Since .*\nRefused and denied\n {2}claw: denied: a\/b at validate: no-grant, 2 times, 2026-11-22 [0-9:]+\nAgents\n {2}claw: 2 denied\n$/,
    );
  });

  test("is no longer than a screen, whatever happened, and names what it leaves out", async () => {
    const line = (n: number) => ({ kind: "denied", who: "claw", text: `line ${n}`, times: 2, first: NOW, last: NOW });
    const lines = Array.from({ length: 100 }, (_, n) => line(n));
    const parts = digestOf([]).parts;
    const all = ["ended", "frozen", "refused", "failed", "sent", "signed", "secrets", "ran", "done", "files"] as const;
    const rest = ["inside", "ports", "asked", "monitor"] as const;
    const few = await show([], { parts: [...parts, ...all.map((section) => ({ section, lines, uncounted: 3 }))] });
    expect(few.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
    expect(few).toContain("  and 102 more (aios log show --kind denied)");
    const many = await show([denied("claw", "a/b")], {
      parts: [...all, ...rest].map((section) => ({ section, lines, uncounted: 3 })),
      leases: [{ grant: "l-beat", agent: "claw", times: 8, first: NOW, last: NOW }],
    });
    expect(many.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
    expect(many).toContain("  claw: l-beat, 8 times");
    expect(many).toMatch(/\nAnd more: .*The monitor \(aios digest --json\)\n$/);
  });

  test("begins with what waits and how it is looked at", async () => {
    const request = "0123456789abcdef".repeat(2);
    const held = {
      request,
      ...one,
      what: "net/send",
      about: "POST https://a.example/x",
      reasons: [],
      since: NOW,
      expires: NOW + 60_000,
    };
    const desk = createDesk({
      answers: {
        digest: () => digestOf([]),
        held: () => pageOf([{ ...held, digest: action.policy, same: action.policy, shape: action.policy }]),
      },
    });
    expect(await runProgram(["digest", "--since", "8h"], desk.powers)).toBe(EXIT.ok);
    expect(desk.out()).toMatch(
      /\nWaits for you\n {2}claw: net\/send {2}POST https:\/\/a\.example\/x, until .*: aios approvals show 01234567\n$/,
    );
    expect(desk.monitor.asked[0]).toEqual({ name: "digest", body: { since: NOW - 8 * 3_600_000 } });
  });
});
