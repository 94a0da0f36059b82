import { expect, test } from "vitest";
import { gitAllows } from "../protocol/short-git.ts";
import { describeGitAllow } from "./describe-git.ts";

const TO = "ssh://git@example.org/me/project.git";

test("what a grant of git gives is said in full", () => {
  const allows = gitAllows({ to: TO, push: ["refs/heads/agent"], remove: true });
  const asks = "runs, and asks you once it has read both words from outside and private data";
  const ref = "ref /refs/heads/agent and below";
  expect(allows.map((allow) => describeGitAllow(allow, false).text)).toEqual([
    `git: fetch from ssh://git@example.org, path /me/project.git and below: ${asks}`,
    `git: look, before a push, at the refs of ssh://git@example.org, path /me/project.git and below: ${asks}`,
    `git: push to ssh://git@example.org, path /me/project.git and below, ${ref}, removing none: asks you every time, and shows the refs`,
    `git: push to ssh://git@example.org, path /me/project.git and below, ${ref}, and remove them: asks you every time, and shows the refs`,
  ]);
  expect(allows.map((allow) => describeGitAllow(allow, true).text.split(": ").at(-1))).toEqual(
    allows.map(() => "this is a lease"),
  );
});

test("what is not said may be anything, and is said to", () => {
  const { text } = describeGitAllow({ what: "git-ssh/push", where: {} }, false);
  expect(text).toBe(
    "git: push to any host, any port, any user, any path, any ref, removing refs or not: asks you every time, and shows the refs",
  );
});
