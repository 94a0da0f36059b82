import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { NET_TOOLS } from "../../src/kernel/net.ts";
import { scriptSource } from "../e2e/sources.ts";
import { REPO, type Ran, type Substrate } from "../e2e/substrate.ts";
import { readUser } from "../e2e/user.ts";

const PROGRAM = join(REPO, "test", "fakes", "tcp-agent.ts");
const INSIDE = 15_432;
const OWN_USER = process.geteuid?.() === 0 ? readUser("aios") : null;
const LOOK_MS = 50;

/**
 * A program that holds a stream from a service outside and asks for the next when one ends; then, once a file is there, so that
 * many can be started before the first is busy: one that never rests, a fork storm, one that continues whatever was stopped,
 * and one that writes in the workspace.
 */
const SCRIPT = `
/aios/node "$@" &
until [ -e /workspace/go ]; do sleep 0.2; done
(while :; do :; done) &
(while :; do /bin/true; done) &
(while :; do kill -CONT -1; done) &
(while :; do echo x >> /workspace/grows; done) &
wait`;

/** Instances that are busy with everything that a stop has to stop. */
export interface BusyInstances {
  readonly agents: readonly string[];
  /** Bytes that each has written so far. */
  grown(): readonly number[];
  /** Streams that the service has open, and lines that it could hand over so far. */
  streams(): { readonly open: number; readonly lines: number };
  readonly runs: readonly Promise<Ran>[];
  close(): void;
}

/** Starts them one after the other and resolves when every one is busy. */
export async function startBusy(aios: Substrate, count: number): Promise<BusyInstances> {
  const service = await serveTicks();
  const { port } = service.server.address() as AddressInfo;
  const agents = Array.from({ length: count }, (_, at) => `busy-${at}`);
  const notes = {
    source: scriptSource("test/fakes/notes-server.ts", { args: ["/workspace/notes.txt"], workspace: "read" }),
    tools: { add: { risk: "stage" as const, fields: { text: "string" as const } } },
  };
  const where = { host: { equals: "localhost" }, port: { equals: port }, inside: { equals: INSIDE } };
  const wish = {
    drivers: { notes, net: { source: { kind: "net" as const }, tools: NET_TOOLS } },
    allow: ["notes/add", { what: "net/forward", where }],
    limits: { uses: 100_000 },
    lease: true,
    workspace: "write" as const,
    programs: "any" as const,
  };
  for (let at = 0; at < count; at += 60)
    await aios.grant({ ...wish, id: `busy-${at}`, agents: agents.slice(at, at + 60) });
  const plan = join(aios.workspace, "busy.json");
  writeFileSync(plan, JSON.stringify(Array.from({ length: 1000 }, () => ({ hold: INSIDE }))), { mode: 0o644 });
  const folders = agents.map((agent) => folderOf(aios, agent));
  const runs: Promise<Ran>[] = [];
  for (const [at, agent] of agents.entries()) {
    const command = ["sh", "-c", SCRIPT, "busy", PROGRAM, plan];
    const run = aios.run({ agent, workspace: folders[at] ?? "", command, code: [PROGRAM, plan] });
    run.catch(() => {}); // whoever waits for it hears of it
    runs.push(run);
    // A few at a time: a start takes a core for a moment.
    if (at % 4 === 3) await until(() => service.count().open > at, "the start of instances");
  }
  await until(() => service.count().open === count, "a stream to each of them");
  for (const folder of folders) writeFileSync(join(folder, "go"), "");
  const grown = (): readonly number[] => folders.map((folder) => sizeOf(join(folder, "grows")));
  const streams = (): { readonly open: number; readonly lines: number } => service.count();
  await until(() => grown().every((bytes) => bytes > 0) && streams().open === count, "work in all of them");
  return { agents, grown, streams, runs, close: () => service.server.close() };
}

function folderOf(aios: Substrate, agent: string): string {
  const folder = join(aios.workspace, agent);
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  if (OWN_USER !== null) chownSync(folder, OWN_USER.uid, OWN_USER.gid);
  return folder;
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** A service that speaks without end on every connection. */
async function serveTicks(): Promise<{
  readonly server: Server;
  count(): { readonly open: number; readonly lines: number };
}> {
  const open = new Set<Socket>();
  let lines = 0;
  const server = createServer((socket) => {
    open.add(socket);
    const timer = setInterval(() => {
      socket.write("tick\n");
      lines++;
    }, LOOK_MS);
    socket.resume(); // the end of what is not read would not be heard of
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(timer);
      open.delete(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, count: () => ({ open: open.size, lines }) };
}

/** Waits until something holds; throws after two minutes. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + 120_000; !(await holds());) {
    if (performance.now() > end) throw new Error(`waited for nothing: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
