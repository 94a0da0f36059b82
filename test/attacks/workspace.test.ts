import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findGitObeyed } from "../../src/platform/workspace/git-obeyed.ts";
import { openPty } from "../../src/platform/terminal/pty.ts";
import { attackWorkspace, makeWorkspace, runGuarded, startGuarded } from "./guarded-stage.ts";
import { setStage } from "./sandbox-stage.ts";

/*
 * An agent that may write in a folder against what other tools execute or obey there, each attack with its harmless twin
 * and with the guard off, where it succeeds.
 */
const stage = setStage();
afterAll(() => stage.remove());

/** Milliseconds that a race is tried for; a minute in a slow proof. */
const RACE_MS = Number(process.env["AIOS_RACE_SECONDS"] ?? "2") * 1000;

/** One control file of each kind, as a file that can be planted. */
const NAMES = [
  ".bashrc",
  ".bash_profile",
  ".profile",
  ".zshrc",
  ".zshenv",
  ".envrc",
  ".gitconfig",
  ".gitmodules",
  ".npmrc",
  ".yarnrc.yml",
  ".cargo/config.toml",
  ".netrc",
  ".ssh/config",
  ".ripgreprc",
  ".vimrc",
  ".vscode/tasks.json",
  ".idea/workspace.xml",
  "a.code-workspace",
  ".devcontainer/devcontainer.json",
  ".mcp.json",
  ".claude/settings.json",
  ".codex/config.toml",
  ".cursor/mcp.json",
  "CLAUDE.md",
  "AGENTS.md",
  "GEMINI.md",
  "SOUL.md",
  "HEARTBEAT.md",
  ".github/workflows/ci.yml",
  ".gitlab-ci.yml",
  ".circleci/config.yml",
  "Jenkinsfile",
  ".husky/pre-commit",
  ".pre-commit-config.yaml",
  ".git/hooks/pre-commit",
  ".git/config",
  ".git/modules/a/config",
  ".openhands/setup.sh",
  ".pi/extensions/a.ts",
  "mise/config.toml",
  "rust-toolchain.toml",
  "a.sublime-project",
];
const DEPTHS = { one: "", four: "a/b/c/" } as const;

/** Every file below a folder with its content and mode. */
function contents(folder: string): { readonly [path: string]: string } {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => [path.slice(folder.length), `${statSync(path).mode.toString(8)} ${readFileSync(path, "utf8")}`]),
  );
}

function put(workspace: string, path: string, text: string): void {
  mkdirSync(dirname(join(workspace, path)), { recursive: true });
  writeFileSync(join(workspace, path), text);
}

describe.each(Object.entries(DEPTHS))("a control file at depth %s", (_, base) => {
  it("is not planted in any way, while without the guard it is in each", async () => {
    const attack = { task: "plant", names: NAMES, base, ms: 0 } as const;
    const open = makeWorkspace(stage);
    mkdirSync(join(open, base), { recursive: true });
    const off = await attackWorkspace(stage, { workspace: open, guard: "off", attack });
    expect(off.results.filter((result) => !result.startsWith("ok:"))).toEqual([]);
    const guarded = makeWorkspace(stage);
    mkdirSync(join(guarded, base), { recursive: true });
    const on = await attackWorkspace(stage, { workspace: guarded, guard: "on", attack });
    expect(on.results.filter((result) => !result.startsWith("EACCES:"))).toEqual([]);
    expect(on.results.length).toBe(off.results.length);
    expect(contents(guarded)).toEqual({});
  });

  it("is not changed in any way when it is there, while without the guard it is in each", async () => {
    const attack = { task: "tamper", names: NAMES, base, ms: 0 } as const;
    const fill = (workspace: string): void => {
      for (const name of NAMES) put(workspace, base + name, "original");
    };
    const open = makeWorkspace(stage);
    fill(open);
    const off = await attackWorkspace(stage, { workspace: open, guard: "off", attack });
    expect(off.results.filter((result) => !result.startsWith("ok:"))).toEqual([]);
    const guarded = makeWorkspace(stage);
    fill(guarded);
    const before = contents(guarded);
    const on = await attackWorkspace(stage, { workspace: guarded, guard: "on", attack });
    expect(on.results.filter((result) => !result.startsWith("EACCES:"))).toEqual([]);
    expect(contents(guarded)).toEqual(before);
  });
});

