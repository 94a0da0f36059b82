import { join } from "node:path";
import { LogError } from "../monitor/log/error.ts";
import { readLog, type LogReading } from "../monitor/log/read-log.ts";
import { holderOf } from "../platform/files/lock-holder.ts";
import { openLogFiles } from "../platform/log/log-files.ts";
import { openLogReader } from "../platform/log/log-reader.ts";
import { logOriginOf } from "../platform/log/monitor-keys.ts";
import type { Crypto } from "../platform/powers.ts";
import { createSigner } from "../platform/keys/signer.ts";
import { logFolder } from "./log-folder.ts";
import { monitorLock } from "./monitor-client.ts";

/** Why no monitor starts with a log. */
export interface LogProblem {
  /** That of the start's own refusal. */
  readonly code: string;
  readonly why: string;
}

const EPOCH = /^payload-epoch-(?<epoch>[1-9][0-9]{0,8})$/;
const REFUSAL = "Cannot open the log: ";

/**
 * Reads the log of a home as a start does, and says why a start would refuse it, or null. Changes nothing and takes no lock. A log
 * that a monitor has open is that monitor's to judge, and a home without keys of a log has none.
 */
export async function findLogProblem(home: string, crypto: Crypto): Promise<LogProblem | null> {
  const isHeld = (): boolean => holderOf(monitorLock(home)) !== null;
  if (isHeld()) return null;
  const found = await look(home, crypto);
  if (found === null) return null;
  // Beside a monitor that started meanwhile something is missing for a moment, and not the same thing twice.
  const again = await look(home, crypto);
  return !isHeld() && again?.why === found.why ? again : null;
}

async function look(home: string, crypto: Crypto): Promise<LogProblem | null> {
  try {
    const reading = await readingOf(home, crypto);
    if (reading !== null) await readLog(reading);
    return null;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      code: error instanceof LogError ? error.code : "log-unavailable",
      why: why.startsWith(REFUSAL) ? why.slice(REFUSAL.length) : why,
    };
  }
}

async function readingOf(home: string, crypto: Crypto): Promise<LogReading | null> {
  const files = openLogReader(home);
  const [seed, name] = [await files.read("keys/log-signing"), await files.read("keys/log-name")];
  if (seed === null || name === null) return null;
  const epochs = new Map<number, Uint8Array>();
  for (const file of await files.list("keys")) {
    const epoch = EPOCH.exec(file)?.groups?.["epoch"];
    const key = epoch === undefined ? null : await files.read(`keys/${file}`);
    if (key !== null) epochs.set(Number(epoch), key);
  }
  const { publicKey } = createSigner(seed);
  seed.fill(0);
  return {
    files: openLogReader(logFolder(home)),
    keys: {
      epoch: epochs.size === 0 ? 1 : Math.min(...epochs.keys()),
      key: (epoch) => epochs.get(epoch) ?? null,
      files: openLogFiles(join(home, "keys", "payload-slots")),
    },
    crypto,
    signer: { publicKey },
    origin: logOriginOf(name),
  };
}
