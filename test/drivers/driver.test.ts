import { fileURLToPath } from "node:url";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SdkError, SdkErrorCode } from "@modelcontextprotocol/client";
import { afterEach, describe, expect, test } from "vitest";
import { explainOpening } from "../../src/drivers/failure.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import type { Offer } from "../../src/protocol/requests.ts";
import { npmServer, startDriver, stdioSource, type DriverUnderTest } from "../fakes/monitor-of-driver.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const HOSTILE = fileURLToPath(new URL("../fakes/hostile-server.mjs", import.meta.url));

async function openDriver(command: readonly string[]): Promise<{ driver: DriverUnderTest; offer: Offer }> {
  const driver = startDriver();
  cleanups.push(() => driver.stop());
  const offer = await driver.monitor.ask("open", { source: stdioSource(command) });
  return { driver, offer: offer as unknown as Offer };
}

async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aios-driver-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "a.txt"), "hello");
  return folder;
}

function textOf(answer: JsonObject): string {
  const { content } = answer["result"] as unknown as { content: { text: string }[] };
  return content.map(({ text }) => text).join("");
}

describe("a driver of server-filesystem", () => {
  test("offers its tools and runs them on real files", async () => {
    const folder = await openFolder();
    const { driver, offer } = await openDriver(["node", npmServer("server-filesystem"), folder]);
    expect(offer.server.name).toBe("secure-filesystem-server");
    expect(offer.tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["read_text_file", "write_file"]));
    const read = await driver.call("read_text_file", { path: join(folder, "a.txt") });
    expect(read["isError"]).toBe(false);
    expect(textOf(read)).toBe("hello");
    await driver.call("write_file", { path: join(folder, "b.txt"), content: "written" });
    expect(await readFile(join(folder, "b.txt"), "utf8")).toBe("written");
  });

  test("reports what the server refuses as a tool error, not as a fault", async () => {
    const folder = await openFolder();
    const { driver } = await openDriver(["node", npmServer("server-filesystem"), folder]);
    const refused = await driver.call("read_text_file", { path: "/etc/passwd" });
    expect(refused["isError"]).toBe(true);
    expect(textOf(refused)).toMatch(/denied/i);
    expect((await driver.call("read_text_file", { path: join(folder, "a.txt") }))["isError"]).toBe(false);
  });
});

test("a server is told the trace of a call where the monitor says so, and no other", async () => {
  const { driver } = await openDriver(["node", HOSTILE, "echoes"]);
  const context = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const run = { verb: "call", name: "echo", token: 5, arguments: { _meta: { traceparent: "an agent's own" } } };
  const told = JSON.parse(textOf(await driver.monitor.ask("run", { ...run, context }))) as { _meta?: object };
  expect(told["_meta"]).toMatchObject({ traceparent: context });
  const untold = JSON.parse(
    textOf(await driver.monitor.ask("run", { ...run, token: 6, context: null })),
  ) as typeof told;
  expect(untold["_meta"] ?? {}).not.toHaveProperty("traceparent");
  // What is no context of ours ends the driver, as every word does that its table does not have.
  await expect(driver.monitor.ask("run", { ...run, token: 7, context: "00-x" })).rejects.toThrow();
});

describe("a driver of server-everything", () => {
  test("offers tools, resources, templates and prompts, and serves all three verbs", async () => {
    const { driver, offer } = await openDriver(["node", npmServer("server-everything"), "stdio"]);
    expect(offer.tools.length).toBeGreaterThan(5);
    expect(offer.resourceTemplates.length).toBeGreaterThan(0);
    expect(offer.prompts.length).toBeGreaterThan(0);
    expect(textOf(await driver.call("echo", { message: "hi" }))).toContain("hi");
    const [resource] = offer.resources;
    const read = await driver.monitor.ask("run", {
      verb: "read",
      name: resource?.uri ?? "",
      arguments: {},
      token: 1,
      context: null,
    });
    expect(read["result"]).toHaveProperty("contents");
    const [prompt] = offer.prompts.filter((each) => each.arguments.length === 0);
    const got = await driver.monitor.ask("run", {
      verb: "prompt",
      name: prompt?.name ?? "",
      arguments: {},
      token: 2,
      context: null,
    });
    expect(got["result"]).toHaveProperty("messages");
    const missing = await driver.monitor.ask("run", {
      verb: "read",
      name: "demo://nothing/here",
      arguments: {},
      token: 3,
      context: null,
    });
    expect(missing["isError"]).toBe(true);
    expect(missing["result"]).toHaveProperty("_meta.aios/server-error.code");
  });

  test("passes progress on", async () => {
    const { driver } = await openDriver(["node", npmServer("server-everything"), "stdio"]);
    const answer = await driver.call("trigger-long-running-operation", { duration: 0.5, steps: 5 }, 77);
    expect(answer["isError"]).toBe(false);
    const progress = driver.monitor.events.filter(({ name }) => name === "progress").map(({ body }) => body);
    expect(progress.length).toBeGreaterThanOrEqual(3);
    expect(progress.at(-1)).toMatchObject({ token: 77, progress: 5, total: 5 });
  });

  test("cancels a run, and goes on", async () => {
    const { driver } = await openDriver(["node", npmServer("server-everything"), "stdio"]);
    // Of ten minutes: the test is over long before it would end by itself.
    const run = driver.call("trigger-long-running-operation", { duration: 600, steps: 600 }, 78);
    const failed = expect(run).rejects.toMatchObject({ code: "withdrawn" });
    await driver.monitor.until(() => driver.monitor.events.length > 0);
    await driver.monitor.ask("cancel", { token: 78 });
    await failed;
    expect(textOf(await driver.call("echo", { message: "still here" }))).toContain("still here");
  });
});