describe("a race", () => {
  it(
    "for the path in memory brings no control file about, while the ordinary one is made",
    { timeout: RACE_MS + 60_000 },
    async () => {
      const workspace = makeWorkspace(stage);
      const attack = { task: "race-memory", names: [], base: "", ms: RACE_MS } as const;
      const { results } = await attackWorkspace(stage, { workspace, guard: "on", attack });
      expect(existsSync(join(workspace, ".mcp.json"))).toBe(false);
      // Both readings were met.
      expect(results).toMatchObject({ made: expect.toSatisfy(isMany), refused: expect.toSatisfy(isMany) });
      const open = makeWorkspace(stage);
      await attackWorkspace(stage, { workspace: open, guard: "off", attack: { ...attack, ms: 1000 } });
      expect(existsSync(join(open, ".mcp.json"))).toBe(true);
    },
  );

  it(
    "between a path that the kernel may open itself and one that it may not is stopped by the wall",
    { timeout: RACE_MS + 60_000 },
    async () => {
      const workspace = makeWorkspace(stage);
      const attack = { task: "race-memory", names: ["/tmp/p.t", "./.npmrc"], base: "", ms: RACE_MS } as const;
      const { results } = await attackWorkspace(stage, { workspace, guard: "on", attack });
      // Torn between the two readings, a path may name something else, which is as free as any.
      expect(readdirSync(workspace)).not.toContain(".npmrc");
      expect(results).toMatchObject({ made: expect.toSatisfy(isMany), refused: expect.toSatisfy(isMany) });
    },
  );

  it("with a link that leads now here and now there brings no hook about", { timeout: RACE_MS + 60_000 }, async () => {
    const workspace = makeWorkspace(stage);
    mkdirSync(join(workspace, ".git/hooks"), { recursive: true });
    const attack = { task: "race-link", names: [], base: "", ms: RACE_MS } as const;
    const { results } = await attackWorkspace(stage, { workspace, guard: "on", attack });
    expect(readdirSync(join(workspace, ".git/hooks"))).toEqual([]);
    expect(results).toMatchObject({ made: expect.toSatisfy(isMany), refused: expect.toSatisfy(isMany) });
    const open = makeWorkspace(stage);
    mkdirSync(join(open, ".git/hooks"), { recursive: true });
    await attackWorkspace(stage, { workspace: open, guard: "off", attack: { ...attack, ms: 1000 } });
    expect(readdirSync(join(open, ".git/hooks"))).toEqual(["pre-commit"]);
  });

  it(
    "of two agents in one folder, one that moves it from where names are free, brings no control file about",
    { timeout: RACE_MS + 60_000 },
    async () => {
      const workspace = makeWorkspace(stage);
      mkdirSync(join(workspace, "node_modules/x"), { recursive: true });
      const loop = (body: string): string => `
import os, time
done = [0, 0]
def attempt(action, *names):
    try:
        action(*names)
        return True
    except OSError:
        return False
begun = time.monotonic()
# On a machine that has much to do, for longer: until there was a race to speak of.
while time.monotonic() - begun < (${RACE_MS / 1000} if done[0] > 20 else ${RACE_MS / 1000} + 30):
${body}
print(done)
`;
      const mover = loop(`
    if attempt(os.rename, "node_modules/x", "y"):
        done[0] += 1
        done[1] += os.path.exists("y/.vscode")
        attempt(os.rename, "y", "node_modules/x")`);
      const maker = loop(`
    done[0] += attempt(os.mkdir, "node_modules/x/.vscode")
    attempt(os.rmdir, "node_modules/x/.vscode")`);
      const [moved, made] = await Promise.all(
        [mover, maker].map(async (script) => {
          const { output } = await runGuarded(stage, { workspace, guard: "on", command: ["python3", "-c", script] });
          return JSON.parse(output) as readonly number[];
        }),
      );
      expect(moved).toEqual([expect.toSatisfy(isMany), 0]);
      expect(made).toEqual([expect.toSatisfy(isMany), 0]);
    },
  );
});

function isMany(count: number): boolean {
  return count > 20;
}

