import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import type { GitCall, GitPush } from "../../kernel/git-ssh.ts";
import type { GitArming, GitFault, GitOrdered, GitResult } from "../../protocol/git-order.ts";
import type { Reach } from "../../protocol/net-order.ts";
import { addressOf, ConnectFault, type ConnectParts } from "../network/broker-connect.ts";
import { readHead, readOpening, writeHead } from "../network/broker-wire.ts";
import { Exchange } from "../network/exchange.ts";
import { FLUSH, packet, readPackets } from "../network/packets.ts";
import { keyFile, knownHosts, SSH_PROGRAM, sshArguments, sshFault } from "./ssh-command.ts";
import { createTicketDesk } from "../network/ticket-desk.ts";

/** Most of what a server says of its refs. A line has about a hundred bytes. */
const REFS_BYTES = 64 * 1024 * 1024;
/** What is kept of a client's words, to know why it failed. */
const ERRORS_BYTES = 4096;

/** What a courier works with besides what the monitor hands it. */
export interface CourierParts extends Pick<ConnectParts, "resolve"> {
  /** A folder of this process alone, in memory. */
  readonly folder: string;
  /** Whether what it is armed with serves a call. */
  serves(arming: GitArming, call: GitCall): boolean;
  /** A line of a server's refs as a client may see it, before a push. */
  offeredLine(line: string): string;
  /** The lines of a push as they were decided. */
  pushLines(push: GitPush): readonly string[];
}

/** What has one key of one instance, and speaks with one account of one machine. */
export interface Courier {
  arm(arming: GitArming): void;
  /** Resolves with what came of it, when it has ended. Never rejects. */
  session(ordered: GitOrdered): Promise<GitResult>;
  cancel(ticket: string): void;
  /** Ends every session and closes every connection; resolves when none of their processes is left. */
  cut(): Promise<void>;
  /** One stream of the face: names a ticket, and gets that session or nothing. */
  serve(stream: Duplex): void;
}

type Session = Exchange<GitCall, GitFault>;

/** Makes a courier. */
export function createCourier(parts: CourierParts): Courier {
  const desk = createTicketDesk<Session>();
  const sockets = new Set<Socket>();
  /** Ends of the processes that run. */
  const running = new Set<Promise<unknown>>();
  let armed: GitArming | null = null;
  let sessions = 0;

  async function serve(stream: Duplex): Promise<void> {
    stream.on("error", () => stream.destroy());
    const opening = await readHead(stream, readOpening);
    const session = "ticket" in opening ? await desk.claim(opening.ticket) : null;
    if (session === null || armed === null) return void stream.destroy();
    session.onCut(() => stream.destroy());
    stream.once("close", () => session.breakOff("cut", "cut"));
    sessions += 1;
    await run(session, { stream, arming: armed, parts: { ...parts, sockets }, running, name: String(sessions) }).catch(
      (error: unknown) => {
        fail(session, stream, error instanceof ConnectFault ? faultOf(error) : "broken-response");
      },
    );
  }

  return Object.freeze<Courier>({
    arm: (arming) => {
      armed = arming;
    },
    session: async ({ ticket, call, most }) => {
      const session: Session = new Exchange<GitCall, GitFault>(call, most);
      // SECRETS-OUTSIDE: whoever has a key serves its own place and no other order, whoever gave it.
      if (armed === null || !parts.serves(armed, call)) session.finish("failed", "not-bound");
      desk.order(ticket, session);
      const ended = await session.ended;
      return { ...ended, address: session.address };
    },
    cancel: (ticket) => desk.cancel(ticket),
    cut: async () => {
      desk.cutAll();
      for (const socket of sockets) socket.destroy();
      await Promise.all(running);
    },
    serve: (stream) => void serve(stream).catch(() => stream.destroy()),
  });
}

interface Way {
  readonly stream: Duplex;
  readonly arming: GitArming;
  readonly parts: CourierParts & Pick<ConnectParts, "sockets">;
  readonly running: Set<Promise<unknown>>;
  /** Another for each session. */
  readonly name: string;
}

