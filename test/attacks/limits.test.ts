import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NamedLimits } from "../../src/kernel/sandbox-limits.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { type Ran, startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * Limits by name, each tried three programs deep: what goes over one is ended, or its call fails, with a record of which one it
 * was and of its value.
 * Nothing here can hurt the machine: each attack is bounded by itself to little more than its limit.
 */
let aios: Substrate;
let agents = 0;
const MIB = 1 << 20;

beforeAll(async () => {
  aios = await startSubstrate();
});
afterAll(() => aios.stop());

/** Runs a script three programs deep under these limits. */
async function deep(
  limits: NamedLimits | null,
  script: string,
): Promise<Ran & { readonly reached: readonly LogRecord[] }> {
  const agent = `agent-${agents++}`;
  await aios.grant({
    id: `${agent}-grant`,
    agents: [agent],
    allow: [],
    workspace: "write",
    programs: "any",
    ...(limits === null ? {} : { sandboxLimits: limits }),
  });
  const nested = ["sh", "-c", `sh -c 'sh -c "$1"; :' x "$1"; :`, "x", script];
  const ran = await aios.run({ agent, command: nested, workspace: aios.workspace });
  const { entries } = await aios.client.request("log-show", {
    from: 0,
    limit: 100,
    instance: ran.instance,
    kinds: ["limit-reached", "instance-ended"],
  });
  return { ...ran, reached: entries.map(({ record }) => record) };
}

const fill = (mib: number): string =>
  `/aios/node -e 'const kept = []; for (let n = 0; n < ${mib / 16}; n++) kept.push(Buffer.alloc(16 << 20, 1)); setTimeout(() => console.log("held", kept.length), 500)'`;
/** Processor time in many short programs, so that none of them has used much. */
const burn = (seconds: number): string =>
  `end=$(($(date +%s) + ${seconds})); while [ $(date +%s) -lt $end ]; do for n in 1 2 3 4 5; do sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'; done; done; echo burnt`;
const write = (mib: number): string =>
  `for n in $(seq ${mib / 8}); do dd if=/dev/zero of=w$n bs=1M count=8 conv=fsync status=none; done; rm -f w*; sleep 0.5; echo written`;

describe("an instance is ended, with a record that names the limit and its value,", () => {
  test.each([
    ["memory", { memory: 512 * MIB }, fill(900), 512 * MIB],
    ["cpu", { cpu: 2 }, burn(12), 2],
    ["wall", { wall: 2 }, "sleep 30; echo slept", 2],
    ["disk", { disk: 32 * MIB }, write(160), 32 * MIB],
  ] as const)("over %s", async (name, limits, script, most) => {
    const ran = await deep(limits, script);
    expect(ran).toMatchObject({ state: "ended", why: `limit-${name}`, exit: null, stdout: "" });
    expect(ran.reached).toMatchObject([
      { kind: "limit-reached", limit: name, most },
      { kind: "instance-ended", why: `limit-${name}` },
    ]);
    const [record] = ran.reached;
    expect(record?.kind === "limit-reached" && record.found).toBeGreaterThanOrEqual(most);
  });

  test("and the same goes on where the limit is wider or none is named", async () => {
    // Three that burn and rest beside each other, and the two that write in the same folder one after the other.
    const slept = deep({ wall: 60 }, "sleep 2; echo slept");
    const burnt = deep({ cpu: 60 }, burn(3));
    const held = deep({ memory: 1536 * MIB }, fill(900));
    expect((await deep({ disk: 512 * MIB }, write(48))).stdout).toBe("written\n");
    expect((await deep(null, write(48))).stdout).toBe("written\n");
    expect((await held).stdout).toBe("held 57\n");
    expect((await burnt).stdout).toBe("burnt\n");
    expect((await slept).stdout).toBe("slept\n");
  });
});

describe("a call fails, and the instance goes on,", () => {
  /** What these hold until the test has seen what it waits for, so that nothing depends on how soon a look comes. */
  const untilFreed = (freed: string): string =>
    `setInterval(() => fs.existsSync("/workspace/${freed}") && process.exit(), 500);`;
  const fork = (count: number, freed: string): string =>
    `/aios/node -e 'const fs = require("node:fs"), { spawn } = require("node:child_process"); for (let n = 0; n < ${count}; n++) spawn("sleep", ["60"]).once("error", (error) => console.log(error.code)); ${untilFreed(freed)}'; pkill sleep`;
  const open = (count: number, freed: string): string =>
    `/aios/node -e 'const fs = require("node:fs"); try { for (let n = 0; n < ${count}; n++) fs.openSync("/dev/null"); } catch (error) { console.log(error.code); } ${untilFreed(freed)}'`;

  test.each([
    ["processes", 64, 256, fork, "EAGAIN"],
    ["files", 300, 1000, open, "EMFILE"],
  ] as const)("over %s, with one record that names it", async (name, few, many, script, code) => {
    const seen = async (agent: string): Promise<readonly LogRecord[]> => {
      const { instances } = await aios.client.request("ps", { all: true });
      const instance = instances.find((each) => each.agent === agent)?.instance ?? "none";
      const asked = { from: 0, limit: 100, instance, kinds: ["limit-reached"] };
      return (await aios.client.request("log-show", asked)).entries.map(({ record }) => record);
    };
    const agent = `agent-${agents}`;
    const freed = `freed-${name}`;
    const running = deep({ [name]: few }, script(few + 100, freed));
    await expect.poll(() => seen(agent), { timeout: 60_000 }).toHaveLength(1);
    writeFileSync(join(aios.workspace, freed), "");
    const ran = await running;
    expect([ran.state, ran.why, ran.exit, new Set(ran.stdout.trim().split("\n"))]).toEqual([
      "ended",
      "exited",
      expect.any(Number),
      new Set([code]),
    ]);
    expect(ran.reached).toMatchObject([
      { kind: "limit-reached", limit: name, most: few, found: expect.any(Number) },
      { kind: "instance-ended", why: "exited" },
    ]);
    // The twin does the same within a wider limit, and is in no record.
    const twin = await deep({ [name]: many }, script(few + 100, freed));
    expect([twin.stdout, twin.reached.map(({ kind }) => kind)]).toEqual(["", ["instance-ended"]]);
  });

  test("over the size of a file", async () => {
    const large = "(dd if=/dev/zero of=large bs=1M count=4 status=none; echo $?; rm -f large) 2>/dev/null";
    expect((await deep({ fileSize: 2 * MIB }, large)).stdout).not.toBe("0\n");
    expect((await deep({ fileSize: 8 * MIB }, large)).stdout).toBe("0\n");
    expect(existsSync(join(aios.workspace, "large"))).toBe(false);
  });
});
