/**
 * Runs each of our programs once with nothing attached but itself, and prints what Node compiled of them: one JSON object
 * on standard output, program → file → base64. scripts/code-cache.cjs, which starts it, lays that beside the code
 * (docs/decisions/compile-cache.md). As root it begins again as the monitor's own user, like the monitor.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { DriverSource } from "../kernel/grant.ts";
import {
  planAlerter,
  planBroker,
  planConnector,
  planConsole,
  planCosigner,
  planCourier,
  planDriver,
  planFace,
  planGate,
  planInjector,
  planRefresher,
  planTelemetry,
} from "../monitor/sandbox-plans.ts";
import { planFetcher, planUnpacker, planVetter } from "../monitor/extensions/plans.ts";
import { planStorage } from "../monitor/storage-plan.ts";
import { becomeOwnUser } from "../platform/sandbox/own-user.ts";
import type { Channel } from "../platform/powers.ts";
import { startSandbox } from "../platform/sandbox/sandbox-process.ts";
import { connectUnix } from "../platform/channels/unix-server.ts";
import { CLI_SIDE } from "../protocol/cli-side.ts";
import { MONITOR_DRIVER } from "../protocol/driver-table.ts";
import { MONITOR_FACE } from "../protocol/face-table.ts";
import { MONITOR_BROKER } from "../protocol/net-order.ts";
import { MONITOR_GATE } from "../protocol/port-gate-table.ts";
import { createPeer } from "../protocol/rpc.ts";
import { NO_TELEMETRY } from "../protocol/telemetry-setting.ts";
import { MONITOR_VETTER } from "../protocol/vetting-order.ts";
import type { Outcome } from "../protocol/requests.ts";
import type { Mount, SandboxSpec } from "../sandbox/spec.ts";
import { beServer } from "./bare-server.ts";
import { monitorEnvironment } from "./code-cache.ts";
import { monitorSocket } from "./monitor-client.ts";
import { makeSupervisor } from "./agent-start.ts";
import { MONITOR_FLAGS } from "./monitor-flags.ts";

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const CODE = { node: process.execPath, root: ROOT };
/** Where a program finds the folder that it fills. */
const CACHE = "/cache";
/** For what hangs: on a machine with much other work a start takes half a minute. */
const PATIENCE_MS = 120_000;
const TOGETHER = 4;
/** Larger than what Node keeps of any one module. */
const FILE_BYTES = 64 * 1024 * 1024;
const FOLDER_NAME = /^v[0-9A-Za-z.-]{1,100}$/;
const FILE_NAME = /^[0-9a-f]{1,16}$/;

const SOURCE: DriverSource = { kind: "stdio", command: ["node"], code: [], workspace: "none" };

const STOPPED: Outcome = { kind: "stopped", stage: "validate", code: "no-grant", message: "nothing", proposal: null };

const SESSION = [
  {
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "nobody", version: "1" } },
  },
  { id: 2, method: "tools/list", params: {} },
  { id: 3, method: "tools/call", params: { name: "nothing__nothing", arguments: {} } },
].map((message) => JSON.stringify({ jsonrpc: "2.0", ...message }));

