import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { heldOver } from "../../test/cli/cast.ts";
import type { HeldDetail } from "../protocol/requests.ts";
import { canonicalize } from "../kernel/canonical.ts";
import { MOST_TOGETHER, renderEqual } from "./held-batch.ts";
import { plainText } from "./line.ts";
import { readAction } from "./read-action.ts";

const digest = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const VIEW = { digest, columns: 80 };

/** The same held action under another request, with everything that depends on it; `change` is what an attacker adds. */
function again(of: HeldDetail, at: number, change: Partial<{ arguments: object; instance: string }> = {}): HeldDetail {
  const request = at.toString(16).padStart(32, "0");
  const action = canonicalize({ ...readAction(of.action), request, ...change } as never);
  const subject = digest(action);
  return { ...of, request, action, digest: subject, statement: { ...of.statement, nonce: request, subject } };
}

const one = heldOver({ to: ["eve@evil.example"], subject: "figures" });
const show = (...details: readonly HeldDetail[]): string => {
  const rendered = renderEqual(details, VIEW);
  return rendered.kind === "refused" ? `refused: ${rendered.why}` : rendered.lines.map(plainText).join("\n");
};

describe("equal requests", () => {
  test("are shown once, with the request and a code of its own for each", () => {
    const text = show(one, again(one, 1), again(one, 2));
    expect(text.match(/mail\/send_email/gu)).toHaveLength(1);
    expect(text).toContain("2 more that ask for the same, each a run of its own:");
    const codes = text.match(/\b[0-9a-z]{3}(?:-[0-9a-z]{3}){4}\b/gu);
    expect(new Set(codes).size).toBe(3);
    for (const at of [1, 2]) expect(text).toContain(at.toString(16).padStart(32, "0"));
  });

  test("of which there is one are that one", () => {
    expect(show(one)).not.toContain("more that ask");
  });

  // The monitor's word that they are equal (`same`) is not what is signed: each of these has the same `same`.
  test.each([
    ["another recipient", again(one, 1, { arguments: { to: ["mallory@evil.example"], subject: "figures" } })],
    ["a look-alike value", again(one, 1, { arguments: { to: ["eve@evil.example"], subject: "figur\u0435s" } })],
    ["one argument more", again(one, 1, { arguments: { to: ["eve@evil.example"], subject: "figures", bcc: "x" } })],
    ["another instance", again(one, 1, { instance: "i-fedcba9876543210" })],
    ["more labels", { ...again(one, 1), labels: ["secret" as const] }],
    ["another reason", { ...again(one, 1), reasons: ["reserved"] }],
    ["other provenance", { ...again(one, 1), provenance: [] }],
    ["bytes that are not its digest's", { ...again(one, 1), action: again(one, 2).action }],
    ["a statement about something else", { ...again(one, 1), statement: again(one, 2).statement }],
  ])("are not those with %s", (_name, other) => {
    expect(other.same).toBe(one.same);
    expect(show(one, other)).toBe("refused: they are not equal; answer them one by one");
  });

  test("are none twice", () => expect(show(one, again(one, 1), again(one, 1))).toContain("there twice"));

  test("are bounded", () => {
    const all = Array.from({ length: MOST_TOGETHER }, (_, index) => again(one, index + 1));
    expect(show(...all)).toContain(`${MOST_TOGETHER - 1} more`);
    expect(show(one, ...all)).toContain("at most 32");
  });
});
