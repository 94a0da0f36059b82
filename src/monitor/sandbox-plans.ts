import type { DriverSource } from "../kernel/grant.ts";
import type { Format } from "../kernel/infer.ts";
import type { Forward } from "../kernel/forwards.ts";
import type { InstanceLimits } from "../kernel/sandbox-limits.ts";
import type { GitPlace } from "../kernel/git-ssh.ts";
import {
  gitEnvironment,
  inferenceEnvironment,
  networkEnvironment,
  type GrantedNetwork,
} from "./network-environment.ts";
import { forwardFlags } from "../protocol/forward-flags.ts";
import { VISITS_MOST } from "../sandbox/launch-plan.ts";
import type { TelemetrySetting } from "../protocol/telemetry-setting.ts";
import type { Mount, SandboxSpec } from "../sandbox/spec.ts";

/** Where the substrate's own code lies on the host; all of it is shown read-only, under /aios. */
export interface CodeLayout {
  /** The Node binary that runs everything of ours. */
  readonly node: string;
  /** The folder that holds package.json, src/ and node_modules/. */
  readonly root: string;
}

const MEBIBYTE = 1024 * 1024;
/** Where our own code and Node lie inside. */
export const INSIDE = "/aios";
/** Where an agent finds its workspace. */
export const WORKSPACE = "/workspace";
/** The whole environment of an MCP server, and the beginning of every other. */
export const BASE_ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/home/agent", LANG: "C.UTF-8" };
const { PATH, HOME, LANG } = BASE_ENVIRONMENT;
/** Code that runs before anything else does: read-only like the rest of node_modules, and each program has its own. */
const CACHES = `${INSIDE}/node_modules/.aios-cache`;

/** What a face serves besides MCP. `injectors`: channels to those that put secrets into requests. */
export interface FaceNetwork {
  readonly network: boolean;
  readonly forwards: readonly Forward[];
  readonly injectors: number;
}

/** The face of one instance: our code and the folder of its sockets, nothing else. */
export function planFace(
  code: CodeLayout,
  sockets: string,
  { network, forwards, injectors }: FaceNetwork = { network: false, forwards: [], injectors: 0 },
): SandboxSpec {
  const flags = [
    ...(network ? ["--network"] : []),
    ...forwardFlags(forwards),
    ...(injectors > 0 ? [`--injectors=${injectors}`] : []),
  ];
  return {
    role: "face",
    command: [`${INSIDE}/node`, ...(network ? HEAP_STREAMS : HEAP_SMALL), `${INSIDE}/src/main/face.ts`, ...flags],
    cwd: "/tmp",
    environment: ownEnvironment("face"),
    mounts: [...ownCode(code), { kind: "write", host: sockets, inside: "/run/aios" }],
    // The monitor, the broker of the network device, the launcher that hands out the listener of the proxy, injectors.
    channels: (network ? 3 : 2) + injectors,
    published: false,
    programs: "any",
    terminal: false,
    network: "none",
    limits: { processes: 64, openFiles: 512, fileBytes: MEBIBYTE, memoryBytes: 1024 * MEBIBYTE },
  };
}

/** The check in front of published ports: our code, no network, no files; listeners and the way in are handed to it. */
export function planGate(code: CodeLayout, listeners: number): SandboxSpec {
  return {
    role: "face",
    command: [`${INSIDE}/node`, ...HEAP_STREAMS, `${INSIDE}/src/main/port-gate.ts`, String(VISITS_MOST)],
    cwd: "/tmp",
    environment: ownEnvironment("port-gate"),
    mounts: ownCode(code),
    // The monitor, the launcher that hands out the way in, and listeners.
    channels: 2 + listeners,
    published: false,
    programs: "any",
    terminal: false,
    network: "none",
    limits: { processes: 64, openFiles: 1024, fileBytes: MEBIBYTE, memoryBytes: 1024 * MEBIBYTE },
  };
}

/** The console: as the gate, with listeners of its own and no way in anywhere. */
export function planConsole(code: CodeLayout, listeners: number): SandboxSpec {
  const gate = planGate(code, 0);
  return {
    ...gate,
    command: [`${INSIDE}/node`, ...HEAP_STREAMS, `${INSIDE}/src/main/console.ts`, String(listeners)],
    environment: ownEnvironment("console"),
    channels: 1 + listeners,
  };
}

