import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeWorkspace, runGuarded } from "./guarded-stage.ts";
import { setStage } from "./sandbox-stage.ts";

/*
 * Package managers and caches (pnpm, uv, ccache, cp -al) give files of a project second names in a store that other projects
 * run. Who writes to the one writes to the other: out of the folder that an agent was given. Each attack with the guard off,
 * where it succeeds, and its harmless twins.
 */
const stage = setStage();
afterAll(() => stage.remove());

/** Each changes the file that it is named for, which has a second name in the store. */
const ATTACK = `
import ctypes, errno, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
def put(fd, text=b"evil"):
    os.write(fd, text)
    os.close(fd)
def mapped(path):
    with open(path, "rb+") as file:
        mmap.mmap(file.fileno(), 4)[0:4] = b"evil"
def by_descriptor(path):
    os.fchmod(os.open(path, os.O_RDONLY), 0o777)
def gone(path):
    fd = os.open(path, os.O_RDONLY)
    os.unlink(path)
    os.fchmod(fd, 0o777)
def gone_and_opened(path):
    fd = os.open(path, os.O_RDONLY)
    os.rename(path, path + "-moved")
    open(path, "w").close()
    os.rename(path, path + "-moved")
    put(os.open("/proc/self/fd/%d" % fd, os.O_WRONLY))
def again(path):
    put(os.open("/proc/self/fd/%d" % os.open(path, os.O_RDONLY), os.O_WRONLY))
def linked(path):
    os.link(path, path + "-link")
    put(os.open(path + "-link", os.O_WRONLY | os.O_TRUNC))
def copied(path):
    libc.copy_file_range(os.open("plain", os.O_RDONLY), None, os.open(path, os.O_WRONLY), None, 4, 0)
for name, action in {
    "append": lambda path: put(os.open(path, os.O_WRONLY | os.O_APPEND)),
    "empty": lambda path: os.close(os.open(path, os.O_WRONLY | os.O_TRUNC)),
    "empty-reading": lambda path: os.close(os.open(path, os.O_RDONLY | os.O_TRUNC)),
    "cut": lambda path: os.truncate(path, 1),
    "mode": lambda path: os.chmod(path, 0o777),
    "mode-by-descriptor": by_descriptor,
    "mode-of-gone": gone,
    "opened-again": again,
    "opened-again-gone": gone_and_opened,
    "mapped": mapped,
    "linked": linked,
    "copied": copied,
}.items():
    try:
        action("node_modules/" + name)
        print("ok:", name)
    except OSError as error:
        print(errno.errorcode[error.errno] + ":", name)
try:
    put(os.open("ordinary", os.O_WRONLY | os.O_TRUNC), b"[core]")
    print("ok: control")
except OSError as error:
    print(errno.errorcode[error.errno] + ": control")
`;
/** Three threads, so many steps each; says how often what succeeded. */
const RACE = `
import json, os, random, sys, threading
done = {}
def attempt(name, action, *values):
    try:
        result = action(*values)
        done[name] = done.get(name, 0) + 1
        return result
    except OSError:
        return None
def put(name, path, flags):
    fd = attempt(name, os.open, path, flags)
    if fd is not None:
        os.write(fd, b"evil")
        os.close(fd)
def work(chance):
    names = ["node_modules/" + name for name in sorted(os.listdir("node_modules"))]
    held = []
    for step in range(84):
        one, other = chance.choice(names), chance.choice(names)
        if step % 7 == 0:
            put("opened", one, os.O_WRONLY | chance.choice([0, os.O_TRUNC, os.O_APPEND]))
        elif step % 7 == 1:
            attempt("moded", os.chmod, one, chance.choice([0o600, 0o755]))
        elif step % 7 == 2:
            attempt("renamed", os.rename, one, other)
        elif step % 7 == 3:
            attempt("linked", os.link, one, other)
        elif step % 7 == 4:
            fd = attempt("held", os.open, one, os.O_RDONLY)
            held += [] if fd is None else [fd]
        elif held and step % 7 == 5:
            attempt("moded by descriptor", os.fchmod, chance.choice(held), 0o777)
        elif held:
            put("opened again", "/proc/self/fd/%d" % chance.choice(held), os.O_WRONLY)
threads = [threading.Thread(target=work, args=(random.Random(sys.argv[1] + str(each)),)) for each in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(done))
`;
const ATTACKS = [
  "append",
  "empty",
  "empty-reading",
  "cut",
  "mode",
  "mode-by-descriptor",
  "mode-of-gone",
  "opened-again",
  "opened-again-gone",
  "mapped",
  "linked",
  "copied",
];

