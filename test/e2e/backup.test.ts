import { renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { tellOfKeyFiles } from "../../src/cli/key-files.ts";
import type { CliPowers } from "../../src/cli/powers.ts";
import { MEMORY_TOOLS } from "../../src/kernel/memory.ts";
import { createBackups } from "../../src/main/backups.ts";
import { createCrypto } from "../../src/platform/keys/crypto.ts";
import { createRandom } from "../../src/platform/keys/random.ts";
import { createDesk } from "../fakes/cli-powers.ts";
import { filesHolding } from "../fakes/files-holding.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";
import { startSubstrate, type Ran, type Substrate } from "./substrate.ts";
import { readUser } from "./user.ts";

/* A home is backed up while its monitor runs, lost, and restored; test/evidence/backup.test.ts has who changes a backup. */

const PASSPHRASE = "correct horse battery staple";
const WORD = "Huitzilopochtli";
const base = makeTemporaryFolder();
const to = join(base, "backup");
const memory = { source: { kind: "memory" as const }, tools: MEMORY_TOOLS };
const SOUL = { agent: "keeper", name: "identity" } as const;
let aios: Substrate;
let kept: readonly number[] = [];
let size = 0;

const call = (name: string, args: object) => ({ method: "tools/call", params: { name, arguments: args } });
const append = (text: string) => call("memory__append", { plane: "append-only", text });
function told(ran: Ran, step: number): { readonly [key: string]: unknown } {
  return JSON.parse(ran.answers[step]?.result?.content?.[0]?.text ?? "{}");
}
function freeze(version: number): Promise<number> {
  return aios.sign("freeze-memory", { ...SOUL, version, items: [{ path: "SOUL.md", text: `version ${version}` }] });
}
const codeOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "answered",
    (error: unknown) =>
      error instanceof Error && "code" in error ? `${String(error.code)}: ${error.message}` : "none",
  );

/** Runs the command line on the home of the substrate, with hands of its own. */
async function run(...words: readonly string[]) {
  const desk = createDesk({ typed: [PASSPHRASE, PASSPHRASE] });
  const client = { ...aios.client, onEvent: () => {}, onEnd: () => {}, close: () => {} };
  const home = { ...desk.powers.home(null), path: aios.home, connect: () => Promise.resolve(client) };
  const monitorUser = process.geteuid?.() === 0 ? readUser("aios") : null;
  const parts = { crypto: createCrypto(), random: createRandom(), now: () => Date.now(), monitorUser };
  const powers: CliPowers = { ...desk.powers, home: () => home, backups: createBackups(parts) };
  const exit = await runProgram(words, powers);
  return { exit, out: desk.out(), err: desk.err() };
}

beforeAll(async () => {
  aios = await startSubstrate();
  const allow = Object.keys(MEMORY_TOOLS).map((tool) => `memory/${tool}`);
  await aios.grant({ id: "keeper", agents: ["keeper"], drivers: { memory }, allow, lease: true, limits: { uses: 4 } });
  const put = call("memory__put", { plane: "ephemeral", text: "Call Ada at noon", ttl: 3600 });
  const ran = await aios.follow("keeper", [append("it stays"), append(`the word is ${WORD}`), put]);
  kept = [0, 1, 2].map((step) => Number(told(ran, step)["entry"]));
  await freeze(1);
});
afterAll(() => aios.stop());

