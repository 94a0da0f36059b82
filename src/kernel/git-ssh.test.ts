import { describe, expect, test } from "vitest";
import type { Allow } from "./grant.ts";
import { commonRef, decodeGitCall, gitOrigin, gitPlacesOf, isGitPath, isRef, parseGitOrigin } from "./git-ssh.ts";
import type { JsonObject } from "./json.ts";

const PLACE = { host: "git.example.org", port: 22, user: "git", path: "/me/project.git" };
const ONE = "1".repeat(40);
const ZERO = "0".repeat(40);
const UPDATE = { ref: "refs/heads/agent/x", old: ZERO, new: ONE };
const PUSH = {
  ...PLACE,
  ref: "/refs/heads/agent/x",
  removes: false,
  updates: [UPDATE],
  shallow: [],
  capabilities: ["report-status"],
};

function read(name: string, args: JsonObject): string {
  const decoded = decodeGitCall(name, args);
  return decoded.kind === "ok" ? "ok" : decoded.message;
}

test("a fetch, a look at refs and a push are read as they are", () => {
  expect(decodeGitCall("fetch", { ...PLACE, protocol: 2 })).toEqual({
    kind: "ok",
    value: { tool: "fetch", ...PLACE, protocol: 2 },
  });
  expect(decodeGitCall("refs", PLACE)).toEqual({ kind: "ok", value: { tool: "refs", ...PLACE } });
  expect(decodeGitCall("push", PUSH)).toEqual({ kind: "ok", value: { tool: "push", ...PUSH } });
});

test.each([
  ["archive", PLACE, "no tool of git over SSH"],
  ["refs", { ...PLACE, host: "127.0.0.1" }, "host: not a host name in its one spelling"],
  ["refs", { ...PLACE, host: "-oProxyCommand=x" }, "host: not a host name in its one spelling"],
  ["refs", { ...PLACE, user: "-l" }, "user: not a user's name"],
  ["refs", { ...PLACE, port: 0 }, "port: not a whole number from 1 to 65535"],
  ["refs", { ...PLACE, path: "/a/../b" }, "path: not a repository's path"],
  ["refs", { ...PLACE, more: 1 }, 'unknown field "more"'],
  ["fetch", { ...PLACE, protocol: 3 }, "protocol: not a whole number from 0 to 2"],
  ["push", { ...PUSH, updates: [] }, "updates: nothing is pushed"],
  ["push", { ...PUSH, updates: [UPDATE, UPDATE] }, "updates: a ref a second time"],
  ["push", { ...PUSH, ref: "/refs/heads/agent" }, "ref: not what all refs lie below"],
  ["push", { ...PUSH, removes: true }, "removes: not what the refs say"],
  ["push", { ...PUSH, updates: [{ ...UPDATE, new: ZERO }] }, "updates[0]: neither makes nor changes the ref"],
  ["push", { ...PUSH, updates: [{ ...UPDATE, old: ONE, new: ZERO }] }, "removes: not what the refs say"],
  ["push", { ...PUSH, updates: [{ ...UPDATE, new: "1" }] }, "updates[0].new: not an object's id"],
  ["push", { ...PUSH, capabilities: ["push-options"] }, /^capabilities\[0\]: not one of report-status/],
  ["push", { ...PUSH, shallow: ["x"] }, "shallow[0]: not an object's id"],
] as const)("%s is refused with its place: %o", (name, args, message) => {
  expect(read(name, args as unknown as JsonObject)).toEqual(
    typeof message === "string" ? message : expect.stringMatching(message),
  );
});

test("a repository's path has one reading, and nothing in it that a shell or a program takes for something else", () => {
  for (const path of ["/me/project.git", "/srv/git/a_b+c.d", "/x"])
    expect([path, isGitPath(path)]).toEqual([path, true]);
  const bad = [
    "me/x",
    "/a//b",
    "/a/",
    "/a/./b",
    "/-x",
    "/a/--upload-pack=x",
    "/a'b",
    "/a b",
    "/a\nb",
    "/a;b",
    "/$(a)",
    "/~/x",
    "/ä",
  ];
  for (const path of bad) expect([path, isGitPath(path)]).toEqual([path, false]);
});