describe("a place where git reads other objects", () => {
  it("is not planted: whoever checks out what the agent names does not bring a private repository's file here", async () => {
    const git = (folder: string, ...words: readonly string[]): string =>
      execFileSync("git", ["-c", "safe.directory=*", "-C", folder, ...words], {
        encoding: "utf8",
        stdio: "pipe",
      }).trim();
    const person = [
      "-c",
      "user.name=a",
      "-c",
      "user.email=a@example.com",
      "commit",
      "-q",
      "--allow-empty",
      "-m",
      "first",
    ];
    // Of the person's private repository, outside, the agent knows a commit's name and nothing else.
    const hidden = makeWorkspace(stage);
    git(hidden, "init", "-q");
    put(hidden, "secret", "canary-8128");
    git(hidden, "add", ".");
    git(hidden, ...person);
    const name = git(hidden, "rev-parse", "HEAD");
    const attack = `
      git branch wip && echo work > ours
      (echo ${hidden}/.git/objects > .git/objects/info/alternates) 2>/dev/null || echo refused
      mkdir part && echo ${hidden}/.git/objects > part/alternates && mv .git/objects/info was
      mv -T part .git/objects/info 2>/dev/null || echo refused
      echo ${name} > .git/refs/heads/release`;
    const outcome: string[] = [];
    for (const guard of ["off", "on"] as const) {
      const workspace = makeWorkspace(stage);
      git(workspace, "init", "-q");
      git(workspace, ...person);
      const { output } = await runGuarded(stage, { workspace, guard, command: ["sh", "-c", attack] });
      outcome.push(`${guard}: ${output.trim().replaceAll("\n", " ")}`);
      if (guard === "off") git(workspace, "checkout", "-q", "release");
      else expect(() => git(workspace, "checkout", "-q", "release")).toThrow(/release/);
      expect(existsSync(join(workspace, "secret"))).toBe(guard === "off");
      // The twin: a branch and a file of its own are the agent's to make.
      expect([git(workspace, "branch", "--list", "wip"), existsSync(join(workspace, "ours"))]).toEqual(["wip", true]);
    }
    expect(outcome).toEqual(["off: ", "on: refused refused"]);
  });
});

describe("the wall behind the door", () => {
  it("stands below depth three and for calls that ask nobody", async () => {
    const workspace = makeWorkspace(stage);
    const script = `sh -c 'sh -c "echo planted > .mcp.json; mkfifo pipe; :"; :'; python3 -c '
import socket
socket.socket(socket.AF_UNIX).bind("listener")' 2>/dev/null; ls -A`;
    const { output, news } = await runGuarded(stage, { workspace, guard: "on", command: ["sh", "-c", script] });
    expect(output).toBe("");
    expect(readdirSync(workspace)).toEqual([]);
    expect(news).toContainEqual({
      event: "files-refused",
      ward: expect.any(Number),
      count: 1,
      files: [
        {
          operation: "made",
          path: "/workspace/.mcp.json",
          why: "agents start the servers that it names",
          program: "/usr/bin/dash",
        },
      ],
    });
  });
});

