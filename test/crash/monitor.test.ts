import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scriptSource } from "../e2e/sources.ts";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * RECORD-FIRST under kill -9. An agent calls a server that writes every call to a file before it answers; the monitor is
 * killed at a random moment; it starts again by itself. Then: every line of that file has an intent in the log, every
 * intent has an outcome (`unknown` where nobody can know), and no record that was seen before is gone.
 *
 * `npm test` takes a few crash points through the whole path, `npm run proof:crash` takes 200.
 */
const POINTS = Number(process.env["AIOS_CRASH_POINTS"] ?? 4);

/** The server does what has this text, and never answers. */
const SILENT = "silent p0s400";

let aios: Substrate;
const lines = (): readonly string[] => {
  const path = join(aios.workspace, "effects.txt");
  return existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
    : [];
};

async function records(kinds: readonly string[]) {
  const all = [];
  for (let from = 0; ;) {
    const { entries } = await aios.client.request("log-show", { from, limit: 1000, instance: null, kinds });
    all.push(...entries);
    const last = entries.at(-1);
    if (last === undefined || entries.length < 1000) return all;
    from = last.record.seq + 1;
  }
}

describe("kill -9 of the monitor while an agent works", () => {
  beforeAll(async () => {
    aios = await startSubstrate();
    await aios.grant({
      id: "notes",
      agents: ["worker"],
      drivers: {
        notes: {
          source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/effects.txt"], workspace: "write" }),
          tools: { add: { risk: "stage", fields: { text: "string" } } },
        },
      },
      allow: ["notes/add"],
    });
  });
  afterAll(() => aios.stop());

  test(
    `${POINTS} crash points: nothing was done without an intent, nothing that was acknowledged is gone`,
    async () => {
      let acknowledged = 0;
      for (let point = 0; point < POINTS; point++) {
        const plan = Array.from({ length: 400 }, (_, step) => ({
          method: "tools/call",
          params: { name: "notes__add", arguments: { text: `p${point}s${step}` } },
        }));
        const before = lines().length;
        const running = aios.follow("worker", plan, { workspace: aios.workspace }).catch(() => null);
        // Wait until it works, then strike somewhere within the next moments.
        await expect.poll(() => lines().length, { interval: 5 }).toBeGreaterThan(before);
        await pause(Math.random() * 60);
        const { size } = await aios.client.request("log-show", { from: 0, limit: 1, instance: null, kinds: [] });
        acknowledged = size;
        await pause(Math.random() * 10);
        await aios.crash();
        await running;
        await aios.restart();
        const after = await aios.client.request("log-show", { from: 0, limit: 1, instance: null, kinds: [] });
        expect(after.size).toBeGreaterThanOrEqual(acknowledged);
      }
      // One strike that is sure to find a call done and not yet answered: nobody can know how it ended.
      const open = aios
        .follow("worker", [{ method: "tools/call", params: { name: "notes__add", arguments: { text: SILENT } } }], {
          workspace: aios.workspace,
        })
        .catch(() => null);
      await expect.poll(() => lines().some((line) => line.includes(SILENT))).toBe(true);
      await aios.crash();
      await open;
      await aios.restart();
      const intents = await records(["intent"]);
      const intended = new Set(intents.map(({ payload }) => textOf(payload)));
      const undeclared = lines().filter(
        (line) => !intended.has(/"text":"((?:silent )?p\d+s\d+)"/.exec(line)?.[1] ?? ""),
      );
      expect(undeclared).toEqual([]);
      const outcomes = await records(["outcome"]);
      const settled = outcomes.map(({ record }) => (record.kind === "outcome" ? record.intent : -1));
      expect(new Set(settled).size).toBe(settled.length);
      expect(intents.map(({ record }) => record.seq).filter((seq) => !settled.includes(seq))).toEqual([]);
      expect(outcomes.some(({ record }) => record.kind === "outcome" && record.result === "unknown")).toBe(true);
      // Every instance has its end in the log, once; of those that were cut off the next start says so.
      const started = await records(["instance-started"]);
      const ended = await records(["instance-ended"]);
      const ids = (found: typeof started): readonly string[] =>
        found.map(({ record }) => ("instance" in record ? record.instance : "")).toSorted();
      expect(ids(ended)).toEqual(ids(started));
      expect(ended.some(({ record }) => record.kind === "instance-ended" && record.why === "monitor-restarted")).toBe(
        true,
      );
      // Never twice: each text was written once.
      expect(new Set(lines()).size).toBe(lines().length);
    },
    (POINTS + 1) * 20_000,
  );
});

function textOf(payload: unknown): string {
  const { action } = payload as { action: string };
  return (JSON.parse(action) as { arguments: { text: string } }).arguments.text;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
