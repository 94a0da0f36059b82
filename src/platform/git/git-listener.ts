import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { GitPlace, GitPush, RefUpdate } from "../../kernel/git-ssh.ts";
import { readAnswering, readHead, writeHead } from "../network/broker-wire.ts";
import { FLUSH, packet, readPackets } from "../network/packets.ts";

/** A client says what it wants within this. */
const REQUEST_MS = 30_000;
/** Longest first line of a client, and longest list of refs that it asks to change. */
const REQUEST_BYTES = 4096;
const COMMANDS_BYTES = 256 * 1024;

type Verdict =
  | { readonly kind: "granted"; readonly ticket: string; readonly via: number }
  | { readonly kind: "stopped"; readonly problem: Problem };
interface Problem {
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  readonly proposal: object | null;
}
interface Asked {
  readonly verdict: Promise<Verdict>;
  /** Resolves when it is over and recorded. */
  readonly ended: Promise<void>;
  withdraw(): void;
}
interface Request extends GitPlace {
  readonly service: "fetch" | "push";
  readonly path: string;
  readonly protocol: number;
}
type Commands = Pick<GitPush, "updates" | "shallow" | "capabilities">;

/** What decides nothing but knows the words (face/git-egress.ts). */
interface GitPort {
  request(line: string): Promise<Request | null>;
  open(request: Request): Asked;
  commands(request: Request, lines: readonly string[]): Promise<Commands | string>;
  push(request: Request, commands: Commands): Asked;
  refusal(updates: readonly RefUpdate[], why: string): readonly string[];
  why(problem: Problem): string;
}

/** What the server of an agent's git works with. */
export interface GitServerParts {
  readonly port: GitPort;
  /** A stream to a courier; throws when there is none to be had. */
  openStream(via: number): Duplex;
}

/**
 * What serves an agent's git, which finds it as a server of git's own protocol (gitprotocol-pack) and whose connections
 * somebody else accepts (with `halfOpen`). To fetch is one session over there. A push is two: one that only looks at the
 * refs, and, when the client has said which of them it wants changed, and that was allowed, one that changes just these.
 */
export function createGitServer(parts: GitServerParts): { emit(event: "connection", socket: Socket): boolean } {
  return {
    emit: (_event, socket) => {
      serve(socket, parts).catch(() => socket.destroy());
      return true;
    },
  };
}

async function serve(socket: Socket, { port, openStream }: GitServerParts): Promise<void> {
  const late = setTimeout(() => socket.destroy(), REQUEST_MS);
  const line = await nextLine(socket).finally(() => clearTimeout(late));
  const request = await port.request(line);
  if (request === null) return refuse(socket, "this is no repository that is reached over SSH (network-request)");
  const opened = await begin(socket, { asked: port.open(request), port, openStream });
  if (opened === null) return;
  if (request.service === "fetch") return join(socket, opened);
  await copyRefs(opened.stream, socket);
  const lines = await readCommands(socket);
  // Nothing is out of date, or the client has seen what it wanted.
  if (lines.length === 0) return void socket.end();
  const commands = await port.commands(request, lines);
  if (typeof commands === "string") return refuse(socket, `Cannot push: it holds ${commands} (network-request)`);
  const pushing = await begin(socket, { asked: port.push(request, commands), port, openStream, commands });
  if (pushing !== null) join(socket, pushing);
}

interface Beginning extends GitServerParts {
  readonly asked: Asked;
  /** What is answered for when it is a push. */
  readonly commands?: Commands;
}

/** A session whose bytes flow. */
interface Opened {
  readonly stream: Duplex;
  /** Resolves when it is recorded. */
  readonly ended: Promise<void>;
}

/** Waits until an action may go on and its bytes flow; null when they do not, which the client has then been told. */
async function begin(socket: Socket, { asked, port, openStream, commands }: Beginning): Promise<Opened | null> {
  const tell = (why: string): null => {
    if (commands === undefined) refuse(socket, why);
    else refusePush(socket, { commands, port, why });
    return null;
  };
  socket.once("close", asked.withdraw);
  const verdict = await asked.verdict;
  if (socket.destroyed) return null;
  if (verdict.kind === "stopped") return tell(port.why(verdict.problem));
  const stream = openStream(verdict.via);
  stream.on("error", () => stream.destroy());
  socket.once("close", () => stream.destroy());
  writeHead(stream, { ticket: verdict.ticket });
  const head = await readHead(stream, readAnswering).catch(() => ({ kind: "fault", fault: "cut" }) as const);
  if (head.kind === "open") return { stream, ended: asked.ended };
  // A client that knows is soon gone, and its instance with it.
  await asked.ended;
  return tell(`The session did not begin (${head.kind === "fault" ? head.fault : "broken-response"})`);
}

async function nextLine(socket: Socket): Promise<string> {
  let line = "";
  await readPackets(socket, REQUEST_BYTES, (text) => {
    line = text ?? "";
    return true;
  });
  return line;
}

/** The lines of a client up to its flush. */
async function readCommands(socket: Socket): Promise<readonly string[]> {
  const lines: string[] = [];
  await readPackets(socket, COMMANDS_BYTES, (text) => {
    if (text !== null) lines.push(text);
    return text === null;
  });
  return lines;
}

/** Hands on what refs there are; resolves at the end of them. */
function copyRefs(stream: Duplex, socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once("end", resolve);
    stream.once("close", () => reject(new Error("The refs broke off")));
    stream.pipe(socket, { end: false });
  });
}

function join(socket: Socket, { stream, ended }: Opened): void {
  stream.once("close", () => {
    // A pack that broke off has no end, so no client takes it for one.
    if (!stream.readableEnded) void ended.then(() => socket.resetAndDestroy());
  });
  socket.pipe(stream);
  stream.pipe(socket, { end: false });
  stream.once("end", () => void ended.then(() => socket.end()));
}

/** One line in the protocol's own way to say that something is wrong, and the end. */
function refuse(socket: Socket, why: string): void {
  socket.write(packet(`ERR aios: ${why}\n`));
  finish(socket);
}

/** The same for a push: every ref is refused with the reason, as by a server. */
function refusePush(
  socket: Socket,
  refused: { readonly commands: Commands; readonly port: GitPort; readonly why: string },
): void {
  const { commands, port, why } = refused;
  const report = Buffer.concat([...port.refusal(commands.updates, `aios: ${why}`).map(packet), FLUSH]);
  const inBand = commands.capabilities.includes("side-band-64k");
  if (!commands.capabilities.some((word) => word.startsWith("report-status"))) return refuse(socket, why);
  socket.write(inBand ? Buffer.concat([packet(`\x01${report.toString("latin1")}`), FLUSH]) : report);
  finish(socket);
}

/** Ends our side, and lets a client that is still sending come to its own end, so that it reads what it was told. */
function finish(socket: Socket): void {
  socket.end();
  socket.resume();
}