describe("a driver of a server that is broken or hostile", () => {
  const hostile = (mode: string): Promise<{ driver: DriverUnderTest; offer: Offer }> =>
    openDriver(["node", HOSTILE, mode]);

  test("serves the same server when it behaves", async () => {
    const { driver, offer } = await hostile("honest");
    expect(offer.tools.map(({ name }) => name)).toEqual(["echo"]);
    expect(textOf(await driver.call("echo", { a: 1 }))).toContain('"a":1');
  });

  test("tells the monitor the new offer when tools change", async () => {
    const { driver } = await hostile("change-tools");
    await driver.call("echo", {});
    await driver.monitor.until(() => driver.monitor.events.some(({ name }) => name === "changed"));
    const offer = driver.monitor.events.find(({ name }) => name === "changed")?.body["offer"] as unknown as Offer;
    expect(offer.tools.map(({ name }) => name)).toEqual(["echo", "new-tool"]);
  });

  test("takes the first of two answers", async () => {
    const { driver } = await hostile("twice");
    expect(textOf(await driver.call("echo", {}))).toBe("first");
    expect(textOf(await driver.call("other", {}))).toContain("other");
  });

  test("can be freed from a run that is never answered", async () => {
    const { driver } = await hostile("silent");
    const run = expect(driver.call("echo", {}, 5)).rejects.toMatchObject({ code: "withdrawn" });
    await driver.monitor.ask("cancel", { token: 5 });
    await run;
    expect(textOf(await driver.call("other", {}))).toContain("other");
  });

  test("ends with a reason when the server dies", async () => {
    const { driver } = await hostile("die");
    await expect(driver.call("echo", {})).rejects.toThrow();
    expect(await driver.program.ended).toMatchObject({ code: 1, errors: expect.stringMatching(/server/) });
  });

  test("reads and drops what the server writes to standard error", async () => {
    const { driver } = await hostile("flood-stderr");
    expect(textOf(await driver.call("echo", {}))).toBe("flooded");
    driver.monitor.close();
    expect((await driver.program.ended).errors).not.toContain("eeee");
  });

  test("refuses sampling, roots and elicitation", async () => {
    const { driver } = await hostile("asks-back");
    const answers = JSON.parse(textOf(await driver.call("echo", {}))) as {
      error?: { code: number };
      result?: unknown;
    }[];
    expect(answers).toHaveLength(3);
    expect(answers.every(({ error, result }) => error?.code === -32601 && result === undefined)).toBe(true);
  });

  test.each(["deep", "huge"])("answers a %s result as too large, and goes on", async (mode) => {
    const { driver } = await hostile(mode);
    await expect(driver.call("echo", {})).rejects.toMatchObject({ code: "result-too-large" });
    expect(textOf(await driver.call("other", {}))).toContain("other");
  });

  test("ends over a line without an end, and within its memory", async () => {
    const { driver } = await hostile("endless-line");
    await expect(driver.call("echo", {})).rejects.toThrow();
    expect((await driver.program.ended).code).toBe(1);
  });

  test("ends over a flood of junk, but lets a greeting pass", async () => {
    const { driver } = await hostile("junk-flood");
    await expect(driver.call("echo", {})).rejects.toThrow();
    expect((await driver.program.ended).code).toBe(1);
    expect((await hostile("chatty-start")).offer.tools).toHaveLength(1);
  });

  test("drops answers to nothing", async () => {
    const { driver } = await hostile("unknown-answers");
    expect(textOf(await driver.call("echo", {}))).toBe("ok");
  });

  test.each([
    ["endless-pages", /pages/],
    ["odd-names", /tool name/],
  ])("does not open a server with %s", async (mode, why) => {
    await expect(hostile(mode)).rejects.toMatchObject({
      code: "driver-unavailable",
      message: expect.stringMatching(why),
    });
  });

  test("is opened, too, when it leaves unanswered what it does not know", async () => {
    const { driver } = await hostile("ignores-unknown");
    expect(textOf(await driver.call("echo", { a: 1 }))).toContain('"a":1');
  });

  test("says why it was not opened, with what the server wrote of it as a line that can be shown", async () => {
    await expect(hostile("unlicensed")).rejects.toMatchObject({
      code: "driver-unavailable",
      message:
        "Cannot open the server: it answered with error -32001: not today; on standard error it wrote: No licence file",
    });
    const silent = new SdkError(SdkErrorCode.RequestTimeout, "Request timed out");
    expect(explainOpening(silent, 25_000)).toBe("it gave no answer to initialize within 25 s");
  });

  test("does not open what cannot be started, and opens once only", async () => {
    await expect(openDriver(["/nonexistent/server"])).rejects.toThrow();
    const { driver } = await hostile("honest");
    await expect(
      driver.monitor.ask("open", { source: stdioSource(["node", HOSTILE, "honest"]) }),
    ).rejects.toMatchObject({
      code: "driver-failed",
    });
  });

  test("ends with its server when the monitor goes", async () => {
    const { driver } = await hostile("honest");
    driver.monitor.close();
    expect((await driver.program.ended).code).toBe(1);
  });
});
