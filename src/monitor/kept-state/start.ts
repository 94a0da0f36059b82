import type { LogFiles } from "../../platform/log/log-powers.ts";
import type { LogRecord } from "../../protocol/record.ts";
import { requireExplained } from "../journal.ts";
import { createFold, emptyFolded, type Folded } from "./folded.ts";
import { restore, type KeptPorts } from "./restore.ts";
import { digestOfKept, KeptStateFault } from "./sealing.ts";

/** Where states are kept: files that can be deleted at any time. */
export type KeptFiles = Pick<LogFiles, "read" | "list" | "write" | "remove">;

/** A state that is kept and that a record of the log names. */
export interface KeptPlace {
  readonly size: number;
  readonly digest: string;
}

/** What a start made of the log. */
export interface Started {
  readonly folded: Folded;
  /** What it began with; null when the whole log was folded. */
  readonly kept: KeptPlace | null;
}

const FOLDER = "state";
/** Of a start nothing waits but the start itself. */
const NO_PAUSE = (): Promise<void> => Promise.resolve();

/** The file of a state by its size. */
export function keptPath(size: number): string {
  return `${FOLDER}/${String(size).padStart(16, "0")}`;
}

/** Sizes of the states that lie there, newest first. */
export async function listKept(files: Pick<KeptFiles, "list">): Promise<readonly number[]> {
  const names = await files.list(FOLDER);
  return names
    .filter((name) => /^[0-9]{16}$/.test(name))
    .map(Number)
    .toReversed();
}

/**
 * Makes the state of a start: from the newest kept one that the log confirms and what is behind it, or from the whole log.
 * What is wrong with a kept one is said once. Throws StateFault or LogError for what is wrong with the log.
 */
export async function startState(
  ports: KeptPorts & { readonly files: KeptFiles; report(words: string): void },
): Promise<Started> {
  const { files, report } = ports;
  const problems: string[] = [];
  for (const size of await listKept(files)) {
    try {
      return await takeUp(size, ports);
    } catch (error) {
      // Whatever it was: if it is in the log, folding the log finds it again, and says so (ERRORS-DENY).
      problems.push(`that of ${size} records: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (problems.length > 0) report(`reads the whole log, since no kept state can be used (${problems.join("; ")})`);
  return { folded: await foldAll(ports), kept: null };
}

/** Folds the whole log. Throws StateFault or LogError. */
async function foldAll({ log, crypto }: KeptPorts): Promise<Folded> {
  const folded = emptyFolded();
  const fold = createFold(folded, crypto);
  for await (const entry of log.entries(0, log.size)) fold(entry);
  requireExplained(folded.state);
  return folded;
}

async function takeUp(size: number, ports: KeptPorts & { readonly files: KeptFiles }): Promise<Started> {
  const { log, crypto } = ports;
  const bytes = await ports.files.read(keptPath(size));
  if (bytes === null) throw new KeptStateFault("it is gone");
  const digest = digestOfKept(bytes, crypto);
  const { folded, size: told } = await restore(bytes, ports, NO_PAUSE);
  if (told !== size) throw new KeptStateFault(`it is of ${told}`);
  const fold = createFold(folded, crypto);
  let confirmed = false;
  // Counted now, since those behind it are added while they are folded.
  const signed = Object.fromEntries(folded.signed.kinds);
  for await (const entry of log.entries(size, log.size)) {
    confirmed ||= confirms(entry.record, { size, digest, signed });
    fold(entry);
  }
  if (!confirmed) throw new KeptStateFault("no record of the log names it");
  requireExplained(folded.state);
  return { folded, kept: { size, digest } };
}

function confirms(
  record: LogRecord,
  { size, digest, signed }: KeptPlace & { readonly signed: { readonly [kind: string]: number } },
): boolean {
  if (record.kind !== "state-kept" || record.size !== size || record.digest !== digest) return false;
  const kinds = Object.entries(record.signed);
  if (kinds.length === Object.keys(signed).length && kinds.every(([kind, count]) => signed[kind] === count))
    return true;
  throw new KeptStateFault("it leaves out records that give authority, or has too many");
}
