/**
 * The storage device of one instance: it changes files in guarded roots on behalf of its agent and its servers, and undoes
 * what they did.
 *
 *     storage.ts serve {"most":BYTES,"open":[NAME…],"obeyed":[PATH…]} STORE ROOT…
 *     storage.ts undo dry|do STORE ROOT…
 *
 * To serve, descriptor 3 leads to the monitor, which hands over sockets to the supervisor, one for each sandbox. It reads and changes nothing but the store and the roots (Landlock, by
 * the folders themselves, whatever descriptor it is handed), starts nothing and opens no socket.
 */
import { openSync, writeSync } from "node:fs";
import { enterDomainOf } from "../platform/sandbox/landlock.ts";
import { hardenProcess } from "../platform/sandbox/process-hardening.ts";
import { hostArchitecture } from "../platform/sandbox/sandbox-host.ts";
import { installFilter } from "../platform/sandbox/seccomp-listener.ts";
import { serveStorage } from "../platform/workspace/storage-device.ts";
import { undoRun } from "../platform/workspace/undo-run.ts";
import { createUndoStore } from "../platform/workspace/undo-store.ts";
import type { StorageTask } from "../monitor/storage-plan.ts";
import { storageProgram } from "../sandbox/seccomp.ts";

const MONITOR = 3;
/** The file by which all storage devices take turns. */
const TURNS = "/turns";

function confine(folders: readonly string[]): void {
  hardenProcess();
  const arch = hostArchitecture();
  if (arch === null) throw new Error("there is no system call filter for this machine");
  enterDomainOf(folders);
  installFilter(storageProgram(arch));
}

function serve(
  folder: string,
  { how, turns, roots }: { readonly how: string; readonly turns: number; readonly roots: readonly string[] },
): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor's own words (monitor/storage-plan.ts)
  const { most, open, obeyed } = JSON.parse(how) as StorageTask;
  const store = createUndoStore(folder, most);
  try {
    serveStorage(MONITOR, { roots, open: new Set(open), obeyed, store, turns });
  } finally {
    store.close();
  }
}

try {
  const [, , task, how = "", folder = "", ...roots] = process.argv;
  const turns = task === "serve" ? openSync(TURNS, "r") : null;
  confine([folder, ...roots]);
  if (turns !== null) serve(folder, { how, turns, roots });
  else if (task === "undo" && (how === "dry" || how === "do")) writeSync(1, JSON.stringify(undoRun(folder, { how })));
  else throw new Error("what is it to do?");
  process.exit(0);
} catch (error) {
  process.stderr.write(`aios storage: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
