import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect } from "vitest";
import { createFileActs } from "../../src/platform/workspace/file-acts.ts";
import { O_CREAT, O_PATH, O_TRUNC } from "../../src/platform/files/file-calls.ts";
import { createUndoStore, look, OUT_OF_REACH } from "../../src/platform/workspace/undo-store.ts";
import type { StorageOrder, StorageTarget } from "../../src/sandbox/storage-wire.ts";
import { removeFolder } from "./open-folders.ts";

/** Runs that are tried; thousands in a slow proof. */
export const RUNS: number = Number(process.env["AIOS_UNDO_RUNS"] ?? "100");

/** A folder with something in it, and a store. */
export interface Begun {
  readonly place: string;
  readonly store: string;
  /** Does an order as a storage device does, and writes `text` into what it opened. */
  act(order: StorageOrder, text?: string): string;
  end(): void;
}

/** Folders below `base`, each of its own; `close` removes all of them. */
export function undoPlaces(): { readonly base: string; begin(most?: number): Begun; close(): void } {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "aios-undo-")));
  const root = openSync("/", O_PATH);
  let last = 0;
  function begin(most = 1_000_000): Begun {
    const place = join(base, String(++last));
    const folder = `${place}-store`;
    mkdirSync(join(place, "d/e"), { recursive: true });
    mkdirSync(folder);
    for (const name of ["a", "b", "d/a", "d/e/a"]) writeFileSync(join(place, name), `${name} before`);
    symlinkSync("a", join(place, "s"));
    // Names that were there before: two here, and one of a file that others rely on elsewhere.
    linkSync(join(place, "b"), join(place, "d/h"));
    writeFileSync(`${place}-elsewhere`, "theirs");
    linkSync(`${place}-elsewhere`, join(place, "o"));
    const store = createUndoStore(folder, most);
    const acts = createFileActs({ root, roots: [place], open: new Set(), obeyed: [], store });
    return {
      place,
      store: folder,
      act(order, text = "") {
        const { answer, fd } = acts(order, null);
        if (fd !== null) {
          if (text !== "") writeSync(fd, text);
          closeSync(fd);
        }
        return answer.answer === "failed" ? `failed ${answer.errno}` : answer.answer;
      },
      end: () => store.close(),
    };
  }
  return {
    base,
    begin,
    close() {
      closeSync(root);
      removeFolder(base);
    },
  };
}

/**
 * All that undoing must bring back: kinds, content, modes, and when files were changed. An ordinary user is let into what a run
 * closed to them, as root is anyway, for as long as they look.
 */
export function treeOf(place: string): { readonly [path: string]: string } {
  return Object.fromEntries(rowsOf(place, "").toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function rowsOf(folder: string, below: string): readonly (readonly [string, string])[] {
  return letIn(folder, 0o700, () =>
    readdirSync(folder).flatMap((each) => {
      const [path, name] = [join(folder, each), join(below, each)];
      const { mode, mtimeNs } = lstatSync(path, { bigint: true });
      const shown = mode.toString(8);
      switch (mode & 0o170_000n) {
        case 0o120_000n:
          return [[name, `link to ${readlinkSync(path)}`]] as const;
        case 0o100_000n:
          return [[name, `${shown} ${mtimeNs} ${letIn(path, 0o600, () => readFileSync(path, "utf8"))}`]] as const;
        case 0o040_000n:
          return [[name, `${shown} `] as const, ...rowsOf(path, name)];
        default:
          return [[name, `${shown} `]] as const;
      }
    }),
  );
}

/** What lies where nobody may look, for an ordinary user: a dry look has to guess there, and an undoing that was stopped leaves it. */
export function hiddenIn(place: string): readonly string[] {
  return Object.keys(treeOf(place))
    .map((name) => join(place, name))
    .filter((path) => look(path)?.inode === OUT_OF_REACH.inode);
}

/** Writes as the person would, where they may. */
export function appendIfMay(path: string): void {
  try {
    appendFileSync(path, "mine");
  } catch (error) {
    expect(error).toMatchObject({ code: "EACCES" });
  }
}

/** Lets them into a file below for as long as it is acted on. */
export function letInto(folder: string, below: string, act: (path: string) => void): void {
  const [first = "", ...rest] = below.split("/");
  const path = join(folder, first);
  letIn(folder, 0o700, () => {
    if (rest.length > 0) letInto(path, rest.join("/"), act);
    else letIn(path, 0o600, () => act(path));
  });
}

function letIn<T>(path: string, rights: number, act: () => T): T {
  const { mode } = lstatSync(path);
  if ((mode & rights) !== rights) chmodSync(path, mode | rights);
  try {
    return act();
  } finally {
    if ((mode & rights) !== rights) chmodSync(path, mode & 0o7777);
  }
}

/** All of a file that its other names show, but how many these are. */
export function fileOf(path: string): readonly unknown[] {
  const { ino, mode, uid, gid, size, mtimeNs } = lstatSync(path, { bigint: true });
  return [ino, mode, uid, gid, size, mtimeNs, readFileSync(path, "utf8")];
}

/** Paths in the folder that steps are about. */
export const NAMES: readonly string[] = [
  "o",
  "d/h",
  "a",
  "b",
  "c",
  "d",
  "s",
  "d/a",
  "d/b",
  "d/e",
  "d/e/a",
  "d/e/b",
  "f",
  "f/a",
  "f/e/a",
];
const name = fc.constantFrom(...NAMES);
/** An order with `@` in the place of the folder, and what is written into what it opened. */
export interface Step {
  readonly order: StorageOrder;
  readonly text: string;
}

const opening = fc.constantFrom(1, 1 | O_CREAT, 1 | O_CREAT | O_TRUNC, O_TRUNC);
/** Any step. */
export const step: fc.Arbitrary<Step> = fc
  .oneof(
    fc
      .tuple(name, opening)
      .map(([path, flags]): StorageOrder => ({ order: "open", target: at(path), flags, mode: 0o644 })),
    name.map((path): StorageOrder => ({ order: "make-folder", path: `@/${path}`, mode: 0o755 })),
    fc
      .tuple(name, fc.boolean())
      .map(([path, folder]): StorageOrder => ({ order: "remove", path: `@/${path}`, folder })),
    fc
      .tuple(name, name, fc.constantFrom(0, 0, 1, 2))
      .map(([from, to, flags]): StorageOrder => ({ order: "rename", from: `@/${from}`, to: `@/${to}`, flags })),
    fc.tuple(name, name).map(([from, to]): StorageOrder => ({ order: "link", from: at(from), to: `@/${to}` })),
    fc.tuple(name, name).map(([text, path]): StorageOrder => ({ order: "symlink", text, path: `@/${path}` })),
    name.map((path): StorageOrder => ({ order: "truncate", target: at(path), length: "2" })),
    fc
      .tuple(name, fc.constantFrom(0o600, 0o755))
      .map(([path, mode]): StorageOrder => ({ order: "mode", target: at(path), mode })),
  )
  .chain((order) => fc.string({ maxLength: 4, unit: "grapheme-ascii" }).map((text) => ({ order, text })));

/** A path of the folder as a target. */
export function at(path: string): StorageTarget {
  return { at: "path", path: `@/${path}`, follow: true };
}

/** Does steps one after the other, and ends. */
export function run({ place, act, end }: Begun, steps: readonly Step[]): void {
  for (const { order, text } of steps) {
    const isRead = order.order === "open" && (order.flags & 3) === 0;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same order in another folder
    const placed = JSON.parse(JSON.stringify(order).replaceAll("@", place)) as StorageOrder;
    act(placed, isRead ? "" : text);
  }
  end();
}