describe("a home that is backed up, lost and restored", () => {
  test("is backed up while the monitor runs, into a folder that opens nothing", async () => {
    const client = { ...aios.client, onEvent: () => {}, onEnd: () => {}, close: () => {} };
    expect(await tellOfKeyFiles(client)).toEqual([]);
    const { exit, out, err } = await run("backup", to, "--keys", join(base, "home.keys"));
    expect({ exit, err }).toEqual({ exit: 0, err: "" });
    size = Number(/^(?<size>\d+) records/u.exec(out)?.groups?.["size"]);
    const { entries } = await aios.client.request("log-show", {
      from: 0,
      limit: 10,
      instance: null,
      kinds: ["backup-made"],
    });
    expect(entries[0]?.record).toMatchObject({ kind: "backup-made", size, keys: true });
    expect(JSON.stringify(await tellOfKeyFiles(client))).toContain(`A file of keys was made (record `);
    expect(filesHolding(base, WORD)).toEqual([]);
    const again = await run("backup", to);
    expect([again.exit, again.err]).toEqual([3, expect.stringContaining("already-there")]);
    expect((await run("backup", join(aios.home, "backup"))).exit).toBe(2);
    expect((await run("backup", join(base, "other"), "--keys", join(base, "other/keys"))).exit).toBe(2);
  });

  test("comes back with what lives and without authority: everything stands still, and says why", async () => {
    // After the backup: the last use of the lease, an erasure, and a newer identity.
    const ran = await aios.follow("keeper", [append("after the backup"), append("one use too many")]);
    expect(ran.answers[0]?.result?.isError).not.toBe(true);
    expect(ran.answers[1]?.result?.structuredContent).toMatchObject({ code: "limit-uses" });
    await aios.sign("erase-memory", { entries: [kept[1] ?? -1] });
    await freeze(2);
    // What is in quarantine stays out of reach, also by way of an older backup; numbers that it does not have mean nothing there.
    const { entry: late } = told(ran, 0);
    for (const [by, value] of [
      ["entry-alone", String(kept[0])],
      ["entry-alone", String(Number(late))],
      ["source", "web/fetch"],
    ] as const)
      await aios.client.request("memory-quarantine", { by, value });
    await aios.crash();
    const old = join(base, "old");
    renameSync(aios.home, old);
    const { exit, out, err } = await run("restore", to, "--keys", join(old, "keys"));
    expect({ exit, err }).toEqual({ exit: 0, err: "" });
    expect(out).toContain(`is restored: ${size} records`);
    expect(out).toContain("quarantines of memory from after the backup stand, by the log beside the keys: 2\n");
    expect(out).toMatch(/what came after the backup is lost: \d+ records, by the log beside the keys\n/u);

    await aios.restart();
    const shown = await aios.client.request("log-show", { from: size, limit: 2, instance: null, kinds: [] });
    expect(shown.entries.map(({ record }) => record.kind)).toEqual(["restored", "all-frozen"]);
    expect((await aios.client.request("grants", {})).grants.map(({ state }) => state)).toEqual(["revoked"]);
    expect(await codeOf(aios.follow("keeper", [append("again")]))).toContain("all-frozen");
    const entry = (at: number) => aios.client.request("memory-entry", { entry: kept[at] ?? -1 });
    expect(await entry(0)).toMatchObject({ text: "it stays" });
    expect(await codeOf(entry(1))).toContain("memory-damaged");
    expect(await codeOf(entry(2))).toContain("memory-expired");
    // Agents do not get it (monitor/restored-state.test.ts); whoever is to sign the next version sees it, and which that is.
    const soul = { version: 1, standing: "withheld" };
    expect(await aios.client.request("memory-snapshot", SOUL)).toMatchObject({
      ...soul,
      items: [{ text: "version 1" }],
    });
    const { snapshots, quarantines } = await aios.client.request("memory-planes", {});
    expect(quarantines).toEqual([
      { by: "entry-alone", value: String(kept[0]) },
      { by: "source", value: "web/fetch" },
    ]);
    expect(snapshots).toEqual([{ ...SOUL, ...soul }]);
    expect(await aios.client.request("memory-to-freeze", { ...SOUL, entries: [] })).toMatchObject({ version: 2 });
  });

  test("goes on when an owner says so, with what that owner signs anew", async () => {
    const allow = ["memory/append", "memory/get"];
    await aios.grant({ id: "again", agents: ["keeper"], drivers: { memory }, allow });
    await aios.sign("thaw-all", { frozen: size + 1 });
    await freeze(3);
    const whose = { plane: "append-only", entry: kept[0] };
    const soul = call("memory__get", { plane: "frozen", name: "identity", path: "SOUL.md" });
    const get = call("memory__get", whose);
    const held = await aios.follow("keeper", [get]);
    expect(held.answers[0]?.result?.structuredContent).toMatchObject({ code: "memory-quarantined" });
    await aios.sign("release-memory", { by: "entry-alone", value: String(kept[0]) });
    const ran = await aios.follow("keeper", [append("on"), get, soul]);
    expect(told(ran, 1)).toMatchObject({ text: "it stays" });
    expect(told(ran, 2)).toMatchObject({ text: "version 3" });
    expect((await run("backup", join(base, "second"))).exit).toBe(0);
  });
});
