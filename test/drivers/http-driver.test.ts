import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/kernel/json.ts";
import { npmServer, startDriver, type DriverUnderTest } from "../fakes/monitor-of-driver.ts";
import { startProgram } from "../fakes/own-program.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A driver joined to a real connector, as the monitor joins them. */
function startJoined(target: readonly string[]): DriverUnderTest {
  const driver = startDriver();
  const connector = startProgram("connector", { args: target, channels: 1 });
  const [, near] = driver.program.channels;
  const [far] = connector.channels;
  near?.on("error", () => undefined);
  far?.on("error", () => undefined);
  if (near !== undefined && far !== undefined) near.pipe(far).pipe(near);
  cleanups.push(() => Promise.all([driver.stop(), connector.stop()]));
  return driver;
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function startEverything(): Promise<number> {
  const port = await freePort();
  const server = spawn(process.execPath, [npmServer("server-everything"), "streamableHttp"], {
    env: { PATH: process.env["PATH"] ?? "", PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(server, "exit");
  cleanups.push(async () => {
    server.kill("SIGKILL");
    await ended;
  });
  server.stdout.resume();
  await new Promise<void>((resolve) => {
    server.stderr.on("data", (chunk: Buffer) => {
      if (chunk.toString().includes("listening")) resolve();
    });
  });
  return port;
}

/** An HTTP server that answers as the test says. */
async function startHttp(answer: Parameters<typeof createServer>[1]): Promise<number> {
  const server: Server = createServer(answer ?? (() => undefined));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return (server.address() as AddressInfo).port;
}

function httpSource(port: number): JsonObject {
  return { kind: "http", url: `http://127.0.0.1:${port}/mcp` };
}

describe("a driver of a server over HTTP", () => {
  test("works through the connector: offer, calls, progress, cancellation", async () => {
    const port = await startEverything();
    const driver = startJoined(["127.0.0.1", String(port)]);
    const offer = await driver.monitor.ask("open", { source: httpSource(port) });
    expect((offer["tools"] as readonly JsonObject[]).length).toBeGreaterThan(5);
    const answer = await driver.call("echo", { message: "over http" });
    expect(JSON.stringify(answer["result"])).toContain("over http");
    await driver.call("trigger-long-running-operation", { duration: 0.4, steps: 4 }, 9);
    expect(driver.monitor.events.filter(({ body }) => body["token"] === 9).length).toBeGreaterThanOrEqual(3);
    const run = expect(
      driver.call("trigger-long-running-operation", { duration: 20, steps: 20 }, 10),
    ).rejects.toMatchObject({
      code: "withdrawn",
    });
    await driver.monitor.until(() => driver.monitor.events.some(({ body }) => body["token"] === 10));
    await driver.monitor.ask("cancel", { token: 10 });
    await run;
    const many = await Promise.all(
      Array.from({ length: 40 }, (_, index) => driver.call("echo", { message: `m${index}` })),
    );
    many.forEach((each, index) => expect(JSON.stringify(each["result"])).toContain(`m${index}`));
  });

  test("reaches this machine only, unless it was told otherwise", async () => {
    const port = await startEverything();
    const driver = startJoined(["127.0.0.1", String(port), "public"]);
    await expect(driver.monitor.ask("open", { source: httpSource(port) })).rejects.toMatchObject({
      code: "driver-unavailable",
    });
  });

  test("does not follow a redirect, not even to the same host", async () => {
    let asked: string[] = [];
    const port = await startHttp((request, response) => {
      asked = [...asked, request.url ?? ""];
      response.writeHead(307, { location: "/other" }).end();
    });
    const driver = startJoined(["127.0.0.1", String(port)]);
    await expect(driver.monitor.ask("open", { source: httpSource(port) })).rejects.toMatchObject({
      code: "driver-unavailable",
    });
    expect(new Set(asked)).toEqual(new Set(["/mcp"]));
  });

  test.each([
    ["a body without end", "application/json"],
    ["an event without end", "text/event-stream"],
  ])("gives up on %s", async (_what, type) => {
    let sent = 0;
    const port = await startHttp((_request, response) => {
      response.writeHead(200, { "content-type": type });
      const fill = (): void => {
        while (!response.destroyed) {
          sent += 65_536;
          if (!response.write("data: ".padEnd(65_536, "x"))) return void response.once("drain", fill);
        }
      };
      fill();
    });
    const driver = startJoined(["127.0.0.1", String(port)]);
    await expect(driver.monitor.ask("open", { source: httpSource(port) })).rejects.toMatchObject({
      code: "driver-unavailable",
    });
    // The bound, and what was on its way in pipes and windows.
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  test("says that a server is not there", async () => {
    const port = await freePort();
    const driver = startJoined(["127.0.0.1", String(port)]);
    await expect(driver.monitor.ask("open", { source: httpSource(port) })).rejects.toMatchObject({
      code: "driver-unavailable",
    });
  });
});

describe("a connector", () => {
  test.each([
    [[]],
    [["localhost"]],
    [["localhost", "0"]],
    [["localhost", "80", "any"]],
    [["localhost", "80", "public", "x"]],
  ])("refuses to start with %j", async (args) => {
    const connector = startProgram("connector", { args, channels: 1 });
    expect((await connector.ended).code).toBe(2);
  });

  test("ends when a frame does not fit", async () => {
    const connector = startProgram("connector", { args: ["127.0.0.1", "9"], channels: 1 });
    connector.channels[0]?.on("error", () => undefined);
    connector.channels[0]?.write(Buffer.from([0, 0, 0, 5, 0, 0, 0, 9, 1]));
    expect((await connector.ended).code).toBe(0);
  });
});
