import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CliFailure } from "../cli/failure.ts";
import { copySlots } from "../monitor/log/copy-slots.ts";
import type { LogKeys } from "../monitor/log/keys.ts";
import { openEpochKeys } from "../platform/log/epoch-keys.ts";
import { openLogFiles } from "../platform/log/log-files.ts";
import type { LogFiles } from "../platform/log/log-powers.ts";
import type { Crypto, Random } from "../platform/powers.ts";
import { createSigner } from "../platform/keys/signer.ts";
import { isObject, parseJson } from "../kernel/json.ts";
import { concatBytes, decodeUtf8, encodeUtf8, toHex } from "../protocol/bytes.ts";
import { listFiles } from "./backup-log.ts";

/** What a home's folder `keys` holds for a backup: bytes by path below it. */
export type KeyCopy = ReadonlyMap<string, Uint8Array>;

/** What a log says of memory: how many numbers of entries are used, and which entries were to end. */
export interface MemoryNumbers {
  readonly next: number;
  readonly ending: readonly number[];
}

/** What a file of keys begins with. */
export const KEY_FILE_HEAD = "aios backup keys v1";

/** Name of a log, and the raw Ed25519 key that signs its checkpoints. */
export interface LogIdentity {
  readonly origin: string;
  readonly publicKey: Uint8Array;
}

/** Keys of 32 bytes that a home draws once. */
const DRAWN = ["log-signing", "log-name", "console-name", "secret-wrap"] as const;
/** Files of keys that people have, each behind a passphrase of its own. */
const OWNER = /^(?:owner(?:-[0-9]{1,2})?|publisher-[a-z][a-z0-9-]{0,30})\.json$/;
const KEY_BYTES = 32;
const NAME_DIGITS = 32;
/** An epoch that ends meanwhile takes its slots with it; so often is it tried with the next. */
const TRIES = 5;
const PAYLOADS = { epochs: "", slots: "payload-slots" } as const;
const MEMORY = { epochs: "memory", slots: "memory/slots" } as const;
type Place = typeof PAYLOADS | typeof MEMORY;

/**
 * Copies what opens the first `size` records of a home, under epoch keys of the copy's own: no key that wraps anything in the
 * home leaves it, so a copy opens nothing that came later, and no older slots of the home. Entries that are to end are left
 * out: nothing of a backup gives them back, whoever has it. Throws CliFailure `backup-refused`.
 */
export async function copyKeys(options: {
  /** The folder `keys`. */
  readonly folder: string;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly size: number;
  readonly memory: MemoryNumbers;
}): Promise<KeyCopy> {
  const { folder, memory } = options;
  const copy = new Map<string, Uint8Array>();
  for (const name of DRAWN) copy.set(name, readDrawn(join(folder, name)));
  for (const path of listFiles(folder, "")) {
    if (OWNER.test(path) || path.startsWith("secret-slots/")) copy.set(path, readFileSync(join(folder, path)));
  }
  await copyPlace(copy, { ...options, place: PAYLOADS, without: [] });
  await copyPlace(copy, { ...options, place: MEMORY, size: memory.next, without: memory.ending });
  return copy;
}

async function copyPlace(
  copy: Map<string, Uint8Array>,
  options: {
    readonly folder: string;
    readonly crypto: Crypto;
    readonly random: Random;
    readonly place: Place;
    readonly size: number;
    readonly without: readonly number[];
  },
): Promise<void> {
  const { folder, place } = options;
  for (let tries = 1; ; tries += 1) {
    try {
      const epochs = openEpochKeys(join(folder, place.epochs), readDrawn);
      const files = openLogFiles(join(folder, place.slots));
      const { epoch, key, slots } = await copySlots({ ...options, from: Object.assign(epochs, { files }) });
      copy.set(join(place.epochs, `payload-epoch-${epoch}`), key);
      if (slots.length > 0) copy.set(`${place.slots}/slots-${epoch}`, slots);
      return;
    } catch (error) {
      if (tries < TRIES) continue;
      const why = error instanceof Error ? error.message : String(error);
      throw refuse(`the keys in ${folder} do not fit the log: ${why}`);
    }
  }
}