/** Standard input, output and error. */
const SERVER_STREAMS = 3;

/** The client of one MCP server: our code, and channels to the monitor and to the server or the connector. */
export function planDriver(code: CodeLayout, source: DriverSource): SandboxSpec {
  return {
    role: "driver",
    command: [`${INSIDE}/node`, ...HEAP_SMALL, `${INSIDE}/src/main/driver.ts`],
    cwd: "/tmp",
    environment: ownEnvironment("driver"),
    mounts: ownCode(code),
    // Beside the monitor's: the connector's, or the standard streams of the server.
    channels: source.kind === "http" ? 2 : 1 + SERVER_STREAMS,
    published: false,
    programs: "any",
    terminal: false,
    network: "none",
    limits: { processes: 64, openFiles: 512, fileBytes: MEBIBYTE, memoryBytes: 1024 * MEBIBYTE },
  };
}

/** The only process with a route, and that route is one host and port; it sees ciphertext or granted loopback traffic. */
export function planConnector(
  code: CodeLayout,
  target: { readonly host: string; readonly port: number; readonly reach: "loopback" | "public" },
): SandboxSpec {
  return {
    role: "connector",
    command: [
      `${INSIDE}/node`,
      ...HEAP_SMALL,
      `${INSIDE}/src/main/connector.ts`,
      target.host,
      String(target.port),
      target.reach,
    ],
    cwd: "/tmp",
    environment: ownEnvironment("connector"),
    mounts: ownCode(code),
    channels: 1,
    published: false,
    programs: "any",
    terminal: false,
    network: "host",
    limits: { processes: 64, openFiles: 512, fileBytes: MEBIBYTE, memoryBytes: 1024 * MEBIBYTE },
  };
}

/** The network device of one instance: the host's network, no files and no keys. The monitor orders, the face speaks. */
export function planBroker(code: CodeLayout): SandboxSpec {
  return {
    role: "connector",
    command: [`${INSIDE}/node`, ...HEAP_STREAMS, `${INSIDE}/src/main/broker.ts`],
    cwd: "/tmp",
    environment: ownEnvironment("broker"),
    mounts: ownCode(code),
    channels: 2,
    published: false,
    programs: "any",
    terminal: false,
    network: "host",
    limits: { processes: 64, openFiles: 1024, fileBytes: MEBIBYTE, memoryBytes: 1024 * MEBIBYTE },
  };
}

/** What puts one secret into requests to one destination: a broker with its own channel and nothing else. */
export function planInjector(code: CodeLayout): SandboxSpec {
  const broker = planBroker(code);
  return {
    ...broker,
    command: [...broker.command.slice(0, -1), `${INSIDE}/src/main/injector.ts`],
    environment: ownEnvironment("injector"),
  };
}

/** What speaks SSH with one key to one place: the same, with the system's `ssh` as its child. */
export function planCourier(code: CodeLayout): SandboxSpec {
  const broker = planBroker(code);
  return {
    ...broker,
    command: [...broker.command.slice(0, -1), `${INSIDE}/src/main/git-courier.ts`],
    environment: ownEnvironment("git-courier"),
  };
}

/** Renews one login: the host's network, no files, no keys, and a channel to the monitor alone. */
export function planRefresher(code: CodeLayout): SandboxSpec {
  const broker = planBroker(code);
  return {
    ...broker,
    command: [`${INSIDE}/node`, ...HEAP_SMALL, `${INSIDE}/src/main/refresher.ts`],
    environment: ownEnvironment("refresher"),
    channels: 1,
  };
}

/** Takes checkpoints to witnesses: the host's network, no files, no keys, and a channel to the monitor alone. */
export function planCosigner(code: CodeLayout): SandboxSpec {
  const refresher = planRefresher(code);
  return {
    ...refresher,
    command: [...refresher.command.slice(0, -1), `${INSIDE}/src/main/cosigner.ts`],
    environment: ownEnvironment("cosigner"),
  };
}

/**
 * Shows the log to those that an owner signed for: the host's network, the public leaves of the log, and a folder of its
 * own for cursors and events. It has no key, and a channel to the monitor, which tells it named fields of payloads.
 */
