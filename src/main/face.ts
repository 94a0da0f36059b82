/**
 * The MCP side of one instance. Descriptor 3 is the monitor; the folder on the command line (by default `/run/aios`) is
 * where the two sockets are made that the agent sees. It holds nothing: what it is asked for, it asks the monitor.
 */
import { createFace, type Face } from "../face/face.ts";
import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Forward } from "../kernel/forwards.ts";
import { createEgress } from "../face/egress.ts";
import { inheritedBulkChannel, inheritedChannel } from "../platform/channels/channel.ts";
import {
  listenForHttp,
  listenForLines,
  listenForServer,
  serveListener,
  type FedServer,
  type HttpHandler,
} from "../platform/serving/mcp-listeners.ts";
import type { createGitServer } from "../platform/git/git-listener.ts";
import type { Lines } from "../platform/channels/line-channel.ts";
import type { MuxClient } from "../platform/network/mux.ts";
import { createTimer } from "../platform/timer.ts";
import { readForwardFlags } from "../protocol/forward-flags.ts";
import { FACE_SIDE } from "../protocol/face-table.ts";
import { createPeer } from "../protocol/rpc.ts";
import { VERSION } from "./version.ts";

type GitServer = ReturnType<typeof createGitServer>;
const MONITOR = 3;
const BROKER = 4;
/** Over which the agent's launcher hands out the listener of the proxy's address. */
const LISTENER = 5;
/** The first of the channels to injectors, which there are with a network only. */
const INJECTORS = 6;
/** Connections of an agent's programs to the proxy at a time; more are closed at once. */
const PROXY_CONNECTIONS = 256;
/** The same for one forwarded port, so that one service does not take all of what a broker carries. */
const FORWARD_CONNECTIONS = 64;
/** The same for its git. */
const GIT_CONNECTIONS = 16;
const folder = process.argv.slice(2).find((word) => !word.startsWith("--")) ?? "/run/aios";

const face: Face = createFace({
  version: VERSION,
  timer: createTimer(),
  link: {
    list: () => peer.request("list", {}),
    propose: (proposal, token) => peer.request("propose", { ...proposal, token }),
    // The proposal's own answer says what came of it.
    cancel: (token) => void peer.request("cancel", { token }).catch(() => undefined),
    report: async (method) => void (await peer.request("method", { method })),
  },
});
const egress = createEgress({
  propose: (proposal, token, waits = false) => peer.request("propose", { ...proposal, token, waits }),
  cancel: (token) => void peer.request("cancel", { token }).catch(() => undefined),
  route: async (host, port) => (await peer.request("route", { host, port })).route,
  refused: (what, hosts) =>
    peer.request("refused", { what, hosts }).then(
      () => undefined,
      () => undefined,
    ),
});
const peer = createPeer(inheritedChannel(MONITOR), {
  side: FACE_SIDE,
  requests: {},
  events: { ...face.events, granted: egress.onGranted },
  onFault: ({ message }) => end(`the monitor broke the protocol: ${message}`),
  onError: (error, name) => end(`${name} failed: ${String(error)}`),
});
void peer.closed.then(() => end("the monitor is gone"));

await listenForLines(`${folder}/mcp-stdio.sock`, loadLines);
await listenForHttp(`${folder}/mcp.sock`, loadHttp);
let proxy: Promise<Server> | null = null;
let models: Promise<Server> | null = null;
let git: Promise<GitServer> | null = null;
/** What serves the forwarded ports, by the letters of their listeners. */
const forwards = new Map(readForwardFlags(process.argv).map((to, index) => [String(index), serveForward(to)]));
let carriers: readonly MuxClient[] | null = null;
await listenForServer(`${folder}/proxy.sock`, { most: PROXY_CONNECTIONS, load: () => (proxy ??= loadProxy()) });
// An agent that may use the network finds the authority that it is to trust when it starts.
if (process.argv.includes("--network")) {
  const [{ awaitListeners }] = await Promise.all([
    import("../platform/network/passed-listener.ts"),
    (proxy ??= loadProxy()),
  ]);
  awaitListeners(LISTENER, ["P", "I", "G", ...forwards.keys()], (letter, fd) => {
    const forward = forwards.get(letter);
    if (forward !== undefined) return void serveListener(fd, forward);
    if (letter === "G")
      return void serveListener(fd, { most: GIT_CONNECTIONS, halfOpen: true, load: () => (git ??= loadGit()) });
    const load = letter === "P" ? () => (proxy ??= loadProxy()) : () => (models ??= loadModels());
    void serveListener(fd, { most: PROXY_CONNECTIONS, load });
  });
}
await peer.request("ready", {});