describe("a way around", () => {
  /** Each prints what came of it; `hook` is there and not executable, `bare` is a repository without a working tree. */
  const SCRIPT = `
import ctypes, errno, fcntl, os
libc = ctypes.CDLL(None, use_errno=True)
W, C, T = os.O_WRONLY, os.O_CREAT, os.O_TRUNC
hook, there = ".git/hooks/pre-commit", ".vscode/tasks.json"
AT = -100
def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
def call(name, *values):
    check(getattr(libc, name)(*values))
def attempt(action):
    try:
        action()
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
def unnamed():
    call("linkat", AT, b"/proc/self/fd/%d" % os.open(".", os.O_TMPFILE | os.O_RDWR), AT, b".npmrc", 0x400)
def exchange():
    open("plain", "w").close()
    call("renameat2", AT, b"plain", AT, there.encode(), 2)
def in_memory():
    fd = os.memfd_create("x")
    call("linkat", AT, b"/proc/self/fd/%d" % fd, AT, b".npmrc", 0x400)
def own_folder():
    os.chdir(".git/hooks")
    try:
        os.open("post-checkout", W | C)
    finally:
        os.chdir("/workspace")
def undumpable():
    libc.prctl(4, 0, 0, 0, 0)
    try:
        os.open(".npmrc", W | C)
    finally:
        libc.prctl(4, 1, 0, 0, 0)
def bare():
    os.makedirs("planted/objects")
    os.makedirs("planted/refs")
    os.open("planted/config", W | C)
    os.open("planted/HEAD", W | C)
def bare_by_folder():
    os.makedirs("parts/objects")
    os.symlink("refs/heads/x", "parts/HEAD")
for name, action in {
    "through the root of a process": lambda: os.open("/proc/self/root/workspace/.npmrc", W | C),
    "through its working directory": lambda: os.open("/proc/self/cwd/.npmrc", W | C),
    "a descriptor opened again": lambda: os.open("/proc/self/fd/%d" % os.open(there, os.O_RDONLY), W),
    "a descriptor opened again by another name": lambda: os.open("/dev/fd/%d" % os.open(there, os.O_RDONLY), W | T),
    "a file without a name": unnamed,
    "a file in memory": in_memory,
    "an exchange": exchange,
    "a working directory that is a control folder": own_folder,
    "as a program that nobody may look into": undumpable,
    "a mode by descriptor": lambda: os.fchmod(os.open(hook, os.O_RDONLY), 0o755),
    "a mode by path": lambda: call("fchmodat", AT, hook.encode(), 0o755, 0),
    "an access list": lambda: os.setxattr(hook, "system.posix_acl_access", b"\\2\\0\\0\\0"),
    "flags by a request": lambda: fcntl.ioctl(os.open(hook, os.O_RDONLY), 0x40086602, b"\\x40" + bytes(7)),
    "flags of the folder": lambda: fcntl.ioctl(os.open(".", os.O_RDONLY), 0x40086602, b"\\x40" + bytes(7)),
    "flags by another request": lambda: fcntl.ioctl(os.open(hook, os.O_RDONLY), 0x401c5820, b"\\x80" + bytes(27)),
    "flags by path": lambda: check(libc.syscall(469, AT, hook.encode(), b"\\x80" + bytes(23), 24, 0)),
    "a repository in a folder": bare,
    "a repository by a link": bare_by_folder,
    "a hook of a repository without a working tree": lambda: os.open("bare/hooks/update", W | C),
    "its configuration": lambda: os.open("bare/config", W),
    "a device": lambda: os.mknod("null", 0o020666, os.makedev(1, 3)),
    "a file by mknod": lambda: os.mknod(".npmrc", 0o100644),
    "an empty folder in its place": lambda: os.rename(".git/hooks", "gone"),
    "the folder above": lambda: os.rename(".git", "gone"),
    "a link over the folder above": lambda: os.symlink("plain", ".github"),
}.items():
    print(attempt(action), name, sep=": ")
    if os.path.exists("gone"):
        os.rename("gone", ".git/hooks" if os.path.exists(".git") else ".git")
    if os.path.exists(".npmrc"):
        os.unlink(".npmrc")
`;

  function fill(): string {
    const workspace = makeWorkspace(stage);
    put(workspace, ".git/hooks/pre-commit", "#!/bin/sh\n");
    put(workspace, ".vscode/tasks.json", "{}");
    put(workspace, "bare/HEAD", "ref: refs/heads/main\n");
    put(workspace, "bare/config", "");
    put(workspace, "bare/objects/x", "");
    mkdirSync(join(workspace, "bare/hooks"));
    return workspace;
  }

  /** Before Linux 6.17. */
  const NO_SUCH_CALL = "ENOSYS: flags by path";

  it("is one without the guard", async () => {
    const { output } = await runGuarded(stage, { workspace: fill(), guard: "off", command: ["python3", "-c", SCRIPT] });
    const ways = output.trim().split("\n");
    // Files of memory have no name to give, and devices are nobody's to make.
    expect(ways.filter((way) => !way.startsWith("ok:") && way !== NO_SUCH_CALL)).toEqual([
      expect.stringMatching(/: a file in memory$/),
      expect.stringMatching(/: a device$/),
    ]);
    expect(ways).toHaveLength(25);
  });

  it("is none: what the door does not do, the wall keeps out", async () => {
    const workspace = fill();
    const before = contents(workspace);
    const { output, errors } = await runGuarded(stage, { workspace, guard: "on", command: ["python3", "-c", SCRIPT] });
    expect(errors).toBe("");
    expect(output.trim().split("\n")).toEqual([
      "EACCES: through the root of a process",
      "EACCES: through its working directory",
      "EACCES: a descriptor opened again",
      "EACCES: a descriptor opened again by another name",
      "ENOTSUP: a file without a name",
      "EXDEV: a file in memory",
      "EACCES: an exchange",
      "EACCES: a working directory that is a control folder",
      "EACCES: as a program that nobody may look into",
      "EACCES: a mode by descriptor",
      "EACCES: a mode by path",
      "ENOTSUP: an access list",
      "ENOTTY: flags by a request",
      "ENOTTY: flags of the folder",
      "ENOTTY: flags by another request",
      "ENOTSUP: flags by path",
      "EACCES: a repository in a folder",
      "EACCES: a repository by a link",
      "EACCES: a hook of a repository without a working tree",
      "EACCES: its configuration",
      "EPERM: a device",
      "EACCES: a file by mknod",
      "EACCES: an empty folder in its place",
      "EACCES: the folder above",
      "EACCES: a link over the folder above",
    ]);
    expect(contents(workspace)).toEqual({ ...before, "/plain": "100644 ", "/planted/config": "100755 " });
  });
});