test("a ref is a full name without what git or a screen reads otherwise", () => {
  for (const ref of ["refs/heads/main", "refs/tags/v1.0", "refs/for/main", "refs/heads/a-b/c#1"])
    expect([ref, isRef(ref)]).toEqual([ref, true]);
  const bad = [
    "HEAD",
    "main",
    "refs/heads",
    "refs/heads/a..b",
    "refs/heads/.a",
    "refs/heads/a.",
    "refs/heads/a.lock",
    "refs/heads/a.lock/b",
    "refs/heads/a@{1}",
    "refs/heads/a*",
    "refs/heads/-a",
    "refs/heads/a b",
    "refs/heads/a\u001b",
    "refs//a/b",
  ];
  for (const ref of bad) expect([ref, isRef(ref)]).toEqual([ref, false]);
});

test("what rules compare is the ref, or what all refs lie below on whole segments", () => {
  expect(commonRef(["refs/heads/agent/x"])).toBe("/refs/heads/agent/x");
  expect(commonRef(["refs/heads/agent/x", "refs/heads/agent/y"])).toBe("/refs/heads/agent");
  expect(commonRef(["refs/heads/agent", "refs/heads/agents"])).toBe("/refs/heads");
  expect(commonRef(["refs/heads/a", "refs/heads/a/b"])).toBe("/refs/heads/a");
  expect(commonRef(["refs/heads/a", "refs/tags/a"])).toBe("/refs");
});

test("a place has one spelling", () => {
  for (const origin of ["ssh://git@example.org", "ssh://me@localhost:2222"]) {
    const place = parseGitOrigin(origin);
    expect([origin, place === null ? null : gitOrigin(place)]).toEqual([origin, origin]);
  }
  const bad = [
    "ssh://example.org",
    "ssh://git@example.org:22",
    "ssh://git@example.org/",
    "ssh://-x@example.org",
    "ssh://git@10.0.0.1",
    "ssh://git@Example.org",
    "git@example.org",
    "ssh://git@example.org:99999",
  ];
  for (const origin of bad) expect([origin, parseGitOrigin(origin)]).toEqual([origin, null]);
});

describe("the places of allowances", () => {
  const where: Allow["where"] = {
    host: { equals: "example.org" },
    port: { equals: 22 },
    user: { equals: "git" },
    path: { under: "/me" },
  };
  const fetch = { what: "git-ssh/fetch", where };

  test("are each there once, whatever else is allowed", () => {
    const all = [fetch, { what: "git-ssh/push", where }, { what: "net/fetch", where: {} }];
    expect(gitPlacesOf(all)).toEqual([{ host: "example.org", port: 22, user: "git" }]);
    expect(gitPlacesOf([])).toEqual([]);
  });

  test("are none when one is not exact, names no repository, or when they are too many", () => {
    for (const field of ["host", "port", "user", "path"] as const) {
      const { [field]: _left, ...rest } = where;
      expect(gitPlacesOf([fetch, { what: "git-ssh/fetch", where: rest }])).toBe(null);
    }
    expect(gitPlacesOf([{ what: "git-ssh/fetch", where: { ...where, host: { in: ["example.org"] } } }])).toBe(null);
    expect(gitPlacesOf([{ what: "git-ssh/fetch", where: { ...where, user: { equals: "-l" } } }])).toBe(null);
    const many = Array.from({ length: 9 }, (_, index) => ({
      ...fetch,
      where: { ...where, port: { equals: 23 + index } },
    }));
    expect(gitPlacesOf(many)).toBe(null);
    expect(gitPlacesOf(many.slice(1))).toHaveLength(8);
  });
});
