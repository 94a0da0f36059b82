import { describe, expect, it } from "vitest";
import type { Grant, SandboxGrant } from "../kernel/grant.ts";
import { driverWorkspace, isLess, leastSandbox } from "./sandbox-grant.ts";
import { emptyState, type State } from "./state.ts";

const NOTHING: SandboxGrant = { workspace: "none", folder: null, programs: "none", home: null, ports: [] };
const FILES: Grant["drivers"] = {
  files: { source: { kind: "http", url: "http://127.0.0.1:1/mcp" }, pin: "", tools: {}, resources: [], prompts: [] },
};

/** A state in which each agent has these grants. */
function stateOf(grants: { readonly [agent: string]: readonly Partial<SandboxGrant>[] }): State {
  const state = emptyState();
  for (const [agent, sandboxes] of Object.entries(grants)) {
    const mine = sandboxes.map((sandbox, index): Grant => ({
      v: 1,
      id: `${agent}-${index}`,
      agents: [agent],
      drivers: FILES,
      allow: [],
      limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: 1000 },
      lease: false,
      sandbox: { ...NOTHING, ...sandbox },
    }));
    state.byAgent.set(agent, new Map(mine.map((grant) => [grant.id, grant])));
    state.instances.set(`i-${agent}`, { agent } as never);
  }
  return state;
}
const acting = (workspace: string | null, ...ancestry: string[]) => ({ agent: "me", ancestry, workspace });

describe("the sandbox of an instance", () => {
  it("has the folder that a grant names, or one below it, and no other", () => {
    const state = stateOf({
      me: [
        { workspace: "write", folder: "/srv/a" },
        { workspace: "read", folder: "/srv/b" },
      ],
    });
    const mode = (workspace: string | null): string => leastSandbox(state, acting(workspace), 1).mode;
    expect(["/srv/a", "/srv/a/inner", "/srv/b", "/srv/ab", "/srv", null].map(mode)).toEqual([
      "write",
      "write",
      "read",
      "none",
      "none",
      "none",
    ]);
  });

  it("has no more than anyone above it (CHILD-LESS), and nothing below one that is not known", () => {
    const home = { bytes: 10, entries: 10, sealed: [] };
    const state = stateOf({
      me: [{ workspace: "write", programs: "any", home }],
      above: [{ workspace: "read", home: { ...home, bytes: 5 } }],
    });
    expect(leastSandbox(state, acting("/srv/a"), 1)).toMatchObject({ mode: "write", programs: "any", home });
    expect(leastSandbox(state, acting("/srv/a", "i-above"), 1)).toEqual({
      mode: "read",
      programs: "none",
      home: { ...home, bytes: 5 },
      open: [],
    });
    const none = { mode: "none", programs: "none", home: null, open: [] };
    expect(leastSandbox(state, acting("/srv/a", "i-nobody"), 1)).toEqual(none);
    expect(leastSandbox(state, acting("/srv/a"), 1000)).toEqual(none); // the grants are past their end
  });

  it("may change what everybody above it may, and what a grant for another folder opens not", () => {
    const opened = (me: Partial<SandboxGrant>, above: Partial<SandboxGrant>): readonly string[] =>
      leastSandbox(stateOf({ me: [me], above: [above] }), acting("/srv/a", "i-above"), 1).open;
    expect(opened({ open: [".git", ".vscode"] }, { open: [".git"] })).toEqual([".git"]);
    expect(opened({ open: [".git"] }, {})).toEqual([]);
    expect(opened({ open: [".git"], folder: "/srv/b" }, { open: [".git"] })).toEqual([]);
  });

  it("ends when it would get less", () => {
    const had = leastSandbox(stateOf({ me: [{ workspace: "write" }] }), acting("/srv/a"), 1);
    expect(isLess(had, had)).toBe(false);
    expect(isLess({ ...had, mode: "read" }, had)).toBe(true);
    expect(isLess(had, { ...had, home: { bytes: 1, entries: 1, sealed: [] } })).toBe(true);
  });
});

describe("the folder of a driver", () => {
  it("is the instance's, where the grants that declare it and those above are about it", () => {
    const state = stateOf({ me: [{ folder: "/srv/a" }], above: [{ folder: "/srv" }], aside: [{ folder: "/opt" }] });
    expect(driverWorkspace(state, "files", acting("/srv/a/x"))).toBe("/srv/a/x");
    expect(driverWorkspace(state, "files", acting("/srv/b"))).toBeNull();
    expect(driverWorkspace(state, "other", acting("/srv/a"))).toBeNull();
    expect(driverWorkspace(state, "files", acting("/srv/a", "i-above"))).toBe("/srv/a");
    expect(driverWorkspace(state, "files", acting("/srv/a", "i-aside"))).toBeNull();
    expect(driverWorkspace(state, "files", acting("/srv/a", "i-nobody"))).toBeNull();
  });
});