describe("a folder that the configuration of git names", () => {
  /** Ways to have a person's next commit run a program, once in a folder for hooks and once in settings that are included. */
  const SCRIPT = `
    try() { if "$@" 2> /dev/null; then echo "ok: $*"; else echo "refused: $*"; fi; }
    printf '#!/bin/sh\\necho hooked > ran\\n' > plant; chmod 755 plant
    printf '[core]\\n\\tfsmonitor = "echo settings > ran2; false"\\n' > settings.new
    try cp plant tools/hooks/pre-commit
    try mv plant tools/hooks/pre-commit
    try ln plant tools/hooks/pre-commit
    try mv tools elsewhere; test -e tools || mv elsewhere tools
    try mv settings.new shared/settings
    try cp plant tools/other`;

  function fill(): string {
    const workspace = makeWorkspace(stage);
    execFileSync("git", ["init", "-q", workspace], { stdio: "pipe" });
    put(workspace, "tools/hooks/README", "hooks of the project\n");
    put(workspace, "shared/settings", "[core]\n");
    for (const [key, value] of [
      ["core.hooksPath", "tools/hooks"],
      ["include.path", "../shared/settings"],
      ["user.name", "a"],
      ["user.email", "a@example.com"],
    ] as const)
      execFileSync("git", ["-C", workspace, "config", key, value], { stdio: "pipe" });
    return workspace;
  }

  const run = async (workspace: string, obeyed: readonly string[]): Promise<readonly string[]> => {
    const command = ["sh", "-c", SCRIPT];
    const { output } = await runGuarded(stage, { workspace, guard: "on", obeyed, command });
    execFileSync("git", ["-C", workspace, "commit", "-q", "--allow-empty", "-m", "x"], { stdio: "pipe" });
    return output.trim().split("\n");
  };

  it("is closed, and without its being read a person's next commit runs what an agent wrote", async () => {
    const [open, guarded] = [fill(), fill()];
    await run(open, []);
    expect([existsSync(join(open, "ran")), existsSync(join(open, "ran2"))]).toEqual([true, true]);
    const obeyed = await findGitObeyed(guarded);
    expect(obeyed).toEqual([".git/tools/hooks", "shared/settings", "tools/hooks"]);
    expect(await run(guarded, obeyed)).toEqual([
      "refused: cp plant tools/hooks/pre-commit",
      "refused: mv plant tools/hooks/pre-commit",
      "refused: ln plant tools/hooks/pre-commit",
      "refused: mv tools elsewhere",
      "refused: mv settings.new shared/settings",
      "ok: cp plant tools/other",
    ]);
    expect([existsSync(join(guarded, "ran")), existsSync(join(guarded, "ran2"))]).toEqual([false, false]);
  });
});

describe("a storage device that ends", () => {
  it("takes its agent with it, and nothing is changed without one", async () => {
    const workspace = makeWorkspace(stage);
    const script = "echo one > one; while true; do echo x > x; echo >> ticks; done";
    const { agent, device, end } = await startGuarded(stage, { workspace, guard: "on", command: ["sh", "-c", script] });
    while (!existsSync(join(workspace, "ticks"))) await new Promise((resolve) => setTimeout(resolve, 20));
    device?.kill();
    expect(await agent.ended).toMatchObject({ code: 137 });
    await expect(end()).rejects.toThrow(/the storage device ended/);
  });

  it("and an agent with a guarded folder is not started without one", async () => {
    const workspace = makeWorkspace(stage);
    const mounts = [{ kind: "write", host: workspace, inside: "/workspace" }] as const;
    await expect(stage.start(["true"], { mounts, guarded: ["/workspace"] })).rejects.toThrow(
      /without a storage device/,
    );
  });
});

