import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { StorageOrder } from "../../sandbox/storage-wire.ts";
import { createFileActs } from "./file-acts.ts";
import { copyAttributes } from "../files/file-attributes.ts";
import { O_CREAT, O_PATH, O_TRUNC } from "../files/file-calls.ts";
import { bindFunction } from "../libc.ts";
import { undoRun } from "./undo-run.ts";
import { createUndoStore, type UndoStore } from "./undo-store.ts";

/*
 * Files of a workspace that have names elsewhere, as package managers and caches make them: what is done to such a file
 * here must not be done to it there.
 */
const base = realpathSync(mkdtempSync(join(tmpdir(), "aios-shared-")));
const root = openSync("/", O_PATH);
afterAll(() => {
  closeSync(root);
  rmSync(base, { recursive: true, force: true });
});
let last = 0;

/** A workspace whose file `f` has a second name outside. `meanwhile` stands between the device and what it notes. */
function begin(
  meanwhile: (store: UndoStore, paths: { f: string; outside: string }) => Partial<UndoStore> = () => ({}),
): {
  readonly f: string;
  readonly outside: string;
  readonly place: string;
  readonly kept: string;
  act(order: StorageOrder, descriptor?: number): { readonly answer: string; readonly fd: number | null };
  /** Opens, writes and closes; what the answer was. */
  write(path: string, text: string, flags?: number): string;
} {
  const place = join(base, String(++last));
  const [kept, outside, f] = [`${place}-undo`, `${place}-outside`, join(place, "f")];
  mkdirSync(place);
  mkdirSync(kept);
  writeFileSync(outside, "theirs", { mode: 0o640 });
  utimesSync(outside, 1_000_000.25, 2_000_000.5);
  linkSync(outside, f);
  const real = createUndoStore(kept, 1_000_000);
  const acts = createFileActs({
    root,
    roots: [place],
    open: new Set(),
    obeyed: [],
    store: { ...real, ...meanwhile(real, { f, outside }) },
  });
  const act = (order: StorageOrder, descriptor?: number): { readonly answer: string; readonly fd: number | null } => {
    const { answer, fd } = acts(order, descriptor ?? null);
    return { answer: answer.answer === "failed" ? `failed ${answer.errno}` : answer.answer, fd };
  };
  return {
    f,
    outside,
    place,
    kept,
    act,
    write(path, text, flags = 1) {
      const { answer, fd } = act({ order: "open", target: at(path), flags, mode: 0o644 });
      if (fd === null) return answer;
      writeSync(fd, text);
      closeSync(fd);
      return answer;
    },
  };
}

function at(path: string): Extract<StorageOrder, { order: "open" }>["target"] {
  return { at: "path", path, follow: true };
}

/** All of a file that its other names show, but how many these are. */
function fileOf(path: string): readonly unknown[] {
  const { ino, mode, uid, gid, size, mtimeNs } = lstatSync(path, { bigint: true });
  return [ino, mode, uid, gid, size, mtimeNs, readFileSync(path, "utf8")];
}

function inodeOf(path: string): number {
  return lstatSync(path).ino;
}

const EACCES = "failed 13";

