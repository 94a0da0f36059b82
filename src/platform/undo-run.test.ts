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
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { removeFolder } from "../../test/fakes/open-folders.ts";
import type { StorageOrder, StorageTarget } from "../sandbox/storage-wire.ts";
import { createFileActs } from "./file-acts.ts";
import { O_CREAT, O_PATH, O_TRUNC } from "./file-calls.ts";
import { undoRun } from "./undo-run.ts";
import { createUndoStore, look, OUT_OF_REACH } from "./undo-store.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "aios-undo-")));
const root = openSync("/", O_PATH);
afterAll(() => {
  closeSync(root);
  removeFolder(base);
});
let last = 0;
/** Runs that are tried; thousands in a slow proof. */
const RUNS = Number(process.env["AIOS_UNDO_RUNS"] ?? "100");

/** A folder with something in it, and a store. */
function begin(most = 1_000_000): {
  readonly place: string;
  readonly store: string;
  /** Does an order as a storage device does, and writes `text` into what it opened. */
  act(order: StorageOrder, text?: string): string;
  end(): void;
} {
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

/**
 * All that undoing must bring back: kinds, content, modes, and when files were changed. An ordinary user is let into what a run
 * closed to them, as root is anyway, for as long as they look.
 */
function treeOf(place: string): { readonly [path: string]: string } {
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
function hiddenIn(place: string): readonly string[] {
  return Object.keys(treeOf(place))
    .map((name) => join(place, name))
    .filter((path) => look(path)?.inode === OUT_OF_REACH.inode);
}

function appendIfMay(path: string): void {
  try {
    appendFileSync(path, "mine");
  } catch (error) {
    expect(error).toMatchObject({ code: "EACCES" });
  }
}

/** The same for a file below. */
function letInto(folder: string, below: string, act: (path: string) => void): void {
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
function fileOf(path: string): readonly unknown[] {
  const { ino, mode, uid, gid, size, mtimeNs } = lstatSync(path, { bigint: true });
  return [ino, mode, uid, gid, size, mtimeNs, readFileSync(path, "utf8")];
}

const NAMES = ["o", "d/h", "a", "b", "c", "d", "s", "d/a", "d/b", "d/e", "d/e/a", "d/e/b", "f", "f/a", "f/e/a"];
const name = fc.constantFrom(...NAMES);
/** An order with `@` in the place of the folder, and what is written into what it opened. */
interface Step {
  readonly order: StorageOrder;
  readonly text: string;
}

const opening = fc.constantFrom(1, 1 | O_CREAT, 1 | O_CREAT | O_TRUNC, O_TRUNC);
const step: fc.Arbitrary<Step> = fc
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

function at(path: string): StorageTarget {
  return { at: "path", path: `@/${path}`, follow: true };
}

function run({ place, act, end }: ReturnType<typeof begin>, steps: readonly Step[]): void {
  for (const { order, text } of steps) {
    const isRead = order.order === "open" && (order.flags & 3) === 0;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same order in another folder
    const placed = JSON.parse(JSON.stringify(order).replaceAll("@", place)) as StorageOrder;
    act(placed, isRead ? "" : text);
  }
  end();
}

describe("undoing", () => {
  it("brings back every file, link, folder, mode and time, whatever a run did", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const begun = begin();
        const { place, store } = begun;
        const before = treeOf(place);
        const elsewhere = fileOf(`${place}-elsewhere`);
        run(begun, steps);
        expect(fileOf(`${place}-elsewhere`)).toEqual(elsewhere);
        const after = treeOf(place);
        const hidden = hiddenIn(place);
        const dry = undoRun(store, { how: "dry" });
        expect(treeOf(place)).toEqual(after);
        const done = undoRun(store, { how: "do" });
        expect(done.left).toEqual([]);
        expect(treeOf(place)).toEqual(before);
        if (hidden.length === 0) expect(dry).toEqual(done);
        expect(fileOf(`${place}-elsewhere`)).toEqual(elsewhere);
        expect(undoRun(store, { how: "do" })).toMatchObject({ changed: 0, leftCount: 0 });
      }),
      { numRuns: RUNS },
    );
  });

  it("is what a dry look says, whatever a person wrote since, and so is what it leaves", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), fc.subarray([...NAMES]), (steps, mine) => {
        const begun = begin();
        const { place, store } = begun;
        run(begun, steps);
        const after = treeOf(place);
        // Where nobody could look a dry look says what the run did.
        for (const path of mine) if (after[path]?.startsWith("1") === true) appendIfMay(join(place, path));
        for (let time = 0; time < 2; time++) {
          const hidden = hiddenIn(place);
          const dry = undoRun(store, { how: "dry" });
          const done = undoRun(store, { how: "do" });
          if (hidden.length === 0) expect(dry).toEqual(done);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("goes on after it was stopped at any step, whether the step was noted or not", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 3, maxLength: 20 }), fc.nat(20), (steps, stop) => {
        const begun = begin();
        const { place, store } = begun;
        const before = treeOf(place);
        run(begun, steps);
        const hidden = hiddenIn(place);
        let left = stop;
        const crash = (): void => {
          if (left-- === 0) throw new Error("stopped");
        };
        try {
          undoRun(store, { how: "do", onStep: crash });
        } catch (error) {
          expect(String(error)).toBe("Error: stopped");
        }
        const after = undoRun(store, { how: "do" });
        if (hidden.length > 0 && after.leftCount > 0) return;
        expect(after.left).toEqual([]);
        expect(treeOf(place)).toEqual(before);
      }),
      { numRuns: RUNS },
    );
  });

  it("leaves what somebody changed since, names it, and undoes the rest", () => {
    const { place, store, act, end } = begin();
    for (const path of ["a", "b", "new"]) {
      const target = { at: "path", path: `${place}/${path}`, follow: true } as const;
      expect(act({ order: "open", target, flags: 1 | O_CREAT | O_TRUNC, mode: 0o644 }, "agent")).toBe("done");
    }
    end();
    appendFileSync(join(place, "a"), " and a person");
    const report = undoRun(store, { how: "do" });
    expect(report).toEqual({
      changes: [
        { what: "removed", path: join(place, "new") },
        { what: "restored", path: join(place, "b") },
      ],
      changed: 2,
      left: [{ path: join(place, "a"), why: "it was changed since the run" }],
      leftCount: 1,
      noted: true,
    });
    expect(readFileSync(join(place, "a"), "utf8")).toBe("agent and a person");
    expect(readFileSync(join(place, "b"), "utf8")).toBe("b before");
  });
});