/** The proxy, and the files with the authorities that the agent's programs are to trust. */
async function loadProxy(): Promise<Server> {
  const [{ createProxy }, { createInstanceCa }, { writeAuthorities }, openStream] = await Promise.all([
    import("../platform/network/proxy-listener.ts"),
    import("../platform/network/instance-ca.ts"),
    import("../platform/network/authorities.ts"),
    loadCarriers(),
  ]);
  const ca = createInstanceCa(Date.now);
  writeAuthorities(folder, ca.certificate);
  return createProxy({ port: egress, openStream, ca });
}

/** Connections of one forwarded port. */
function serveForward(to: Forward): FedServer {
  const load: FedServer["load"] = async () => {
    const [{ createForward }, openStream] = await Promise.all([
      import("../platform/network/forward-server.ts"),
      loadCarriers(),
    ]);
    return createForward({ ask: () => egress.forward(to), openStream });
  };
  return { most: FORWARD_CONNECTIONS, halfOpen: true, load };
}

/** What an agent's git speaks with. */
async function loadGit(): Promise<GitServer> {
  const [{ createGitServer }, { createGitEgress }, openStream] = await Promise.all([
    import("../platform/git/git-listener.ts"),
    import("../face/git-egress.ts"),
    loadCarriers(),
  ]);
  return createGitServer({ port: createGitEgress(egress), openStream });
}

/** The endpoint of the models. */
async function loadModels(): Promise<Server> {
  const [{ createInferServer }, { createInference }, openStream] = await Promise.all([
    import("../platform/network/infer-listener.ts"),
    import("../face/inference.ts"),
    loadCarriers(),
  ]);
  const link = { models: async () => (await peer.request("models", {})).models };
  return createInferServer(createInference(link, egress), openStream);
}

/** Opens streams to the broker (0) and to injectors. */
async function loadCarriers(): Promise<(via: number) => Duplex> {
  const [{ createMuxClient }, { BROKER_STREAMS }] = await Promise.all([
    import("../platform/network/mux.ts"),
    import("../platform/network/broker-wire.ts"),
  ]);
  const injectors = Number(/^--injectors=([0-9]{1,2})$/.exec(process.argv.at(-1) ?? "")?.[1] ?? 0);
  // One client for each channel, whoever asks first.
  carriers ??= [BROKER, ...Array.from({ length: injectors }, (_, index) => INJECTORS + index)].map((fd) =>
    createMuxClient(inheritedBulkChannel(fd), BROKER_STREAMS),
  );
  const all = carriers;
  return (via) => {
    const carrier = all[via];
    if (carrier === undefined) throw new RangeError(`Cannot open a stream: there is no injector ${via}`);
    return carrier.connect();
  };
}

async function loadLines(): Promise<(lines: Lines) => void> {
  const { serveLines } = await import("../face/serve.ts");
  return (lines) => serveLines(face, lines);
}

async function loadHttp(): Promise<HttpHandler> {
  const [{ createHttpFace }, { createRandom }] = await Promise.all([
    import("../face/http-face.ts"),
    import("../platform/keys/random.ts"),
  ]);
  const http = createHttpFace(face, createRandom());
  return (exchange) => http.handle(exchange);
}

function end(why: string): never {
  process.stderr.write(`aios face: ${why}\n`);
  process.exit(1);
}
