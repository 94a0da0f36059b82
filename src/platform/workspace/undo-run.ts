import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UNDO_LISTED, type UndoEntry, type UndoMeta } from "../../sandbox/undo-entry.ts";
import { NOTE_PATH_MOST } from "../../sandbox/storage-wire.ts";
import type { UndoChange, UndoReport } from "../../protocol/undo-report.ts";
import { openProgress, readRest, writeRest, type UndoProgress, type UndoRest } from "./undo-progress.ts";
import { createUndoHands, findAt, type UndoFound, type UndoHands } from "./undo-hands.ts";
import { imagineUndoHands } from "./undo-imagined.ts";
import { isOutOfReach, look, statAt } from "./undo-store.ts";
import { findUnseen, isUnseen, type Left, type Unseen } from "./undo-unseen.ts";

/**
 * Puts back what a run changed, the last change first, or says what that would be. What somebody changed since the run is
 * left as it is and named, and so is what hangs on it; called again, it goes on with what was left, where nothing stands in
 * its way any more. Stopped at any moment, it goes on where it was: each step is noted when it is done, and one that was
 * done and not noted is found done. `onStep` is called between the two. Throws what the file system throws where the store
 * itself cannot be read or written.
 */
export function undoRun(
  folder: string,
  { how, onStep = () => {} }: { readonly how: "dry" | "do"; readonly onStep?: () => void },
): UndoReport {
  const journal = readEntries(join(folder, "journal"));
  const rest = readRest(folder);
  const pass = rest?.pass ?? 0;
  const places = rest?.entries ?? [...journal.keys()];
  const entries = places.flatMap((place) => journal[place] ?? []);
  const progress = openProgress(folder, { pass, all: entries.length, how });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody else can write in the store
  const final = readLines(join(folder, "final")) as readonly Left[] | null;
  const report = createReport(final !== null);
  const undone = entries.filter((entry, at) =>
    at >= progress.left ? !progress.kept.has(at) : progress.unsure && at === progress.left - 1 && mayBeDone(entry),
  );
  // Of these the run could take the rights away; of others they are whosever they are.
  const made = new Set(journal.filter(({ did }) => did === "made" || did === "mode").flatMap(pathsOf));
  const hands = how === "do" ? createUndoHands(folder, made) : imagineUndoHands(made);
  const known = rest?.paths ?? final;
  const moved =
    known === null
      ? findLater(entries, join(folder, "journal"))
      : findMoved(known, { undone, rest, began: progress.began });
  const unseen = findUnseen(folder, { known: known ?? [], been: undone.flatMap(pathsOf) });
  for (const path of progress.astray) moved.add(path);
  for (const at of progress.kept) report.leave(pathsOf(entries[at] ?? { did: "not" }).at(-1) ?? "", STOPPED);
  try {
    for (let at = progress.left - 1; at >= 0; at--) {
      const entry = entries[at];
      if (entry === undefined) continue;
      const before = report.leaves();
      for (const path of pathsOf(entry)) hands.openWay(path);
      undoEntry(entry, { hands, moved, unseen, report, progress });
      if (report.leaves() > before) progress.keep(at);
      onStep();
      progress.note(at);
    }
    if (how === "do" && progress.kept.size > 0) {
      const kept = entries.flatMap((entry, at) => (progress.kept.has(at) ? [{ entry, place: places[at] ?? 0 }] : []));
      const paths = standingOf({ moved, kept: kept.map(({ entry }) => entry), known: known ?? [] });
      writeRest(folder, { pass: pass + 1, entries: kept.map(({ place }) => place), paths });
    }
    return report.finish();
  } finally {
    progress.close();
  }
}

/**
 * How the paths that something left hangs on must look for nobody's work to be lost by taking it back: what somebody changed,
 * as it was before that; the rest, as it is now.
 */
function standingOf({
  moved,
  kept,
  known,
}: {
  readonly moved: ReadonlySet<string>;
  readonly kept: readonly UndoEntry[];
  readonly known: readonly Left[];
}): readonly Left[] {
  const before = new Map(known.map(({ path, seen }) => [path, seen]));
  const paths = new Set([...moved, ...kept.flatMap(pathsOf)]);
  return [...paths].map((path) => ({ path, seen: moved.has(path) ? (before.get(path) ?? null) : look(path) }));
}

interface Undoing {
  readonly hands: UndoHands;
  /** Paths that somebody changed since, and what hangs on them. */
  readonly moved: Set<string>;
  readonly unseen: Unseen;
  readonly report: ReturnType<typeof createReport>;
  readonly progress: UndoProgress;
}

const SINCE = "it was changed since the run";
const STOPPED = "it could not be taken back before this undoing was stopped";
const ASTRAY = "the folder that it was in is not what it was";
/** Nanoseconds that a program may still have written after its last change was noted, when its end was not. */
const GRACE_NS = 1_000_000_000n;