async function main(): Promise<void> {
  becomeOwnUser({
    user: "aios",
    code: ROOT,
    argv: process.argv,
    environment: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
  });
  const base = realpathSync(mkdtempSync(join(tmpdir(), "aios-cache-")));
  const programs = {
    monitor: runMonitor,
    face: runFace,
    driver: runDriver,
    connector: runConnector,
    broker: (place: Place) => runCarrier(planBroker(CODE), place),
    injector: (place: Place) => runCarrier(planInjector(CODE), place),
    storage: runStorage,
    supervisor: runSupervisor,
    "port-gate": runGate,
    console: (place: Place) => runAlone(planConsole(CODE, 0), place),
    "git-courier": (place: Place) => runAlone(planCourier(CODE), place),
    refresher: (place: Place) => runAlone(planRefresher(CODE), place),
    cosigner: (place: Place) => runAlone(planCosigner(CODE), place),
    alerter: (place: Place) => runAlone(planAlerter(CODE), place),
    telemetry: runTelemetry,
    fetcher: (place: Place) => runAlone(planFetcher(CODE, place.scratch), place),
    unpacker: (place: Place) => runAlone(planUnpacker(CODE, treeOf(place)), place),
    vetter: runVetter,
  };
  try {
    const filled: { [program: string]: { readonly [file: string]: string } } = {};
    const left = Object.entries(programs).values();
    const fill = async (): Promise<void> => {
      for (const [name, run] of left) {
        const place = { cache: join(base, name), scratch: join(base, `${name}-scratch`) };
        for (const folder of Object.values(place)) mkdirSync(folder, { mode: 0o700 });
        await run(place);
        filled[name] = collect(place.cache);
      }
    };
    await Promise.all(Array.from({ length: TOGETHER }, fill));
    const answer = JSON.stringify(filled);
    await new Promise((written) => void process.stdout.write(answer, written));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

interface Place {
  readonly cache: string;
  readonly scratch: string;
}

/** A monitor on a home that nobody has; it is asked for its instances and to stop. */
async function runMonitor({ cache, scratch }: Place): Promise<void> {
  const home = join(scratch, "home");
  const program = join(ROOT, "src", "main", "aiosd.ts");
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", ...MONITOR_FLAGS, program, "--home", home],
    {
      env: { ...monitorEnvironment(process.env["PATH"]), NODE_COMPILE_CACHE: cache },
      stdio: ["ignore", "ignore", "inherit"],
      timeout: PATIENCE_MS,
    },
  );
  const ended = once(child, "exit");
  const peer = createPeer(await connect(child, home), { side: CLI_SIDE, requests: {}, events: QUIET, ...FAULTS });
  await peer.request("ps", { all: false });
  await peer.request("stop", {}).catch(() => undefined); // it may be gone before it has answered
  await ended;
}

async function connect(child: ReturnType<typeof spawn>, home: string): Promise<Channel> {
  while (child.exitCode === null && child.signalCode === null) {
    const channel = await connectUnix(monitorSocket(home)).catch(() => null);
    if (channel !== null) return channel;
    await sleep(20);
  }
  throw new Error("the monitor ended as it started");
}

/** A face without a network and then one with: Node keeps what it compiled apart for each set of flags. */
async function runFace({ cache, scratch }: Place): Promise<void> {
  for (const network of [false, true]) {
    const sockets = join(scratch, String(network));
    mkdirSync(sockets);
    await useFace(planFace(CODE, sockets, { network, forwards: [], injectors: 0 }), { cache, sockets });
  }
}

/** Its monitor has nothing to show; an agent asks it for its tools, over both sockets, and for something at its proxy. */
async function useFace(
  spec: SandboxSpec,
  { cache, sockets }: { readonly cache: string; readonly sockets: string },
): Promise<void> {
  await inSandbox(spec, cache, async (channel) => {
    const ready = Promise.withResolvers<void>();
    createPeer(channel, {
      side: MONITOR_FACE,
      requests: {
        ready: () => {
          ready.resolve();
          return {};
        },
        list: () => ({ tools: [], resources: [], resourceTemplates: [], prompts: [] }),
        propose: () => STOPPED,
        cancel: () => ({}),
        route: () => ({ route: "none" as const }),
        models: () => ({ models: [] }),
        refused: () => ({}),
        method: () => ({}),
      },
      events: {},
      ...FAULTS,
    });
    await ready.promise;
    await speakLines(join(sockets, "mcp-stdio.sock"));
    await speakHttp(join(sockets, "mcp.sock"));
    await speakToProxy(join(sockets, "proxy.sock"));
  });
}

async function speakLines(path: string): Promise<void> {
  const socket = createConnection(path);
  const answers = createInterface(socket)[Symbol.asyncIterator]();
  for (const message of SESSION) {
    socket.write(`${message}\n`);
    await answers.next();
  }
  socket.destroy();
}

async function speakHttp(socketPath: string): Promise<void> {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const asked = request({ socketPath, path: "/mcp", method: "POST", headers, agent: false });
  const answered = once(asked, "response");
  asked.end(SESSION[0]);
  const [response] = await answered;
  // oxlint-disable-next-line typescript/no-unsafe-argument -- node:events types what it resolves with as any
  await text(response);
}

/** Asks the proxy for something; no monitor would grant it. */
async function speakToProxy(socketPath: string): Promise<void> {
  const asked = request({
    socketPath,
    path: "http://nothing.invalid/",
    headers: { host: "nothing.invalid" },
    agent: false,
  });
  const answered = once(asked, "response");
  asked.end();
  const [response] = await answered;
  // oxlint-disable-next-line typescript/no-unsafe-argument -- node:events types what it resolves with as any
  await text(response);
}

/** A driver with a server that can do nothing. */
async function runDriver({ cache }: Place): Promise<void> {
  await inSandbox(planDriver(CODE, SOURCE), cache, async (channel, [, input, output]) => {
    if (input === undefined || output === undefined) throw new Error("the driver got no streams of a server");
    beServer(input, output);
    const events = { progress: () => undefined, changed: () => undefined };
    const peer = createPeer(channel, { side: MONITOR_DRIVER, requests: {}, events, ...FAULTS });
    await peer.request("open", { source: SOURCE });
    await peer.request("run", { verb: "call", name: "nothing", arguments: {}, token: 1, context: null });
  });
}

async function runConnector({ cache }: Place): Promise<void> {
  await inSandbox(planConnector(CODE, { host: "127.0.0.1", port: 9, reach: "loopback" }), cache, () => sleep(500));
}

/** A broker, or an injector that was armed with nothing, that is told to end what never was. */
async function runCarrier(spec: SandboxSpec, { cache }: Place): Promise<void> {
  await inSandbox(spec, cache, async (channel) => {
    const peer = createPeer(channel, { side: MONITOR_BROKER, requests: {}, events: {}, ...FAULTS });
    await peer.request("cancel", { ticket: "0".repeat(32) });
  });
}

/** One whose monitor goes at once: it has loaded all that it is before it hears of that. */
async function runAlone(spec: SandboxSpec, { cache }: Place): Promise<void> {
  await inSandbox(spec, cache, () => Promise.resolve());
}

/** An empty tree, which the vetter looks through with all its tools. */
async function runVetter({ cache, scratch }: Place): Promise<void> {
  await inSandbox(planVetter(CODE, scratch), cache, async (channel) => {
    await createPeer(channel, { side: MONITOR_VETTER, requests: {}, events: {}, ...FAULTS }).request("vet", {});
  });
}

const treeOf = ({ scratch }: Place) => ({ kind: "write", host: scratch, fetched: null }) as const;

/** Over a home that has its folders and nothing in them. */
async function runTelemetry(place: Place): Promise<void> {
  for (const folder of ["log/tile", "telemetry"]) mkdirSync(join(place.scratch, folder), { recursive: true });
  await runAlone(planTelemetry(CODE, place.scratch, { setting: NO_TELEMETRY, listens: false }), place);
}

/** A storage device that guards the cache: it may write nowhere else. It ends because nobody is at its other end. */
async function runStorage({ cache, scratch }: Place): Promise<void> {
  const undo = join(scratch, "undo");
  mkdirSync(undo);
  const turns = join(scratch, "turns");
  writeFileSync(turns, "");
  const roots = [{ host: cache, inside: CACHE }];
  await inSandbox(planStorage(CODE, { undo, turns, roots, open: [], obeyed: [] }), null, () => Promise.resolve());
}

/** A supervisor of nothing: it keeps what was compiled before it is ready. */
async function runSupervisor({ cache }: Place): Promise<void> {
  const supervisor = makeSupervisor(cache);
  await supervisor.ready();
  supervisor.close();
}

/** A gate in front of nothing. */
async function runGate({ cache }: Place): Promise<void> {
  await inSandbox(planGate(CODE, 0), cache, async (channel, [, visits]) => {
    const asked = Promise.withResolvers<void>();
    visits?.destroy();
    createPeer(channel, {
      side: MONITOR_GATE,
      requests: {
        ready: () => {
          asked.resolve();
          return { ports: [] };
        },
        visited: () => ({}),
        entered: () => ({}),
      },
      events: {},
      ...FAULTS,
    });
    await asked.promise;
  });
}

/**
 * Runs a program as it always runs, but for a folder that it may write, unless its plan has one at `CACHE` already; it ends
 * because its monitor goes.
 */
async function inSandbox(
  spec: SandboxSpec,
  cache: string | null,
  use: (channel: Channel, channels: readonly Channel[]) => Promise<void>,
): Promise<void> {
  const folder: readonly Mount[] = cache === null ? [] : [{ kind: "write", host: cache, inside: CACHE }];
  const sandbox = await startSandbox(
    {
      ...spec,
      environment: { ...spec.environment, NODE_COMPILE_CACHE: CACHE },
      mounts: [...spec.mounts, ...folder],
      limits: { ...spec.limits, fileBytes: FILE_BYTES },
    },
    { streams: "capture" },
  );
  const { channels } = sandbox;
  const [channel] = channels;
  if (channel === undefined) throw new Error("the sandbox got no channel");
  const late = setTimeout(sandbox.kill, PATIENCE_MS);
  try {
    await use(channel, channels);
    channel.destroy();
    await sandbox.ended;
  } catch (error) {
    sandbox.kill();
    await sandbox.ended;
    throw new Error(`${spec.role}: ${String(error)} ${sandbox.errors().trim()}`, { cause: error });
  } finally {
    clearTimeout(late);
  }
}

const QUIET = { recovering: () => undefined, record: () => undefined, held: () => undefined, stage: () => undefined };
const FAULTS = {
  onFault: ({ message }: { readonly message: string }) => void process.stderr.write(`${message}\n`),
  onError: (error: unknown) => void process.stderr.write(`${String(error)}\n`),
};

/** What a program left in its folder, by the names that Node gives: a folder for version, flags and user, and files. */
function collect(cache: string): { readonly [file: string]: string } {
  const folders = readdirSync(cache).filter((name) => FOLDER_NAME.test(name));
  const files = folders.flatMap((folder) =>
    readdirSync(join(cache, folder))
      .filter((name) => FILE_NAME.test(name) && lstatSync(join(cache, folder, name)).isFile())
      .map((name) => `${folder}/${name}`),
  );
  if (files.length === 0) throw new Error(`nothing was compiled into ${cache}`);
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(cache, name)).toString("base64")]));
}

await main();
process.exit(0);
