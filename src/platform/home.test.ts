import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../test/fakes/temporary-folder.ts";
import { oncePerTurn, openHome, watchFolder } from "./home.ts";
import { PlatformError } from "./platform-error.ts";

const isRoot = process.geteuid?.() === 0;
let outer: string;
let path: string;

beforeEach(() => {
  outer = makeTemporaryFolder();
  path = join(outer, "a home");
});

const modeOf = (folder: string): number => statSync(folder).mode & 0o7777;

/** The refusal, or a failure when the home opened. */
function refusal(): PlatformError {
  try {
    openHome(path);
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error("the home opened");
}

describe("a home that is not there", () => {
  it("is made with all its folders, closed to others whatever the umask", () => {
    const before = process.umask(0);
    try {
      const home = openHome(join(path, "deeper"));
      expect(readdirSync(home.path).toSorted()).toEqual([
        "extensions",
        "index",
        "keys",
        "log",
        "run",
        "sealed",
        "telemetry",
        "undo",
        "volumes",
      ]);
      for (const folder of [home.path, home.run, home.log, home.keys, home.undo, home.index])
        expect(modeOf(folder)).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });
});

describe("a home that is there", () => {
  it("opens again and again, and keeps what it holds", () => {
    writeFileSync(join(openHome(path).log, "records"), "kept");
    expect(openHome(path)).toEqual(openHome(path));
    expect(existsSync(join(path, "log", "records"))).toBe(true);
  });

  it.each(["", "run", "log", "keys", "index", "volumes", "sealed", "extensions"])(
    "is refused when others may look into its folder '%s', and nothing is changed",
    (name) => {
      openHome(path);
      for (const mode of [0o701, 0o750, 0o770, 0o755, 0o777, 0o500]) {
        chmodSync(join(path, name), mode);
        const error = refusal();
        expect(error.code).toBe("home-permissions");
        expect(modeOf(join(path, name))).toBe(mode);
        execFileSync("/bin/sh", ["-c", error.hint ?? "false"]); // the hint is a command, and it helps
        expect(openHome(path).path).toBe(path);
      }
    },
  );

  it.each(["", "run", "log", "keys", "index", "volumes", "sealed", "extensions"])(
    "is refused when its folder '%s' is a link or a file",
    (name) => {
      const real = join(outer, "real");
      mkdirSync(real, { mode: 0o700 });
      if (name !== "") mkdirSync(path, { mode: 0o700 });
      const place = join(path, name).replace(/\/$/, "");
      symlinkSync(real, place);
      expect(refusal().code).toBe("home-permissions");
      if (name === "") expect(refusal()).toMatchObject({ hint: "name the folder that it leads to" });
      execFileSync("rm", [place]);
      writeFileSync(place, "");
      expect(refusal().code).toBe("home-permissions");
    },
  );

  it.runIf(isRoot)("is refused when a folder belongs to another user", () => {
    chownSync(openHome(path).keys, 65534, 65534);
    expect(refusal().message).toContain("belongs to user 65534");
  });
});

it("that was moved, or put aside for another, is told from the one that was opened", () => {
  const { stands } = watchFolder(openHome(path).path);
  expect(stands()).toBe(true);
  renameSync(path, `${path} moved`);
  expect(stands()).toBe(false);
  openHome(path);
  expect(stands()).toBe(false);
  rmSync(path, { recursive: true });
  renameSync(`${path} moved`, path);
  expect(stands()).toBe(true);
});

it("that was removed is told from one that was moved", () => {
  const { path: home } = openHome(path);
  const [{ isGone }, { isGone: logIsGone }] = [watchFolder(home), watchFolder(join(home, "log"))];
  renameSync(path, `${path} moved`);
  expect([isGone(), logIsGone()]).toEqual([false, false]);
  rmSync(`${path} moved/log`, { recursive: true });
  expect([isGone(), logIsGone()]).toEqual([false, true]);
  rmSync(`${path} moved`, { recursive: true });
  openHome(path);
  expect(isGone()).toBe(true);
});

it("that was let go of has nothing open, and whatever is there afterwards can be taken", () => {
  const { log } = openHome(path);
  const folder = watchFolder(log);
  const open = (): readonly string[] =>
    readdirSync("/proc/self/fd").map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ""; // the one by which the folder is read
      }
    });
  expect(open()).toContain(log);
  folder.letGo();
  expect(open()).not.toContain(log);
  rmSync(log, { recursive: true });
  expect([folder.stands(), folder.isGone()]).toEqual([true, false]);
  openHome(path);
  folder.take();
  expect([folder.stands(), folder.isGone()]).toEqual([true, false]);
  rmSync(log, { recursive: true });
  expect([folder.stands(), folder.isGone()]).toEqual([false, true]);
});

it("is asked for once by all promises that want to know at one event, and anew at the next", async () => {
  let asked = 0;
  const stands = oncePerTurn(() => {
    asked += 1;
    return asked < 2;
  });
  const askThrice = (): Promise<readonly boolean[]> =>
    new Promise((resolve) => {
      setImmediate(() => {
        const ask = async (): Promise<readonly boolean[]> => {
          await Promise.resolve(); // as whoever writes a record does: in a promise of the event
          const said: boolean[] = [];
          for (const _ of [1, 2, 3]) {
            said.push(stands());
            await Promise.resolve();
          }
          return said;
        };
        void ask().then(resolve);
      });
    });
  expect(await askThrice()).toEqual([true, true, true]);
  expect(await askThrice()).toEqual([false, false, false]);
  expect(asked).toBe(2);
});

describe("the folders above", () => {
  it("refuse the home when anybody may write in one, unless it is sticky", () => {
    openHome(path);
    chmodSync(outer, 0o757);
    expect(refusal().hint).toContain("chmod go-w");
    chmodSync(outer, 0o1777);
    expect(openHome(path).path).toBe(path);
  });

  it.runIf(isRoot)("refuse the home when one belongs to an ordinary user", () => {
    openHome(path);
    chownSync(outer, 12345, 12345);
    expect(refusal().message).toContain("could put another in its place");
  });

  it.runIf(isRoot)("refuse the home when a group of several may write in one, and not a user's own group", () => {
    openHome(path);
    chmodSync(outer, 0o770);
    expect(openHome(path).path).toBe(path);
    chownSync(outer, 0, 100);
    expect(refusal().code).toBe("home-permissions");
  });
});