describe("undoing again, after what stood in the way was mended", () => {
  const open = (path: string): StorageOrder => ({ order: "open", target: at(path), flags: 1 | O_CREAT, mode: 0o644 });
  const SINCE = "it was changed since the run";

  it("goes on with the rest, and what was taken back stays a person's", () => {
    const begun = begin();
    const { place, store } = begun;
    const before = treeOf(place);
    run(begun, [
      { order: { order: "make-folder", path: "@/n", mode: 0o755 }, text: "" },
      ...["a", "b", "n/x"].map((path) => ({ order: open(path), text: "agent" })),
      { order: { order: "rename", from: "@/d/a", to: "@/moved", flags: 0 }, text: "" },
    ]);
    appendFileSync(join(place, "a"), " and a person");
    appendFileSync(join(place, "moved"), " and a person");
    writeFileSync(join(place, "n/mine"), "a person's");
    const first = undoRun(store, { how: "do" });
    expect(first.left.map(({ path, why }) => `${path.slice(place.length)} ${why}`)).toEqual([
      `/moved ${SINCE}`,
      `/a ${SINCE}`,
      "/n it cannot be put back: ENOTEMPTY",
    ]);
    // Nothing was mended: it says the same and does nothing.
    writeFileSync(join(place, "b"), "a person's own since");
    expect(undoRun(store, { how: "do" })).toMatchObject({ changed: 0, left: first.left });
    renameSync(join(place, "a"), join(base, "kept"));
    rmSync(join(place, "n/mine"));
    expect(undoRun(store, { how: "dry" })).toMatchObject({ changed: 2, leftCount: 1 });
    const second = undoRun(store, { how: "do" });
    expect(second.changes.map(({ what, path }) => `${what} ${path.slice(place.length)}`)).toEqual([
      "restored /a",
      "removed /n",
    ]);
    expect(second.left).toEqual([{ path: join(place, "moved"), why: SINCE }]);
    expect(readFileSync(join(place, "b"), "utf8")).toBe("a person's own since");
    expect(readFileSync(join(place, "moved"), "utf8")).toContain("and a person");
    rmSync(join(place, "moved"));
    expect(undoRun(store, { how: "do" }).left).toEqual([]);
    expect(treeOf(place)["a"]).toBe(before["a"]);
  });

  it("does not write over what a person made since in the place of what was left", () => {
    const begun = begin();
    const { place, store } = begun;
    run(begun, [{ order: open("a"), text: "agent" }]);
    appendFileSync(join(place, "a"), "1");
    undoRun(store, { how: "do" });
    writeFileSync(join(place, "a"), "another");
    expect(undoRun(store, { how: "do" })).toMatchObject({ changed: 0, leftCount: 1 });
    expect(readFileSync(join(place, "a"), "utf8")).toBe("another");
  });

  it("still knows what was left when it was stopped after that", () => {
    const begun = begin();
    const { place, store } = begun;
    run(
      begun,
      ["b", "a"].map((path) => ({ order: open(path), text: "agent" })),
    );
    appendFileSync(join(place, "a"), "1");
    let steps = 0;
    const stop = (): void => {
      if (++steps === 2) throw new Error("stopped");
    };
    expect(() => undoRun(store, { how: "do", onStep: stop })).toThrow("stopped");
    expect(undoRun(store, { how: "do" }).left.map(({ path }) => path)).toEqual([join(place, "a")]);
    expect(readFileSync(join(place, "a"), "utf8")).toMatch(/1$/);
    rmSync(join(place, "a"));
    expect(undoRun(store, { how: "do" })).toMatchObject({ changed: 1, leftCount: 0 });
    expect(readFileSync(join(place, "a"), "utf8")).toBe("a before");
  });

  it("loses nothing of a person's, whatever a run did, wherever they wrote since and it was stopped", () => {
    const stand = fc.subarray([...NAMES]);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), stand, fc.nat(20), (steps, mine, stop) => {
        const begun = begin();
        const { place, store } = begun;
        run(begun, steps);
        const after = treeOf(place);
        const writing = mine.filter((path) => after[path]?.startsWith("1") === true);
        for (const path of writing) letInto(place, path, (file) => appendFileSync(file, "mine"));
        const written = treeOf(place);
        let left = stop;
        const crash = (): void => {
          if (left-- % 7 === 0) throw new Error("stopped");
        };
        for (let time = 0; time < 4; time++) {
          try {
            undoRun(store, { how: "do", onStep: crash });
          } catch (error) {
            expect(String(error)).toBe("Error: stopped");
          }
        }
        const texts = Object.values(treeOf(place));
        for (const path of writing) expect(texts).toContain(written[path]);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("what an agent leaves for the undoing of its work", () => {
  it("a link where content stands beside for a moment leads nowhere", () => {
    const begun = begin();
    const { place, store } = begun;
    writeFileSync(join(place, "hook"), "harmless");
    run(begun, [
      { order: { order: "open", target: at("a"), flags: 1 | O_TRUNC, mode: 0 }, text: "agent" },
      { order: { order: "symlink", text: "hook", path: "@/a.aios-undo" }, text: "" },
    ]);
    // Left as it is, so that it is still there when the file is put back.
    rmSync(join(place, "a.aios-undo"));
    symlinkSync("hook", join(place, "a.aios-undo"));
    undoRun(store, { how: "do" });
    expect(readFileSync(join(place, "hook"), "utf8")).toBe("harmless");
    expect(readFileSync(join(place, "a"), "utf8")).toBe("a before");
  });

  it("a link in the place of a folder leads what is put back nowhere either", () => {
    const begun = begin();
    const { place, store } = begun;
    run(begun, [{ order: { order: "open", target: at("d/a"), flags: 1 | O_TRUNC, mode: 0 }, text: "agent" }]);
    renameSync(join(place, "d"), join(place, "elsewhere"));
    symlinkSync("elsewhere", join(place, "d"));
    const report = undoRun(store, { how: "do" });
    const why = "the folder that it was in is not what it was";
    expect(report).toMatchObject({ changed: 0, left: [{ path: join(place, "d/a"), why }] });
    expect(readFileSync(join(place, "elsewhere/a"), "utf8")).toBe("agent");
  });
});

describe("a run whose end was not noted", () => {
  it("is undone but for what was changed later than its last note", () => {
    const begun = begin();
    const { place, store, act } = begun;
    for (const path of ["a", "b"]) {
      const target = { at: "path", path: `${place}/${path}`, follow: true } as const;
      act({ order: "open", target, flags: 1 | O_TRUNC, mode: 0 }, "agent");
    }
    const later = new Date(Date.now() + 5000);
    utimesSync(join(place, "b"), later, later);
    const report = undoRun(store, { how: "do" });
    expect(report).toMatchObject({ noted: false, changed: 1, left: [{ path: join(place, "b") }] });
    expect(readFileSync(join(place, "a"), "utf8")).toBe("a before");
    expect(readFileSync(join(place, "b"), "utf8")).toBe("agent");
  });
});

describe("the budget of what is kept", () => {
  it("refuses a change that it has no room to undo, and the file stays", () => {
    const { place, act, end } = begin(4);
    const target = { at: "path", path: `${place}/a`, follow: true } as const;
    expect(act({ order: "open", target, flags: 1 | O_TRUNC, mode: 0 })).toBe("failed 122"); // EDQUOT
    expect(act({ order: "remove", path: `${place}/a`, folder: false })).toBe("failed 122");
    expect(readFileSync(join(place, "a"), "utf8")).toBe("a before");
    end();
  });

  it("twin: with room it is kept and done", () => {
    const { place, act, end } = begin(4096);
    expect(act({ order: "remove", path: `${place}/a`, folder: false })).toBe("done");
    end();
    expect(readdirSync(place)).not.toContain("a");
  });
});
