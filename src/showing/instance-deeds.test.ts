import { describe, expect, test } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import type { ActionBase, LogRecord, RecordBody } from "../protocol/record.ts";
import { createDeeds, type Deeds } from "./instance-deeds.ts";
import { plainText } from "./line.ts";
import { tellDeeds } from "./tell-deeds.ts";

const ID = "i-0123456789abcdef";
const KEY = "ed25519:0011223344556677";
const OWNER = { kind: "owner", key: KEY } as const;
const GRANT = { kind: "grant", grants: ["g"] } as const;

/** Number of the next record. */
interface Run {
  readonly entries: { readonly record: LogRecord; readonly payload: JsonValue }[];
  add(body: RecordBody, payload?: JsonValue): number;
}

function createRun(): Run {
  const entries: { record: LogRecord; payload: JsonValue }[] = [];
  return {
    entries,
    add(body, payload = null) {
      const seq = entries.length;
      const commitment = payload === null ? null : { digest: `sha256:${"0".repeat(64)}`, bytes: 10 };
      entries.push({
        record: { v: 1, seq, at: 1_000_000 + seq * 1000, start: "0".repeat(32), payload: commitment, ...body },
        payload,
      });
      return seq;
    },
  };
}

const base = (what: string, action: string, instance: string = ID): ActionBase => ({
  instance,
  agent: "writer",
  ancestry: [],
  action,
  what,
  risk: "reach",
  labels: [],
  policy: "p",
});
const intent = (what: string, args: JsonValue, more: { readonly [field: string]: JsonValue } = {}): JsonValue => ({
  action: JSON.stringify({ driver: what.split("/")[0], arguments: args }),
  grants: ["g"],
  bytes: 1,
  ...more,
});
const outcome = (
  of: number,
  at: ActionBase,
  result: "ok" | "failed" | "tool-error" | "unknown" = "ok",
): RecordBody => ({
  kind: "outcome",
  intent: of,
  result,
  code: result === "failed" ? "revoked" : null,
  digest: null,
  bytes: 7,
  micros: 2500,
  ...at,
});
function perform(
  run: Run,
  at: ActionBase,
  payload: JsonValue,
  result?: Parameters<typeof outcome>[2],
  answer: JsonValue = null,
): void {
  const seq = run.add({ kind: "intent", by: GRANT, pin: "p", ...at }, payload);
  run.add(outcome(seq, at, result), answer);
}
function fold({ entries }: Run): Deeds {
  const deeds = createDeeds(ID);
  for (const { record, payload } of entries) deeds.add(record, payload);
  return deeds.sum();
}
const told = (run: Run, view: Parameters<typeof tellDeeds>[1]["view"] = null): readonly string[] =>
  tellDeeds(fold(run), { view, now: 1_060_000 }).map(plainText);

/** A run in which something of everything happens. */
function busy(): Run {
  const run = createRun();
  run.add(
    { kind: "instance-started", instance: ID, agent: "writer", ancestry: [] },
    { command: ["node", "a.js"], words: ["Mail Ann"] },
  );
  run.add(
    { kind: "programs-started", instance: ID, agent: "writer", count: 3 },
    { programs: [{ program: "/bin/sh" }, { program: "/bin/sh" }, { program: "/usr/bin/git" }] },
  );
  run.add(
    { kind: "files-written", instance: ID, agent: "writer", count: 1 },
    { files: [{ operation: "made", path: "/w/a" }] },
  );
  run.add({ kind: "held", reasons: ["reserved"], expires: 0, ...base("notes/add", "sha256:a") });
  run.add({ kind: "approved", by: OWNER, statement: "s", ...base("notes/add", "sha256:a") });
  perform(run, base("notes/add", "sha256:a"), intent("notes/add", { text: "x" }));
  const placeholder = `aios-secret-bank-${"a1".repeat(16)}`;
  perform(
    run,
    base("net/fetch", "sha256:b"),
    intent("net/fetch", { host: "api.example", port: 443, headers: [["authorization", `Bearer ${placeholder}`]] }),
  );
  perform(run, base("net/fetch", "sha256:c"), intent("net/fetch", { host: "never.example", port: 443 }), "failed");
  const asks = intent(
    "infer/messages",
    { provider: "near", model: "m1" },
    { spent: { input: 900, output: 500, cost: 4_000_000 } },
  );
  perform(run, base("infer/messages", "sha256:d"), asks, "ok", {
    result: JSON.stringify({ spent: { input: 800, output: 20, cost: 1_500_000 } }),
  });
  run.add({ kind: "labelled", instance: ID, labels: ["untrusted"], because: "net/fetch" });
  run.add({
    kind: "denied",
    stage: "validate",
    code: "no-grant",
    by: { kind: "rule", rule: "none" },
    ...base("files/read", "sha256:e"),
  });
  run.add({ kind: "calls-refused", instance: ID, agent: "writer", calls: { mount: 2, ptrace: 1 } });
  run.add({ kind: "instance-ended", instance: ID, why: "exited", exit: 0 });
  return run;
}