export function planTelemetry(
  code: CodeLayout,
  home: string,
  { setting, listens }: { readonly setting: TelemetrySetting; readonly listens: boolean },
): SandboxSpec {
  const cosigner = planCosigner(code);
  const flags = listens ? ["--metrics"] : [];
  return {
    ...cosigner,
    command: [...cosigner.command.slice(0, -1), `${INSIDE}/src/main/telemetry.ts`, ...flags],
    environment: ownEnvironment("telemetry"),
    mounts: [
      ...ownCode(code),
      { kind: "read", host: `${home}/log/tile`, inside: "/log/tile" },
      { kind: "write", host: `${home}/telemetry`, inside: "/telemetry" },
    ],
    channels: listens ? 2 : 1,
    // A file of events, and what one batch may add to it.
    limits: { ...cosigner.limits, fileBytes: Math.max(setting.siem.file?.bytes ?? 0, 16 * MEBIBYTE) + 8 * MEBIBYTE },
  };
}

/** Sends one alert: the host's network, no files, no keys, and a channel to the monitor, which says where and what. */
export function planAlerter(code: CodeLayout): SandboxSpec {
  const refresher = planRefresher(code);
  return {
    ...refresher,
    command: [...refresher.command.slice(0, -1), `${INSIDE}/src/main/alerter.ts`],
    environment: ownEnvironment("alerter"),
  };
}

export interface AgentPlan {
  readonly command: readonly string[];
  readonly environment: { readonly [name: string]: string };
  /** Its streams are a terminal. */
  readonly terminal: boolean;
  readonly workspace: { readonly host: string; readonly mode: "none" | "read" | "write" } | null;
  /** Host paths of the agent's own program, shown read-only at the same place. */
  readonly code: readonly string[];
  /** Whether it may start programs inside. */
  readonly programs: "none" | "any";
  /** Folder of the face's sockets. */
  readonly sockets: string;
  /**
   * A home that lasts, with what is sealed in it (home-desk.ts); null is one in memory. Whoever mediates writes guards
   * `host` and `inside` of the first mount like a workspace.
   */
  readonly home: readonly Mount[] | null;
  /** What its programs are told of the network. */
  readonly network: GrantedNetwork;
  /** Some of its ports are published. */
  readonly published: boolean;
  /** What holds of its limits; those that are watched are not part of the sandbox's specification. */
  readonly limits: InstanceLimits;
  /** Device nodes that it may use. */
  readonly devices: readonly string[];
  /** Formats of the models that it may ask. */
  readonly formats?: readonly Format[];
  /** Ports of its own address that lead elsewhere. */
  readonly forwards?: readonly Forward[];
  /** Accounts of other machines whose repositories its git finds. */
  readonly git?: readonly GitPlace[];
}

/** The agent itself: its program, its workspace as granted, the sockets of its face. */
export function planAgent(code: CodeLayout, plan: AgentPlan): SandboxSpec {
  const mayStart = plan.programs === "any";
  const mounts: Mount[] = [
    { kind: "read", host: code.node, inside: `${INSIDE}/node` },
    ...(mayStart ? stdioCommand(code) : []),
    { kind: "read", host: plan.sockets, inside: "/run/aios" },
    ...plan.code.map((path): Mount => ({ kind: "read", host: path, inside: path })),
    ...(plan.home ?? []),
    ...plan.devices.map((path): Mount => ({ kind: "device", host: path, inside: path })),
  ];
  if (plan.workspace !== null && plan.workspace.mode !== "none") {
    mounts.push({ kind: plan.workspace.mode, host: plan.workspace.host, inside: WORKSPACE });
  }
  return {
    role: "agent",
    // What it may write in is changed on its behalf: control files stay as they are, and the rest can be undone.
    ...(plan.workspace?.mode === "write" ? { guarded: [WORKSPACE] } : {}),
    command: plan.command,
    cwd: plan.workspace === null || plan.workspace.mode === "none" ? "/home/agent" : "/workspace",
    environment: {
      LANG,
      ...(plan.terminal ? { TERM: "xterm-256color" } : {}),
      ...inferenceEnvironment(plan.formats ?? []),
      ...plan.environment,
      ...networkEnvironment(plan.network),
      ...gitEnvironment(plan.git ?? []),
      PATH,
      HOME,
      AIOS_MCP_SOCKET: "/run/aios/mcp.sock",
      AIOS_MCP_STDIO_SOCKET: "/run/aios/mcp-stdio.sock",
      // To start a command is to start a program.
      ...(mayStart ? { AIOS_MCP_COMMAND: `${INSIDE}/node ${INSIDE}/mcp-stdio.js` } : {}),
    },
    mounts,
    // One hands out the listeners of proxy and models, one the ways in to published ports.
    channels: (reaches(plan) ? 1 : 0) + (plan.published ? 1 : 0),
    published: plan.published,
    ...((plan.forwards ?? []).length === 0 ? {} : { forwards: plan.forwards?.map(({ inside }) => inside) ?? [] }),
    programs: plan.programs,
    // bubblewrap makes a session without a terminal (TIOCSTI); the agent's own pty becomes that of a session inside, so
    // that Ctrl-C and Ctrl-Z reach what runs there.
    terminal: plan.terminal,
    network: "none",
    limits: sandboxLimits(plan.limits),
  };
}