/** The keys of a copy as a log takes them. Nothing can be changed in it. */
export function logKeysOf(copy: KeyCopy): LogKeys {
  const names = [...copy.keys()].filter((name) => name.startsWith("payload-epoch-"));
  const epoch = Number(names[0]?.slice("payload-epoch-".length));
  if (names.length !== 1 || !Number.isSafeInteger(epoch)) throw refuse("its keys are of no epoch, or of several");
  const readRange: LogFiles["readRange"] = async (path, { offset, length }) =>
    copy.get(`${PAYLOADS.slots}/${path}`)?.slice(offset, offset + length) ?? null;
  const files = { readRange, writeRange: never, remove: never };
  return {
    epoch,
    key: (of) => (of === epoch ? (copy.get(`payload-epoch-${of}`) ?? null) : null),
    files,
    advance: never,
    retire: never,
  };
}

function never(): never {
  throw new RangeError("Cannot change a copy of keys");
}

/** Name and public key of the log that keys are of. */
export function identityOf(copy: KeyCopy): LogIdentity {
  const [seed, name] = [copy.get("log-signing"), copy.get("log-name")];
  if (seed?.length !== KEY_BYTES || name?.length !== KEY_BYTES) throw refuse("its keys lack that of the log");
  return { origin: originOf(name), publicKey: createSigner(seed.slice()).publicKey };
}

/** The same of a folder `keys`. Throws CliFailure `backup-refused`. */
export function identityIn(folder: string): LogIdentity {
  if (!existsSync(join(folder, "log-signing"))) throw refuse(`there are no keys of a home in ${folder}`);
  return identityOf(new Map(DRAWN.map((name) => [name, readDrawn(join(folder, name))])));
}

function originOf(name: Uint8Array): string {
  return `aios.local/${toHex(name).slice(0, NAME_DIGITS)}`;
}

/** One run of bytes for a file of keys: a line that says what follows, then the files one after another. */
export function packKeys(copy: KeyCopy): Uint8Array {
  const files = [...copy].map(([path, bytes]) => ({ path, bytes: bytes.length }));
  return concatBytes([encodeUtf8(`${JSON.stringify({ files })}\n`), ...copy.values()]);
}

/** Reads what `packKeys` packed. Throws CliFailure `backup-refused`. */
export function unpackKeys(packed: Uint8Array): KeyCopy {
  const end = packed.indexOf(10);
  const parsed = parseJson(decodeUtf8(packed.subarray(0, Math.max(0, end))) ?? "");
  const files = parsed.kind === "ok" && isObject(parsed.value) ? parsed.value["files"] : null;
  const copy = new Map<string, Uint8Array>();
  let at = end + 1;
  for (const file of Array.isArray(files) ? files : []) {
    if (!isObject(file)) throw refuse("its keys cannot be read");
    const { path, bytes } = file;
    if (typeof path !== "string" || !isKeyPath(path) || typeof bytes !== "number" || !Number.isSafeInteger(bytes))
      throw refuse("its keys cannot be read");
    copy.set(path, packed.slice(at, at + bytes));
    at += bytes;
  }
  if (copy.size === 0 || at !== packed.length) throw refuse("its keys cannot be read");
  return copy;
}

function isKeyPath(path: string): boolean {
  return (
    /^(?:memory\/)?(?:payload-epoch-[1-9][0-9]{0,8}|slots\/slots-[1-9][0-9]{0,8})$/.test(path) ||
    /^payload-slots\/slots-[1-9][0-9]{0,8}$/.test(path) ||
    /^secret-slots\/(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\/?){1,3}$/.test(path) ||
    DRAWN.some((name) => name === path) ||
    OWNER.test(path)
  );
}

/** A key that a home draws once. Throws RangeError for anything else. */
export function readDrawn(path: string): Uint8Array {
  const bytes = readFileSync(path);
  if (bytes.length !== KEY_BYTES) throw new RangeError(`${path} has ${bytes.length} bytes, not ${KEY_BYTES}`);
  return new Uint8Array(bytes);
}

/** A backup, or what was to become one, that is not as it must be. */
export function refuse(why: string, hint: string | null = null): CliFailure {
  return CliFailure.of("backup-refused", `Cannot use the backup: ${why}`, hint);
}
