import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filesHolding } from "../fakes/files-holding.ts";
import { packageSource } from "./sources.ts";
import { startSubstrate, type Ran, type Substrate } from "./substrate.ts";

/* What an owner had erased opens no more, and everything else goes on; test/evidence/erasure.test.ts has the backups. */

const WORD = "the-word-that-must-go-7f3a";
let aios: Substrate;
let ran: Ran;

beforeAll(async () => {
  aios = await startSubstrate();
  const source = await packageSource("@modelcontextprotocol/server-filesystem", {
    args: ["/workspace"],
    workspace: "write",
  });
  const tools = { write_file: { risk: "reserved", fields: { path: "path" } } } as const;
  await aios.grant({
    id: "files",
    agents: ["writer"],
    drivers: { files: { source, tools } },
    allow: [{ what: "files/write_file", where: { path: { under: "/workspace" } } }],
    lease: true,
    limits: { uses: 3 },
  });
  ran = await write();
});
afterAll(() => aios.stop());

function write(): Promise<Ran> {
  const call = { name: "files__write_file", arguments: { path: "/workspace/a.txt", content: WORD } };
  return aios.follow("writer", [{ method: "tools/call", params: call }], { workspace: aios.workspace });
}
async function find(kind: string, instance: string | null = ran.instance) {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 1000, instance, kinds: [kind] });
  return entries.at(-1);
}
const holds = (folder: string): boolean => filesHolding(folder, WORD).length > 0;

describe("a payload that an owner had erased", () => {
  test("was there, and is gone: from the log, from every file, and after a start", async () => {
    const intent = await find("intent");
    const seq = intent?.record.seq ?? -1;
    expect(JSON.stringify(intent?.payload)).toContain(WORD);
    const { proof } = await aios.client.request("log-prove", { seq });

    await aios.sign("erase-payload", { record: seq });
    expect((await find("intent"))?.payload).toBeNull();
    expect(holds(join(aios.home, "log")) || holds(join(aios.home, "index")) || holds(join(aios.home, "keys"))).toBe(
      false,
    );
    expect(readdirSync(join(aios.home, "keys")).filter((name) => name.startsWith("payload-epoch-"))).toEqual([
      "payload-epoch-2",
    ]);
    expect((await aios.client.request("log-prove", { seq })).proof.record).toBe(proof.record);
    await aios.crash();
    await aios.restart();
    expect((await find("intent"))?.payload).toBeNull();
  });

  test("still counts as a use of its lease, after a start too", async () => {
    expect((await write()).answers[0]?.result?.isError).not.toBe(true);
    expect((await write()).answers[0]?.result?.isError).not.toBe(true);
    expect((await write()).answers[0]?.result?.structuredContent).toMatchObject({ code: "limit-uses" });
  });

  test("goes by rules that an owner signed too, but nothing that the monitor's state is made of", async () => {
    for (const days of [{ "grant-signed": 1 }, { intent: 1, approved: 30 }])
      await expect(aios.sign("set-retention", { days })).rejects.toMatchObject({ code: "not-erasable" });
    await expect(aios.sign("set-retention", { days: { intent: 0 } })).rejects.toMatchObject({ code: "bad-document" });
    const record = await aios.sign("set-retention", { days: { intent: 30, outcome: 7 } });
    const rules = { days: { intent: 30, outcome: 7 }, record, next: {}, waits: false };
    expect(await aios.client.request("retention", {})).toEqual(rules);
    await aios.crash();
    await aios.restart();
    expect(await aios.client.request("retention", {})).toEqual(rules);
    await aios.sign("set-retention", { days: {} });
  });

  test("is erased once, and only what can be: no grant, no statement, nothing that is not there", async () => {
    const intent = (await find("intent"))?.record.seq ?? -1;
    await expect(aios.sign("erase-payload", { record: intent })).rejects.toThrow(/has no payload, or it was erased/u);
    for (const kind of ["grant-signed", "owner-enrolled", "payload-erased"]) {
      const record = (await find(kind, null))?.record.seq ?? -1;
      await expect(aios.sign("erase-payload", { record }), kind).rejects.toThrow(/state is made of/u);
    }
    await expect(aios.sign("erase-payload", { record: 100_000 })).rejects.toThrow(/has no record/u);
    await expect(aios.sign("erase-payload", { record: intent, more: 1 })).rejects.toThrow(/names one record/u);
    const outcome = (await find("outcome"))?.record.seq ?? -1;
    await aios.sign("erase-payload", { record: outcome });
    expect((await find("outcome"))?.payload).toBeNull();
  });
});