/** Variables that were asked for and that a sandbox has with another value, in the order of asking. */
export function overruledIn(
  { environment }: Pick<SandboxSpec, "environment">,
  asked: { readonly [name: string]: string },
): readonly string[] {
  return Object.keys(asked).filter((name) => environment[name] !== asked[name]);
}

/** Whether there is anything for a launcher to listen for. */
function reaches({ network, formats = [], git = [] }: AgentPlan): boolean {
  return network !== "none" || formats.length > 0 || git.length > 0;
}

/** Each of these has a default, so that none is without a bound. */
function sandboxLimits({ processes, files, fileSize, memory }: InstanceLimits): SandboxSpec["limits"] {
  if (processes === null || files === null || fileSize === null || memory === null) {
    throw new Error("a limit of the sandbox has no bound");
  }
  return { processes, openFiles: files, fileBytes: fileSize, memoryBytes: memory };
}

/** Our programs that run in sandboxes, by the names of their files. */
type OwnProgram =
  | "face"
  | "driver"
  | "connector"
  | "broker"
  | "injector"
  | "storage"
  | "port-gate"
  | "console"
  | "git-courier"
  | "refresher"
  | "cosigner"
  | "telemetry"
  | "alerter"
  | "fetcher"
  | "unpacker"
  | "vetter";

/** One allocation arena: our small processes are threads that wait, and each arena costs megabytes. */
export function ownEnvironment(program: OwnProgram): SandboxSpec["environment"] {
  return { ...BASE_ENVIRONMENT, MALLOC_ARENA_MAX: "1", NODE_COMPILE_CACHE: `${CACHES}/${program}` };
}

/** The command that joins standard streams to the face's socket. */
function stdioCommand(code: CodeLayout): readonly Mount[] {
  return [
    // Plain JavaScript as it stands; under its own name Node would load a compiler to take no types out.
    { kind: "read", host: `${code.root}/src/main/mcp-stdio.ts`, inside: `${INSIDE}/mcp-stdio.js` },
    { kind: "text", inside: `${INSIDE}/package.json`, text: '{"type":"module"}\n' },
  ];
}

/**
 * Young-generation size of our own small processes: a fifth of a face's time was collecting one of a quarter of that, and under its
 * memory bar (DESIGN 11) it stays.
 */
const HEAP_SMALL = ["--max-semi-space-size=4", "--heap-growing-percent=20", "--disable-warning=ExperimentalWarning"];

/** Of what hands on streams: its chunks are young and large, and with a small young generation a third of its time is collecting them. */
const HEAP_STREAMS = ["--max-semi-space-size=8", "--disable-warning=ExperimentalWarning"];

/** Our own code, read-only. */
export function ownCode(code: CodeLayout): readonly Mount[] {
  return [
    { kind: "read", host: code.node, inside: `${INSIDE}/node` },
    { kind: "read", host: `${code.root}/package.json`, inside: `${INSIDE}/package.json` },
    { kind: "read", host: `${code.root}/src`, inside: `${INSIDE}/src` },
    { kind: "read", host: `${code.root}/node_modules`, inside: `${INSIDE}/node_modules` },
  ];
}