/** Whether a path, or a folder above it, is not what the run left. */
function hasMoved(moved: ReadonlySet<string>, path: string): boolean {
  for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) if (moved.has(at)) return true;
  return false;
}

/** A step on what nobody can come to is left and named, and the others go on. */
function undoEntry(entry: UndoEntry, undoing: Undoing): void {
  try {
    undoStep(entry, undoing);
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    undoing.report.leave(pathsOf(entry).at(-1) ?? "", `it cannot be reached: ${codeOf(error)}`);
  }
}

function undoStep(entry: UndoEntry, undoing: Undoing): void {
  for (const path of pathsOf(entry)) if (undoing.unseen.isTouched(path)) undoing.moved.add(path);
  switch (entry.did) {
    case "not":
      return;
    case "moved":
    case "exchanged":
      return undoMove(entry, undoing);
    case "made":
    case "changed":
    case "removed":
    case "removed-folder":
    case "removed-link":
    case "mode":
      if (hasMoved(undoing.moved, entry.path)) return undoing.report.leave(entry.path, SINCE);
      // When it was changed no link led there; one that stands there now could lead what is put back to another place, a hook
      // of git's for one.
      if (!undoing.hands.isStraight(entry.path)) return undoing.report.leave(entry.path, ASTRAY);
      return undoAt(entry, undoing);
  }
}

function undoAt(entry: Exclude<UndoEntry, { did: "not" | "moved" | "exchanged" }>, undoing: Undoing): void {
  const { report, hands } = undoing;
  const { path } = entry;
  const wasThere = entry.did === "made" || entry.did === "changed" || entry.did === "mode";
  const found = hands.find(path, wasThere ? "something" : "nothing");
  const act = (what: UndoChange["what"], action: () => void): void => {
    try {
      action();
      report.add(what, path);
    } catch (error) {
      report.leave(path, `it cannot be put back: ${codeOf(error)}`);
    }
  };
  switch (entry.did) {
    case "made":
      if (found === undefined) return;
      return act("removed", () => hands.remove(path, found.kind));
    case "changed":
      if (found !== undefined && found.kind !== "file") return report.leave(path, "something else is there");
      return act("restored", () => hands.restore(path, entry));
    case "removed":
      if (found !== undefined && isAsBefore(found, entry.meta)) return;
      if (found !== undefined) return report.leave(path, "something else is there");
      return act("restored", () => hands.restore(path, entry));
    case "removed-folder":
      if (found !== undefined) return;
      return act("restored", () => hands.makeFolder(path, entry.meta.mode));
    case "removed-link":
      if (found !== undefined) return;
      return act("restored", () => hands.makeLink(path, entry.text));
    case "mode":
      if (found === undefined || found.kind === "link" || found.mode === entry.mode) return;
      return act("mode", () => hands.setMode(path, entry.mode));
  }
}

function undoMove(entry: Extract<UndoEntry, { did: "moved" | "exchanged" }>, undoing: Undoing): void {
  const { hands, moved, report } = undoing;
  const { from, to } = entry;
  const stray = (path: string): void => {
    moved.add(path);
    undoing.progress.stray(path);
  };
  const wentAgain = [...moved].filter((path) => path === to || path.startsWith(`${to}/`));
  if (hasMoved(moved, to) || hasMoved(moved, from)) {
    stray(from);
    return report.leave(to, SINCE);
  }
  if (!(hands.isStraight(from) && hands.isStraight(to))) {
    stray(from);
    return report.leave(to, ASTRAY);
  }
  // What lies in a folder goes with it.
  for (const path of wentAgain) stray(from + path.slice(to.length));
  const back = hands.find(from, entry.did === "moved" ? "nothing" : "something");
  const there = hands.find(to, "something");
  // Moved back already; or the run made it and took it away again.
  if (there === undefined && (entry.did === "moved" || back === undefined)) return;
  if (back !== undefined && entry.did === "moved") {
    stray(from);
    return report.leave(to, "something else is where it was");
  }
  try {
    if (entry.did === "moved") hands.move(to, from);
    else exchangeBack(undoing, { from, to, back, there });
    report.add("moved-back", from);
  } catch (error) {
    stray(from);
    report.leave(to, `it cannot be moved back: ${codeOf(error)}`);
  }
}

function exchangeBack(
  { progress, hands }: Undoing,
  { from, to, back, there }: Record<"from" | "to", string> & Record<"back" | "there", UndoFound | undefined>,
): void {
  const begun = progress.exchanging();
  const now = there === undefined ? "-" : there.inode;
  if (begun !== null && begun !== now) return; // done already
  progress.exchange(now);
  // What the run made itself and took away after the exchange is not there to go back.
  if (back === undefined) hands.move(to, from);
  else if (there === undefined) hands.move(from, to);
  else hands.exchange(from, to);
}

