import { describe, expect, it } from "vitest";
import { foldName, standingOf, type EntryKind } from "./control-names.ts";

const kindOf = (path: string, entry: EntryKind = "other"): string => standingOf(path, { entry }).kind;

/** One of each kind of thing that other tools execute or obey. */
const CONTROL = [
  ".bashrc",
  ".profile",
  ".zshenv",
  ".envrc",
  ".envrc.local",
  ".ruby-lsp/Gemfile",
  ".gitconfig",
  ".gitmodules",
  ".npmrc",
  ".yarnrc.yml",
  ".cargo/config.toml",
  ".netrc",
  ".ssh/config",
  ".ripgreprc",
  ".vimrc",
  ".dir-locals.el",
  ".vscode",
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
  "SOUL.md",
  "HEARTBEAT.md",
  ".github/workflows",
  ".github/workflows/ci.yml",
  ".gitlab-ci.yml",
  ".circleci/config.yml",
  "Jenkinsfile",
  ".husky/pre-commit",
  ".pre-commit-config.yaml",
  ".git",
  ".git/hooks",
  ".git/hooks/pre-commit",
  ".git/config",
  ".git/config.worktree",
  ".git/config.lock",
  ".git/commondir",
  ".git/modules/a/config",
  ".git/modules/a/b/hooks/post-checkout",
  ".git/objects/info/alternates",
  ".git/objects/info/http-alternates",
  ".git/modules/a/objects/info/alternates",
  ".git/worktrees/w/gitdir",
  ".git/worktrees/w/commondir",
  "HEAD",
  "server.git/HEAD",
  "server.git/config",
  "server.git/hooks/update",
  "server.git/objects/info/alternates",
  ".tool-versions",
  "rust-toolchain.toml",
  "pyrightconfig.json",
  "mise.production.toml",
  ".mise.ci.local.toml",
  "mise/config.toml",
  ".config/mise.toml",
  ".pnp.loader.mjs",
  ".yarn/sdks/typescript/bin/tsc",
  "NuGet.Config",
  ".mvn/wrapper/maven-wrapper.properties",
  "gradle/wrapper/gradle-wrapper.jar",
  ".bazeliskrc",
  ".lazy.lua",
  ".local.vimrc",
  ".local.python.vimrc",
  ".lvimrc.lua",
  "_vimrc_local.vim",
  ".vimrc.lua",
  ".vimprj/a.vim",
  "_gvimrc",
  "_exrc",
  ".exrc.lua",
  ".nexrc",
  ".nvimrc.lua",
  ".SpaceVim.d/init.toml",
  ".lite_project.lua",
  ".pragtical_project.lua",
  ".tm_properties",
  ".gutctags",
  ".neoconf.json",
  "a.sublime-project",
  ".huskyrc.js",
  ".simple-git-hooks.json",
  ".factory/settings.json",
  ".openhands/setup.sh",
  ".kilocode/mcp.json",
  ".amp/settings.json",
  ".pi/extensions/a.ts",
  ".agent/rules/a.md",
  ".codebuddy/settings.json",
  ".iflow/settings.json",
  ".rovodev/config.yml",
  ".goose/recipes/a.yaml",
  ".crush/hooks/a.sh",
  ".github/mcp.json",
  ".github/copilot/settings.json",
  // Version control other than git.
  ".sl/config",
  ".sl/sharedpath",
  ".hg/sharedpath",
  ".jj/repo",
  ".jj/repo/config-id",
  "_darcs/prefs/defaults",
  ".pijul/config",
  "pijul.toml",
  ".bzr/branch/branch.conf",
  "_FOSSIL_",
  ".p4config",
  ".repo/repo/main.py",
  ".gclient",
  ".west/config",
  ".arcconfig",
  ".gitreview",
  ".lfsconfig",
  ".gitconfig.local",
  // What is run when a person only opens or enters the folder.
  ".bsp/sbt.json",
  ".bloop/root.json",
  "buildServer.json",
  ".sourcekit-lsp/config.json",
  "rust-analyzer.toml",
  "rust-project.json",
  "hie.yaml",
  ".merlin",
  ".luarc.json",
  ".lsp/config.edn",
  ".project",
  ".settings/org.eclipse.jdt.apt.core.prefs",
  ".factorypath",
  ".cproject",
  ".ropeproject/config.py",
  ".direnv/flake-profile-a.rc",
  ".devenv/profile/bin/ls",
  "devbox.json",
  ".prototools",
  "bin/activate-hermit",
  "_opam/.opam-switch/environment",
  ".rbenv-vars",
  ".pdm-python",
  "lean-toolchain",
  "aqua.yaml",
  // Sessions and tools started in it.
  ".ghci",
  ".iex.exs",
  ".ocamlinit",
  ".octaverc",
  ".erlang",
  ".RData",
  ".perldb",
  ".psysh.php",
  ".byebugrc",
  "jupyter_server_config.py",
  ".valgrindrc",
  ".latexmkrc",
  ".bundle/plugin/index",
  ".luarocks/config-5.4.lua",
  "uv.toml",
  ".gradle/init.d/a.gradle",
  ".pants.bootstrap",
  ".jvmopts",
  // Hook managers.
  "captainhook.json",
  "grumphp.yml",
  "grumphp.yml.dist",
  "hk.pkl",
  ".config/hk.local.pkl",
  ".git-hooks/pre_commit/a.rb",
  ".hooks/pre-commit",
  ".lefthook-local.yaml",
  ".config/lefthook.json",
  "rusty-hook.toml",
  // Servers that build.
  ".tekton/pull-request.yaml",
  "buildspec.yml",
  "buildspec-release.yml",
  "wercker.yml",
  "codeship-services.yml",
  "Jenkinsfile.release",
  "release.Jenkinsfile",
  "zuul.d/jobs.yaml",
  ".kokoro/build.sh",
  ".readthedocs.yaml",
  ".codesandbox/tasks.json",
  "devfile.yaml",
  // Forges and their bots.
  ".mergify.yml",
  ".github/CODEOWNERS",
  "docs/CODEOWNERS",
  ".github/dependabot.yml",
  ".github/settings.yml",
  "renovate.json",
  ".github/renovate.json5",
  "skills/review/SKILL.md",
  ".hermes.md",
];

