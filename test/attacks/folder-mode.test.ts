import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Ran, startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * The mode of the workspace folder itself: opened to everybody, all of a person's private folder can be read, and written to, by
 * every user of the machine, for as long as nobody undoes the run.
 */
let aios: Substrate;
const MODE = 0o750;
const mode = (): number => statSync(aios.workspace).mode & 0o7777;
const work = (script: string): Promise<Ran> =>
  aios.run({ agent: "worker", command: ["sh", "-c", script], workspace: aios.workspace });

beforeAll(async () => {
  aios = await startSubstrate();
  writeFileSync(join(aios.workspace, "notes.txt"), "mine\n");
  await aios.grant({ id: "g", agents: ["worker"], allow: [], workspace: "write", programs: "any" });
});
beforeEach(() => chmodSync(aios.workspace, MODE));
afterAll(() => aios.stop());

async function refused({ instance }: Ran): Promise<readonly string[]> {
  const { entries } = await aios.client.request("log-show", {
    from: 0,
    limit: 1000,
    instance,
    kinds: ["files-refused"],
  });
  return entries.flatMap(({ payload }) =>
    (Reflect.get(Object(payload), "files") as { operation: string; path: string }[]).map(
      ({ operation, path }) => `${operation} ${path}`,
    ),
  );
}

test("is opened to nobody by an agent, by path, by descriptor or from below, and each attempt is recorded", async () => {
  for (const script of ["chmod 777 .", "chmod 777 /workspace", "mkdir d; cd d; chmod o+rwx ..", OPEN_BY_DESCRIPTOR]) {
    const ran = await work(`${script}; stat -c %a /workspace`);
    expect([ran.stdout.trim(), mode()]).toEqual([MODE.toString(8), MODE]);
    expect(await refused(ran)).toEqual(["mode /workspace"]);
  }
});
const OPEN_BY_DESCRIPTOR = `/aios/node -e 'const fs = require("node:fs"); fs.fchmodSync(fs.openSync("."), 0o777)'`;

test("is closed to its owner by no agent either, which is told so", async () => {
  const ran = await work("chmod 000 . || echo kept");
  expect([ran.stdout, mode()]).toEqual(["kept\n", MODE]);
  expect(await refused(ran)).toEqual(["mode /workspace"]);
});

test("twin: what brings a mode for it along does its work all the same", async () => {
  const pack = "mkdir /tmp/a; cd /tmp/a; chmod 777 .; echo new > made; tar -cf /tmp/a.tar .; cd /workspace; ";
  for (const step of ["tar -xpf /tmp/a.tar", "cp -a /tmp/a/. ."]) {
    const ran = await work(`set -e; ${pack}${step}; cat made; rm made`);
    expect(ran).toMatchObject({ exit: 0, stdout: "new\n", stderr: "" });
    expect(mode()).toBe(MODE);
  }
});

test("twin: one that it has already is none to record, and folders below change as they are told", async () => {
  const ran = await work(`chmod ${MODE.toString(8)} .; mkdir -p below; chmod 700 below; stat -c %a below`);
  expect(ran.stdout).toBe("700\n");
  expect(await refused(ran)).toEqual([]);
});
