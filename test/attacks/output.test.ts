import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openShell } from "../fakes/shell-session.ts";
import { REPO, startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * An agent that talks without end fills what its output is kept in: a person's terminal, a file, the journal of a service.
 * The limit on output is counted by the command that lends the streams, and the monitor ends the instance by its name.
 */
let aios: Substrate;
const KIB = 1024;
const LIMIT = 256 * KIB;

beforeAll(async () => {
  aios = await startSubstrate();
  for (const [agent, output] of [
    ["bounded", LIMIT],
    ["wide", 64 * KIB * KIB],
    ["free", null],
  ] as const) {
    await aios.grant({
      id: `${agent}-grant`,
      agents: [agent],
      allow: [],
      programs: "any",
      ...(output === null ? {} : { sandboxLimits: { output } }),
    });
  }
});
afterAll(() => aios.stop());

/** Says so many KiB three programs deep; every second block goes to the other stream. */
const say = (kib: number): string =>
  `sh -c 'sh -c "head -c ${kib * 512} /dev/zero; head -c ${kib * 512} /dev/zero >&2; echo said"; :'; :`;

function run(agent: string, script: string) {
  return spawnSync(
    join(REPO, "bin", "aios"),
    ["run", "--home", aios.home, "--agent", agent, "--", "/bin/bash", "-c", script],
    { stdio: ["ignore", "pipe", "pipe"], timeout: 60_000, maxBuffer: 64 * KIB * KIB },
  );
}

/** The bytes of the agent itself among those of the command. */
function zeros(bytes: Buffer): number {
  return bytes.filter((byte) => byte === 0).length;
}

async function reached(agent: string): Promise<unknown> {
  const { instances } = await aios.client.request("ps", { all: true });
  const instance = instances.find((each) => each.agent === agent)?.instance ?? "";
  const { entries } = await aios.client.request("log-show", {
    from: 0,
    limit: 100,
    instance,
    kinds: ["limit-reached", "instance-ended"],
  });
  return entries.map(({ record }) => record);
}

describe("what an agent says is bounded in all, standard output and error together:", () => {
  test("over the limit the instance is ended by its name, and not a byte more was handed on", async () => {
    const ran = run("bounded", say(4 * KIB));
    expect(ran.status).toBe(6);
    expect(zeros(ran.stdout) + zeros(ran.stderr)).toBe(LIMIT);
    expect(ran.stderr.toString()).toContain("is stopped: limit-output (stopped)");
    expect(ran.stdout.toString()).not.toContain("said");
    expect(await reached("bounded")).toMatchObject([
      { kind: "limit-reached", limit: "output", most: LIMIT },
      { kind: "instance-ended", why: "limit-output" },
    ]);
  });

  test.each(["wide", "free"])("the same passes where the limit is wider or none is named (%s)", (agent) => {
    const ran = run(agent, say(4 * KIB));
    expect([ran.status, zeros(ran.stdout), zeros(ran.stderr)]).toEqual([0, 2048 * KIB, 2048 * KIB]);
    expect(ran.stdout.toString()).toContain("said");
  });

  test("at a terminal too", async () => {
    const shell = openShell(REPO, { AIOS_HOME: aios.home });
    try {
      const flood = (agent: string): string =>
        `bin/aios run --agent ${agent} -- /bin/bash -c 'for n in $(seq 8000); do echo ${"x".repeat(64)}; done; echo $((6*7))th'; echo "exit"=$?\r`;
      shell.type(flood("bounded"));
      await shell.see("exit=6");
      expect(shell.shown().slice(-400)).toContain("is stopped: limit-output (stopped)");
      expect(shell.shown().includes("42th")).toBe(false);
      shell.clear();
      shell.type(flood("wide"));
      await shell.see("exit=0");
      expect(shell.shown().includes("42th")).toBe(true);
    } finally {
      shell.close();
    }
  });

  test("nobody ends an instance by a limit that it is not over, or that has ended", async () => {
    const running = aios.run({ agent: "bounded", command: ["sh", "-c", "sleep 30; :"] });
    const find = async (): Promise<string | undefined> => {
      const { instances } = await aios.client.request("ps", { all: false });
      return instances.find(({ agent, state }) => agent === "bounded" && state === "running")?.instance;
    };
    const starts = async (): Promise<number> => {
      const asked = { from: 0, limit: 1, instance: (await find()) ?? "none", kinds: ["programs-started"] };
      return (await aios.client.request("log-show", asked)).entries.length;
    };
    await expect.poll(starts).toBe(1);
    const instance = (await find()) ?? "";
    await expect(aios.client.request("output-over", { instance, bytes: LIMIT })).rejects.toMatchObject({
      code: "bad-request",
    });
    expect(await find()).toBe(instance);
    await aios.client.request("kill", { instance });
    expect((await running).why).toBe("killed");
    expect(await aios.client.request("output-over", { instance, bytes: LIMIT + 1 })).toEqual({});
  });
});