describe("a control name", () => {
  it.each(CONTROL)("%s is one at every depth", (path) => {
    expect(kindOf(path)).toBe("control");
    expect(kindOf(`a/${path}`)).toBe("control");
    expect(kindOf(`a/b/c/d/${path}`)).toBe("control");
  });

  it.each([
    [".GIT/hooks/x", "another case"],
    [".Git", "another case"],
    [".g\u200Cit/config", "a code point that HFS+ ignores"],
    [".\uFEFFmcp.json", "a byte order mark"],
    [".git./config", "a dot that FAT drops"],
    [".git /hooks/x", "a space that FAT drops"],
    [".git::$INDEX_ALLOCATION/config", "a stream of NTFS"],
    ["GIT~1/config", "a short name of FAT"],
    ["GITHUB~1/WORKFL~1/ci.yml", "two short names"],
    ["CLAUDE~1/settings.json", "a short name"],
    ["MCP~1.JSO", "a short name with an ending"],
    ["MISELO~2.TOM", "the second of its kind"],
    ["BA3F0C~1", "the fifth of its kind"],
    [".git/COMMON~1", "a short name in a repository"],
    ["WORK~1.COD", "the short name of a workspace of an editor"],
    [".VSCode/settings.json", "another case"],
    ["claude.md", "another case"],
    [".ｍｃｐ.json", "a compatible form"],
  ])("%j is one: %s", (path) => {
    expect(kindOf(path)).toBe("control");
  });
});

describe("what only could hold one", () => {
  it.each([
    ".github",
    ".bundle",
    ".git/modules",
    ".git/modules/a",
    ".git/worktrees/w",
    ".git/objects",
    ".git/objects/info",
    "mise",
    ".config",
    "x/.yarn",
  ])("%s is above one", (path) => {
    expect(kindOf(path, "folder")).toBe("above");
  });
});

