import {
  appendFileSync,
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { UndoSeen } from "../../sandbox/undo-entry.ts";

/** What an undoing that came to its end could not take back; the next one goes on with it. */
export interface UndoRest {
  /** How many undoings came to their end before. */
  readonly pass: number;
  /** Places in the journal, ascending. */
  readonly entries: readonly number[];
  /** How each path that they hang on looked when it was nobody's since; null: nothing was there. */
  readonly paths: readonly { readonly path: string; readonly seen: UndoSeen | null }[];
}

/** How far one pass over entries came, kept in the store so that it goes on where it was stopped. */
export interface UndoProgress {
  /** Entries that are left to undo. */
  readonly left: number;
  /** The pass was stopped: the last of these may be done already, or may not. */
  readonly unsure: boolean;
  /** Whether this undoing was stopped before: folders can be open by it. */
  readonly began: boolean;
  /** Places, in this pass, of entries that could not be taken back. */
  readonly kept: ReadonlySet<number>;
  /** Paths that this pass found to be somebody's, beside those that show it: a move took them along, or could not be made. */
  readonly astray: readonly string[];
  stray(path: string): void;
  /** Notes that the entry at this place could not be taken back. Called before `note`. */
  keep(place: number): void;
  /** What stood at the second path of an exchange that had begun: two exchanges would be none. */
  exchanging(): string | null;
  exchange(inode: string): void;
  note(left: number): void;
  close(): void;
}

/** Characters of each number of a progress file. */
const NUMBER = 24;
/** Bytes of a kept place: a number and an end of line. */
const PLACE = 16;

/** Opens the progress of a pass over `all` entries; a dry look only reads it. */
export function openProgress(
  folder: string,
  { pass, all, how }: { readonly pass: number; readonly all: number; readonly how: "dry" | "do" },
): UndoProgress {
  const [path, places, strays] = [join(folder, "undone"), join(folder, "kept"), join(folder, "astray")];
  const [known = "", count = "", inode = ""] = numbersIn(readText(path) ?? "");
  const began = known === String(pass);
  let left = began ? Math.min(Number(count), all) : all;
  let exchanging = began ? inode : "";
  // One that was kept and not noted comes again.
  const noted = began ? placesIn(readText(places) ?? "") : [];
  const kept = new Set(noted.filter((place) => place >= left));
  const unsure = began && !noted.includes(left - 1);
  const astray = began ? linesIn(readText(strays) ?? "") : [];
  const common = { left, unsure, began, kept, astray, exchanging: () => (exchanging === "" ? null : exchanging) };
  if (how === "dry") {
    const idle = { exchange: none, note: none, close: none, stray: none };
    return { ...common, ...idle, exchanging: () => null, keep: (at) => kept.add(at) };
  }
  const flags = constants.O_WRONLY | constants.O_CREAT;
  const list = openSync(places, flags | constants.O_APPEND, 0o600);
  ftruncateSync(list, kept.size * PLACE);
  writeFileSync(strays, astray.map(lineOf).join(""), { mode: 0o600 });
  const file = openSync(path, flags, 0o600);
  const write = (): void => {
    writeSync(file, [String(pass), String(left), exchanging].map((text) => text.padStart(NUMBER)).join(""), 0);
  };
  write();
  return {
    ...common,
    stray: (each) => appendFileSync(strays, lineOf(each)),
    keep(place) {
      kept.add(place);
      writeSync(list, `${String(place).padStart(PLACE - 1)}\n`);
    },
    exchange(found) {
      exchanging = found;
      write();
    },
    note(next) {
      [left, exchanging] = [next, ""];
      write();
    },
    close() {
      closeSync(file);
      closeSync(list);
    },
  };
}

/** What the undoing before left, or null when none came to its end. */
export function readRest(folder: string): UndoRest | null {
  const text = readText(join(folder, "rest"));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody else can write in the store
  return text === null ? null : (JSON.parse(text) as UndoRest);
}

/** Ends a pass: from here on the next one is over this rest. */
export function writeRest(folder: string, rest: UndoRest): void {
  const path = join(folder, "rest");
  writeFileSync(`${path}-new`, JSON.stringify(rest), { mode: 0o600 });
  renameSync(`${path}-new`, path);
}

function none(): void {}

function numbersIn(text: string): readonly string[] {
  return [0, 1, 2].map((at) => text.slice(at * NUMBER, (at + 1) * NUMBER).trim());
}

function lineOf(path: string): string {
  return `${JSON.stringify(path)}\n`;
}

/** Without a last line that was cut. */
function linesIn(text: string): readonly string[] {
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.flatMap((line): readonly string[] => (line === "" ? [] : [String(JSON.parse(line))]));
}

function placesIn(text: string): readonly number[] {
  const whole = Math.floor(text.length / PLACE);
  return Array.from({ length: whole }, (_, at) => Number(text.slice(at * PLACE, (at + 1) * PLACE)));
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
