import { execFileSync } from "node:child_process";
import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../../../test/fakes/temporary-folder.ts";
import { findGitObeyed } from "./git-obeyed.ts";

const top = realpathSync(makeTemporaryFolder());
const work = join(top, "person/work");
beforeEach(() => {
  rmSync(join(top, "person"), { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
});

function put(path: string, text: string): void {
  mkdirSync(dirname(join(work, path)), { recursive: true });
  writeFileSync(join(work, path), text);
}

describe("what git obeys in a workspace", () => {
  it("is found wherever a repository in it or around it names it, with links on the way and what is included", async () => {
    put(".git/config", "[core]\n hooksPath = hooks\n[include]\n path = ../settings/git\n path = extra\n");
    put("settings/git", '[filter "x"]\n clean = sh tools/clean.sh\n[include]\n path = more\n');
    put("settings/more", "[core]\n fsmonitor = ~/work/watch.sh\n");
    put("vendor/lib/.git/config", `[core]\n hooksPath = ${work}/vendor/shared\n`);
    mkdirSync(join(work, "tools/real"), { recursive: true });
    symlinkSync("tools/again", join(work, "hooks"));
    symlinkSync("real", join(work, "tools/again"));
    mkdirSync(join(top, "person/.git"));
    writeFileSync(join(top, "person/.git/config"), "[core]\n hooksPath = work/from-above\n");
    expect(await findGitObeyed(work, [])).toEqual([
      ".git/extra",
      ".git/hooks",
      "from-above",
      "hooks",
      "settings/git",
      "settings/more",
      "tools/again",
      "tools/clean.sh",
      "tools/real",
      "vendor/shared",
      "watch.sh",
    ]);
  });

  it("is found of more work trees and of a repository without one, which git itself has made", async () => {
    const git = (...words: readonly string[]): void =>
      void execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...words], {
        cwd: join(top, "person"),
        stdio: "pipe",
        env: { PATH: process.env["PATH"], HOME: top, GIT_CONFIG_NOSYSTEM: "1" },
      });
    git("init", "-q", "main");
    git("-C", "main", "commit", "-q", "--allow-empty", "-m", "x");
    git("-C", "main", "worktree", "add", "-q", join(work, "tree"));
    git("-C", "main", "config", "core.hooksPath", "scripts/hooks");
    git("init", "-q", "--bare", join(work, "server"));
    git("-C", join(work, "server"), "config", "core.hooksPath", "its-hooks");
    expect(await findGitObeyed(work, [])).toEqual(["server/its-hooks", "tree/scripts/hooks"]);
  });

  it("twin: is nothing without such settings, and nothing of what lies elsewhere", async () => {
    expect(await findGitObeyed(work, [])).toEqual([]);
    put(".git/config", "[core]\n hooksPath = /opt/hooks\n[include]\n path = ../../other\n[user]\n name = src/a.ts\n");
    expect(await findGitObeyed(work, [])).toEqual([]);
  });

  it("is what a person's own settings say of every repository too", async () => {
    writeFileSync(join(top, "person/.gitconfig"), "[core]\n hooksPath = team-hooks\n");
    put(".git/config", "");
    expect(await findGitObeyed(work, [join(top, "person/.gitconfig")])).toEqual([".git/team-hooks", "team-hooks"]);
  });

  it("is found for a user whom the list of users does not have, with the home that HOME names or none", () => {
    writeFileSync(join(top, "person/.gitconfig"), "[core]\n hooksPath = team-hooks\n");
    put(".git/config", "");
    const program = `
      const { findGitObeyed } = await import(${JSON.stringify(join(import.meta.dirname, "git-obeyed.ts"))});
      console.log(JSON.stringify(await findGitObeyed(${JSON.stringify(work)})));`;
    const asNobody = (env: { readonly [name: string]: string }): unknown => {
      const words = [
        "--dev-bind",
        "/",
        "/",
        "--ro-bind",
        "/dev/null",
        "/etc/passwd",
        "--unshare-user",
        "--uid",
        "54321",
      ];
      const node = [process.execPath, "--disable-warning=ExperimentalWarning", "--input-type=module", "-e", program];
      return JSON.parse(
        execFileSync("bwrap", [...words, "--die-with-parent", "--", ...node], {
          env: { PATH: "/usr/bin:/bin", ...env },
          encoding: "utf8",
        }),
      );
    };
    expect(asNobody({})).toEqual([]);
    expect(asNobody({ HOME: join(top, "person") })).toEqual([".git/team-hooks", "team-hooks"]);
  });

  it("that is the folder itself, or cannot be known, is refused", async () => {
    put(".git/config", "[core]\n hooksPath = .\n");
    await expect(findGitObeyed(work, [])).rejects.toMatchObject({ code: "git-configuration" });
    put(".git/config", `[core]\n${"#".repeat(1024 * 1024)}\n hooksPath = hooks\n`);
    await expect(findGitObeyed(work, [])).rejects.toMatchObject({ code: "git-configuration" });
    put(".git/config", Array.from({ length: 300 }, (_, at) => `[include]\n path = f${at}\n`).join(""));
    await expect(findGitObeyed(work, [])).rejects.toMatchObject({ code: "git-configuration" });
  });

  it("ends, however files include each other and links lead around", async () => {
    put(".git/config", "[include]\n path = ../a\n[core]\n hooksPath = round/hooks\n");
    put("a", "[include]\n path = b\n");
    put("b", "[include]\n path = a\n");
    symlinkSync("round", join(work, "round"));
    expect(await findGitObeyed(work, [])).toEqual([".git/round/hooks", "a", "b", "round", "round/hooks"]);
  });
});
