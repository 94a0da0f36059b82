/**
 * The command line: makes the powers of `src/cli/powers.ts` from this machine and hands them down. The only reader of the
 * environment (AIOS_HOME, HOME, PATH, NO_COLOR, how npm started it, and its registry).
 */
import { spawn } from "node:child_process";
import { constants, existsSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CliFailure } from "../cli/failure.ts";
import type { CliPowers, Files, Home, Person } from "../cli/powers.ts";
import { runProgram } from "../cli/program.ts";
import { createCrypto } from "../platform/keys/crypto.ts";
import { createLook } from "../platform/files/machine-look.ts";
import { PlatformError } from "../platform/platform-error.ts";
import { createRandom } from "../platform/keys/random.ts";
import { askChoice, hasTerminal, readPassphrase } from "../platform/terminal/terminal.ts";
import { createTimer } from "../platform/timer.ts";
import { canBecome, ROOT_ALONE_HINT } from "../platform/sandbox/user-namespace.ts";
import { openBoard } from "./board.ts";
import { createCliHome } from "./cli-home.ts";
import { monitorEnvironment } from "./code-cache.ts";
import { createDesktopNotice } from "./desktop-notice.ts";
import { explainRead } from "./explain-read.ts";
import { findUser } from "./find-user.ts";
import { createLatePowers } from "./late-powers.ts";
import { MONITOR_FLAGS } from "./monitor-flags.ts";
import { createPackages } from "./package-finder.ts";
import { createShippedProfiles, findStanding } from "./profiles.ts";
import { createScreen } from "./screen.ts";
import { translateFaults } from "./translate.ts";
import { VERSION } from "./version.ts";

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const DAEMON = join(ROOT, "src", "main", "aiosd.ts");
const MONITOR_USER = "aios";

const { env } = process;
const isRoot = process.getuid?.() === 0;
const throughNpm = env["npm_lifecycle_event"] === "start";

function defaultHome(): string {
  const named = env["AIOS_HOME"];
  if (named !== undefined && named !== "") return resolve(named);
  return isRoot ? "/var/lib/aios" : join(homedir(), ".aios");
}

const person: Person = {
  askLine: (prompt, asker) => orNull(askChoice(prompt, asker)),
  // The one prompt that nothing is half done behind: Ctrl-C and the end of input end the command, by its own exit code.
  askPassphrase: (prompt, asker) => translateFaults(() => readPassphrase(prompt, asker)),
};

/** Ctrl-C, the end of input and a line without end are no answer. A signal ends the command. */
async function orNull(answer: Promise<string | null>): Promise<string | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof PlatformError && (error.code === "cancelled" || error.code === "too-long")) return null;
    return await translateFaults(() => Promise.reject(error));
  }
}

/** A pipe or a device says nothing of its size, and may have no end. */
async function readBounded(
  handle: FileHandle,
  { path, maximumBytes }: { readonly path: string; readonly maximumBytes: number },
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of handle.createReadStream({ autoClose: false, end: maximumBytes })) {
    if (!(part instanceof Buffer)) continue;
    parts.push(part);
    size += part.length;
  }
  if (size > maximumBytes)
    throw CliFailure.of(
      "file-too-large",
      `Cannot read ${path}: it has more than ${maximumBytes} bytes, which is the most that is read`,
    );
  return Buffer.concat(parts);
}

const files: Files = {
  async read(path, maximumBytes) {
    try {
      const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const { size } = await handle.stat();
        if (size > maximumBytes)
          throw CliFailure.of(
            "file-too-large",
            `Cannot read ${path}: it has ${size} bytes, at most ${maximumBytes} are read`,
          );
        return new TextDecoder("utf-8", { fatal: true }).decode(await readBounded(handle, { path, maximumBytes }));
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (error instanceof CliFailure) throw error;
      throw CliFailure.of("file-unreadable", `Cannot read ${path}: ${explainRead(error)}`);
    }
  },
  exists: (path) => Promise.resolve(existsSync(path)),
};

async function main(): Promise<number> {
  const crypto = createCrypto();
  const monitorUser = isRoot ? findUser(MONITOR_USER) : null;
  if (isRoot && monitorUser === null) {
    process.stderr.write(`aios: Cannot run as root: there is no user ${MONITOR_USER} for the monitor (no-own-user)\n`);
    process.stderr.write(
      `hint: useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${MONITOR_USER}\n`,
    );
    return 3;
  }
  if (monitorUser !== null && !canBecome(monitorUser)) {
    process.stderr.write(`aios: Cannot run as root: this root may not become the user ${MONITOR_USER} (no-own-user)\n`);
    process.stderr.write(`hint: ${ROOT_ALONE_HINT}\n`);
    return 3;
  }
  const openHome = (path: string): Home =>
    createCliHome(path, { daemon: DAEMON, monitorUser, warn: (lines) => void process.stderr.write(lines) });
  const random = createRandom();
  const late = createLatePowers({
    crypto,
    random,
    root: ROOT,
    files,
    monitorUser,
    programs: { path: env["PATH"] ?? "", cwd: process.cwd() },
    npm: { configured: env["npm_config_registry"] ?? null, npmrc: join(homedir(), ".npmrc") },
    // Nothing of root's desktop is a person's.
    desktop: isRoot ? null : env,
    now: () => Date.now(),
    openHome,
  });
  const powers: CliPowers = {
    ...late,
    version: VERSION,
    program: join(ROOT, "bin", "aios"),
    speaker: join(ROOT, "src", "main", "mcp-stdio.ts"),
    out: createScreen(process.stdout, env),
    err: createScreen(process.stderr, env),
    person: hasTerminal() ? person : null,
    board: (onKey) => openBoard(onKey, env),
    files,
    crypto,
    random,
    timer: createTimer(),
    now: () => Date.now(),
    offset: (at) => -new Date(at).getTimezoneOffset(),
    resolve: (path) => resolve(path),
    home: (folder) => openHome(folder === null ? defaultHome() : resolve(folder)),
    standing: () => findStanding(process.cwd(), homedir()),
    profiles: createShippedProfiles(join(ROOT, "profiles")),
    packages: createPackages([process.cwd(), ROOT]),
    serve: (home) => serve(home),
    look: () => createLook({ home: homedir(), folder: process.cwd(), now: Date.now(), variables: Object.keys(env) }),
    notice: createDesktopNotice(env),
    interrupted: () =>
      new Promise((done) => {
        for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => done());
      }),
  };
  const words = process.argv.slice(2);
  return await runProgram(words.length === 0 && throughNpm ? ["demo"] : words, powers);
}

/** Runs the monitor in the foreground with this process's streams, and ends as it ends. */
function serve(home: string): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...MONITOR_FLAGS, DAEMON, "--home", home], {
    stdio: "inherit",
    env: monitorEnvironment(env["PATH"], env["HOME"]),
  });
  return new Promise((done) => {
    child.once("exit", (code) => done(code ?? 1));
    child.once("error", () => done(1));
  });
}

const code = await main();
// Files, terminals and pipes are written at once on Linux, and a socket, which another program may have made of them, is not.
// A terminal that was read from would keep the process, so it is left once all of it is written.
await Promise.all([process.stdout, process.stderr].map(written));
process.exit(code);

/** Resolves when everything was taken from a stream, or nobody takes it any more. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((done) => stream.write("", () => done()));
}
