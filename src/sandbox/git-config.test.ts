import { describe, expect, it } from "vitest";
import { obeyedBy, readGitConfig } from "./git-config.ts";

describe("a git configuration", () => {
  it("is read as git reads it", () => {
    const text = String.raw`# a comment
[Core]
	HooksPath = tools/hooks ; where they are
	bare
[include] path = "a; b#c"   # quoted
[includeIf "gitdir:~/Work/"]
	path = one \
two
[remote.Origin]
	url = x\ty\\z"
[user "a\"b"] name = 	 spaced  out 	 `;
    expect(readGitConfig(text)).toEqual([
      { key: "core.hookspath", value: "tools/hooks" },
      { key: "core.bare", value: "" },
      { key: "include.path", value: "a; b#c" },
      { key: "includeif.gitdir:~/Work/.path", value: "one two" },
      { key: "remote.origin.url", value: "x\ty\\z" },
      { key: 'user.a"b.name', value: "spaced  out" },
    ]);
  });

  it("with what is no value in it gives the values that there are, whatever the ends of its lines", () => {
    expect(readGitConfig("\u{feff}[core]\r\n= 5\r\n???\r\nhooksPath=h\r\n[broken\r\nfsmonitor = x")).toEqual([
      { key: "core.hookspath", value: "h" },
      { key: "core.fsmonitor", value: "x" },
    ]);
    expect(readGitConfig("")).toEqual([]);
  });
});

describe("what git obeys by a setting", () => {
  it("is hooks, further settings, and the paths in commands", () => {
    expect(obeyedBy({ key: "core.hookspath", value: "hooks" })).toEqual({ kind: "hooks", path: "hooks" });
    for (const key of ["include.path", "includeif.gitdir:~/W/.path"])
      expect(obeyedBy({ key, value: "../g" })).toEqual({ kind: "settings", path: "../g" });
    expect(obeyedBy({ key: "filter.x.clean", value: "node 'scripts/clean.js' --fast -f %f" })).toEqual({
      kind: "command",
      paths: ["scripts/clean.js"],
    });
    expect(obeyedBy({ key: "alias.up", value: "!cd x && ./up.sh;tools/b" })).toEqual({
      kind: "command",
      paths: ["./up.sh", "tools/b"],
    });
  });

  it("twin: is nothing for what only describes, and for programs of the system", () => {
    expect(obeyedBy({ key: "credential.helper", value: "gcloud.sh" })).toEqual({ kind: "command", paths: [] });
    for (const key of ["user.name", "remote.origin.url", "branch.main.merge", "core.excludesfile", "commit.template"])
      expect(obeyedBy({ key, value: "src/main.ts" })).toBeNull();
    expect(obeyedBy({ key: "alias.lg", value: "log --format=%h.%an src/main.ts" })).toBeNull();
  });
});
