import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { attackWorkspace, makeWorkspace, runGuarded } from "./guarded-stage.ts";
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
      await attackWorkspace(stage, { workspace: open, guard: "off", attack });
      expect(existsSync(join(open, ".mcp.json"))).toBe(true);
    },
  );

  it("with a link that leads now here and now there brings no hook about", { timeout: RACE_MS + 60_000 }, async () => {
    const workspace = makeWorkspace(stage);
    mkdirSync(join(workspace, ".git/hooks"), { recursive: true });
    const attack = { task: "race-link", names: [], base: "", ms: RACE_MS } as const;
    const { results } = await attackWorkspace(stage, { workspace, guard: "on", attack });
    expect(readdirSync(join(workspace, ".git/hooks"))).toEqual([]);
    expect(results).toMatchObject({ made: expect.toSatisfy(isMany), refused: expect.toSatisfy(isMany) });
  });
});

function isMany(count: number): boolean {
  return count > 20;
}

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
      git checkout -q -b topic HEAD~1; echo six > six.txt; git add .; git commit -qm six; git rebase -q main
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
      rmdir dist/a/b 2>/dev/null || echo full`;
    const run = await runGuarded(stage, { workspace, guard: "on", command: ["sh", "-c", script] });
    expect(run).toMatchObject({ code: 0, output: "said\nx\ny\n600\n600\nfull\n" });
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
