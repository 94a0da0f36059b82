import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REPO, startSubstrate, type Substrate } from "./substrate.ts";
import { readUser } from "./user.ts";

/** A few more than are folded before the first state is kept. */
const RECORDS = 4500;

let aios: Substrate;
beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({ id: "reader", agents: ["worker"], allow: ["files/read_text"] });
  await aios.grant({ id: "gone", agents: ["worker"], allow: ["files/read_text"] });
  await aios.sign("revoke-grant", { grant: "gone" });
  await aios.crash();
  // As the user whom the home belongs to.
  const user = process.geteuid?.() === 0 ? readUser("aios") : {};
  const words = [join(REPO, "bench", "big-log.ts"), aios.home, String(RECORDS), "reader"];
  const { status, stderr } = spawnSync(process.execPath, words, { ...user, cwd: "/", encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});
afterAll(() => aios.stop());

const kept = (): readonly string[] => readdirSync(join(aios.home, "index", "state"));
const uses = async (): Promise<unknown> =>
  (await aios.client.request("grants", {})).grants.map(({ id, state, uses: used }) => [id, state, used]);
const kinds = async (from: number): Promise<readonly string[]> =>
  (await aios.client.request("log-show", { from, limit: 20, instance: null, kinds: [] })).entries.map(
    ({ record }) => record.kind,
  );

test("a monitor keeps the state of a long log, and starts with it; a spoiled one is said and not used", async () => {
  await aios.restart();
  const whole = await uses();
  expect(kept()).toEqual([String(RECORDS).padStart(16, "0")]);
  expect((await kinds(RECORDS)).slice(0, 2)).toEqual(["start", "state-kept"]);

  await aios.crash();
  await aios.restart();
  expect(await uses()).toEqual(whole);
  expect(aios.errors()).not.toMatch(/kept state/u);
  expect(await aios.client.request("state-compare", {})).toMatchObject({ differs: [] });

  await aios.crash();
  const [name = ""] = kept();
  const file = join(aios.home, "index", "state", name);
  const bytes = readFileSync(file);
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  await aios.restart();
  expect(await uses()).toEqual(whole);
  expect(aios.errors()).toMatch(/reads the whole log, since no kept state can be used .*it was changed/u);

  // And with nothing kept it is the same again.
  await aios.crash();
  rmSync(join(aios.home, "index"), { recursive: true });
  await aios.restart();
  expect(await uses()).toEqual(whole);
});
