import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DriverSource } from "../../src/kernel/grant.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { type Ran, REPO, startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * MCP servers that go to the limits of their sandboxes, which are the same for all of them: each limit is on record by its name,
 * with the server's. Nothing here can hurt the machine: each attack is bounded by itself to little more than its limit.
 */
let aios: Substrate;
const SERVER = join(REPO, "test/fakes/malicious-server.mjs");
const CODE = [SERVER, ...["node_modules/koffi", "node_modules/@koromix"].map((path) => join(REPO, path))];
const TOOLS = ["occupy", "fork", "open", "environment"];
const MIB = 1 << 20;
const MEMORY = 2048 * MIB;
/** For what hangs. */
const POLL = { timeout: 60_000 };

const source = (...words: readonly string[]): DriverSource => ({
  kind: "stdio",
  command: ["node", SERVER, ...words],
  code: CODE,
  workspace: "none",
});

async function trust(name: string, from: DriverSource = source()): Promise<void> {
  const tools = Object.fromEntries(TOOLS.map((tool) => [tool, { risk: "observe" as const }]));
  await aios.grant({
    id: name,
    agents: [name],
    drivers: { [name]: { source: from, tools } },
    allow: TOOLS.map((tool) => `${name}/${tool}`),
  });
}

const call = (name: string, tool: string, args: object = {}) => ({
  method: "tools/call",
  params: { name: `${name}__${tool}`, arguments: args },
});

const said = ({ answers }: Ran): readonly (string | undefined)[] =>
  answers.map(({ result }) => result?.content?.map(({ text }) => text).join(""));

/** What is on record of the limits that an agent of this name and its servers reached. */
async function reached(agent: string): Promise<readonly LogRecord[]> {
  const asked = { from: 0, limit: 10_000, instance: null, kinds: ["limit-reached"] };
  const { entries } = await aios.client.request("log-show", asked);
  return entries
    .map(({ record }) => record)
    .filter((record) => record.kind === "limit-reached" && record.agent === agent);
}

/** Lets an agent make one call of its server, and holds both until the record is there. */
async function hold(name: string, tool: string, args: object): Promise<Ran> {
  await trust(name);
  const steps = [call(name, tool, args), { until: 1 }, call(name, "environment")];
  const running = aios.follow(name, steps, { workspace: aios.workspace });
  await expect.poll(() => reached(name), POLL).toHaveLength(1);
  aios.release(name);
  return await running;
}

beforeAll(async () => {
  aios = await startSubstrate();
});
afterAll(() => aios.stop());

describe("a server at a limit of its sandbox is on record by the limit's name and its own,", () => {
  test("and over memory it ends, and its agent goes on", async () => {
    const ran = await hold("filler", "occupy", { mib: 2400 });
    expect(ran).toMatchObject({ state: "ended", why: "exited", exit: 0 });
    expect(ran.answers[0]?.result?.isError).toBe(true);
    const [record] = await reached("filler");
    expect(record).toMatchObject({ instance: ran.instance, driver: "filler", limit: "memory", most: MEMORY });
    expect(record?.kind === "limit-reached" && record.found).toBeGreaterThanOrEqual(MEMORY);
  });

  test.each([
    ["processes", "fork", 200, 128, "EAGAIN"],
    ["files", "open", 1200, 1024, "EMFILE"],
  ] as const)("and over %s its calls fail, and both go on", async (limit, tool, times, most, code) => {
    const name = `to-${limit}`;
    const ran = await hold(name, tool, { times });
    expect(ran).toMatchObject({ state: "ended", why: "exited", exit: 0 });
    expect(said(ran)[0]).toContain(code);
    expect(ran.answers.map(({ result }) => result?.isError ?? false)).toEqual([false, false]);
    const expected = { instance: ran.instance, agent: name, driver: name, limit, most };
    expect(await reached(name)).toMatchObject([{ ...expected, found: expect.any(Number) }]);
  });

  test("and one within all of them is in no such record", async () => {
    await trust("modest");
    const steps = [
      call("modest", "occupy", { mib: 256 }),
      call("modest", "fork", { times: 20 }),
      call("modest", "open", { times: 200 }),
    ];
    const ran = await aios.follow("modest", steps, { workspace: aios.workspace });
    expect(said(ran)).toEqual(["16", "done", "done"]);
    expect(await reached("modest")).toEqual([]);
  });
});

test("a server over its memory while it is only asked what it offers is not signed for, and that is on record", async () => {
  await expect(trust("greedy", source("fills", "2400"))).rejects.toThrow(/reached its limit of memory/);
  const asked = { from: 0, limit: 10_000, instance: null, kinds: ["refused"] };
  const { entries } = await aios.client.request("log-show", asked);
  const refused = entries.flatMap(({ record }) => (record.kind === "refused" ? [record] : []));
  expect(refused.map(({ peer, code, what }) => [peer, code, what])).toContainEqual([
    "server",
    "limit-memory",
    `greedy: ${MEMORY}`,
  ]);
});
