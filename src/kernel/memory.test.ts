import { expect, test } from "vitest";
import type { Allow, Grant } from "./grant.ts";
import type { JsonObject } from "./json.ts";
import {
  decodeMemoryCall,
  estimateTokens,
  isItemPath,
  memoryCallOf,
  planeName,
  sharesPlane,
  type MemoryTool,
} from "./memory.ts";

function read(name: string, args: JsonObject): unknown {
  const decoded = decodeMemoryCall({ name, arguments: args, agent: "worker" });
  return decoded.kind === "ok" ? decoded.value : decoded.message;
}

test("what an agent asks of memory is read as it is", () => {
  const own = { agent: "worker" };
  expect(read("append", { plane: "append-only", text: "a\nb\tc" })).toEqual({
    tool: "append",
    ...own,
    plane: "append-only",
    text: "a\nb\tc",
  });
  expect(read("put", { plane: "ephemeral", text: "x", ttl: 60 })).toEqual({
    tool: "put",
    ...own,
    plane: "ephemeral",
    text: "x",
    ttl: 60,
  });
  expect(read("get", { plane: "other/append-only", entry: 7 })).toEqual({
    tool: "get",
    agent: "other",
    plane: "append-only",
    entry: 7,
  });
  expect(read("get", { plane: "frozen", name: "identity", path: "SOUL.md" })).toEqual({
    tool: "get",
    ...own,
    plane: "frozen",
    name: "identity",
    path: "SOUL.md",
  });
  expect(read("list", { plane: "ephemeral" })).toEqual({ tool: "list", ...own, plane: "ephemeral", before: null });
  expect(read("list", { plane: "ephemeral", before: 9 })).toEqual({
    tool: "list",
    ...own,
    plane: "ephemeral",
    before: 9,
  });
  expect(read("search", { plane: "append-only", query: "käse" })).toEqual({
    tool: "search",
    ...own,
    plane: "append-only",
    query: "käse",
  });
  expect(read("propose_freeze", { plane: "append-only", name: "rules", entries: [1, 2] })).toEqual({
    tool: "propose_freeze",
    ...own,
    plane: "append-only",
    name: "rules",
    entries: [1, 2],
  });
});

test.each([
  ["burn", {}, 'memory has no tool "burn"'],
  ["append", { plane: "append-only" }, "text: missing"],
  ["append", { plane: "append-only", text: "" }, "text: empty: an entry has at least one character"],
  ["append", { plane: "append-only", text: "\u001b[2J" }, "text: not a text without control characters"],
  ["append", { plane: "append-only", text: "é".repeat(32_769) }, "text: over 65536 bytes"],
  ["append", { plane: "append-only", text: "x", ttl: 1 }, 'unknown field "ttl"'],
  ["append", { plane: "ephemeral", text: "x" }, "plane: not an append-only plane, which this tool is for"],
  ["append", { plane: "frozen", text: "x" }, "plane: not an append-only plane, which this tool is for"],
  ["append", { plane: "notes", text: "x" }, "plane: not one of append-only, ephemeral, frozen"],
  ["append", { plane: "worker/append-only", text: "x" }, "plane: its own plane is called append-only"],
  ["append", { plane: "../append-only", text: "x" }, "plane: not a plane"],
  ["append", { plane: "a/b/append-only", text: "x" }, "plane: not one of append-only, ephemeral, frozen"],
  ["put", { plane: "ephemeral", text: "x" }, "ttl: missing"],
  ["put", { plane: "ephemeral", text: "x", ttl: 0 }, "ttl: not a whole number from 1 to 7776000"],
  ["put", { plane: "ephemeral", text: "x", ttl: 7_776_001 }, "ttl: not a whole number from 1 to 7776000"],
  ["put", { plane: "ephemeral", text: "x", ttl: 1.5 }, "ttl: not a whole number from 1 to 7776000"],
  ["put", { plane: "append-only", text: "x", ttl: 5 }, "plane: not an ephemeral plane, which this tool is for"],
  ["get", { plane: "append-only", entry: -1 }, "entry: not a whole number from 0 to 9007199254740991"],
  ["get", { plane: "append-only", name: "x", path: "y" }, "an entry of the frozen plane has a name"],
  ["get", { plane: "frozen", entry: 1 }, "an entry of the frozen plane has a name"],
  ["get", { plane: "frozen", name: "identity", path: "../x" }, "path: not a path within a snapshot"],
  ["get", { plane: "frozen", name: "identity" }, "path: missing"],
  ["search", { plane: "append-only", query: "" }, "query: not a query of at most 256 characters"],
  ["propose_freeze", { plane: "append-only", name: "x", entries: [] }, "entries: empty, or one a second time"],
  ["propose_freeze", { plane: "append-only", name: "x", entries: [1, 1] }, "entries: empty, or one a second time"],
] as const)("%s is refused with its place: %o", (name, args, message) => {
  expect(read(name, args as unknown as JsonObject)).toContain(message);
});

