import { chownSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { CliFailure } from "../cli/failure.ts";
import { findOtherVersion } from "../cli/other-version.ts";
import type { Home } from "../cli/powers.ts";
import { shellWord } from "../cli/shell-word.ts";
import { checkHomePlace, openHome } from "../platform/home.ts";
import type { Signer } from "../platform/powers.ts";
import {
  checkOwnerKey,
  createOwnerKey,
  createPublisherKey,
  openOwnerKey,
  openPublisherKey,
} from "../platform/keys/owner-key.ts";
import { asAccount } from "../platform/sandbox/own-user.ts";
import { PlatformError } from "../platform/platform-error.ts";
import { translateFaults } from "./translate.ts";
import { VERSION } from "./version.ts";

/** Key files of one home. */
const MOST_KEYS = 16;

export interface HomeParts {
  /** The monitor's program. */
  readonly daemon: string;
  /** User and group that the monitor runs as, or null when it runs as this user. */
  readonly monitorUser: { readonly uid: number; readonly gid: number } | null;
  /** Writes lines for the person. */
  warn(lines: string): void;
}

/** Every request that a command line may make is in a table, which a command that asks for nothing does not need. */
export const loadMonitorClient = (): Promise<typeof import("./monitor-client.ts")> => import("./monitor-client.ts");

/** One home as the command line sees it. */
export function createCliHome(path: string, parts: HomeParts): Home {
  const keyPath = join(path, "keys", "owner.json");
  const keyPaths = [
    keyPath,
    ...Array.from({ length: MOST_KEYS - 1 }, (_, at) => join(path, "keys", `owner-${at + 2}.json`)),
  ];
  const marks = {
    program: parts.daemon,
    users: new Set([process.geteuid?.() ?? -1, parts.monitorUser?.uid ?? -1]),
  };
  /** Said once, however many connections a command needs. */
  let compared = false;
  return {
    path,
    async exists() {
      refuseLink(path);
      return isFolder(path) && isFolder(join(path, "keys"));
    },
    create: () =>
      translateFaults(() => {
        if (parts.monitorUser === null) openHome(path);
        else makeFor(path, parts.monitorUser);
      }),
    key: {
      path: keyPath,
      exists: () => Promise.resolve(keyPaths.some(isThere)),
      create: (passphrase) => translateFaults(() => createOwnerKey(keyPath, passphrase)),
      createAnother: async (passphrase) => {
        const free = keyPaths.find((file) => !isThere(file));
        if (free === undefined)
          throw CliFailure.of("owner-exists", `Cannot make a key: ${path} has ${MOST_KEYS}`, "each owner needs one");
        return { signer: await translateFaults(() => createOwnerKey(free, passphrase)), path: free };
      },
      damaged: () => Promise.resolve(keyPaths.filter(isThere).flatMap(damageOf)),
      unlock: (passphrase) => openFirst(keyPaths.filter(isThere), passphrase),
    },
    publisher(name) {
      const own = join(path, "keys", `publisher-${name}.json`);
      return {
        path: own,
        exists: () => Promise.resolve(isThere(own)),
        create: (passphrase) => translateFaults(() => createPublisherKey(own, passphrase)),
        unlock: (passphrase) => translateFaults(() => openPublisherKey(own, passphrase)),
      };
    },
    connect: () =>
      translateFaults(async () => {
        const { connectMonitor, REAL_TIME } = await import("./monitor-start.ts");
        const client = await connectMonitor(path, parts.daemon, { ...REAL_TIME, tell: parts.warn });
        if (!compared) {
          compared = true;
          const runs = async (): Promise<boolean> => (await loadMonitorClient()).monitorRuns(path);
          const other = await findOtherVersion(client, { version: VERSION, home: path, runs });
          if (other !== null) parts.warn(other);
        }
        return client;
      }),
    attach: () => translateFaults(async () => (await loadMonitorClient()).attachMonitor(path)),
    attachStarting: () =>
      translateFaults(async () => {
        const { attachStarting, REAL_TIME } = await import("./monitor-start.ts");
        return await attachStarting(path, marks, { ...REAL_TIME, tell: parts.warn });
      }),
    starting: () => translateFaults(async () => (await import("./monitor-start.ts")).lookForStart(path, marks)),
    dropIndex: () => {
      const folder = join(path, "index");
      const found = isFolder(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
      for (const file of found) rmSync(file, { recursive: true });
      return Promise.resolve(found);
    },
  };
}

/** The key that a passphrase opens: people who share a home are told apart by what they type. */
async function openFirst(paths: readonly string[], passphrase: string): Promise<Signer> {
  let why = CliFailure.of("no-owner", "There is no owner key", "aios init makes one");
  for (const file of paths) {
    try {
      return await translateFaults(() => openOwnerKey(file, passphrase));
    } catch (error) {
      if (!(error instanceof CliFailure) || (error.code !== "wrong-passphrase" && error.code !== "bad-key"))
        throw error;
      // That a passphrase opens nothing says more to whoever typed it than that another's file is damaged.
      if (why.code !== "wrong-passphrase") why = error;
    }
  }
  throw why;
}

function damageOf(file: string): readonly string[] {
  try {
    checkOwnerKey(file);
    return [];
  } catch (error) {
    if (error instanceof PlatformError) return [error.message];
    throw error;
  }
}

/** As root the home belongs to the monitor's own user, which checks it as it opens it: what it would refuse is not begun. */
function makeFor(path: string, user: { readonly uid: number; readonly gid: number }): void {
  asAccount(user, () => checkHomePlace(path));
  // Only the home is private to that user: a folder above that it could not enter would keep it out.
  mkdirSync(dirname(path), { recursive: true });
  for (const folder of [
    path,
    ...["run", "log", "keys", "index", "volumes", "sealed"].map((name) => join(path, name)),
  ]) {
    if (isFolder(folder)) continue;
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, user.uid, user.gid);
  }
}

/** The folder itself has to be named: what a link leads to can change under a monitor that runs. */
function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  let real: string | null = null;
  try {
    real = realpathSync(path);
  } catch {
    // It leads nowhere.
  }
  throw CliFailure.of(
    "bad-home",
    `Cannot use ${path} for the home: it is a link${real === null ? " that leads nowhere" : ` to ${real}`}`,
    real === null ? "name a folder" : `name that folder itself: --home ${shellWord(real)}`,
  );
}

function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
