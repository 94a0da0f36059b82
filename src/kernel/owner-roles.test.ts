import { describe, expect, it } from "vitest";
import { maySign, PURPOSES, ROLES, type Role } from "./owner-roles.ts";

const allowed = (role: Role): string[] => PURPOSES.filter((purpose) => maySign([role], purpose)).toSorted();

describe("the roles of owners", () => {
  it("are these, and sign for these", () => {
    expect(ROLES).toEqual(["approve", "grant", "administer"]);
    expect(allowed("approve")).toEqual(["approve-action", "lift-hold", "thaw-all", "thaw-instance"]);
    expect(allowed("grant")).toEqual([
      "bind-secret",
      "freeze-memory",
      "put-home-file",
      "release-memory",
      "remove-secret",
      "restart-agent",
      "revoke-grant",
      "rotate-secret",
      "set-memory-budget",
      "set-secret",
      "sign-grant",
    ]);
    expect(allowed("administer")).toEqual([
      "enrol-owner",
      "erase-memory",
      "erase-payload",
      "remove-owner",
      "remove-provider",
      "set-clock",
      "set-policy",
      "set-provider",
      "set-telemetry",
      "set-witnesses",
      "wipe-home",
    ]);
  });

  it("give nothing to whoever has none", () => {
    for (const purpose of PURPOSES) expect(maySign([], purpose)).toBe(false);
  });

  it("add up", () => {
    for (const purpose of PURPOSES) expect(maySign(ROLES, purpose)).toBe(true);
  });
});