describe("a file that has a name elsewhere", () => {
  it.each<[string, (begun: ReturnType<typeof begin>) => string, string]>([
    ["written to", ({ write, f }) => write(f, "agent"), "agents"],
    ["emptied when it is opened", ({ write, f }) => write(f, "new", 1 | O_TRUNC), "new"],
    ["emptied when it is opened for reading", ({ act, f }) => emptied(act, f), ""],
    ["cut", ({ act, f }) => act({ order: "truncate", target: at(f), length: "2" }).answer, "th"],
    ["given a mode", ({ act, f }) => act({ order: "mode", target: at(f), mode: 0o777 }).answer, "theirs"],
    ["given a mode by descriptor", ({ act, f }) => moded(act, openSync(f, "r")), "theirs"],
  ])("stays as it is there when it is %s", (_, change, text) => {
    const begun = begin();
    const before = fileOf(begun.outside);
    expect(change(begun)).toBe("done");
    expect(fileOf(begun.outside)).toEqual(before);
    expect(readFileSync(begun.f, "utf8")).toBe(text);
    expect(readdirSync(begun.place)).toEqual(["f"]);
    expect(undoRun(begun.kept, { how: "do" })).toMatchObject({ changed: 1, leftCount: 0 });
    expect(fileOf(begun.f).slice(1)).toEqual(before.slice(1));
    expect(fileOf(begun.outside)).toEqual(before);
  });

  it("comes to be a file of its own here with mode, times and attributes as they were", () => {
    const { act, f, outside } = begin();
    setAttribute(outside, "user.note", "mine");
    const { answer, fd } = act({ order: "open", target: at(f), flags: 1, mode: 0 });
    if (fd !== null) closeSync(fd);
    expect(answer).toBe("done");
    const [here, there] = [lstatSync(f, { bigint: true }), lstatSync(outside, { bigint: true })];
    expect([here.mode, here.mtimeNs, here.nlink, there.nlink]).toEqual([there.mode, 2_000_000_500_000_000n, 1n, 1n]);
    expect(here.atimeNs).toBe(1_000_000_250_000_000n);
    expect(here.ino).not.toBe(there.ino);
    expect(attribute(f, "user.note")).toBe("mine");
  });

  it("is not reached through a descriptor either whose name here is gone", () => {
    const { act, f, outside } = begin();
    const before = fileOf(outside);
    const fd = openSync(f, O_PATH);
    expect(act({ order: "remove", path: f, folder: false }).answer).toBe("done");
    expect(act({ order: "mode", target: { at: "descriptor" }, mode: 0o777 }, fd).answer).toBe(EACCES);
    expect(act({ order: "open", target: { at: "descriptor" }, flags: 1, mode: 0 }, fd).answer).toBe(EACCES);
    // Nor does a file that now has the very name which the kernel gives to one that is gone.
    writeFileSync(`${f} (deleted)`, "");
    expect(act({ order: "mode", target: { at: "descriptor" }, mode: 0o777 }, fd).answer).toBe(EACCES);
    closeSync(fd);
    expect(fileOf(outside)).toEqual(before);
  });

  it("is not reached where it lies too deep to be told where", () => {
    const { act, f, place, outside } = begin();
    const before = fileOf(outside);
    const name = "n".repeat(200);
    let folder = openSync(place, O_PATH);
    for (let deep = 0; deep < 20; deep++) {
      mkdirSync(`/proc/self/fd/${folder}/${name}`);
      const next = openSync(`/proc/self/fd/${folder}/${name}`, O_PATH);
      closeSync(folder);
      folder = next;
    }
    renameSync(f, `/proc/self/fd/${folder}/${name}`);
    const fd = openSync(`/proc/self/fd/${folder}/${name}`, "r");
    closeSync(folder);
    expect(act({ order: "mode", target: { at: "descriptor" }, mode: 0o777 }, fd).answer).toBe("failed 36"); // ENAMETOOLONG
    closeSync(fd);
    expect(fileOf(outside)).toEqual(before);
  });

  it("is found out by what was opened, when it got that name only after the first look", () => {
    const late = begin((real, { f, outside }) => ({
      changing(fd, path) {
        if (!existsSync(`${outside}-late`)) linkSync(f, `${outside}-late`);
        return real.changing(fd, path);
      },
    }));
    unlinkSync(late.outside);
    const before = lstatSync(late.f).ino;
    expect(late.write(late.f, "agent", 1 | O_TRUNC)).toBe("done");
    expect(readFileSync(`${late.outside}-late`, "utf8")).toBe("theirs");
    expect([inodeOf(`${late.outside}-late`), inodeOf(late.f) === before]).toEqual([before, false]);
    expect(readFileSync(late.f, "utf8")).toBe("agent");
  });

  it("is refused when it gets a name again and again, and a person's file that takes its place stays", () => {
    let names = 0;
    const again = begin((real, { f, outside }) => ({
      isShared(found) {
        if (found.nlink === 1n) linkSync(f, `${outside}-${++names}`);
        return real.isShared(lstatSync(f, { bigint: true }));
      },
    }));
    expect(again.write(again.f, "agent", 1 | O_TRUNC)).toBe(EACCES);
    expect(readFileSync(again.outside, "utf8")).toBe("theirs");
    const swapped = begin((real, { f, outside }) => ({
      changing(fd, path) {
        writeFileSync(`${outside}-new`, "a person's");
        renameSync(`${outside}-new`, f);
        return real.changing(fd, path);
      },
    }));
    expect(swapped.write(swapped.f, "agent", 1 | O_TRUNC)).toBe(EACCES);
    expect([readFileSync(swapped.f, "utf8"), readFileSync(swapped.outside, "utf8")]).toEqual(["a person's", "theirs"]);
    expect(readdirSync(swapped.place)).toEqual(["f"]);
  });

  it.each(["made", "parted"] as const)(
    "is whole under either name when the device dies at the moment of %s",
    (moment) => {
      const { write, f, outside, place, kept } = begin((real) => ({
        [moment](...values: readonly never[]) {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- handed on as they came
          (real[moment] as (...all: readonly unknown[]) => void)(...values);
          throw new Error("died");
        },
      }));
      const before = fileOf(outside);
      expect(() => write(f, "agent")).toThrow("died");
      expect(fileOf(outside)).toEqual(before);
      expect(fileOf(f).slice(1)).toEqual(before.slice(1));
      expect(undoRun(kept, { how: "do" }).left).toEqual([]);
      expect(fileOf(outside)).toEqual(before);
      expect(fileOf(f).slice(1)).toEqual(before.slice(1));
      expect(readdirSync(place)).toEqual(["f"]);
    },
  );
});

