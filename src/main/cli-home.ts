import { chownSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CliFailure } from "../cli/failure.ts";
import type { Home } from "../cli/powers.ts";
import { openHome } from "../platform/home.ts";
import { createOwnerKey, openOwnerKey } from "../platform/owner-key.ts";
import { PlatformError } from "../platform/platform-error.ts";
import type { Signer } from "../platform/powers.ts";
import { attachMonitor, connectMonitor } from "./monitor-client.ts";

export interface HomeParts {
  /** The monitor's program. */
  readonly daemon: string;
  /** User and group that the monitor runs as, or null when it runs as this user. */
  readonly monitorUser: { readonly uid: number; readonly gid: number } | null;
}

/** One home as the command line sees it. */
export function createCliHome(path: string, parts: HomeParts): Home {
  const keyPath = join(path, "keys", "owner.json");
  return {
    path,
    exists: () => Promise.resolve(isFolder(path) && isFolder(join(path, "keys"))),
    create: () => {
      if (parts.monitorUser === null) openHome(path);
      else makeFor(path, parts.monitorUser);
      return Promise.resolve();
    },
    key: {
      path: keyPath,
      exists: () => Promise.resolve(lstatSync(keyPath, { throwIfNoEntry: false }) !== undefined),
      create: (passphrase) => translate(createOwnerKey(keyPath, passphrase)),
      unlock: (passphrase) => translate(openOwnerKey(keyPath, passphrase)),
    },
    connect: () => connectMonitor(path, parts.daemon),
    attach: () => attachMonitor(path),
    dropIndex: () => {
      const folder = join(path, "index");
      const found = isFolder(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
      for (const file of found) rmSync(file, { recursive: true });
      return Promise.resolve(found);
    },
  };
}

/** As root the home belongs to the monitor's own user, which checks it as it opens it. */
function makeFor(path: string, user: { readonly uid: number; readonly gid: number }): void {
  for (const folder of [path, ...["run", "log", "keys", "index"].map((name) => join(path, name))]) {
    if (isFolder(folder)) continue;
    mkdirSync(folder, { mode: 0o700, recursive: folder === path });
    chownSync(folder, user.uid, user.gid);
  }
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

async function translate(signer: Promise<Signer>): Promise<Signer> {
  try {
    return await signer;
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    if (error.code === "wrong-passphrase") throw CliFailure.of("wrong-passphrase", error.message);
    if (error.code === "weak-passphrase") throw CliFailure.of("weak-passphrase", error.message);
    if (error.code === "key-exists")
      throw CliFailure.of("owner-exists", error.message, "aios doctor shows how it stands");
    throw CliFailure.of("bad-key", error.message, error.hint);
  }
}