/** Whether a step looks done; where that cannot be said, it may be. */
function mayBeDone(entry: UndoEntry): boolean {
  try {
    return looksDone(entry);
  } catch (error) {
    if (isOutOfReach(error)) return true;
    throw error;
  }
}

function looksDone(entry: UndoEntry): boolean {
  if (entry.did === "changed" || entry.did === "removed") {
    const found = findAt(entry.path);
    return found !== undefined && isAsBefore(found, entry.meta);
  }
  return entry.did === "made" ? statAt(entry.path) === undefined : entry.did !== "mode";
}

function isAsBefore(found: UndoFound, meta: UndoMeta): boolean {
  return found.size === meta.size && found.mtimeNs === meta.mtimeNs;
}

/**
 * Paths that do not look as they were left, without those that this undoing has been at already. Where one was left before
 * and nothing is there now, nothing stands in its way: it was named, and is asked for again. Where nobody could look and this
 * undoing was stopped before, the way may be open by it: that is looked at when its step comes.
 */
function findMoved(
  known: readonly Left[],
  {
    undone,
    rest,
    began,
  }: { readonly undone: readonly UndoEntry[]; readonly rest: UndoRest | null; readonly began: boolean },
): Set<string> {
  const touched = new Set(undone.flatMap(pathsOf));
  // What lies in a folder goes along when that is moved; no other step on a folder changes what lies in it.
  const carried = new Set(undone.filter(({ did }) => did === "moved" || did === "exchanged").flatMap(pathsOf));
  const isTouched = (path: string): boolean => touched.has(path) || hasMoved(carried, path);
  const moved = new Set<string>();
  for (const { path, seen } of known) {
    if (isTouched(path)) continue;
    const now = look(path);
    if (rest !== null && now === null) continue;
    if (began && isUnseen(seen)) continue;
    const isSame =
      seen === null || now === null
        ? seen === now
        : seen.inode === now.inode && seen.size === now.size && seen.mtimeNs === now.mtimeNs;
    if (!isSame) moved.add(path);
  }
  return moved;
}

/**
 * When the end of the run was not noted: paths that were changed after its last note. A person's work is rather left than
 * lost, even if it was the run's own.
 */
function findLater(entries: readonly UndoEntry[], journal: string): Set<string> {
  const last = (statAt(journal)?.mtimeNs ?? 0n) + GRACE_NS;
  const later = entries.flatMap(pathsOf).filter((path) => {
    const seen = look(path);
    // A folder has no time there, and what is out of reach nobody worked on.
    return seen !== null && seen.mtimeNs !== "" && BigInt(seen.mtimeNs) > last;
  });
  return new Set(later);
}

function pathsOf(entry: UndoEntry): readonly string[] {
  if (entry.did === "not") return [];
  return "path" in entry ? [entry.path] : [entry.from, entry.to];
}

function createReport(noted: boolean): {
  add(what: UndoChange["what"], path: string): void;
  leave(path: string, why: string): void;
  /** How often something was left. */
  leaves(): number;
  finish(): UndoReport;
} {
  const changes = new Map<string, UndoChange>();
  const left = new Map<string, { readonly path: string; readonly why: string }>();
  let leaves = 0;
  return {
    add: (what, path) => void changes.set(`${what} ${path}`, { what, path: shown(path) }),
    leave(path, why) {
      leaves++;
      left.set(path, { path: shown(path), why });
    },
    leaves: () => leaves,
    finish: () => ({
      changes: [...changes.values()].slice(0, UNDO_LISTED),
      changed: changes.size,
      left: [...left.values()].slice(0, UNDO_LISTED),
      leftCount: left.size,
      noted,
    }),
  };
}

/** The journal, without what did not come to be. */
function readEntries(path: string): readonly UndoEntry[] {
  const entries: UndoEntry[] = [];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody else can write in the store
  for (const entry of (readLines(path) ?? []) as readonly UndoEntry[]) {
    if (entry.did === "not") entries.pop();
    else entries.push(entry);
  }
  return entries;
}

/** Lines of JSON that a storage device of ours wrote; null when there is no such file. A crash may have cut the last one. */
function readLines(path: string): readonly unknown[] | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const lines = whole.split("\n").filter((line) => line !== "");
  return lines.map((line): unknown => JSON.parse(line));
}

/** A path for people. */
function shown(path: string): string {
  return bytes(path).toString("utf8").slice(0, NOTE_PATH_MOST).toWellFormed();
}

function bytes(path: string): Buffer {
  return Buffer.from(path, "latin1");
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