describe("twin: ordinary work", () => {
  it("of git in a repository that is there", async () => {
    const workspace = makeWorkspace(stage);
    const git = (...words: readonly string[]): void => {
      execFileSync("git", ["-C", workspace, "-c", "user.name=a", "-c", "user.email=a@b.c", ...words], {
        stdio: "pipe",
      });
    };
    git("init", "-q", "-b", "main");
    git("config", "user.name", "a");
    git("config", "user.email", "a@b.c");
    put(workspace, "one.txt", "one\n");
    git("add", ".");
    git("commit", "-qm", "one");
    const script = `set -e
      echo two >> one.txt; git commit -qam two
      git checkout -q -b side; echo three > three.txt; git add .; git commit -qm three
      git checkout -q main; echo four > four.txt; git add .; git commit -qm four
      git merge -q --no-edit side; git tag -a v1 -m v1
      echo five >> one.txt; git stash -q; git stash pop -q; git commit -qam five
      git checkout -q -b topic; echo six > six.txt; git add .; git commit -qm six
      git mv six.txt seven.txt; git commit -qm seven; git reset -q --hard HEAD~1; git gc -q
      git fetch -q . main:copy; git branch -q -D copy; git status --short; git log --format=%s`;
    const { code, output, errors } = await runGuarded(stage, { workspace, guard: "on", command: ["sh", "-c", script] });
    // What git does not need it does without: it looks for settings of the branch that goes.
    const warning = "error: could not lock config file .git/config\nwarning: Update of config-file failed\n";
    expect({ code, errors }).toEqual({ code: 0, errors: warning });
    expect(output.split("\n").slice(0, 2)).toEqual(["six", "five"]);
  });

  it("of build tools, package managers, editors and databases", async () => {
    const workspace = makeWorkspace(stage);
    put(workspace, "doc.txt", "old");
    const script = `set -e
      mkdir -p dist/a/b; for i in 1 2 3 4 5; do echo $i > dist/a/b/$i.js; done
      mkdir -p node_modules/.stage/pkg/.github/workflows; echo on > node_modules/.stage/pkg/.github/workflows/ci.yml
      echo '{}' > node_modules/.stage/pkg/package.json; mv node_modules/.stage/pkg node_modules/pkg
      mkdir -p node_modules/.bin; ln -s ../pkg/package.json node_modules/.bin/pkg
      echo new > doc.txt.tmp; chmod 600 doc.txt.tmp; mv doc.txt.tmp doc.txt
      tar -cf out.tar dist; mkdir un; tar -xf out.tar -C un; cmp dist/a/b/5.js un/dist/a/b/5.js
      cp -a dist copy; rm -r un copy; truncate -s 10000 sparse; (umask 077; echo s > private)
      (echo said > /dev/stdout) > said; cat said; echo x > f; exec 3>>f; echo y >&3; cat f; stat -c %a private doc.txt
      cp --reflink=auto doc.txt clone; cmp doc.txt clone; lsattr doc.txt >/dev/null; chattr +d doc.txt 2>/dev/null || echo as it was
      rmdir dist/a/b 2>/dev/null || echo full`;
    const run = await runGuarded(stage, { workspace, guard: "on", command: ["sh", "-c", script] });
    expect(run).toMatchObject({ code: 0, output: "said\nx\ny\n600\n600\nas it was\nfull\n" });
    expect(readFileSync(join(workspace, "doc.txt"), "utf8")).toBe("new\n");
    expect(existsSync(join(workspace, "node_modules/pkg/.github/workflows/ci.yml"))).toBe(true);
  });

  it("of a database with its log beside it, and of memory that is mapped", async () => {
    const workspace = makeWorkspace(stage);
    const script = `
import mmap, os, sqlite3
base = sqlite3.connect("notes.db")
print(base.execute("pragma journal_mode=wal").fetchone()[0])
base.execute("create table note (text)")
base.executemany("insert into note values (?)", [("a",), ("b",)])
base.commit()
print(base.execute("select count(*) from note").fetchone()[0])
base.close()
with open("mapped", "wb+") as file:
    file.truncate(8192)
    view = mmap.mmap(file.fileno(), 8192)
    view[0:5] = b"hello"
    view.flush()
print(open("mapped", "rb").read(5).decode(), os.path.getsize("mapped"))
`;
    const { code, output, errors } = await runGuarded(stage, {
      workspace,
      guard: "on",
      command: ["python3", "-c", script],
    });
    expect({ code, output, errors }).toEqual({ code: 0, output: "wal\n2\nhello 8192\n", errors: "" });
  });

  it("through links of its own from a folder that is not guarded", async () => {
    const workspace = makeWorkspace(stage);
    put(workspace, "there", "old");
    const script = `ln -s /workspace /tmp/way; ln -s ../workspace/there /tmp/file; mkdir /tmp/deep; cd /tmp/deep
      echo one > /tmp/way/one; echo two > ../file; echo three > ../way/./three; mv ../way/one ../way/four; cat /workspace/*
      echo x > /tmp/way/.npmrc; ls -A /workspace; echo y > ../deep/y; chmod 600 /tmp/deep/y; stat -c %a y`;
    const run = await runGuarded(stage, { workspace, guard: "on", command: ["sh", "-c", script] });
    expect(run).toMatchObject({
      output: "one\ntwo\nthree\nfour\nthere\nthree\n600\n".replace("one\ntwo\nthree\n", "one\ntwo\nthree\n"),
      errors: "sh: 3: cannot create /tmp/way/.npmrc: Permission denied\n",
    });
  });

  it("of scripts that open their own streams again, on a terminal that was made outside", async () => {
    const workspace = makeWorkspace(stage);
    const { master, slave } = openPty();
    const command = [
      "sh",
      "-c",
      "echo one > /dev/stderr; echo two > /proc/self/fd/1; echo three | tee /dev/stdout >/dev/null; echo $?",
    ];
    const { agent, end } = await startGuarded(stage, { workspace, guard: "on", command, terminal: slave });
    await agent.ended;
    closeSync(slave);
    await end();
    const text = readToEnd(master);
    closeSync(master);
    expect(text.split("\r\n")).toEqual(["one", "two", "0", ""]);
  });

  it("gets the errors that the kernel has for it", async () => {
    const workspace = makeWorkspace(stage);
    put(workspace, "there", "");
    const script = `
import errno, os
def name(action):
    try:
        action()
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
print([name(action) for action in (
    lambda: os.open("none/x", os.O_WRONLY | os.O_CREAT),
    lambda: os.open("there", os.O_WRONLY | os.O_CREAT | os.O_EXCL),
    lambda: os.open("there/x", os.O_WRONLY | os.O_CREAT),
    lambda: os.open(".", os.O_WRONLY),
    lambda: os.open("none", os.O_WRONLY),
    lambda: os.mkdir("there"),
    lambda: os.rmdir("there"),
    lambda: os.unlink("none"),
    lambda: os.rename("none", "some"),
    lambda: os.rename("there", "/tmp/there"),
    lambda: os.link("none", "some"),
    lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR) and None,
    lambda: os.open("x" * 300, os.O_WRONLY | os.O_CREAT),
    lambda: os.chmod("none", 0o600),
)])
`;
    const { output } = await runGuarded(stage, { workspace, guard: "on", command: ["python3", "-c", script] });
    expect(output.trim()).toBe(
      "['ENOENT', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOENT', 'EEXIST', 'ENOTDIR', 'ENOENT', 'ENOENT', 'EXDEV', 'ENOENT', 'ok', 'ENAMETOOLONG', 'ENOENT']",
    );
  });
});

/** All that was written to a terminal whose other side is closed: one read has what came through by then, and not always all. */
function readToEnd(master: number): string {
  const some = Buffer.alloc(4096);
  let text = "";
  for (;;) {
    try {
      text += some.toString("utf8", 0, readSync(master, some));
    } catch (error) {
      // So a terminal says that nobody is there any more, and that nothing is left.
      if (error instanceof Error && "code" in error && error.code === "EIO") return text;
      throw error;
    }
  }
}
