import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Brought } from "../../src/protocol/undo-report.ts";
import { startSubstrate, type Substrate } from "./substrate.ts";
import { readUser } from "./user.ts";

/*
 * A commit is no file of the folder: with git's plumbing an agent puts a control file into one, and the owner's next checkout
 * writes it. What is said of a run names it, whatever the agent wrote beside it to hide that.
 */
let aios: Substrate;
const OWN_USER = process.geteuid?.() === 0 ? readUser("aios") : null;

/** As the user that agents write as, with git's own defaults. */
function git(...words: readonly string[]): string {
  return execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...words], {
    cwd: aios.workspace,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" },
    ...(OWN_USER === null ? {} : { uid: OWN_USER.uid, gid: OWN_USER.gid }),
  }).trim();
}

async function brought(script: string): Promise<Brought | null> {
  const prelude = "export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a; set -e; ";
  const command = ["sh", "-c", prelude + script];
  const ran = await aios.run({ agent: "worker", workspace: aios.workspace, command });
  expect(ran).toMatchObject({ state: "ended", exit: 0 });
  const answer = await aios.client.request("undo", { instance: ran.instance, how: "dry" });
  await aios.client.request("undo", { instance: ran.instance, how: "do" });
  return answer.brought;
}

/** Puts a file into the index that is nowhere in the folder. */
const stage = (path: string): string =>
  `git update-index --add --cacheinfo 100644,$(echo 'on: push' | git hash-object -w --stdin),${path}; `;
const commit = (parent: string): string => `$(echo x | git commit-tree $(git write-tree) ${parent})`;
const names = (report: Brought | null): readonly string[] =>
  (report?.files ?? []).map(({ path }) => path.slice(aios.workspace.length + 1)).toSorted();

beforeAll(async () => {
  aios = await startSubstrate();
  await aios.grant({ id: "work", agents: ["worker"], allow: [], programs: "any", workspace: "write" });
  git("init", "-q", "-b", "main");
  execFileSync("sh", ["-c", "mkdir .husky && echo true > .husky/pre-push && echo mine > notes.txt"], {
    cwd: aios.workspace,
    ...(OWN_USER === null ? {} : { uid: OWN_USER.uid, gid: OWN_USER.gid }),
  });
  git("add", ".");
  git("commit", "-q", "-m", "first");
  git("branch", "other");
  git("pack-refs", "--all");
});
afterAll(() => aios.stop());

describe("a control file in what git keeps", () => {
  test.each([
    ["the branch that is checked out", `git update-ref HEAD ${commit("-p HEAD")}`],
    ["another branch", `git update-ref refs/heads/other ${commit("-p HEAD")}`],
    ["a tag", `git tag it ${commit("-p HEAD")}`],
    ["the stash", `git update-ref refs/stash ${commit("-p HEAD")}`],
    [
      "a commit below another",
      `C=${commit("-p HEAD")}; git update-ref HEAD $(echo y | git commit-tree HEAD^{tree} -p $C)`,
    ],
    ["a merge", `git update-ref HEAD ${commit("-p HEAD -p other")}`],
    ["the index alone", "true"],
    [
      "a commit that grafts show without it",
      `C=${commit("-p HEAD")}; mkdir -p .git/info; echo "$C $(echo z | git commit-tree $C^{tree})" > .git/info/grafts; git update-ref HEAD $C`,
    ],
    [
      "a commit that is replaced by a harmless one",
      `C=${commit("-p HEAD")}; git update-ref HEAD $C; git replace $C other`,
    ],
    ["packed objects and references", `git update-ref refs/heads/other ${commit("-p HEAD")}; git gc -q`],
  ])("is named when it is in %s", async (_where, script) => {
    const report = await brought(stage(".github/workflows/x.yml") + script);
    expect(names(report)).toEqual([".github/workflows/x.yml"]);
    expect(report).toMatchObject({ count: 1, whole: true, files: [{ why: expect.any(String) }] });
    expect(existsSync(join(aios.workspace, ".github"))).toBe(false);
    expect(git("status", "--porcelain")).toBe("");
  });

  test("is named too when its name is another to some file systems, and when an old one is changed", async () => {
    const report = await brought(
      stage(".GitHub/workflows/x.yml") + stage(".husky/pre-push") + `git update-ref HEAD ${commit("-p HEAD")}`,
    );
    expect(names(report)).toEqual([".GitHub/workflows/x.yml", ".husky/pre-push"]);
  });

  test("is named with all others of a commit that has no parent", async () => {
    const report = await brought(`${stage(".github/workflows/x.yml")}git update-ref refs/heads/new ${commit("")}`);
    expect(names(report)).toEqual([".github/workflows/x.yml", ".husky/pre-push"]);
  });

  test("is not known to be none when there are more names than are read", async () => {
    const many =
      "B=$(git hash-object -w notes.txt); for i in $(seq 1 6000); do printf '100644 %s\\t%0200d.txt\\n' $B $i; done | git update-index --index-info; ";
    const report = await brought(many + stage("zz/.github/workflows/x.yml"));
    expect(report).toMatchObject({ whole: false });
  });

  test("twin: nothing is said of ordinary commits, nor of what was there before", async () => {
    const report = await brought("echo more >> notes.txt; git add notes.txt; git commit -q -m more; git branch mine");
    expect(report).toEqual({ files: [], count: 0, whole: true });
  });

  test("twin: nor of a run that wrote no commit", async () => {
    expect(await brought("echo more >> notes.txt")).toEqual({ files: [], count: 0, whole: true });
  });

  test("is not known to be none when git cannot read the repository any more", async () => {
    const report = await brought(
      `${stage("a.txt")}C=${commit("-p HEAD")}; git update-ref HEAD $C; P=.git/objects/$(echo $C | cut -c1-2)/$(echo $C | cut -c3-); rm -f $P; echo x > $P`,
    );
    expect(report).toEqual({ files: [], count: 0, whole: false });
  });
});