describe("twin: a file", () => {
  it("with one name keeps its inode", () => {
    const { act, write, place } = begin();
    const one = join(place, "one");
    writeFileSync(one, "before");
    const before = inodeOf(one);
    expect(write(one, "agent")).toBe("done");
    expect(act({ order: "truncate", target: at(one), length: "3" }).answer).toBe("done");
    expect(act({ order: "mode", target: at(one), mode: 0o600 }).answer).toBe("done");
    expect([inodeOf(one), readFileSync(one, "utf8"), lstatSync(one).mode & 0o777]).toEqual([before, "age", 0o600]);
  });

  it("of the run's own stays one file under all the names that the run gives it, and no others", () => {
    const { act, write, place, outside } = begin();
    const [one, two] = [join(place, "one"), join(place, "two")];
    expect(write(one, "first", 1 | O_CREAT)).toBe("done");
    expect(act({ order: "link", from: at(one), to: two }).answer).toBe("done");
    expect(write(two, "again")).toBe("done");
    expect([inodeOf(one), readFileSync(one, "utf8"), lstatSync(one).nlink]).toEqual([inodeOf(two), "again", 2]);
    // A person's snapshot of it is a name that the run did not give.
    linkSync(one, `${outside}-snapshot`);
    expect(write(two, "third")).toBe("done");
    expect(readFileSync(`${outside}-snapshot`, "utf8")).toBe("again");
    expect([readFileSync(one, "utf8"), readFileSync(two, "utf8")]).toEqual(["again", "third"]);
  });

  it("that has no name any more is the opener's alone", () => {
    const { act, outside, f } = begin();
    unlinkSync(outside);
    const fd = openSync(f, O_PATH);
    unlinkSync(f);
    expect(act({ order: "mode", target: { at: "descriptor" }, mode: 0o600 }, fd).answer).toBe("done");
    closeSync(fd);
  });
});

it("attributes that cannot be kept are an error", () => {
  const [from, to] = [join(base, "from"), openSync("/dev/null", O_PATH)];
  writeFileSync(from, "");
  setAttribute(from, "user.note", "mine");
  const fd = openSync(from, O_PATH);
  expect(copyAttributes(fd, to)).toBeLessThan(0);
  closeSync(fd);
  closeSync(to);
});

function emptied(act: ReturnType<typeof begin>["act"], path: string): string {
  const { answer, fd } = act({ order: "open", target: at(path), flags: O_TRUNC, mode: 0 });
  if (fd !== null) closeSync(fd);
  return answer;
}

function moded(act: ReturnType<typeof begin>["act"], fd: number): string {
  const { answer } = act({ order: "mode", target: { at: "descriptor" }, mode: 0o777 }, fd);
  closeSync(fd);
  return answer;
}

const setxattr = bindFunction<[string, string, string, number, number]>(
  "int setxattr(const char *, const char *, const char *, unsigned long, int)",
);
const getxattr = bindFunction<[string, string, Buffer, number]>(
  "long getxattr(const char *, const char *, void *, unsigned long)",
);

function setAttribute(path: string, name: string, value: string): void {
  expect(setxattr(path, name, value, value.length, 0)).toBe(0);
}

function attribute(path: string, name: string): string {
  const value = Buffer.alloc(64);
  return value.toString("latin1", 0, Math.max(0, getxattr(path, name, value, value.length)));
}