function grant(...allow: readonly Allow[]): Grant {
  return {
    v: 1,
    id: "g",
    agents: ["worker"],
    drivers: {},
    allow,
    limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: 1 },
    lease: false,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports: [] },
  };
}

test("another's plane is shared by a grant that names exactly it, and by none that leaves it out", () => {
  const call = { agent: "other", plane: "append-only", tool: "get" satisfies MemoryTool } as const;
  const shares = (where: Allow["where"], what = "memory/get"): boolean => sharesPlane([grant({ what, where })], call);
  expect(shares({ plane: { equals: "other/append-only" } })).toBe(true);
  expect(shares({ plane: { in: ["ephemeral", "other/append-only"] } })).toBe(true);
  expect(shares({})).toBe(false);
  expect(shares({ plane: { in: ["append-only"] } })).toBe(false);
  expect(shares({ plane: { equals: "other/ephemeral" } })).toBe(false);
  expect(shares({ plane: { under: "/" } })).toBe(false);
  expect(shares({ plane: { equals: "other/append-only" } }, "memory/append")).toBe(false);
  expect(shares({ plane: { equals: "other/append-only" } }, "files/get")).toBe(false);
  expect(sharesPlane([], call)).toBe(false);
});

test("a plane has one name for each agent that speaks of it", () => {
  expect(planeName({ agent: "worker", plane: "ephemeral" }, "worker")).toBe("ephemeral");
  expect(planeName({ agent: "worker", plane: "ephemeral" }, "other")).toBe("worker/ephemeral");
});

test("a path within a snapshot has one reading", () => {
  for (const path of ["SOUL.md", "a/b.c", ".claude/CLAUDE.md"]) expect([path, isItemPath(path)]).toEqual([path, true]);
  for (const path of ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a b", "ä"])
    expect([path, isItemPath(path)]).toEqual([path, false]);
});

test("tokens are estimated rather too many than too few", () => {
  expect([0, 1, 3, 4].map(estimateTokens)).toEqual([0, 1, 1, 2]);
});

test("a resource is a plane of the agent's own, or what lies in one, and has one address", () => {
  const resource = (name: string): unknown => {
    const found = memoryCallOf({ verb: "read", name, arguments: {}, agent: "worker" });
    return found.kind === "ok" ? found.value : found.code;
  };
  const own = { agent: "worker", plane: "append-only" };
  expect(resource("memory:///append-only")).toEqual({ ...own, tool: "list", before: null });
  expect(resource("memory:///append-only/12")).toEqual({ ...own, tool: "get", entry: 12 });
  expect(resource("memory:///frozen")).toEqual({ ...own, plane: "frozen", tool: "list", before: null });
  expect(resource("memory:///frozen/home/a/SOUL.md")).toEqual({
    ...own,
    plane: "frozen",
    tool: "get",
    name: "home",
    path: "a/SOUL.md",
  });
  const below = [
    "",
    "append-only/",
    "append-only/012",
    "append-only/-1",
    "append-only/1/2",
    "append-only/1e3",
    "nothing",
  ];
  const others = ["other/append-only", "frozen/home", "frozen/home/", "frozen/home/../x", "append-only/1?x", "Frozen"];
  const elsewhere = ["memory:/append-only", "memory:append-only", "MEMORY:///append-only", "file:///append-only", ""];
  for (const uri of [...[...below, ...others].map((rest) => `memory:///${rest}`), ...elsewhere])
    expect([uri, resource(uri)]).toEqual([uri, "malformed"]);
});
