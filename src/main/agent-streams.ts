import { closeSync, fstatSync, openSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { Writable } from "node:stream";
import { isatty, ReadStream } from "node:tty";
import { CliFailure } from "../cli/failure.ts";
import type { AgentStarter, AgentTerminal, OfferedStreams, StreamOffer } from "../cli/powers.ts";
import { findProgram } from "../platform/files/find-program.ts";
import { openPty, type Pty } from "../platform/terminal/pty.ts";
import { sendDescriptors } from "../platform/channels/stream-handover.ts";
import { relayStreams } from "../platform/terminal/stream-relay.ts";
import { type Pump, pumpTerminal } from "../platform/terminal/terminal-pump.ts";

/** Where the monitor of a home takes streams. */
function streamSocket(home: string): string {
  return join(home, "run", "streams.sock");
}

const STANDARD = [0, 1, 2] as const;
/** Where an agent finds its folder (monitor/sandbox-plans.ts, which is too much to load for a name). */
const WORKSPACE = "/workspace";

/**
 * Hands over stand-ins for the standard streams, never these themselves: a pty of its own for what is a terminal, so that
 * no byte of an agent reaches one unfiltered, and a pipe for everything else (stream-relay.ts).
 */
export async function offerStreams(offer: StreamOffer): Promise<OfferedStreams> {
  if (offer.program === true) return await offerToProgram(offer);
  const [typed, shown, told] = STANDARD.map((fd) => isatty(fd));
  const relay = relayStreams({
    input: typed === true ? null : process.stdin,
    output: shown === true ? null : process.stdout,
    error: told === true ? null : shown !== true && isSame(1, 2) ? "output" : process.stderr,
    take: offer.take,
    waits: true,
  });
  const pty = relay.fds.includes(null) ? openPty() : null;
  const terminal = pty === null ? null : openSync("/dev/tty", "r+");
  try {
    const fds = relay.fds.flatMap((fd) => fd ?? pty?.slave ?? []);
    await sendDescriptors(streamSocket(offer.home), offer.ticket, fds);
  } catch (error) {
    relay.stop();
    throw error;
  } finally {
    relay.release();
    if (pty !== null) closeSync(pty.slave);
  }
  if (pty === null || terminal === null)
    return {
      terminal: null,
      ended: relay.ended,
      flow: () => relay.flow(),
      hold: () => relay.hold(),
      stop: () => relay.stop(),
    };
  const pump = pumpTerminal({
    pty,
    input: terminal,
    output: terminal,
    fromPerson: offer.fromPerson,
    fromAgent: offer.fromAgent,
    waits: true,
  });
  const joined = asTerminal(pump, pty);
  return {
    terminal: joined,
    ended: Promise.all([joined.ended, relay.ended]).then(() => undefined),
    flow: () => {
      relay.flow();
      pump.flow();
    },
    hold: () => {
      relay.hold();
      joined.pause();
    },
    stop: () => {
      relay.stop();
      joined.stop();
    },
  };
}

/** Pipes alone, for a program that has this one's streams: what would come up at a terminal is taken and dropped. */
async function offerToProgram({ home, ticket, take }: StreamOffer): Promise<OfferedStreams> {
  const nowhere = new Writable({ write: (_bytes, _encoding, done) => done() });
  const relay = relayStreams({
    input: process.stdin,
    output: process.stdout,
    error: isatty(2) ? nowhere : process.stderr,
    take,
    waits: true,
  });
  try {
    await sendDescriptors(
      streamSocket(home),
      ticket,
      relay.fds.flatMap((fd) => fd ?? []),
    );
  } catch (error) {
    relay.stop();
    throw error;
  } finally {
    relay.release();
  }
  const { ended } = relay;
  return { terminal: null, ended, flow: () => relay.flow(), hold: () => relay.hold(), stop: () => relay.stop() };
}

/** Whether two descriptors lead to one file, as after `2>&1`. */
function isSame(one: number, other: number): boolean {
  const [left, right] = [fstatSync(one), fstatSync(other)];
  return left.dev === right.dev && left.ino === right.ino;
}

function asTerminal(pump: Pump, pty: Pty): AgentTerminal {
  return {
    ended: pump.ended,
    pause: () => pump.pause(),
    resume: () => pump.resume(),
    isRaw: () => pty.isRaw(),
    suspend: () => stopAsJob(),
    stop: () => pump.stop(),
  };
}

/** Resolves at once where there is no shell to come back from: then the kernel stops nobody (an orphaned process group). */
function stopAsJob(): Promise<void> {
  return new Promise((done) => {
    const on = (): void => {
      clearTimeout(timer);
      process.off("SIGCONT", on);
      done();
    };
    process.once("SIGCONT", on);
    // The whole job, as a terminal would.
    process.kill(0, "SIGTSTP");
    const timer = setTimeout(on, STOP_MS);
  });
}

/** How long a stop may take to take hold, of the time that passes for this program. */
const STOP_MS = 200;

/** Lends streams that nobody types at and hands the output over in lines of at most 4 KiB. */
export async function lendStreams(home: string, ticket: string, onLine: (line: string) => void): Promise<void> {
  const pty = openPty();
  pty.resize(200, 50);
  try {
    await sendDescriptors(streamSocket(home), ticket, [pty.slave, pty.slave, pty.slave]);
  } finally {
    closeSync(pty.slave);
  }
  const output = new ReadStream(pty.master);
  let rest = "";
  output.setEncoding("utf8");
  output.on("data", (text: string) => {
    const lines = `${rest}${text}`.split(/\r?\n/u);
    rest = (lines.pop() ?? "").slice(-4096);
    for (const line of lines) onLine(line.slice(0, 4096));
  });
  // EIO: nobody holds the other end any more.
  output.on("error", () => output.destroy());
  output.unref();
}

/**
 * Finds a program as a shell would, and the folder that it needs in its sandbox: its npm package when it is in one, all of
 * its version when a manager of versions keeps it (an interpreter is nothing without its library), else the file itself.
 * System folders are there anyway.
 */
export function createProgramFinder(environment: {
  readonly path: string;
  readonly cwd: string;
  readonly closure: (folder: string) => readonly string[];
}): AgentStarter["findProgram"] {
  return async (command) => {
    const [name = "", ...rest] = command;
    const path = environment.path.split(":").filter((folder) => isAbsolute(folder));
    const found = findProgram(name.includes("/") ? resolve(environment.cwd, name) : name, path.join(":"));
    // What lies in its workspace is there inside only, and the launcher says so when it is not.
    if (found.kind === "no-program" && name.startsWith(`${WORKSPACE}/`)) return { command, code: [] };
    if (found.kind !== "found") {
      const isHere = found.kind === "no-program" && name.includes("/") && !isAbsolute(name);
      const hint = isHere
        ? `looked for from the folder where you stand: ${resolve(environment.cwd, name)}`
        : found.hint;
      throw CliFailure.of(found.kind, `Cannot start "${name}": ${found.why}`, hint);
    }
    const { program } = found;
    const real = realpathSync(program);
    const manager = /\/\.?(pyenv|rbenv|nodenv|goenv|asdf)\/shims\//u.exec(real)?.[1];
    if (manager !== undefined) {
      throw CliFailure.of(
        "not-found",
        `"${name}" is a stand-in of ${manager}, which is not there inside: ${real}`,
        `name the program that it stands for: ${manager} which ${basename(real)}`,
      );
    }
    if (isSystem(real)) return { command: [program, ...rest], code: [] };
    const owner = findPackage(dirname(real));
    if (owner !== null) return { command: [real, ...rest], code: environment.closure(owner) };
    return { command: [real, ...rest], code: [VERSION.exec(real)?.[1] ?? real] };
  };
}

/** The folder of one version of a program, by the places of the managers that have one each. */
const VERSION =
  /^(.*\/\.?(?:(?:pyenv|rbenv|nodenv|goenv)\/versions\/[^/]+|(?:asdf|mise)\/installs\/[^/]+\/[^/]+|nvm\/versions\/node\/[^/]+))\/bin\//u;

function isSystem(path: string): boolean {
  return ["/usr/", "/bin/", "/sbin/", "/lib/"].some((folder) => path.startsWith(folder));
}

function findPackage(folder: string): string | null {
  const at = folder.lastIndexOf("/node_modules/");
  if (at < 0) return null;
  const [scope = "", name = ""] = folder.slice(at + "/node_modules/".length).split("/");
  return join(folder.slice(0, at), "node_modules", scope.startsWith("@") ? `${scope}/${name}` : scope);
}
