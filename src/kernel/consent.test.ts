import { describe, expect, it } from "vitest";
import { NOW, REQUEST } from "../../test/fakes/kernel.ts";
import { checkConsent, type Consent } from "./consent.ts";

const underway = { request: REQUEST, digest: "sha256:a", policy: "sha256:p", start: "5".repeat(32), now: NOW };
const consent: Consent = {
  purpose: "approve-action",
  decision: "allow",
  nonce: REQUEST,
  subject: "sha256:a",
  policy: "sha256:p",
  start: "5".repeat(32),
  expires: NOW + 1,
  key: "ed25519:k",
};

describe("checkConsent", () => {
  it("takes a consent to exactly this", () => {
    expect(checkConsent(consent, underway)).toBeNull();
  });

  it("refuses one that differs in any one part, with a code for it", () => {
    const misfits: readonly (readonly [Partial<Consent>, string])[] = [
      [{ purpose: "sign-grant" }, "wrong-purpose purpose"],
      [{ purpose: "thaw-instance" }, "wrong-purpose purpose"],
      [{ subject: "sha256:b" }, "wrong-subject subject"],
      [{ nonce: "f".repeat(32) }, "stale-statement nonce"],
      [{ policy: "sha256:q" }, "stale-statement policy"],
      [{ start: "6".repeat(32) }, "stale-statement start"],
      [{ expires: NOW }, "stale-statement expires"],
      [{ expires: Number.NaN }, "stale-statement expires"],
      [{ decision: "deny" }, "denied-by-owner ed25519:k"],
    ];
    for (const [change, expected] of misfits) {
      const misfit = checkConsent({ ...consent, ...change }, underway);
      expect(`${misfit?.code} ${misfit?.by}`).toBe(expected);
    }
  });

  it("does not take a denial of something else for a denial of this", () => {
    expect(checkConsent({ ...consent, decision: "deny", subject: "sha256:b" }, underway)?.code).toBe("wrong-subject");
  });
});
