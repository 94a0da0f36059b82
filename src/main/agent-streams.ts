import { closeSync, openSync } from "node:fs";
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { isatty, ReadStream } from "node:tty";
import { CliFailure } from "../cli/failure.ts";
import type { AgentStarter, AgentTerminal, StreamOffer } from "../cli/powers.ts";
import { openPty } from "../platform/pty.ts";
import { sendDescriptors } from "../platform/stream-handover.ts";
import { pumpTerminal } from "../platform/terminal-pump.ts";

/** Where the monitor of a home takes streams. */
function streamSocket(home: string): string {
  return join(home, "run", "streams.sock");
}

const STANDARD = [0, 1, 2] as const;

/** Hands over the standard streams; what is a terminal is replaced by a pty of its own, so that no byte of an agent reaches one unfiltered. */
export async function offerStreams(offer: StreamOffer): Promise<AgentTerminal | null> {
  if (!STANDARD.some((fd) => isatty(fd))) {
    await sendDescriptors(streamSocket(offer.home), offer.ticket, STANDARD);
    return null;
  }
  const pty = openPty();
  const terminal = openSync("/dev/tty", "r+");
  try {
    await sendDescriptors(
      streamSocket(offer.home),
      offer.ticket,
      STANDARD.map((fd) => (isatty(fd) ? pty.slave : fd)),
    );
  } finally {
    closeSync(pty.slave);
  }
  const pump = pumpTerminal({
    pty,
    input: terminal,
    output: terminal,
    fromPerson: offer.fromPerson,
    fromAgent: offer.fromAgent,
  });
  return { ended: pump.ended, pause: () => pump.pause(), resume: () => pump.resume(), stop: () => pump.stop() };
}

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
 * Finds a program as a shell would, and the folder that it needs in its sandbox: its npm package when it is in one,
 * else the file itself. System folders are there anyway.
 */
export function createProgramFinder(environment: {
  readonly path: string;
  readonly cwd: string;
  readonly closure: (folder: string) => readonly string[];
}): AgentStarter["findProgram"] {
  return async (command) => {
    const [name = "", ...rest] = command;
    const found = findExecutable(name, environment);
    if (found === null)
      throw CliFailure.of("not-found", `There is no program "${name}"`, "name it with its path, or install it");
    const real = realpathSync(found);
    if (isSystem(real)) return { command: [found, ...rest], code: [] };
    const owner = findPackage(dirname(real));
    return { command: [real, ...rest], code: owner === null ? [real] : environment.closure(owner) };
  };
}

function findExecutable(name: string, environment: { readonly path: string; readonly cwd: string }): string | null {
  if (name.includes("/")) return isExecutable(resolve(environment.cwd, name)) ? resolve(environment.cwd, name) : null;
  const folders = environment.path.split(":").filter((folder) => isAbsolute(folder));
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isSystem(path: string): boolean {
  return ["/usr/", "/bin/", "/sbin/", "/lib/"].some((folder) => path.startsWith(folder));
}

function findPackage(folder: string): string | null {
  const at = folder.lastIndexOf("/node_modules/");
  if (at < 0) return null;
  const [scope = "", name = ""] = folder.slice(at + "/node_modules/".length).split("/");
  return join(folder.slice(0, at), "node_modules", scope.startsWith("@") ? `${scope}/${name}` : scope);
}