describe("twin: ordinary work is free", () => {
  it.each([
    "src/index.ts",
    "README.md",
    ".gitignore",
    ".gitattributes",
    ".editorconfig",
    ".prettierrc",
    ".eslintrc.json",
    ".env",
    "package.json",
    "Makefile",
    ".github/FUNDING.yml",
    ".github/ISSUE_TEMPLATE/bug.md",
    ".git/index",
    ".git/index.lock",
    ".git/HEAD",
    ".git/HEAD.lock",
    ".git/ORIG_HEAD",
    ".git/COMMIT_EDITMSG",
    ".git/refs/heads/main",
    ".git/refs/heads/hooks",
    ".git/refs/remotes/origin/HEAD",
    ".git/logs/HEAD",
    ".git/objects/ab/cdef",
    ".git/info/exclude",
    ".git/worktrees/w/HEAD",
    "config",
    "hooks/useState.ts",
    "src/config/index.ts",
    "app/git/config",
    "node_modules/fastq/.github/workflows/ci.yml",
    "node_modules/a/node_modules/b/.travis.yml",
    "node_modules/a/.vscode/settings.json",
    "node_modules/a/AGENTS.md",
    "node_modules/a/.yarnrc.yml",
    "node_modules/a/.gitmodules",
    // Each of these could be closed, and why it is not stands in docs/decisions/guarded-workspace.md.
    "pnpm-workspace.yaml",
    ".config/dotnet-tools.json",
    ".pylintrc",
    "tools/bazel/rules.bzl",
    ".venv/bin/activate",
    ".yarn/install-state.gz",
    "global.json",
    "flake.nix",
    "locales/hk.json",
    ".lintstagedrc.json",
    ".classpath",
    ".sl/store/00changelog.i",
    ".jj/repo/store/type",
    ".jj/working_copy/checkout",
    ".hg/dirstate",
    ".pijul/pristine/db",
    "_darcs/prefs/boring",
    ".gradle/8.10/checksums/checksums.lock",
    ".pixi/envs/default/bin/python",
    ".lsp/.cache/db.transit.json",
    ".metals/metals.h2.db",
    ".erlang.cookie",
    ".Rhistory",
    ".Rproj.user/a",
    ".ocamlformat",
    ".luacheckrc",
    ".clang-format",
    "compile_commands.json",
    "src/settings/index.ts",
    "src/project/index.ts",
    "src/hooks/pre-commit.ts",
    "packages/git-hooks/index.ts",
    "src/rdata.ts",
    "docs/jenkinsfile-guide.md",
    "buildspec.ts",
    "netlify.toml",
    "jupyterhub_config.py",
    "node_modules/a/.project",
    "node_modules/a/.settings/a.prefs",
    "node_modules/a/.readthedocs.yaml",
    ".crush/crush.db",
    ".aider.conf.yaml",
    "mise.lock",
    ".git/objects/info/packs",
    ".git/objects/info/commit-graph",
    "info/alternates",
    "src/alternates",
    // No short names of anything above.
    "notes~1",
    "a.txt~",
    "HEAD~1",
    "README~1.MD",
    "src~1/index.ts",
    "node_modules/a/rust-toolchain.toml",
    "node_modules/a/.tool-versions",
    "node_modules/a/gradle/wrapper/gradle-wrapper.jar",
    "\uFFFD\uFFFD",
    "...",
    "a:b",
  ])("%s", (path) => {
    expect(kindOf(path)).toBe("free");
  });

  it("the folder of a repository of jj is one, and no file that leads to another", () => {
    expect(kindOf(".jj/repo", "folder")).toBe("above");
    expect(kindOf("JJ~1/repo")).toBe("control");
    expect(kindOf("src/repo")).toBe("free");
  });

  it("a folder named HEAD makes no repository", () => {
    expect(kindOf("components/HEAD", "folder")).toBe("free");
    expect(kindOf("components/head/index.ts")).toBe("free");
  });

  it("but a package's own hooks into tools stay control files", () => {
    expect(kindOf("node_modules/a/.mcp.json")).toBe("control");
    expect(kindOf("node_modules/a/.git/config")).toBe("control");
    expect(kindOf("node_modules/a/.bashrc")).toBe("control");
    expect(kindOf("node_modules/a/.claude/settings.json")).toBe("control");
  });
});

describe("folding", () => {
  it("changes nothing of a plain name and is done once", () => {
    for (const name of ["a", "index.ts", ".git", "Ａ", "ﬁle", "K", ".GI\u0307T"]) {
      expect(foldName(foldName(name))).toBe(foldName(name));
    }
    expect(foldName("index.ts")).toBe("index.ts");
  });
});

describe("what git goes on with", () => {
  it("is closed: a list of commands that the next --continue runs, and older addresses", () => {
    for (const path of [
      ".git/rebase-merge/git-rebase-todo",
      ".git/rebase-apply/patch",
      ".git/sequencer/todo",
      ".git/remotes/origin",
      ".git/branches/main",
      ".git/worktrees/w/rebase-merge/done",
      ".git/modules/m/rebase-merge/done",
    ])
      expect([path, kindOf(path)]).toEqual([path, "control"]);
    for (const path of [
      ".git/refs/remotes/origin/main",
      ".git/logs/refs/heads/branches",
      ".git/modules/m/refs/remotes/o/main",
    ])
      expect([path, kindOf(path)]).toEqual([path, path.startsWith(".git/modules") ? "above" : "free"]);
  });
});

describe("what an owner has opened", () => {
  const opened = new Set([".git"]);
  const kind = (path: string): string => standingOf(path, { entry: "other", opened }).kind;

  it("is free with all below it, at any depth and in any spelling", () => {
    for (const path of [".git", "a/b/.git", ".git/hooks/pre-commit", ".GIT/config", "bare/HEAD", "x.git/config"])
      expect([path, kind(path)]).toEqual([path, "free"]);
  });

  it("opens nothing else", () => {
    for (const path of [".mcp.json", ".vscode/tasks.json", ".bashrc", ".github/workflows/ci.yml", ".claude/.git"])
      expect([path, kind(path)]).toEqual([path, "control"]);
  });
});

describe("what git obeys by its configuration", () => {
  const obeyed = ["tools/Hooks", ".git/extra"];
  const kind = (path: string, opened: readonly string[] = []): string =>
    standingOf(path, { entry: "other", obeyed, opened: new Set(opened) }).kind;

  it("is closed with all below it, in any spelling, and the folder above holds it", () => {
    for (const path of ["tools/hooks", "tools/hooks/pre-commit", "TOOLS/hooks/a/b", ".git/extra"])
      expect([path, kind(path)]).toEqual([path, "control"]);
    expect(kind("tools")).toBe("above");
  });

  it("twin: closes nothing else, and nothing that an owner has opened", () => {
    for (const path of ["tools/hooks2", "tools/x", "a/tools/hooks", "hooks", ".git/extras"])
      expect([path, kind(path)]).toEqual([path, "free"]);
    expect(kind("tools/hooks/pre-commit", ["hooks"])).toBe("free");
    expect(kind(".git/extra", [".git"])).toBe("free");
  });
});
