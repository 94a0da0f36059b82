import { expect, test, vi } from "vitest";
import { createMemoryLog, type MemoryLog } from "../../test/fakes/memory-log.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { RecordBody } from "../protocol/record.ts";
import { createDigestPieces, type DigestPieces } from "./digest-pieces.ts";
import { emptyState } from "./state.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;
const ACTION = {
  instance: "i-00000000000000aa",
  agent: "claw",
  ancestry: [],
  action: DIGEST,
  risk: "reach" as const,
  labels: [],
  policy: DIGEST,
};
const by = { kind: "grant" as const, grants: ["g"] };

/** Intents to a host, outcomes and programs, in turns; each with a payload as the monitor writes it. */
function sample(n: number): readonly [RecordBody, JsonObject] {
  const host = `h${n % 7}.example.com`;
  const asked = JSON.stringify({ arguments: { method: "GET", host, port: 443, path: "/secret" } });
  if (n % 3 === 0) return [{ kind: "intent", by, pin: DIGEST, ...ACTION, what: "net/fetch" }, { action: asked }];
  if (n % 3 === 1) {
    const rest = { intent: n - 1, result: "ok" as const, code: null, digest: DIGEST, bytes: 10, micros: 5 };
    return [{ kind: "outcome", ...rest, ...ACTION, what: "net/fetch" }, { result: '{"status":200}' }];
  }
  const { instance, agent } = ACTION;
  return [{ kind: "programs-started", instance, agent, count: 1 }, { programs: [{ program: "/usr/bin/git" }] }];
}

async function filled(count: number): Promise<{ readonly log: MemoryLog; readonly pieces: DigestPieces }> {
  const kept = Array.from({ length: count }, (_, seq) => {
    const [body, payload] = sample(seq);
    return { record: { v: 1 as const, seq, at: 1000 + seq, start: "0".repeat(32), payload: null, ...body }, payload };
  });
  const log = createMemoryLog("0".repeat(32), kept);
  const pieces = createDigestPieces(log, emptyState());
  for (const { record, payload } of kept) pieces.add(record, payload);
  return { log, pieces };
}

test("a digest of pieces is the same as one of records, from any moment on", async () => {
  const { log, pieces } = await filled(5000);
  const slow = createDigestPieces(log, emptyState());
  for (const moment of [0, 1000, 1001, 2023, 2024, 2025, 5800, 9999]) {
    const sum = await pieces.since(moment);
    expect(sum).toEqual(await slow.since(moment));
    expect(sum.agents[0]?.done ?? 0).toBe(
      log.kept.filter(({ record: { at, kind } }) => at >= moment && kind === "outcome").length,
    );
  }
});

test("names hosts and programs, and nothing else of a payload", async () => {
  const { pieces } = await filled(30);
  const sum = await pieces.since(0);
  expect(JSON.stringify(sum)).toContain("net/fetch: h3.example.com:443");
  expect(JSON.stringify(sum)).toContain("program started: /usr/bin/git");
  expect(JSON.stringify(sum)).not.toContain("/secret");
});

test("attack: what an owner had erased is not told from memory", async () => {
  const { log, pieces } = await filled(2048);
  expect(JSON.stringify(await pieces.since(0))).toContain("h3.example.com");
  for (const [seq, entry] of log.kept.entries())
    if (JSON.stringify(entry.payload).includes("h3.example.com")) {
      Object.assign(entry, { payload: null });
      pieces.forget(seq);
    }
  const told = JSON.stringify(await pieces.since(0));
  expect(told).not.toContain("h3.example.com");
  expect(told).toContain("h4.example.com");
});

test("of many records it reads none but those at the edges", async () => {
  const { log, pieces } = await filled(40_000);
  const entries = vi.spyOn(log, "entries");
  const sum = await pieces.since(1500);
  expect(sum.agents[0]?.done).toBe(13_166);
  const read = entries.mock.calls.reduce((total, [from, to]) => total + to - from, 0);
  expect(read).toBeLessThan(2 * 1024 + 40);
});