async function run(session: Session, way: Way): Promise<void> {
  const { stream, arming, parts, running } = way;
  const call = session.order;
  if (!existsSync(SSH_PROGRAM)) return fail(session, stream, "no-ssh");
  const reach: Reach = call.host === "localhost" ? "loopback" : "public";
  const address = await addressOf({ host: call.host, port: call.port, reach }, parts);
  session.address = address;
  if (session.over) return;
  const folder = `${parts.folder}/${way.name}`;
  const files = { key: `${folder}/key`, knownHosts: `${folder}/known_hosts` };
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(files.key, keyFile(arming.value), { mode: 0o600 });
  writeFileSync(files.knownHosts, knownHosts(arming.binding), { mode: 0o600 });
  const words = sshArguments(call, { address, files, hostKeys: arming.binding.hostKeys });
  const protocol = call.tool === "fetch" && call.protocol > 0 ? { GIT_PROTOCOL: `version=${call.protocol}` } : {};
  const ssh = spawn(SSH_PROGRAM, words, { env: { PATH: "/usr/bin:/bin", ...protocol } });
  session.onCut(() => ssh.kill("SIGKILL"));
  let errors = "";
  ssh.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString("latin1")).slice(0, ERRORS_BYTES);
  });
  // A command that ended before it read all of its input; how it ended says more.
  ssh.stdin.on("error", () => {});
  const exit = new Promise<number | null>((resolve) => {
    ssh.once("error", () => resolve(null));
    ssh.once("close", resolve);
  });
  running.add(exit);
  void exit.then(() => {
    running.delete(exit);
    rmSync(folder, { recursive: true, force: true });
  });
  const opened = { yet: false };
  const open = (): void => {
    opened.yet = true;
    writeHead(stream, { kind: "open" });
  };
  const whole = carry(session, { ssh, stream, parts, open }).then(
    () => true,
    () => {
      ssh.kill("SIGKILL");
      return false;
    },
  );
  const code = await exit;
  if (!opened.yet) return fail(session, stream, code === null || code === 0 ? "broken-response" : sshFault(errors));
  const fault = code === 0 ? ((await whole) ? null : "broken-response") : "refused-there";
  // What the server said of it is on its way to the client.
  stream.end();
  session.finish(fault === null ? "done" : "failed", fault);
}

interface Carrying {
  readonly ssh: ChildProcessWithoutNullStreams;
  readonly stream: Duplex;
  readonly parts: CourierParts;
  /** The server speaks: tells the face that bytes flow. */
  readonly open: () => void;
}

/** What passes between the client and the server, by what was decided. */
async function carry(session: Session, { ssh, stream, parts, open }: Carrying): Promise<void> {
  const call = session.order;
  const hear = (line: string | null): void => session.receive(line === null ? FLUSH.length : line.length + 4);
  switch (call.tool) {
    case "fetch":
      await spoken(ssh.stdout);
      open();
      return join(session, stream, ssh);
    case "refs": {
      let begun = false;
      await readPackets(ssh.stdout, REFS_BYTES, (line) => {
        hear(line);
        if (!begun) open();
        // What a client must not ask for is not offered.
        stream.write(line === null ? FLUSH : packet(begun ? line : parts.offeredLine(line)));
        begun = true;
        return line === null;
      });
      // No change of any ref: whatever the client says is for another session.
      stream.resume();
      ssh.stdout.resume();
      return void ssh.stdin.end(FLUSH);
    }
    case "push": {
      await readPackets(ssh.stdout, REFS_BYTES, (line) => {
        hear(line);
        return line === null;
      });
      open();
      const lines = [...parts.pushLines(call).map(packet), FLUSH];
      for (const line of lines) {
        session.send(line.length);
        ssh.stdin.write(line);
      }
      return join(session, stream, ssh);
    }
    default:
      call satisfies never;
  }
}

/** Waits for the first byte, which stays where it is; for ever, when there is none. */
function spoken(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      // At the end, too, something is to be read: nothing, and then it has ended.
      if (stream.readableLength === 0) return void stream.read();
      stream.off("readable", look);
      resolve();
    };
    stream.on("readable", look);
  });
}

function join(session: Session, stream: Duplex, ssh: ChildProcessWithoutNullStreams): void {
  stream.on("data", (chunk: Buffer) => session.send(chunk.length));
  ssh.stdout.on("data", (chunk: Buffer) => session.receive(chunk.length));
  stream.pipe(ssh.stdin);
  ssh.stdout.pipe(stream, { end: false });
}

function fail(session: Session, stream: Duplex, fault: GitFault): void {
  if (session.over) return;
  writeHead(stream, { kind: "fault", fault });
  stream.end();
  session.finish("failed", fault);
}

function faultOf({ fault }: ConnectFault): GitFault {
  return fault === "name-unknown" || fault === "address-refused" ? fault : "unreachable";
}
