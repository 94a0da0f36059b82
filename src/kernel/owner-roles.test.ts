import { describe, expect, it } from "vitest";
import { maySign, PURPOSES, ROLES, type Role } from "./owner-roles.ts";

const allowed = (role: Role): string[] => PURPOSES.filter((purpose) => maySign([role], purpose)).toSorted();

describe("the roles of owners", () => {
  it("are these, and sign for these", () => {
    expect(ROLES).toEqual(["approve", "grant", "administer"]);
    expect(allowed("approve")).toEqual(["approve-action", "lift-hold", "stop-recovery", "thaw-all", "thaw-instance"]);
    expect(allowed("grant")).toEqual([
      "bind-secret",
      "freeze-memory",
      "go-away",
      "import-memory",
      "put-home-file",
      "release-memory",
      "remove-secret",
      "restart-agent",
      "revoke-grant",
      "rotate-secret",
      "set-memory-budget",
      "set-secret",
      "sign-grant",
      "stop-recovery",
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
      "set-publishers",
      "set-recovery",
      "set-retention",
      "set-second-screen",
      "set-telemetry",
      "set-witnesses",
      "stop-recovery",
      "wipe-home",
    ]);
  });

  it("give nothing to whoever has none, and to nobody what a recovery code is for", () => {
    for (const purpose of PURPOSES) expect(maySign([], purpose)).toBe(false);
    expect(maySign(ROLES, "recover-owner")).toBe(false);
  });

  it("add up", () => {
    for (const purpose of PURPOSES) expect(maySign(ROLES, purpose)).toBe(purpose !== "recover-owner");
  });
});
