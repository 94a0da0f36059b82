import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import type { LogRecord } from "../../src/protocol/record.ts";
import { plainProgram } from "../e2e/plain-program.ts";
import { REPO, startSubstrate, type Ran, type Substrate } from "../e2e/substrate.ts";
import { makeTemporaryFolder } from "../fakes/temporary-folder.ts";

/*
 * RECORD-FIRST for a request of the network. The face opens its stream to the broker before anything is decided; with a disk that
 * takes nothing the intent never becomes durable, and nothing reaches the server: not while it waits, and not when its monitor is
 * killed. The same request goes out as soon as the disk takes its intent.
 */
let aios: Substrate;
let origin: Server;
let port: number;
let seen: string[] = [];
let runs = 0;
let pausing: readonly ServerResponse[] = [];
const folder = makeTemporaryFolder();
// Its monitor, which may have a user of its own, looks whether it is there.
chmodSync(folder, 0o755);
const held = join(folder, "held");
const program = join(REPO, "test", "fakes", "network-agent.ts");

beforeAll(async () => {
  origin = createServer((request, response) => {
    seen.push(request.url ?? "");
    if (request.url === "/pause") pausing = [response];
    else response.end("answer");
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  port = (origin.address() as AddressInfo).port;
  const hold = `${pathToFileURL(join(REPO, "test/fakes/hold-writes.ts")).href}?while=${encodeURIComponent(held)}`;
  aios = await startSubstrate({ flags: [`--import=${hold}`] });
  await aios.grant({
    id: "net",
    agents: ["surfer"],
    drivers: { net: { source: { kind: "net" }, tools: NET_TOOLS } },
    allow: [{ what: "net/fetch", where: { host: { equals: "localhost" }, port: { equals: port } } }],
  });
}, 60_000);
afterAll(async () => {
  rmSync(held, { force: true });
  origin.closeAllConnections();
  origin.close();
  await aios.stop();
});

async function count(kind: LogRecord["kind"]): Promise<number> {
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 1000, instance: null, kinds: [kind] });
  return entries.length;
}

/** Asks for two addresses, and for `/last` when the disk takes nothing any more; resolves when the intent of that waits. */
async function untilHeld(): Promise<{ readonly running: Promise<Ran | null> }> {
  [seen, pausing] = [[], []];
  const plan = join(aios.workspace, "plan.json");
  const steps = ["/first", "/pause", "/last"].map((path) => ({ url: `http://localhost:${port}${path}` }));
  writeFileSync(plan, JSON.stringify(steps), { mode: 0o644 });
  const own = plainProgram(program, aios.workspace);
  const running = aios
    .run({ agent: "surfer", command: ["/aios/node", own, plan], code: [own, plan] })
    .catch(() => null);
  await expect.poll(() => pausing.length > 0, { timeout: 30_000 }).toBe(true);
  // What is gathered of its start for a moment is written by then.
  await expect.poll(() => count("programs-started"), { timeout: 30_000 }).toBe((runs += 1));
  writeFileSync(held, "");
  for (const response of pausing) response.end("go on");
  // The outcome of that one, and the intent of the next.
  const waiting = async (): Promise<number> => (await aios.client.request("log-pace", {})).waiting;
  await expect.poll(waiting, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
  return { running };
}

test("nothing of it goes out before its intent is durable, and then all of it does", async () => {
  const { running } = await untilHeld();
  // The broker is there and has nothing else to do: what it knew it would have done.
  for (let looks = 0; looks < 20; looks++) {
    expect(seen).toEqual(["/first", "/pause"]);
    await aios.client.request("log-pace", {});
  }
  rmSync(held);
  expect((await running)?.exit).toBe(0);
  expect(seen).toEqual(["/first", "/pause", "/last"]);
}, 60_000);

/** Kills a program of the monitor's from outside; resolves when it is gone, and with it its ends of its sockets. */
async function killPart(file: string): Promise<void> {
  const words = (pid: string): string => readFileSync(`/proc/${pid}/cmdline`, "latin1");
  const within = (pid: string): boolean => {
    const [, parent = "0"] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ") ?? [];
    return parent === String(aios.pid) || (Number(parent) > 1 && within(parent));
  };
  // bubblewrap, which runs it, has it among its words too.
  const found = readdirSync("/proc").filter((pid) => {
    try {
      return /^[0-9]+$/.test(pid) && words(pid).startsWith("/aios/node") && words(pid).includes(file) && within(pid);
    } catch {
      return false; // it ended meanwhile
    }
  });
  expect(found.length).toBe(1);
  process.kill(Number(found[0]), "SIGKILL");
  await expect.poll(() => existsSync(`/proc/${found[0]}`), { timeout: 30_000 }).toBe(false);
}

/** What became of the last request of an instance: its outcome. */
async function outcomeOfLast(instance: string): Promise<LogRecord | undefined> {
  const kinds: LogRecord["kind"][] = ["intent", "outcome"];
  const { entries } = await aios.client.request("log-show", { from: 0, limit: 1000, instance, kinds });
  const last = entries.find(({ payload }) => JSON.stringify(payload).includes("/last"))?.record.seq;
  return entries.find(({ record }) => record.kind === "outcome" && record.intent === last)?.record;
}

test.each([
  // Nobody outside of a broker that is gone can say what it did.
  ["broker", { result: "unknown", code: "driver-failed" }],
  ["face", { result: "failed", code: "instance-stopped" }],
] as const)(
  "nothing of it goes out when its %s is killed while its intent waits",
  async (part, outcome) => {
    const { running } = await untilHeld();
    await killPart(`main/${part}.ts`);
    for (let looks = 0; looks < 20; looks++) {
      expect(seen).toEqual(["/first", "/pause"]);
      await aios.client.request("log-pace", {});
    }
    rmSync(held);
    const ran = await running;
    // The disk takes the intent then, and nobody is there to carry it.
    await expect.poll(() => outcomeOfLast(ran?.instance ?? ""), { timeout: 30_000 }).toMatchObject(outcome);
    expect(seen).toEqual(["/first", "/pause"]);
  },
  60_000,
);

test("nothing of it goes out when the monitor is killed while its intent waits", async () => {
  const { running } = await untilHeld();
  const before = await count("intent");
  await aios.crash();
  rmSync(held);
  await running;
  await aios.restart();
  expect(seen).toEqual(["/first", "/pause"]);
  // Of the last nothing is on record: those of the first two are.
  expect(await count("intent")).toBe(before);
}, 60_000);
