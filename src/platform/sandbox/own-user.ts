import { closeSync, constants, openSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { PlatformError } from "../platform-error.ts";
import { canBecome, ROOT_ALONE_HINT } from "./user-namespace.ts";
import { showPrivately } from "./private-view.ts";

/** How a program that root started goes on as a user of its own. */
export interface OwnUser {
  /** Name of the user, in /etc/passwd. */
  readonly user: string;
  /** The folder that holds `src` and `node_modules`. */
  readonly code: string;
  /** The program's own `process.argv`. */
  readonly argv: readonly string[];
  /** The whole environment of the program that goes on. */
  readonly environment: { readonly [name: string]: string };
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Makes a program that root started begin again as its own user, with no capability, no other group and `/` as its
 * folder. Code that this user cannot reach is shown to it at the same path, by `showPrivately`.
 * Does nothing when the caller is not root; as root it does not return. Call it before anything else is opened or read.
 * Throws `no-own-user`, `code-unreadable` or `system-call`; the program must then end and not go on as root.
 */
export function becomeOwnUser(options: OwnUser): void {
  if (process.geteuid?.() !== 0) return;
  const account = findAccount(options.user);
  if (!canBecome(account))
    throw new PlatformError(
      "no-own-user",
      `Cannot run as user "${account.name}": this root may not become another user`,
      ROOT_ALONE_HINT,
    );
  const code = realpathSync(options.code);
  const needed = [code, join(code, "package.json"), join(code, "src"), join(code, "node_modules"), process.execPath];
  process.chdir("/");
  const closed = asAccount(account, () => findClosed(code));
  if (closed !== null) showPrivately(code, closed);
  const unreadable = asAccount(account, () => needed.find((path) => !isReadable(path)));
  if (unreadable !== undefined) throw unreadableCode(account, unreadable);
  dropTo(account);
  const [, ...rest] = options.argv;
  process.execve?.(process.execPath, [process.execPath, ...process.execArgv, ...rest], { ...options.environment });
  throw new PlatformError("system-call", "Cannot begin again as the own user: this Node has no execve");
}

function findAccount(name: string): Account {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user !== name || !/^\d+$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "")) continue;
    const account = { name, uid: Number(uid), gid: Number(gid) };
    if (account.uid !== 0 && account.gid !== 0) return account;
    throw new PlatformError("no-own-user", `Cannot run as user "${name}": it is root or in root's group`);
  }
  throw new PlatformError(
    "no-own-user",
    `Cannot run as user "${name}": there is no such user on this machine`,
    `useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${name}`,
  );
}

/** Runs `look` with the account's rights on files, then takes root's back: what the kernel says, not what modes suggest. */
export function asAccount<T>(account: Pick<Account, "uid" | "gid">, look: () => T): T {
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([]);
  process.setegid?.(account.gid);
  process.seteuid?.(account.uid);
  try {
    return look();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}

/** The topmost folder on the way to `path`, itself included, that may not be entered or, for the last, listed. */
function findClosed(path: string): string | null {
  const parts = path.split("/").filter((part) => part !== "");
  let folder = "/";
  for (const part of parts) {
    if (!canEnter(folder)) return folder;
    folder = join(folder, part);
  }
  return canEnter(folder) && isReadable(folder) ? null : folder;
}

function canEnter(folder: string): boolean {
  try {
    statSync(`${folder}/.`);
    return true;
  } catch {
    return false;
  }
}

function isReadable(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

function dropTo(account: Account): void {
  process.setgroups?.([]);
  process.setgid?.(account.gid);
  process.setuid?.(account.uid);
  // A setuid that left a way back would make everything after it run with root in reserve.
  if (
    process.getuid?.() !== account.uid ||
    process.geteuid?.() !== account.uid ||
    process.getegid?.() !== account.gid
  ) {
    throw new PlatformError("system-call", `Cannot become user "${account.name}"`);
  }
}

function unreadableCode(account: Account, path: string): PlatformError {
  return new PlatformError(
    "code-unreadable",
    `Cannot run as user "${account.name}": it may not read "${path}"`,
    `chmod -R go+rX '${dirname(path).replaceAll("'", `'\\''`)}'`,
  );
}
