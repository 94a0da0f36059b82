import { describe, expect, test } from "vitest";
import type { Grant, PortGrant } from "../kernel/grant.ts";
import { publishedPorts } from "./published.ts";
import { emptyState } from "./state.ts";

const NOW = 1000;
const web: PortGrant = { name: "web", inside: 80, outside: 8080, keys: [] };

function grant(id: string, agent: string, ports: readonly PortGrant[], limits: Partial<Grant["limits"]> = {}): Grant {
  return {
    v: 1,
    id,
    agents: [agent],
    drivers: {},
    allow: [],
    limits: { uses: null, rate: null, bytes: null, notBefore: 0, expires: 2000, ...limits },
    lease: false,
    sandbox: { workspace: "none", folder: null, programs: "none", home: null, ports },
  };
}

function published(grants: readonly Grant[], chain: readonly string[] = ["a"]): readonly PortGrant[] {
  const state = emptyState();
  for (const each of grants) {
    for (const agent of each.agents) {
      state.byAgent.set(agent, new Map([...(state.byAgent.get(agent) ?? []), [each.id, each]]));
    }
  }
  return publishedPorts(state, chain, NOW);
}

describe("what is published of an agent", () => {
  test("is nothing without a grant", () => {
    expect(published([])).toEqual([]);
    expect(published([grant("one", "b", [web])])).toEqual([]);
  });

  test("is what grants say, with the keys of all that say the same", () => {
    const one = grant("one", "a", [{ ...web, keys: ["k1"] }]);
    const two = grant("two", "a", [{ ...web, keys: ["k2", "k1"] }]);
    expect(published([one, two])).toEqual([{ ...web, keys: ["k1", "k2"] }]);
  });

  test("is nothing of a port about which grants disagree, in whatever order and however many agree", () => {
    const other = { ...web, outside: 8081, keys: ["evil"] };
    const grants = [grant("one", "a", [web]), grant("two", "a", [other]), grant("three", "a", [web])];
    expect(published(grants)).toEqual([]);
    expect(published(grants.toReversed())).toEqual([]);
  });

  test("is nothing before a grant begins and after it has ended", () => {
    expect(published([grant("one", "a", [web], { notBefore: NOW + 1 })])).toEqual([]);
    expect(published([grant("one", "a", [web], { expires: NOW })])).toEqual([]);
  });

  test("is never more than everyone above it publishes", () => {
    const child = grant("one", "a", [{ ...web, keys: ["k1"] }]);
    expect(published([child], ["a", "parent"])).toEqual([]);
    expect(published([child, grant("two", "parent", [{ ...web, inside: 81 }])], ["a", "parent"])).toEqual([]);
    expect(published([child, grant("two", "parent", [web])], ["a", "parent"])).toEqual([{ ...web, keys: ["k1"] }]);
  });
});
