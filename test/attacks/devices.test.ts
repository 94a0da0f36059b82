import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * What is in /dev. There may be no GPU here, so that, as root, a node that does what /dev/null does is made under a name
 * that the rule allows; every part of the way is the real one.
 */
let aios: Substrate;
const NODE = "/dev/dri/renderD199";
const OTHER = "/dev/dri/renderD198";
const mayMake = process.geteuid?.() === 0;
let madeFolder = false;

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({ id: "shell", agents: ["shell"], allow: [], programs: "any" });
  if (!mayMake) return;
  madeFolder = !existsSync(dirname(NODE));
  if (madeFolder) mkdirSync(dirname(NODE), { mode: 0o755 });
  for (const node of [NODE, OTHER]) spawnSync("mknod", ["-m", "666", node, "c", "1", "3"]);
});
afterAll(async () => {
  if (mayMake) for (const node of [NODE, OTHER]) rmSync(node, { force: true });
  if (madeFolder) rmdirSync(dirname(NODE));
  await aios.stop();
});

describe("/dev of a sandbox", () => {
  test("holds the harmless few and nothing else", async () => {
    const { stdout } = await aios.run({
      agent: "shell",
      command: ["sh", "-c", "cd /dev && ls -1 . pts shm; stat -c '%n %t:%T' null zero full random urandom tty"],
    });
    const [names = "", stats = ""] = stdout.split(/\n(?=null )/);
    expect(names.split("\n").filter((name) => name !== "")).toEqual([
      ".:",
      "core",
      "fd",
      "full",
      "null",
      "ptmx",
      "pts",
      "random",
      "shm",
      "stderr",
      "stdin",
      "stdout",
      "tty",
      "urandom",
      "zero",
      "pts:",
      "ptmx",
      "shm:",
    ]);
    expect(stats.trim().split("\n")).toEqual([
      "null 1:3",
      "zero 1:5",
      "full 1:7",
      "random 1:8",
      "urandom 1:9",
      "tty 5:0",
    ]);
  });

  test("cannot be added to: no node is made, none is mounted, /dev is read-only", async () => {
    const script =
      "mknod /tmp/mem c 1 1 2>&1; mknod /dev/mem c 1 1 2>&1; ln -s /x /dev/y 2>&1; mount -t devtmpfs x /tmp 2>&1; ls /tmp; cat /dev/core 2>&1 | head -c 100";
    const { stdout } = await aios.run({ agent: "shell", command: ["sh", "-c", `sh -c "sh -c '${script}'"`] });
    expect(stdout).toMatch(/mknod: \/tmp\/mem: Operation not permitted/);
    expect(stdout).toMatch(/Read-only file system/);
    expect(stdout).not.toMatch(/^mem$/m);
  });
});

describe.runIf(mayMake)("a device that a grant names", () => {
  beforeAll(async () => {
    await aios.grant({ id: "gpu", agents: ["gpu"], allow: [], programs: "any", devices: [NODE] });
  });

  test("is passed, that one alone, and recorded before the start", async () => {
    const script = `ls /dev/dri; stat -c '%F %t:%T' ${NODE}; echo gone > ${NODE} && echo written; wc -c < ${NODE}; mknod ${OTHER} c 1 3 2>&1`;
    const ran = await aios.run({ agent: "gpu", command: ["sh", "-c", script] });
    expect(ran.stdout.split("\n").slice(0, 4)).toEqual(["renderD199", "character special file 1:3", "written", "0"]);
    expect(ran.stdout).toMatch(/mknod: .*(?:Operation not permitted|Read-only file system)/);
    const { entries } = await aios.client.request("log-show", {
      from: 0,
      limit: 100,
      instance: ran.instance,
      kinds: [],
    });
    const kinds = entries.map(({ record }) => record.kind);
    expect(entries.map(({ record }) => record).find(({ kind }) => kind === "devices-passed")).toMatchObject({
      devices: [NODE],
    });
    expect(kinds.indexOf("devices-passed")).toBeLessThan(kinds.indexOf("programs-started"));
  });

  test("is not passed to an agent whose grant does not name it, nor to a delegate of one", async () => {
    const look = ["sh", "-c", "ls /dev/dri 2>&1"];
    expect((await aios.run({ agent: "shell", command: look })).stdout).toMatch(/No such file/);
    const above = aios.run({ agent: "shell", command: ["sleep", "20"] });
    const find = async (): Promise<string | undefined> =>
      (await aios.client.request("ps", { all: false })).instances.find(({ agent }) => agent === "shell")?.instance;
    await expect.poll(find).toBeDefined();
    const parent = (await find()) ?? "";
    expect((await aios.run({ agent: "gpu", command: look, parent })).stdout).toMatch(/No such file/);
    await aios.client.request("kill", { instance: parent });
    await above.catch(() => undefined);
  });

  test("that is not there, or is a link, refuses the start, and says so", async () => {
    await aios.grant({ id: "gone", agents: ["gone"], allow: [], devices: ["/dev/dri/renderD197"] });
    await expect(aios.run({ agent: "gone", command: ["true"] })).rejects.toThrow(
      'Cannot pass the device "/dev/dri/renderD197": it is not there',
    );
    symlinkSync("/dev/mem", "/dev/dri/renderD197");
    try {
      await expect(aios.run({ agent: "gone", command: ["true"] })).rejects.toThrow("it is no character device");
    } finally {
      rmSync("/dev/dri/renderD197");
    }
  });
});
