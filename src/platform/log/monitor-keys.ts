import { randomBytes } from "node:crypto";
import { constants, closeSync, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../files/atomic-file.ts";
import { openLogFiles } from "./log-files.ts";
import type { LogFiles } from "./log-powers.ts";
import { openEpochKeys, type EpochKeys } from "./epoch-keys.ts";
import { quotePath } from "../home.ts";
import { PlatformError } from "../platform-error.ts";
import type { Signer } from "../powers.ts";
import { createSigner } from "../keys/signer.ts";

/** The monitor's own keys: none of them can grant anything. Owners' keys are never in this process. */
export interface MonitorKeys {
  /** Signs the log's checkpoints. */
  readonly logSigner: Signer;
  /** The name that it signs under, drawn once: a home that is moved or renamed keeps its log. */
  readonly logOrigin: string;
  /** The keys that wrap the data keys of payloads. */
  readonly payloads: EpochKeys;
  /** Where wrapped data keys are kept. */
  readonly slots: LogFiles;
  /** What the console's name and port are made of, drawn once: passkeys are bound to them. */
  readonly consoleSeed: Uint8Array;
  /** The same for entries of memory. */
  readonly memory: { readonly epochs: EpochKeys; readonly slots: LogFiles };
  /** The key that wraps the keys of secrets, and where those are kept. */
  readonly secrets: { readonly key: Uint8Array; readonly slots: LogFiles };
}

const KEY_BYTES = 32;
/** A pipe must not be waited for. */
const KEY_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const SLOTS_NAME = /^slots-[1-9][0-9]{0,8}$/;
/** What a home draws for itself; owners' key files are looked at with their passphrases. */
const KEY_NAME = /^(?:payload-epoch-[1-9][0-9]{0,8}|log-signing|log-name|console-name|secret-wrap)$/;
const NO_FILE = "it is no regular file";
/** Enough that no two logs of one witness ever have the same name. */
const NAME_DIGITS = 32;

/**
 * Opens the monitor's keys in `folder`, making them at the first start: 0600 files of 32 bytes, in a 0700 folder.
 * Throws `bad-key-file` for a file of another size, owner or mode; it is never made anew, since that would orphan the log.
 * `hasLog`: there is a log already, so that its own keys are not made either.
 */
export function openMonitorKeys(folder: string, hasLog: boolean = false): MonitorKeys {
  const slots = join(folder, "payload-slots");
  const memory = join(folder, "memory");
  refuseOddFolders(folder);
  for (const made of [slots, join(memory, "slots")]) mkdirSync(made, { recursive: true, mode: 0o700 });
  return {
    logSigner: createSigner(openKey(join(folder, "log-signing"), !hasLog)),
    logOrigin: logOriginOf(openKey(join(folder, "log-name"), !hasLog)),
    payloads: openEpochKeys(folder, (path) => openKey(path)),
    slots: openLogFiles(slots),
    consoleSeed: openKey(join(folder, "console-name")),
    memory: { epochs: openEpochKeys(memory, (path) => openKey(path)), slots: openLogFiles(join(memory, "slots")) },
    secrets: { key: openKey(join(folder, "secret-wrap")), slots: openLogFiles(join(folder, "secret-slots")) },
  };
}

/** The name of the log whose file of a name (`log-name`) has these bytes. */
export function logOriginOf(name: Uint8Array): string {
  return `aios.local/${Buffer.from(name).toString("hex").slice(0, NAME_DIGITS)}`;
}

/**
 * Refuses of a folder of keys that is there what a start would refuse, and makes nothing. Throws `bad-key-file` for what is no
 * folder or no file where one belongs, and for a key of another size, owner or mode.
 */
export function checkMonitorKeys(folder: string): void {
  refuseOddFolders(folder);
  for (const place of [folder, join(folder, "memory")]) {
    if (lstatSync(place, { throwIfNoEntry: false }) === undefined) continue;
    for (const name of readdirSync(place)) if (KEY_NAME.test(name)) checkKey(join(place, name));
  }
}

function checkKey(path: string): void {
  try {
    openKey(path, false).fill(0);
  } catch (error) {
    // A monitor that runs destroys keys with their epochs.
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw error;
  }
}

/** Before anything is made in them: through a link keys would come to lie, and be destroyed, somewhere else. */
function refuseOddFolders(folder: string): void {
  const wrapped = ["payload-slots", "memory/slots", "secret-slots"].map((name) => join(folder, name));
  for (const kept of [join(folder, "memory"), ...wrapped]) refuseNoFolder(kept);
  for (const kept of wrapped) refuseOddFiles(kept);
}

/** Nothing else has what is in it, and a new one would be the key of nothing. */
const RESTORE =
  "put it back from a copy of the home's folder keys, or make a home of a backup and its file of keys (aios restore); without either what this key is for is lost";

function refuse(path: string, why: string, hint: string): PlatformError {
  return new PlatformError("bad-key-file", `Cannot use key file "${path}": ${why}`, hint);
}

function refuseNoFolder(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return;
  const what = found.isSymbolicLink()
    ? "it is a link, and keys are kept in a folder of the home alone"
    : "it is no folder";
  throw refuse(path, what, `move it aside, and ${RESTORE}`);
}

/** A pipe or a folder in place of wrapped keys, found before anything waits for it or stumbles over it. */
function refuseOddFiles(folder: string): void {
  for (const { name, isOdd } of listSlots(folder)) if (isOdd) throw refuse(join(folder, name), NO_FILE, RESTORE);
}

function listSlots(folder: string): readonly { readonly name: string; readonly isOdd: boolean }[] {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => SLOTS_NAME.test(name))
    .map((found) => ({ name: found.name, isOdd: !found.isFile() }));
}

function openKey(path: string, mayMake: boolean = true): Uint8Array {
  let fd: number;
  try {
    fd = openSync(path, KEY_FLAGS);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ELOOP" || code === "ENXIO") throw refuse(path, NO_FILE, RESTORE);
    if (code !== "ENOENT") throw error;
    if (!mayMake) throw refuse(path, "it is gone, and the log beside it was made with it", RESTORE);
    writeAtomically(path, randomBytes(KEY_BYTES), { mode: 0o600, existing: "fail" });
    fd = openSync(path, KEY_FLAGS);
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw refuse(path, NO_FILE, RESTORE);
    const { uid, mode, size } = found;
    const own = process.geteuid?.();
    if (uid !== own) throw refuse(path, `it belongs to user ${uid}, not ${own}`, `chown ${own} ${quotePath(path)}`);
    if ((mode & 0o077) !== 0)
      throw refuse(path, `its mode is ${(mode & 0o777).toString(8)}, not 600`, `chmod 600 ${quotePath(path)}`);
    if (size !== KEY_BYTES) throw refuse(path, `it has ${size} bytes, not ${KEY_BYTES}`, RESTORE);
    const key = new Uint8Array(KEY_BYTES);
    readSync(fd, key);
    return key;
  } finally {
    closeSync(fd);
  }
}