describe("what an instance did", () => {
  test("is told in ten lines at most, with its cost", () => {
    expect(told(busy())).toEqual([
      "Ran for 16 s, then exited, exit 0: node a.js",
      "You asked it: Mail Ann",
      "Actions: 3 done (notes/add, net/fetch, infer/messages), 1 failed (net/fetch), 1 denied (files/read)",
      "Asked people once: 1 allowed, 0 denied",
      "Started 2 programs, 3 times: /bin/sh ×2, /usr/bin/git",
      "Wrote 1 file, once: /w/a",
      "Reached 1 host, once: api.example:443",
      "Used, without seeing it: bank",
      "Asked models once (near/m1): 800 tokens in, 20 out, cost 1.5",
      "Took in untrusted data; 3 system calls refused",
    ]);
  });

  test("is little when it did nothing", () => {
    const run = createRun();
    run.add(
      { kind: "instance-started", instance: ID, agent: "writer", ancestry: [] },
      { command: ["true"], words: [] },
    );
    expect(told(run, { state: "running", since: 1_000_000, held: 0, why: null })).toEqual([
      "Runs for 60 s: true",
      "Nothing of it left its sandbox.",
    ]);
  });

  test("has nothing of another instance", () => {
    const run = createRun();
    perform(run, base("notes/add", "sha256:a", "i-ffffffffffffffff"), intent("notes/add", {}));
    run.add({ kind: "stop", why: "asked" });
    expect(fold(run)).toMatchObject({ records: 0, actions: [], done: { total: 0 } });
  });

  test("lists each action once, where its last record left it, newest first", () => {
    expect(fold(busy()).actions.map(({ what, stage, words }) => [what, stage, words])).toEqual([
      ["files/read", "validate", "denied: no-grant"],
      ["infer/messages", "audit", "done, 2.5 ms"],
      ["net/fetch", "audit", "failed: revoked, 2.5 ms"],
      ["net/fetch", "audit", "done, 2.5 ms"],
      ["notes/add", "audit", "done, 2.5 ms"],
    ]);
  });

  test("counts a call of a model that is under way by what it is expected to spend, and one that never ran by nothing", () => {
    const run = createRun();
    const asks = intent(
      "infer/chat",
      { provider: "near", model: "m1" },
      { spent: { input: 10, output: 20, cost: 30 } },
    );
    run.add({ kind: "intent", by: GRANT, pin: "p", ...base("infer/chat", "sha256:a") }, asks);
    expect(fold(run).spent).toEqual({ input: 10, output: 20, cost: 30 });
    run.add(outcome(0, base("infer/chat", "sha256:a"), "failed"));
    expect(fold(run).spent).toEqual({ input: 0, output: 0, cost: 0 });
  });

  test("counts what payloads that are gone or nonsense would have named, without a name", () => {
    const run = createRun();
    run.add({ kind: "programs-started", instance: ID, agent: "writer", count: 5 });
    run.add({ kind: "files-written", instance: ID, agent: "writer", count: 2 }, { files: [{ operation: 1 }, "x"] });
    perform(run, base("net/fetch", "sha256:b"), null);
    perform(run, base("net/fetch", "sha256:c"), { action: "{not json" });
    const { programs, files, hosts } = fold(run);
    expect([programs, files, hosts]).toEqual([
      { names: [], total: 5 },
      { names: [], total: 2 },
      { names: [], total: 2 },
    ]);
  });

  test("attack: an agent that makes up names fills no memory, and no line is longer than a person reads", () => {
    const run = createRun();
    for (let index = 0; index < 2000; index += 1) {
      const file = { operation: "made", path: `/w/${"deep/".repeat(200)}${index}\u202e\u001b[2J` };
      run.add({ kind: "files-written", instance: ID, agent: "writer", count: 1 }, { files: [file] });
      run.add({
        kind: "denied",
        stage: "decide",
        code: "malformed",
        by: { kind: "rule", rule: "r" },
        ...base(`x/${index}`, `sha256:${index}`),
      });
    }
    const deeds = fold(run);
    expect(deeds.files).toMatchObject({ total: 2000, names: { length: 256 } });
    expect(deeds.denied).toMatchObject({ total: 2000, names: { length: 256 } });
    expect(deeds.actions).toHaveLength(50);
    const lines = told(run);
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(500);
    // oxlint-disable-next-line no-control-regex -- these are what must not be there
    expect(lines.join("")).not.toMatch(/[\u0000-\u001f\u202e]/);
  });

  test("says that it is held, frozen, thawed and ended for good", () => {
    const run = createRun();
    run.add({ kind: "hold-asked", instance: ID, stages: ["approve"] });
    expect(fold(run).holdAt).toEqual(["approve"]);
    run.add({ kind: "hold-lifted", instance: ID, key: KEY });
    expect(fold(run).holdAt).toEqual([]);
    run.add({ kind: "instance-frozen", instance: ID, by: OWNER, code: "asked" });
    run.add({ kind: "terminal", instance: ID, agent: "writer", code: "prohibited-call", by: "system call bpf" });
    run.add({ kind: "instance-ended", instance: ID, why: "killed", exit: null });
    expect(told(run)).toEqual([
      "Ran for 0 s, then ended for good: prohibited-call",
      "Frozen: asked; tried to climb: prohibited-call, system call bpf",
    ]);
  });
});