/** A workspace of which every file has a second name in the store. */
function fill(): { readonly workspace: string; readonly store: string } {
  const [workspace, store] = [makeWorkspace(stage), makeWorkspace(stage)];
  mkdirSync(join(workspace, "node_modules"));
  mkdirSync(join(workspace, ".git"));
  for (const name of ATTACKS) {
    writeFileSync(join(store, name), `the text of ${name}`);
    linkSync(join(store, name), join(workspace, "node_modules", name));
  }
  writeFileSync(join(workspace, "plain"), "evil");
  writeFileSync(join(workspace, ".git/config"), "a person's");
  linkSync(join(workspace, ".git/config"), join(workspace, "ordinary"));
  return { workspace, store };
}

/** All of a file that its other names show, but how many these are. */
function fileOf(path: string): readonly unknown[] {
  const { ino, mode, uid, gid, size, mtimeNs } = lstatSync(path, { bigint: true });
  return [ino, mode, uid, gid, size, mtimeNs, readFileSync(path, "utf8")];
}

function storeOf(store: string): { readonly [name: string]: readonly unknown[] } {
  return Object.fromEntries(readdirSync(store).map((name) => [name, fileOf(join(store, name))]));
}

describe("a file of the workspace that has a name in a store", () => {
  it("is changed there by every way without the guard", async () => {
    const { workspace, store } = fill();
    const before = storeOf(store);
    const run = await runGuarded(stage, { workspace, guard: "off", command: ["python3", "-c", ATTACK] });
    expect(run.output.trim().split("\n")).toEqual([...ATTACKS, "control"].map((name) => `ok: ${name}`));
    const after = storeOf(store);
    expect(ATTACKS.filter((name) => JSON.stringify(after[name], text) === JSON.stringify(before[name], text))).toEqual(
      [],
    );
    expect(readFileSync(join(workspace, ".git/config"), "utf8")).toBe("[core]");
  });

  it("is changed here alone, and a control file not by its ordinary name either", async () => {
    const { workspace, store } = fill();
    const before = storeOf(store);
    const run = await runGuarded(stage, { workspace, guard: "on", command: ["python3", "-c", ATTACK] });
    expect(run.errors).toBe("");
    const gone = ["mode-of-gone", "opened-again-gone"];
    expect(run.output.trim().split("\n")).toEqual(
      [...ATTACKS, "control"].map((name) => `${gone.includes(name) ? "EACCES" : "ok"}: ${name}`),
    );
    expect(storeOf(store)).toEqual(before);
    expect(readFileSync(join(workspace, ".git/config"), "utf8")).toBe("a person's");
    // Here it was done: nothing was merely refused.
    const here = (name: string): string => readFileSync(join(workspace, "node_modules", name), "utf8");
    expect(["append", "empty", "cut", "mapped", "copied", "linked-link"].map(here)).toEqual([
      "the text of appendevil",
      "",
      "t",
      "eviltext of mapped",
      "eviltext of copied",
      "evil",
    ]);
    expect(lstatSync(join(workspace, "node_modules/mode")).mode & 0o777).toBe(0o777);
    expect(
      readdirSync(workspace, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("aios")),
    ).toEqual([]);
  });

  it("is not reached in a race of two agents that open, rename, link and keep open what is shared", async () => {
    const { workspace, store } = fill();
    const before = storeOf(store);
    const commands = ["1", "2"].map((seed) => ["python3", "-c", RACE, seed]);
    const runs = await Promise.all(commands.map((command) => runGuarded(stage, { workspace, guard: "on", command })));
    for (const { output } of runs) expect(output).toMatch(/"(opened|moded)": [1-9]/);
    expect(storeOf(store)).toEqual(before);
    expect(readdirSync(join(workspace, "node_modules")).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("is left as it is where it could not be opened or copied", async () => {
    const { workspace, store } = fill();
    chmodSync(join(store, "append"), 0o444);
    chmodSync(join(store, "cut"), 0o4755);
    // An access list with a user whom the sandbox has no number for cannot be put on a copy.
    const list = `import os, struct, sys
entries = [(1, 6, -1), (2, 4, 12345), (4, 4, -1), (16, 4, -1), (32, 4, -1)]
os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *each) for each in entries))`;
    execFileSync("python3", ["-c", list, join(store, "empty")]);
    const before = storeOf(store);
    const script =
      "cd node_modules; (echo x >> append) 2>/dev/null || echo one; truncate -s 1 cut 2>/dev/null || echo two; (echo x >> empty) 2>/dev/null || echo three; ls -A | grep aios";
    const run = await runGuarded(stage, { workspace, guard: "on", command: ["sh", "-c", script] });
    expect(run.output).toBe("one\ntwo\nthree\n");
    // The first is any program's own mistake, the others are evidence.
    const why = "it could not be kept, or not be copied away from its other names";
    expect(run.news.flatMap((news) => (news.event === "files-refused" ? news.files : []))).toMatchObject([
      { operation: "changed", path: "/workspace/node_modules/cut", why },
      { operation: "changed", path: "/workspace/node_modules/empty", why },
    ]);
    expect(storeOf(store)).toEqual(before);
    expect(lstatSync(join(workspace, "node_modules/append")).ino).toBe(lstatSync(join(store, "append")).ino);
  });
});

describe("twin: links", () => {
  it("of an agent's own and of a clone serve git, snapshots, locks and installers as everywhere", async () => {
    const [origin, workspace] = [makeWorkspace(stage), makeWorkspace(stage)];
    const git = (...words: readonly string[]): string =>
      execFileSync("git", words, { encoding: "utf8", stdio: "pipe" });
    git("init", "-q", "-b", "main", origin);
    writeFileSync(join(origin, "one"), "one\n");
    git("-C", origin, "add", ".");
    git("-C", origin, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "one");
    git("clone", "-q", "--local", origin, workspace);
    const objects = readdirSync(join(origin, ".git/objects"), { recursive: true, encoding: "utf8" })
      .map((name) => join(".git/objects", name))
      .filter((name) => lstatSync(join(origin, name)).isFile());
    // As it should be: they are the same files.
    expect(objects.map((name) => lstatSync(join(origin, name)).nlink)).toEqual(objects.map(() => 2));
    // Git tells by an object's time that it is in use, and a time is not waited for (docs/decisions/guarded-workspace.md).
    const all = (): readonly unknown[] => objects.map((name) => fileOf(join(origin, name)).toSpliced(5, 1));
    const before = all();
    const script = `set -e
      export GIT_CONFIG_GLOBAL=/tmp/gitconfig; git config --global user.name a; git config --global user.email a@b.c
      echo two > two; git add .; git commit -qm two; git repack -adq; git gc -q --prune=now; git fsck; git log --format=%s
      # A lock that counts its links.
      echo $$ > lock.1; ln lock.1 lock; stat -c %h lock.1; echo held >> lock.1; cat lock | wc -l; rm lock.1; stat -c %h lock
      # An installer: whole under a name of the moment, linked into its place, made to run.
      mkdir -p store node_modules/a/bin; echo run > store/x.tmp; ln store/x.tmp store/x; rm store/x.tmp
      ln store/x node_modules/a/bin/x; chmod 755 node_modules/a/bin/x; stat -c '%h %a' store/x
      cp -al node_modules snapshot; rm -r node_modules; cat snapshot/a/bin/x; rm -r snapshot; stat -c %h store/x`;
    const { code, output, errors } = await runGuarded(stage, { workspace, guard: "on", command: ["sh", "-c", script] });
    expect({ code, output, errors }).toEqual({ code: 0, output: "two\none\n2\n2\n1\n2 755\nrun\n1\n", errors: "" });
    expect(all()).toEqual(before);
  });
});

/** JSON has no big integers. */
function text(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
