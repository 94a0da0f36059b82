import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scriptSource } from "../e2e/sources.ts";
import { startSubstrate, type Substrate } from "../e2e/substrate.ts";

/*
 * What happens around a stop: holds whose record is on its way when the agent dies, delegates of one that climbed, floods,
 * and ways around the sandbox's walls that a caller could ask for. Each with its harmless twin.
 */
let aios: Substrate;
const call = (name: string, args: object = {}) => ({ method: "tools/call", params: { name, arguments: args } });
const line = (id: number) => `${JSON.stringify({ jsonrpc: "2.0", id, ...call("notes__burn", { id }) })}\n`;
const workspace = () => ({ workspace: aios.workspace });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function runningInstance(agent: string): Promise<string> {
  for (let tries = 0; tries < 500; tries++) {
    const { instances } = await aios.client.request("ps", { all: false });
    const found = instances.find((each) => each.agent === agent);
    if (found !== undefined) return found.instance;
    await pause(20);
  }
  throw new Error(`${agent} does not run`);
}

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({
    id: "notes",
    agents: ["parent", "child", "worker"],
    drivers: {
      notes: {
        source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/notes.txt"], workspace: "write" }),
        tools: { add: { risk: "stage" }, burn: { risk: "reserved" } },
      },
    },
    allow: ["notes/add", "notes/burn"],
  });
}, 60_000);
afterAll(() => aios.stop());

describe("an agent that dies while its holds are being written", () => {
  test.each([0, 1, 3])("after %i ms leaves nothing held, and the monitor starts again", async (ms) => {
    const flood = Array.from({ length: 20 }, (_, at) => line(1000 + at)).join("");
    // Long holds: five that expire before a slow agent is gone would freeze it, and a frozen one never ends.
    await aios.follow("worker", [{ method: "tools/list" }, { raw: flood }, { wait: ms }], {
      ...workspace(),
      holdSeconds: 600,
    });
    await expect.poll(async () => (await aios.held()).length).toBe(0);
    await aios.crash();
    await aios.restart();
    expect(await aios.held()).toEqual([]);
    expect((await aios.client.request("hello", { version: "0" })).home).toBe(aios.home);
  });

  test("twin: one that takes back what it asked was refused nothing, and works on", async () => {
    const asked = [1001, 1002, 1003, 1004, 1005, 1006, 1007];
    const back = asked.map((requestId) => ({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId },
    }));
    const running = aios.follow(
      "worker",
      [
        { raw: asked.map(line).join("") },
        { until: 1 },
        { raw: back.map((each) => `${JSON.stringify(each)}\n`).join("") },
        { until: 2 },
        call("notes__add", { text: "on it goes" }),
      ],
      { ...workspace(), holdSeconds: 600 },
    );
    await expect.poll(async () => (await aios.held()).length).toBe(asked.length);
    aios.release("worker");
    await expect.poll(async () => (await aios.held()).length).toBe(0);
    aios.release("worker");
    const { exit, answers } = await running;
    expect(exit).toBe(0);
    expect(answers).toHaveLength(1);
    expect(answers[0]).toHaveProperty("result.content");
    expect(answers[0]?.result?.isError).not.toBe(true);
  });

  test("twin: one that waits has its action held, also over a restart", async () => {
    const running = aios
      .follow("worker", [call("notes__burn")], { ...workspace(), holdSeconds: 600 })
      .catch(() => null);
    await expect.poll(async () => (await aios.held()).length, { timeout: 10_000 }).toBe(1);
    await aios.crash();
    await running;
    await aios.restart();
    const [held] = await aios.held();
    await aios.answer(held?.request ?? "", "allow");
    expect(await aios.held()).toEqual([]);
    const { entries } = await aios.client.request("log-show", {
      from: 0,
      limit: 10_000,
      instance: null,
      kinds: ["outcome"],
    });
    expect(entries.at(-1)?.record).toMatchObject({ kind: "outcome", what: "notes/burn", result: "ok" });
  });
});

describe("a flood of reserved calls", () => {
  test("never has more than the bound held at once, and freezes who asks so much", async () => {
    const running = aios.follow(
      "worker",
      [{ together: Array.from({ length: 25 }, (_, at) => call("notes__burn", { at })) }],
      {
        ...workspace(),
        holdSeconds: 60,
      },
    );
    const instance = await runningInstance("worker");
    let most = 0;
    const state = async (): Promise<string | undefined> => {
      most = Math.max(most, (await aios.held()).length);
      const { instances } = await aios.client.request("ps", { all: false });
      return instances.find((each) => each.instance === instance)?.state;
    };
    await expect.poll(state, { timeout: 20_000, interval: 20 }).toBe("frozen");
    await expect.poll(async () => (await aios.held()).length).toBe(0);
    await aios.client.request("kill", { instance });
    await running;
    const { entries } = await aios.client.request("log-show", { from: 0, limit: 10_000, instance, kinds: ["held"] });
    expect(entries).toHaveLength(21);
    expect(most).toBeLessThanOrEqual(21);
  });
});

test("an end that is asked for while its record is being written has its exit code", async () => {
  const short = Array.from({ length: 12 }, () =>
    aios.run({ agent: "worker", command: ["/usr/bin/true"], ...workspace() }),
  );
  expect((await Promise.all(short)).map(({ exit }) => exit)).toEqual(short.map(() => 0));
});

describe("an attempt to climb", () => {
  test("ends the delegates of the climber with it, and another run of the same agent", async () => {
    const parent = aios.follow(
      "parent",
      [{ until: 1 }, call("aios__set_approval_mode"), { wait: 20_000 }],
      workspace(),
    );
    const above = await runningInstance("parent");
    const child = aios.follow("child", [call("notes__add", { text: "before" }), { wait: 30_000 }], {
      ...workspace(),
      parent: above,
    });
    await runningInstance("child");
    aios.release("parent");
    expect((await parent).state).toBe("terminal");
    const ended = await child;
    expect(ended.state).toBe("ended");
    expect(ended.why).toBe("ancestor-ended");
    await expect(aios.follow("parent", [], workspace())).rejects.toThrow(/ended for good/);
    await aios.sign("restart-agent", { agent: "parent" });
  });

  test("twin: a delegate of one that ends in good order did its work before", async () => {
    const parent = aios.follow("parent", [{ until: 1 }], workspace());
    const above = await runningInstance("parent");
    const child = await aios.follow("child", [call("notes__add", { text: "done" })], { ...workspace(), parent: above });
    expect(child.answers[0]?.result?.isError).not.toBe(true);
    aios.release("parent");
    expect((await parent).state).toBe("ended");
  });
});

describe("what a start may not show to an agent", () => {
  test.each([
    ["the substrate's home as code", () => ({ code: [aios.home] })],
    ["its keys as code", () => ({ code: [join(aios.home, "keys", "log-signing")] })],
    ["/etc as code", () => ({ code: ["/etc"] })],
    ["the whole machine as code", () => ({ code: ["/"] })],
  ])("%s is refused and nothing starts", async (_name, request) => {
    await expect(
      aios.run({ agent: "worker", command: ["/usr/bin/true"], ...workspace(), ...request() }),
    ).rejects.toThrow(/Cannot show/);
  });

  test("a workspace in which something listens is refused, and without the socket it is fine", async () => {
    const path = join(aios.workspace, "listens.sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await expect(aios.run({ agent: "worker", command: ["/usr/bin/true"], ...workspace() })).rejects.toThrow(/socket/);
    await new Promise((resolve) => server.close(resolve));
    expect((await aios.run({ agent: "worker", command: ["/usr/bin/true"], ...workspace() })).exit).toBe(0);
  });
});
