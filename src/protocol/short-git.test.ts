import { expect, test } from "vitest";
import type { JsonValue } from "../kernel/json.ts";
import { decode } from "./decode.ts";
import { GIT, gitAllows } from "./short-git.ts";

const TO = "ssh://git@example.org/me/project.git";

function allowsOf(written: JsonValue): readonly object[] | string {
  const read = decode(GIT, [written]);
  return read.kind === "ok" ? read.value.flatMap(gitAllows) : `${read.path}: ${read.message}`;
}

test("a repository is fetched from, and what may be pushed is said ref by ref", () => {
  const where = {
    host: { equals: "example.org" },
    port: { equals: 22 },
    user: { equals: "git" },
    path: { under: "/me/project.git" },
  };
  const ref = { under: "/refs/heads/agent" };
  expect(allowsOf({ to: TO })).toEqual([{ what: "git-ssh/fetch", where }]);
  expect(allowsOf({ to: TO, push: ["refs/heads/agent"] })).toEqual([
    { what: "git-ssh/fetch", where },
    { what: "git-ssh/refs", where },
    { what: "git-ssh/push", where: { ...where, ref, removes: { equals: false } } },
  ]);
  expect(allowsOf({ to: TO, push: ["refs/heads/agent"], remove: true }).slice(2)).toEqual([
    { what: "git-ssh/push", where: { ...where, ref, removes: { equals: false } } },
    { what: "git-ssh/push", where: { ...where, ref, removes: { equals: true } } },
  ]);
});

test.each([
  [{ to: "ssh://git@example.org" }, "/0/to: "],
  [{ to: "ssh://git@example.org:22/x" }, "/0/to: "],
  [{ to: "git@example.org:me/x.git" }, "/0/to: "],
  [{ to: "ssh://git@10.0.0.1/x" }, "/0/to: "],
  [{ to: TO, push: ["main"] }, "/0/push/0: "],
  [{ to: TO, push: ["refs/heads/*"] }, "/0/push/0: "],
  [{ to: TO, remove: true }, "/0/remove: "],
  [{ to: TO, force: true }, "/0/force: "],
])("%o is refused with its place", (written, path) => {
  expect(allowsOf(written)).toEqual(expect.stringMatching(`^${path}`));
});
